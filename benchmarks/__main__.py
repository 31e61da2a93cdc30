"""`make bench`: every benchmark; exits with 1 where one is over its budget."""

from __future__ import annotations

import sys

from benchmarks import plan

if __name__ == "__main__":
    sys.exit(plan.main())
