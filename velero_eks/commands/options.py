"""Options that the commands share, and how what they raise becomes a message and an exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

BAD_INPUT, INTERRUPTED = 2, 130

Stack = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="STACK",
        help="A stack of this project, or a stack file: names the cluster, Velero's namespace, the bucket and the"
        " objectives.",
    ),
]
Context = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="A kubeconfig context, where there is no stack for the cluster."),
]
VeleroNamespace = Annotated[
    str | None,
    typer.Option("--velero-namespace", metavar="NAME", help="Velero's namespace: the stack's by default, else velero."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Of a schedule: its newest backup that had ended by then, such as 2026-11-24T09:00Z; with its zone.",
    ),
]
RunsFrom = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Reckon the next backups from this moment, such as 2026-11-24T09:00Z, not from now; with its zone.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs; progress and errors go to stderr.")]


def run(command: Callable[[], int]) -> None:
    """Run a command and leave with its exit code: 0 for true, 1 for found something, 2 for what could not be asked."""
    from velero_eks.errors import OperationError

    try:
        code = command()
        sys.stdout.flush()
    except OperationError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read has seen enough, such as `head`; the interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    raise typer.Exit(code)


_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:?\d{2})")


def moment_of(text: str | None) -> datetime | None:
    """The moment that `--at` names, None where it was not given: the only reader of such a time.

    Takes ISO 8601 with `Z` or an offset, a date alone (its first minute, in its zone), and a time as this tool prints
    it (`2026-11-24 02:00 UTC`). Raises `BadTarget`, also for a time without a zone: whose night was it?
    """
    from velero_eks.errors import BadTarget

    if text is None:
        return None
    plain = re.sub(r" ?UTC$", "Z", text.strip())
    date = _DATE.fullmatch(plain)
    try:
        found = datetime.fromisoformat(f"{date[1]}T00:00{date[2]}" if date else plain)
    except ValueError:
        raise BadTarget(
            f"--at {text!r} cannot be read as a time; write it as 2026-11-24T09:00Z, or with an offset such as"
            " 2026-11-24T09:00+05:30"
        ) from None
    if found.tzinfo is None:
        iso = found.isoformat(timespec="auto" if found.second or found.microsecond else "minutes")
        raise BadTarget(f"--at {text!r} has no time zone; write it as {iso}Z for UTC, or with an offset: {iso}+05:30")
    return found


def moment_or_now(text: str | None) -> datetime:
    """The moment that `--at` names, else the present second. Raises `BadTarget`."""
    return moment_of(text) or datetime.now(UTC).replace(microsecond=0)
