"""Restores: planned from a backup's content, foretold object by object, run, and held against what was foretold."""
