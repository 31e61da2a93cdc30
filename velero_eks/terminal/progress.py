"""How far an operation is, where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from velero_eks.terminal import words
from velero_eks.terminal.output import console
from velero_eks.terminal.safe import visible


@contextmanager
def bar(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr that is gone afterwards. What it yields is called with the phase, and how many are done of all;
    0 of 0 while nobody knows."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[count]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(visible(what), total=None, count="")

        def show(phase: str, done: int, total: int) -> None:
            count = f"{words.number(done)} of {words.number(total)}" if total else ""
            progress.update(
                task, description=visible(f"{what}: {phase}"), completed=done, total=total or None, count=count
            )

        yield show
