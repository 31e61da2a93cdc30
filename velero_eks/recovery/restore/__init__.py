"""Restores: planned from a backup's content, predicted object by object, run, and compared with what was predicted."""
