"""Day 2: what is done with backups and restores of a live cluster."""
