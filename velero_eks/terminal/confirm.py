"""Nothing changes a cluster before somebody has said so."""

from __future__ import annotations

import sys

from velero_eks.errors import BadTarget


def agreed(question: str, *, yes: bool) -> bool:
    """Whether to go on: at once with `--yes`, else what somebody at the terminal answers.

    Raises `BadTarget` where there is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadTarget("this changes the cluster, and there is nobody to ask; give --yes to go on")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
