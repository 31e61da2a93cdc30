"""Stacks planned one after another: in this process, or in one that `fleet` started for it."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from velero_eks.errors import PlanError
from velero_eks.plan import contract
from velero_eks.plan.contract import Described
from velero_eks.plan.runner import AnyStack, StackPlan, run_stacks
from velero_eks.project.project import Project

Made = Described | PlanError


@dataclass(frozen=True)
class Job:
    """What a worker is handed: the files to plan, of the project in a folder, computed from a moment."""

    root: Path
    project: str
    files: tuple[AnyStack, ...]
    moment: datetime


@dataclass(frozen=True)
class Report:
    """What came of a stack; None as it is begun. A text is an error of this tool's own, not of the stack."""

    stack: str
    made: Made | str | None


def describe_stacks(project: Project, files: Iterable[AnyStack], moment: datetime) -> Iterator[Made]:
    """Each stack's plan and what is concluded from it, or the error that it ended with; the others go on."""
    for plan in run_stacks(project, files):
        try:
            yield contract.describe(plan, moment) if isinstance(plan, StackPlan) else plan
        except PlanError as error:
            yield error


def main() -> None:
    """Read a job from standard input and write reports to standard output, all pickled."""
    # As the command line does until the SDKs are loaded; `run_stacks` turns it on again.
    gc.disable()
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301
    with os.fdopen(os.dup(1), "wb") as reports:
        # What the program prints, or whatever it starts does, must not come among the reports.
        os.dup2(2, 1)

        def send(stack: str, made: Made | str | None) -> None:
            pickle.dump(Report(stack, made), reports)
            reports.flush()

        try:
            _work(job, send)
        except BrokenPipeError:
            # Whoever asked is gone. There is no one to tell, and nothing to keep.
            os._exit(1)


def _work(job: Job, send: Callable[[str, Made | str | None], None]) -> None:
    begun = ""

    def files() -> Iterator[AnyStack]:
        nonlocal begun
        for file in job.files:
            begun = file.stack
            send(begun, None)
            yield file

    try:
        for made in describe_stacks(Project(job.root, job.project), files(), job.moment):
            send(begun, made)
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("VELERO_EKS_DEBUG"):
            traceback.print_exc()
        send(begun, f"{type(error).__name__}: {error}")
