"""The offline plan: run the real program under a recorder; describe, compare, check and render what it made."""
