"""A cluster's first day, or its first day after it was rebuilt: its stack file, what is in the way, what is there."""
