"""Drills: the newest backup restored beside the original, compared, timed, and cleaned up."""
