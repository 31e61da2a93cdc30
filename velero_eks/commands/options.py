"""Options that the commands share, and how what they raise becomes a message and an exit code."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from velero_eks.recovery.session import Session
    from velero_eks.velero.backup_contents import Unread

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
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Only what lies in it.")]
ShowSecrets = Annotated[bool, typer.Option("--show-secrets", help="Print the values of Secrets, in place of a mask.")]
Everything = Annotated[bool, typer.Option("--all", help="Name every object; else long lists are cut.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
StackArgument = Annotated[str, typer.Argument(metavar="STACK", help="A stack of this project, by its name.")]
WriteYes = Annotated[bool, typer.Option("--yes", help="Write without asking, for scripts.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs; progress and errors go to stderr.")]

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:?\d{2})")


def complain(said: str) -> None:
    """Print what went wrong on standard error, each line of it as an error; one that begins with a blank belongs to the
    line before."""
    from velero_eks.terminal.safe import say

    for line in said.splitlines():
        say(line if line.startswith(" ") else f"error: {line}")


def told_unread(backup: str, unread: Unread) -> None:
    """Say what of a backup was not read, as warnings; the rest of it stands."""
    from velero_eks.terminal.safe import say

    for member in unread.some:
        say(f"warning: backup {backup}: {member}; it is left out")
    if unread.count > len(unread.some):
        say(f"warning: backup {backup}: {unread.count - len(unread.some)} more of its members cannot be read")


def run(command: Callable[[], int]) -> None:
    """Run a command and leave with its exit code: 0 for true, 1 for found something, 2 for what could not be asked."""
    from velero_eks.errors import OperationError

    try:
        code = command()
        sys.stdout.flush()
    except OperationError as error:
        complain(str(error))
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read has seen enough, such as `head`; the interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        from velero_eks.terminal.safe import say

        say("interrupted")
        code = INTERRUPTED
    raise typer.Exit(code)


def connect(stack: str | None, context: str | None, namespace: str | None) -> Session:
    """The session of `--stack`, `--context` and `--velero-namespace`, which shows progress where somebody watches.

    Raises `BadTarget` for what names nothing; nothing is connected yet.
    """
    from velero_eks.recovery.session import connected, phases

    progress = phases
    if sys.stderr.isatty():
        from velero_eks.terminal.progress import bar as progress
    return connected(stack=stack, context=context, namespace=namespace, progress=progress)


@contextmanager
def loading_much() -> Iterator[None]:
    """Make loading the SDKs cheap.

    Half of a plan is loading them, and a fifth of that would be the garbage collector looking through half a million
    objects that all stay. `runner` turns it on once the first stack has run.
    """
    # The settings use no pydantic plugin, and looking for them reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


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
