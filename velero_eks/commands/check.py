"""`velero-eks check`: the rules asked of a plan that was saved."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from velero_eks.commands.options import loading_much, run
from velero_eks.commands.plan import BAD_INPUT, CLEAN, FOUND, write
from velero_eks.plan import saved
from velero_eks.plan.contract import finding_entry
from velero_eks.plan.findings import PlannedFinding
from velero_eks.plan.model import PlanError


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What 'velero-eks plan --json' wrote; - is stdin.")],
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Judge a saved plan by the same rules as `plan`, which finds the same in it.

    Exits with 1 on findings that are errors, with 2 on a file that is no plan.
    """

    def command() -> int:
        with loading_much():
            return run_check(file, as_json=json)

    run(command)


def run_check(file: str, *, as_json: bool) -> int:
    """Print what the rules say of a saved `plan --json` (`-` is standard input), and return the exit code.

    0: clean. 1: an error that is not waived. 2: the file is no such plan; the message names the file and the field.
    """
    shown = "standard input" if file == "-" else file
    try:
        stacks = saved.read(_text(file), shown)
        judged = [(stack.stack, stack.findings(), bool(stack.deployments)) for stack in stacks]
    except (PlanError, OSError, UnicodeDecodeError) as error:
        reason = f"{shown}: cannot be read: {error}" if not isinstance(error, PlanError) else str(error)
        for line in reason.splitlines():
            print(f"error: {line}", file=sys.stderr)
        return BAD_INPUT
    if as_json:
        document = {
            "version": saved.VERSION,
            "stacks": [{"stack": name, "findings": [finding_entry(one) for one in found]} for name, found, _ in judged],
        }
        write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    else:
        write(_for_people(judged))
    return FOUND if any(finding.fails for _, found, _ in judged for finding in found) else CLEAN


def _text(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _for_people(judged: list[tuple[str, list[PlannedFinding], bool]]) -> str:
    from rich.console import Console

    from velero_eks.commands.plan_words import render_findings

    console = Console(highlight=False)
    with console.capture() as shown:
        render_findings(console, judged)
    return shown.get()
