"""What exists already under a stack's names, compared with the plan, so that the stack takes it over."""
