"""Many stacks planned on all cores, by processes that are started again and never forked.

gRPC's threads would make a fork hang. Each process takes many stacks, since loading the SDKs costs as much as many.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from velero_eks.errors import PlanError, ProgramError, TimeLimitError
from velero_eks.plan import processes
from velero_eks.plan.recorder import TIME_LIMIT
from velero_eks.plan.runner import AnyStack
from velero_eks.plan.worker import Job, Made, Report, describe_stacks
from velero_eks.project.project import Project
from velero_eks.terminal import words

# Seconds without a report. A worker ends a program that is over its own limit, and loads the SDKs before the first.
SILENCE = 2 * TIME_LIMIT + 60.0
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from velero_eks.plan.worker import main; main()"


class WorkerError(Exception):
    """A worker met an error of this tool's own."""


@dataclass(eq=False)
class _Worker:
    """A process, the files that it has not reported yet, and whether it is at the first of them."""

    process: subprocess.Popen[bytes]
    files: list[AnyStack]
    heard: float = field(default_factory=time.monotonic)
    begun: bool = False


def describe(
    project: Project, files: Sequence[AnyStack], moment: datetime, count: int
) -> Generator[tuple[str, Made], None, None]:
    """Each stack by name with its plan, or the error that it ended with, as `count` processes make them; 1 is this one.

    A process that dies takes with it the stack that it was at; another goes on with the rest of its stacks.
    """
    if count == 1:
        for file, made in zip(files, describe_stacks(project, files, moment), strict=True):
            yield file.stack, made
        return
    with _Fleet(project, moment) as fleet:
        for number in range(count):
            fleet.start(files[number::count])
        yield from fleet.reports()


class _Fleet:
    """The workers that run, and the queue on which their threads put what they report; None as one ends."""

    def __init__(self, project: Project, moment: datetime) -> None:
        self._project = project
        self._moment = moment
        self._workers: list[_Worker] = []
        self._queue: queue.SimpleQueue[tuple[_Worker, Report | None]] = queue.SimpleQueue()

    def __enter__(self) -> _Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            processes.end(worker.process)

    def start(self, files: Sequence[AnyStack]) -> None:
        """Have a new process plan these files."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A group of its own: an interrupt is for this process, which ends the others.
            start_new_session=True,
        )
        worker = _Worker(process, list(files))
        self._workers.append(worker)
        job = Job(self._project.root, self._project.name, tuple(files), self._moment)
        threading.Thread(target=self._listen, args=(worker, pickle.dumps(job)), daemon=True).start()

    def _listen(self, worker: _Worker, job: bytes) -> None:
        try:
            with contextlib.suppress(BrokenPipeError), worker.process.stdin as stdin:  # type: ignore[union-attr]
                stdin.write(job)
            # A process that dies in the middle of a report leaves half of it.
            with contextlib.suppress(EOFError, pickle.UnpicklingError), worker.process.stdout as stdout:  # type: ignore[union-attr]
                while True:
                    self._queue.put((worker, pickle.load(stdout)))  # noqa: S301
        finally:
            self._queue.put((worker, None))

    def reports(self) -> Iterator[tuple[str, Made]]:
        """What all workers report, until the last has ended."""
        while self._workers:
            silent_since = min(worker.heard for worker in self._workers)
            try:
                worker, report = self._queue.get(timeout=max(0.0, silent_since + SILENCE - time.monotonic()))
            except queue.Empty:
                yield from self._silent()
                continue
            worker.heard = time.monotonic()
            if worker not in self._workers:
                continue
            if report is None:
                yield from self._ended(worker)
            elif report.made is None:
                worker.begun = True
            elif isinstance(report.made, str):
                raise WorkerError(f"stack {report.stack}: {report.made}")
            else:
                worker.begun = False
                worker.files.pop(0)
                yield report.stack, report.made

    def _ended(self, worker: _Worker) -> Iterator[tuple[str, Made]]:
        self._workers.remove(worker)
        processes.end(worker.process)
        if worker.files:
            yield from self._without(worker, processes.ending(worker.process.returncode), ProgramError)

    def _silent(self) -> Iterator[tuple[str, Made]]:
        for worker in [each for each in self._workers if each.heard + SILENCE <= time.monotonic()]:
            self._workers.remove(worker)
            processes.end(worker.process)
            yield from self._without(
                worker, f"did not end within {words.duration(SILENCE)} and was stopped", TimeLimitError
            )

    def _without(self, worker: _Worker, how: str, kind: type[PlanError]) -> Iterator[tuple[str, Made]]:
        """The error of the stack that a worker was at; another worker takes the rest, unless none was started."""
        lost = worker.files[:1] if worker.begun else worker.files
        for file in lost:
            yield file.stack, kind(f"the process that planned it {how}", stack=file.stack)
        rest = worker.files[len(lost) :]
        if rest:
            self.start(rest)
