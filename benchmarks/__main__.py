"""`make bench`: every benchmark that needs no other program; exits with 1 where one is over its budget."""

from __future__ import annotations

import sys

from benchmarks import diff, plan

if __name__ == "__main__":
    # Both run, whatever the first says.
    results = [plan.main(), diff.main()]
    sys.exit(max(results))
