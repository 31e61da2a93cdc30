"""Waiting with a time limit, for what the API server will only ever say when it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from velero_eks.contact import Wait
from velero_eks.errors import TimeLimit, Unreachable
from velero_eks.terminal import words

Found = TypeVar("Found")

# Often enough to time a recovery, and nothing to an API server.
INTERVAL = 0.5


def wait_for(
    look: Callable[[], Found | None],
    *,
    seconds: float,
    what: str | Callable[[], str],
    every: float = INTERVAL,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Found:
    """Call `look` until it returns something else than None, and return that.

    An API server that does not answer is asked again: it may be restarting. Raises `TimeLimit` after `seconds`, with
    `what` (a noun phrase: "the end of backup x", or what makes one then) and why the last look failed.
    """
    deadline = now() + seconds
    trouble = ""
    with Wait(what, operation=True):
        while True:
            try:
                found = look()
                trouble = ""
            except Unreachable as error:
                found, trouble = None, f" Last error: {error}"
            if found is not None:
                return found
            left = deadline - now()
            if left <= 0:
                noun = what if isinstance(what, str) else what()
                raise TimeLimit(f"{noun} did not come within {words.duration(seconds)}.{trouble}")
            sleep(min(every, left))
