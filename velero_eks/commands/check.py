"""`velero-eks check`: the rules asked of a plan that was saved."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from velero_on_eks.settings import Refusal, render

from velero_eks.commands.help import described
from velero_eks.commands.options import Json, Markdown, complain, form_of, loading_much, run
from velero_eks.commands.plan import BAD_INPUT, CLEAN, FOUND, write
from velero_eks.errors import BadTarget
from velero_eks.plan import saved
from velero_eks.plan.contract import finding_entry
from velero_eks.plan.findings import PlannedFinding
from velero_eks.terminal.output import console, print_markdown, write_json

if TYPE_CHECKING:
    from rich.console import Console


@described(
    examples={
        "velero-eks check plan.json": "Check a plan that was saved with `velero-eks plan --json > plan.json`.",
        "velero-eks check - --json": "Check a plan from standard input, and print JSON.",
    },
    exits={
        0: "No finding is an error.",
        1: "A finding is an error.",
        2: "The file is not a plan, or a stack has no plan in it.",
    },
)
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A plan saved with 'velero-eks plan --json'; - is stdin.")
    ],
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Check a saved plan by the same rules as `plan`.

    Needs only the file: no project, no credentials, no network.
    """

    def command() -> int:
        form = form_of(json, markdown)
        with loading_much():
            return run_check(file, as_json=form == "json", as_markdown=form == "markdown")

    run(command)


def run_check(file: str, *, as_json: bool, as_markdown: bool = False) -> int:
    """Print what the rules say of a saved `plan --json` (`-` is standard input), and return the exit code.

    0: clean. 1: an error that is not waived. 2: a stack has no plan in it. Raises `OperationError` where the file is
    no such plan; the message names the file and the field.
    """
    shown = "standard input" if file == "-" else file
    document = saved.document_of(_text(file, shown), shown)
    stacks = saved.read_document(document, shown)
    judged = [(stack.stack, stack.findings(), bool(stack.deployments)) for stack in stacks]
    unplanned = saved.unplanned(document, shown)
    for name, refused in unplanned.items():
        for refusal in refused:
            complain(f"stack {name} has no plan in {shown}: {render(refusal)}")
    if as_json:
        said = {
            "version": saved.VERSION,
            "stacks": [{"stack": name, "findings": [finding_entry(one) for one in found]} for name, found, _ in judged],
            "errors": {name: [refusal.to_mapping() for refusal in found] for name, found in unplanned.items()},
        }
        write_json(json.dumps(said, indent=1, ensure_ascii=False))
    elif as_markdown:
        print_markdown(lambda out: _render(out, judged, unplanned))
    else:
        write(_for_people(judged, unplanned))
    if unplanned:
        return BAD_INPUT
    return FOUND if any(finding.fails for _, found, _ in judged for finding in found) else CLEAN


def _text(file: str, shown: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise BadTarget(f"{shown}: cannot be read: {error.strerror or error}") from None


def _for_people(
    judged: list[tuple[str, list[PlannedFinding], bool]], unplanned: Mapping[str, Sequence[Refusal]]
) -> str:
    out = console()
    with out.capture() as shown:
        _render(out, judged, unplanned)
    return shown.get()


def _render(
    out: Console, judged: list[tuple[str, list[PlannedFinding], bool]], unplanned: Mapping[str, Sequence[Refusal]]
) -> None:
    from velero_eks.commands.plan_words import render_findings

    render_findings(out, judged, unplanned)
