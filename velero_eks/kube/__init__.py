"""A cluster and its account: how they are reached, with the caller's own credentials."""
