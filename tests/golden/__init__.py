"""The shipped stacks' plans as they were when somebody last looked: `python -m tests.golden` writes them anew."""
