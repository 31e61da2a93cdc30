"""The rehearsal: a sample application, three incidents, and what came back of it, object by object."""
