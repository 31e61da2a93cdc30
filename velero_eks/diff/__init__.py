"""Two revisions' plans, compared in words: what is at risk first, then permissions, schedules, retention."""
