"""Shows how a build goes on: a live line on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_QUIET_SECONDS = 30.0


class BuildProgress(Protocol):
    """Who is told about builds."""

    def note(self, text: str) -> None:
        """Something to know that is not a step of a build."""
        ...

    def begin(self, title: str) -> None:
        """A build begins."""
        ...

    def step(self, doing: str, done: int, total: int | None) -> None:
        """How far it is. Called often; `total` is None while unknown."""
        ...

    def end(self, result: str) -> None:
        """It is over, well or not."""
        ...


def progress_for(console: Console) -> BuildProgress:
    """The one that suits where the console writes to."""
    return TerminalProgress(console) if console.is_terminal else PlainProgress(console)


class PlainProgress:
    """For logs: a line at the beginning and the end, and one every 30 s between."""

    def __init__(self, console: Console, quiet_seconds: float = _QUIET_SECONDS) -> None:
        self._console = console
        self._quiet_seconds = quiet_seconds
        self._title = ""
        self._began = self._said = 0.0

    def note(self, text: str) -> None:
        self._print(text)

    def begin(self, title: str) -> None:
        self._title = title
        self._began = self._said = time.monotonic()
        self._print(title)

    def step(self, doing: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._said < self._quiet_seconds:
            return
        self._said = now
        self._print(f"{self._title}: {doing} {_count(done, total)}, {now - self._began:.0f} s")

    def end(self, result: str) -> None:
        self._print(f"{self._title}: {result}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class TerminalProgress:
    """For people: one live line, which leaves one line behind."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._title = ""
        self._live: Progress | None = None
        self._task = TaskID(0)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def begin(self, title: str) -> None:
        self._title = title
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._live.add_task(title, total=None, count="")
        self._live.start()

    def step(self, doing: str, done: int, total: int | None) -> None:
        if self._live is not None:
            count = _count(done, total)
            self._live.update(
                self._task, description=f"{self._title}: {doing}", completed=done, total=total, count=count
            )

    def end(self, result: str) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._console.print(f"{self._title}: {result}", markup=False, highlight=False)


def _count(done: int, total: int | None) -> str:
    return f"{done}" if total is None else f"{done} of {total}"
