"""A stack's plan as it was when someone last looked: `python -m tests.golden` writes it again."""
