"""The command `velero-eks`: it only finds the application, and stays where it is for revisions that `diff` runs."""

from .commands.app import main

__all__ = ["main"]
