"""`--timeout`: one limit for all that a command waits for, whatever it is waiting for when the time is up."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

# A timer of more than 2^31 seconds is refused on some machines.
_LONGEST = 1e9


class TimeUp(KeyboardInterrupt):
    """The time of `--timeout` is up. It ends a command as Ctrl-C does, so that whatever cleans up then does now.

    `doing` says what was waited for, as far as it is known, the narrowest first; `begun`, whether it goes on without
    the command.
    """

    def __init__(self) -> None:
        self.doing: list[str] = []
        self.begun = False
        super().__init__()

    @property
    def waited(self) -> str:
        """` It was reading x and waiting for y.`; empty where it is not known."""
        return f" It was {' and '.join(reversed(self.doing))}." if self.doing else ""


@contextlib.contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise `TimeUp` in the block after `seconds`; None is not a limit. `unlimited` blocks in it do not count."""
    if seconds is None or not _can_interrupt():
        yield
        return

    def end(*_: object) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def unlimited() -> Iterator[None]:
    """Stop the clock in the block: a person is asked, or a command cleans up."""
    left = signal.setitimer(signal.ITIMER_REAL, 0)[0] if _can_interrupt() else 0
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_REAL, left)


@contextlib.contextmanager
def waiting_for(what: str, *, begun: bool = False) -> Iterator[None]:
    """Say of a `TimeUp` in the block what was waited for, in a word of the form `reading x`.

    `begun`: it is something that this command started, and that goes on without it.
    """
    try:
        yield
    except TimeUp as error:
        error.doing.append(what)
        error.begun = error.begun or begun
        raise


def _can_interrupt() -> bool:
    """Whether a signal can end what blocks here: not on Windows, and in the main thread alone."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
