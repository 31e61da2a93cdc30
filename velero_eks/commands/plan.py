"""`velero-eks plan`: choose stacks, plan them, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer
from velero_on_eks.settings import StackFileError

from velero_eks.commands.options import RunsFrom, loading_much, moment_or_now, run
from velero_eks.errors import OperationError
from velero_eks.plan import contract, fleet, processes
from velero_eks.plan.model import PlanError
from velero_eks.plan.runner import AnyStack, load_stacks
from velero_eks.project.project import Project


def plan(
    stacks: Annotated[
        list[str] | None,
        typer.Argument(metavar="STACK", help="Names of stacks, with * and ? as in a shell. All of them by default."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON (docs/plan.schema.json).")] = False,
    at: RunsFrom = None,
) -> None:
    """Show what each stack creates, who may do what, and whether its backups meet the objectives.

    Runs the real program under a recorder: no credentials, no network, nothing is changed. Many stacks are planned on
    all cores. Exits with 1 on findings that are errors, with 2 on a bad stack file.
    """

    def command() -> int:
        moment = moment_or_now(at)
        with loading_much():
            return run_plan(stacks or [], as_json=json, at=moment)

    run(command)


CLEAN, FOUND, BAD_INPUT = 0, 1, 2


def run_plan(patterns: Sequence[str], *, as_json: bool, at: datetime) -> int:
    """Print the plan of the stacks that match, of all without a pattern, and return the exit code.

    0: clean. 1: an error that is not waived. 2: a stack file, the program or an argument is bad; each is named on
    stderr, and for people the good stacks are still printed. As JSON nothing is printed then: a document that lacks
    a stack must not be taken for the whole.
    """
    try:
        project = Project.find()
        selected = project.select(patterns)
        count = processes.wanted(len(selected))
    except (PlanError, OperationError) as error:
        _complain(error)
        return BAD_INPUT
    files, bad = load_stacks(project, selected, project.stack_files())
    for error in bad:
        _complain(error)
    if as_json and bad:
        return BAD_INPUT
    described, failures = _described(project, files, at, count)
    # What is wrong with the program alone is the same for every stack.
    for failure in {str(failure): failure for failure in failures}.values():
        _complain(failure)
    unplanned = [*bad, *failures]
    if not as_json:
        write(_for_people(described, len(unplanned)))
    elif not failures:
        write(contract.text(described) + "\n")
    if unplanned:
        return BAD_INPUT
    return FOUND if any(stack.fails for stack in described) else CLEAN


def _described(
    project: Project, files: Sequence[AnyStack], moment: datetime, count: int
) -> tuple[list[contract.Described], list[PlanError]]:
    found: dict[str, contract.Described | PlanError] = {}
    with _progress(len(files)) as advance:
        for stack, made in fleet.describe(project, files, moment, count):
            found[stack] = made
            advance()
    # In the order of the files, whichever was done first.
    ordered = [found[file.stack] for file in files]
    failures = [made for made in ordered if isinstance(made, PlanError)]
    return [made for made in ordered if isinstance(made, contract.Described)], failures


@contextmanager
def _progress(total: int) -> Iterator:
    """A bar on stderr while several stacks run, where someone watches; it is gone when they are done."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("planning"), BarColumn(), MofNCompleteColumn(), TextColumn("stacks"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("planning", total=total)
        yield lambda: progress.advance(task)


def _for_people(described: Sequence[contract.Described], unplanned: int) -> str:
    from rich.console import Console

    from velero_eks.commands.plan_words import render

    console = Console(highlight=False)
    with console.capture() as shown:
        render(console, described, unplanned)
    return shown.get()


def write(text: str) -> None:
    """Print, and take no offence at a reader that has seen enough: the exit code is still the plan's."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more as it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(error: PlanError | OperationError | StackFileError) -> None:
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
