"""A stack's plan as it was when somebody last looked: `python -m tests.golden` writes it anew."""
