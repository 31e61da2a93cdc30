"""`velero-eks plan`: choose stacks, plan them, print."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from velero_on_eks.settings import Refusal

from velero_eks.commands.completion import stacks as complete_stacks
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    At,
    Json,
    Markdown,
    Stack,
    complain,
    form_of,
    loading_much,
    moment_or_now,
    run,
    stacks_of,
)
from velero_eks.errors import BadTarget, OperationError, PlanError
from velero_eks.plan import contract, deployer, fleet, processes
from velero_eks.plan.runner import AnyStack, load_stacks
from velero_eks.project.project import Project
from velero_eks.terminal import words
from velero_eks.terminal.output import console, json_text, next_step, print_markdown, watched, write, write_json
from velero_eks.terminal.safe import say

if TYPE_CHECKING:
    from rich.console import Console

CLEAN, FOUND, BAD_INPUT = 0, 1, 2


@described(
    examples={
        "velero-eks plan": "Plan every stack of the project.",
        "velero-eks plan prod": "Plan one stack.",
        "velero-eks plan --summary": "One row per stack: its cluster, objectives, findings and next backup.",
        "velero-eks plan 'exam-*' --json": "Plan matching stacks, as JSON for `check` and `diff --to-plan`.",
        "velero-eks plan prod --deployer-policy": "Print the IAM policy that `pulumi up` needs.",
    },
    exits={
        0: "Every stack is planned, and no finding is an error.",
        1: "A finding is an error, or the deployer's policy is incomplete.",
        2: "A stack file, the program or an argument is bad. Other stacks are planned anyway.",
    },
)
def plan(
    stacks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STACK",
            help="Names of stacks, with * and ? as in a shell. All of them by default.",
            autocompletion=complete_stacks,
        ),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print one row per stack. Not with --json, which has everything.")
    ] = False,
    at: At = None,
    stack: Stack = None,
    json: Json = False,
    markdown: Markdown = False,
    deployer_policy: Annotated[
        bool,
        typer.Option("--deployer-policy", help="Print the IAM policy that `pulumi up` of the stack needs, as JSON."),
    ] = False,
) -> None:
    """Show what each stack creates, who may do what, and whether its backups meet the objectives.

    Runs the real program under a recorder: no credentials, no network, nothing is changed. Many stacks are planned on
    all cores. Needs a Pulumi program in Python that uses the package. The schema of --json is
    docs/reference/plan.schema.json.
    """

    def command() -> int:
        form = form_of(json, markdown)
        if summary and form == "json":
            raise BadTarget(
                "--summary is a table for people, and --json has everything that it shows. Give one of them"
            )
        moment = moment_or_now(at)
        with loading_much():
            names = stacks_of(stacks, stack)
            if deployer_policy:
                if summary or form == "markdown":
                    given = "--summary" if summary else "--markdown"
                    raise BadTarget(f"{given} is a form of plans, and --deployer-policy a policy. Give one of them")
                return print_policy(names, moment)
            return run_plan(names, as_json=form == "json", as_markdown=form == "markdown", at=moment, summary=summary)

    run(command)


def run_plan(
    patterns: Sequence[str], *, as_json: bool, at: datetime, summary: bool = False, as_markdown: bool = False
) -> int:
    """Print the plan of the stacks that match, of all without a pattern, and return the exit code.

    0: clean. 1: an error that is not waived. 2: a stack file or the program is bad; each is named on stderr and, as
    JSON, in `errors` by stack, and the others are planned anyway. Raises `OperationError` for a bad argument.
    """
    project = Project.find()
    selected = project.select(patterns)
    for odd in project.misnamed(patterns):
        say(f"warning: {odd}")
    count = processes.wanted(len(selected))
    files, bad = load_stacks(project, selected, project.stack_files())
    described, failures = _described(project, files, at, count)
    found: dict[str, OperationError] = {**bad, **failures}
    errors = {name: found[name] for name in selected if name in found}
    # What is wrong with the program alone is the same for every stack.
    for line in dict.fromkeys(str(error) for error in errors.values()):
        complain(line)
    refusals = {name: error.refusals for name, error in errors.items()}
    if as_json:
        write_json(contract.text(described, refusals))
    elif as_markdown:
        print_markdown(lambda out: _render(out, described, refusals, summary))
    else:
        write(_for_people(described, refusals, summary))
    if errors:
        return BAD_INPUT
    if any(stack.fails for stack in described):
        return FOUND
    if len(described) == 1 and not as_json and not as_markdown:
        next_step(f"velero-eks preflight {described[0].plan.stack}")
    return CLEAN


def print_policy(patterns: Sequence[str], at: datetime) -> int:
    """Print the deployer's policy of the one stack that matches, and return the exit code.

    0: it is whole. 1: the stack has resources of AWS that it has nothing for. What is incomplete or wide is named on
    stderr. Raises `OperationError` for several stacks and for a bad one.
    """
    project = Project.find()
    selected = project.select(patterns)
    if len(selected) != 1:
        raise BadTarget(
            f"--deployer-policy is for one stack at a time, and {', '.join(selected)} match; name one of them"
        )
    files, bad = load_stacks(project, selected, project.stack_files())
    planned, failures = _described(project, files, at, 1)
    for error in (*bad.values(), *failures.values()):
        raise error
    resources = planned[0].resources
    made = deployer.policy(resources)
    write_json(json_text(made))
    if wide := deployer.beyond(made):
        say(
            f"warning: the plan does not know every name, and the policy allows {', '.join(wide)}. Write the names into"
            " the program, or narrow the policy by hand"
        )
    if (length := deployer.length(made)) > (limit := deployer.LONGEST_POLICY):
        say(
            f"warning: the policy has {words.number(length)} characters, and IAM takes {words.number(limit)} in a"
            " managed policy. Divide its statements among two"
        )
    if missing := deployer.unknown_types(resources):
        say(
            f"warning: the policy has nothing for {', '.join(missing)}, whose IAM actions are not known here. Add them"
            " by hand"
        )
        return FOUND
    return CLEAN


def _described(
    project: Project, files: Sequence[AnyStack], moment: datetime, count: int
) -> tuple[list[contract.Described], dict[str, PlanError]]:
    found: dict[str, contract.Described | PlanError] = {}
    with _progress(len(files)) as advance:
        for stack, made in fleet.describe(project, files, moment, count):
            found[stack] = made
            advance()
    # In the order of the files, whichever was done first.
    ordered = {file.stack: found[file.stack] for file in files}
    failures = {stack: made for stack, made in ordered.items() if isinstance(made, PlanError)}
    return [made for made in ordered.values() if isinstance(made, contract.Described)], failures


@contextmanager
def _progress(total: int) -> Iterator:
    """A bar on stderr while several stacks run, where someone watches; it is gone when they are done."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("planning"), BarColumn(), MofNCompleteColumn(), TextColumn("stacks"), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("planning", total=total)
        yield lambda: progress.advance(task)


def _for_people(
    described: Sequence[contract.Described], refusals: Mapping[str, Sequence[Refusal]], summary: bool
) -> str:
    out = console()
    with out.capture() as shown:
        _render(out, described, refusals, summary)
    return shown.get()


def _render(
    out: Console, described: Sequence[contract.Described], refusals: Mapping[str, Sequence[Refusal]], summary: bool
) -> None:
    from velero_eks.commands.plan_words import render, render_summary

    if summary:
        # In a terminal the reasons stand right above.
        render_summary(out, described, refusals, reasons=not watched())
    else:
        render(out, described, refusals)
