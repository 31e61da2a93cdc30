"""What is waited for and how far an operation is, on stderr: moving where a person watches, seldom lines in a log."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from velero_eks import contact
from velero_eks.contact import Wait
from velero_eks.terminal import words
from velero_eks.terminal.safe import say, visible
from velero_eks.time_limit import waiting_for

SHOWN_AFTER = 1.0
"""A wait that takes less is not shown to a person, in seconds."""

LINES = (10.0, 30.0, 60.0, 120.0, 300.0)
"""How long a wait is, in seconds, when a log gets a line of it; afterwards one each five minutes."""

_TICK = 0.5
Report = Callable[[str, int, int], None]


def moving() -> bool:
    """Whether a person watches stderr: a terminal, and not that of a CI job."""
    return sys.stderr.isatty() and not os.environ.get("CI")


class Waits:
    """What is waited for now, by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: list[Wait] = []

    def began(self, wait: Wait) -> None:
        """One more."""
        with self._lock:
            self._now.append(wait)

    def ended(self, wait: Wait) -> None:
        """One less."""
        with self._lock:
            self._now.remove(wait)

    def all(self) -> list[Wait]:
        """Every one, in the order in which they began."""
        with self._lock:
            return list(self._now)

    def line(self, now: float, *, operations: bool = True) -> str:
        """The newest of those that take long enough to be shown: `waiting for … 7 s`; empty where there is none.

        Without `operations` none whose progress is shown already.
        """
        for wait in reversed(self.all()):
            age = now - wait.since
            if age >= SHOWN_AFTER and not wait.asks and (operations or not wait.operation):
                return f"{wait.text} {words.duration(int(age))}"
        return ""


_WAITS = Waits()


class Log:
    """Lines of long waits, each at its time, for a log that someone reads later. `written` takes a line."""

    def __init__(
        self, waits: Waits, written: Callable[[str], None] = say, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._waits = waits
        self._written = written
        self._now = now
        self._told: dict[int, int] = {}

    def look(self) -> None:
        """Write the lines that are due: one for several that wait for the same, none of a step that waits for them."""
        now = self._now()
        there = [wait for wait in self._waits.all() if not wait.asks]
        self._told = {number: told for number, told in self._told.items() if number in map(id, there)}
        due: dict[str, Wait] = {}
        for wait in there:
            age = now - wait.since
            passed = sum(age >= each for each in LINES) + max(0, int(age // LINES[-1]) - 1)
            if passed > self._told.get(id(wait), 0):
                self._told[id(wait)] = passed
                due.setdefault(wait.text, wait)
        waits = {text: wait for text, wait in due.items() if wait.verb}
        for text, wait in (waits or due).items():
            self._written(f"{text}, {words.duration(int(now - wait.since))} so far")


class Spinner:
    """A line on a terminal that turns while something is waited for that nothing else shows."""

    def __init__(self, waits: Waits, now: Callable[[], float] = time.monotonic) -> None:
        self._waits = waits
        self._now = now
        self._lock = threading.RLock()
        self._live: Any = None

    def look(self) -> None:
        """Begin, or end, as there is something to show."""
        with self._lock:
            wanted = not _SHOWN and bool(self._waits.line(self._now()))
            if wanted and self._live is None:
                from rich.live import Live
                from rich.spinner import Spinner as Turning

                from velero_eks.terminal.output import console

                turning = Turning("dots", _Line(self._waits, now=self._now), style="green")
                self._live = Live(turning, console=console(stderr=True), refresh_per_second=10, transient=True)
                self._live.start(refresh=True)
            elif not wanted:
                self.close()

    def close(self) -> None:
        """Be gone, so that something else can be printed."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None


class _Line:
    """What is being done and what is waited for, as it is whenever the terminal is written again."""

    def __init__(self, waits: Waits, doing: str = "", *, now: Callable[[], float] = time.monotonic) -> None:
        self._waits = waits
        self._doing = doing
        self._now = now

    def __rich__(self) -> Any:
        from velero_eks.terminal.text import Text

        return Text("; ".join(filter(None, [self._doing, self._waits.line(self._now())])))


# What moves on the terminal and shows the waits too, the outermost first.
_SHOWN: list[Any] = []
_SPINNER: Spinner | None = None


@contextmanager
def _showing(moving: Any) -> Iterator[None]:
    """Something of rich's moves on the terminal for the length of the block, in the place of the spinner."""
    if _SPINNER is not None:
        _SPINNER.close()
    _SHOWN.append(moving)
    try:
        with moving:
            yield
    finally:
        _SHOWN.remove(moving)


class _Watcher:
    """Listens to waits, and looks at them twice a second in a thread that begins with the first one."""

    def __init__(self, waits: Waits, shown: Log | Spinner) -> None:
        self._waits = waits
        self._shown = shown
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def began(self, wait: Wait) -> None:
        self._waits.began(wait)
        if wait.asks:
            for moving in reversed(_SHOWN):
                moving.stop()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def ended(self, wait: Wait) -> None:
        self._waits.ended(wait)
        if wait.asks:
            for moving in _SHOWN:
                moving.start()
        if isinstance(self._shown, Spinner) and not self._waits.line(time.monotonic()):
            self._shown.close()

    def close(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if isinstance(self._shown, Spinner):
            self._shown.close()

    def _run(self) -> None:
        while not self._over.wait(_TICK):
            self._shown.look()


@contextmanager
def shown_waits() -> Iterator[None]:
    """Show what is waited for in the block: nothing in it is waited for in the dark."""
    global _SPINNER
    _SPINNER = Spinner(_WAITS) if moving() else None
    watcher = _Watcher(_WAITS, _SPINNER or Log(_WAITS))
    with contact.listening(watcher):
        try:
            yield
        finally:
            watcher.close()
            _SPINNER = None


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on stderr what is going on and what it waits for; on a terminal it is gone afterwards."""
    with waiting_for(what):
        if not moving():
            with Wait(what, verb=""):
                yield
            return
        from velero_eks.terminal.output import console

        with _showing(console(stderr=True).status(_Line(_WAITS, what))):
            yield


@contextmanager
def bar(what: str) -> Iterator[Report]:
    """A bar on stderr that is gone afterwards. What it yields is called with the phase, and how many are done of all;
    0 of 0 while no one knows."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from velero_eks.terminal.output import console
    from velero_eks.terminal.text import Text

    class WithWaits(Progress):
        def get_renderables(self) -> Iterator[Any]:
            yield from super().get_renderables()
            if line := _WAITS.line(time.monotonic(), operations=False):
                yield Text(line, style="dim")

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[count]}"))
    made = WithWaits(*columns, TimeElapsedColumn(), console=console(stderr=True), transient=True)
    with _showing(made):
        task = made.add_task(visible(what), total=None, count="")

        def show(phase: str, done: int, total: int) -> None:
            count = f"{words.number(done)} of {words.number(total)}" if total else ""
            made.update(task, description=visible(f"{what}: {phase}"), completed=done, total=total or None, count=count)

        yield show
