"""`make bench`: every benchmark, or those named; exits with 1 where one is over its budget.

`plan`, `diff`, `kube` and `contents` need no other program. `day2` runs the lab, with its programs, for a quarter of an
hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import contents, day2, diff, kube, plan

BENCHMARKS: dict[str, Callable[[list[str]], int]] = {
    "plan": lambda _: plan.main(),
    "diff": lambda _: diff.main(),
    "kube": lambda _: kube.main(),
    "contents": lambda _: contents.main(),
    "day2": day2.main,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}: all of them by default")
    wanted = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        parser.error(f"no benchmark {unknown[0]}; there are: {', '.join(BENCHMARKS)}")
    # All run, whatever the first says.
    results = [BENCHMARKS[name]([]) for name in wanted]
    sys.exit(max(results))
