"""Options that the commands share, and how what they raise becomes a message and an exit code."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from velero_eks.commands.completion import stacks

if TYPE_CHECKING:
    from velero_eks.recovery.session import Session
    from velero_eks.velero.backup_contents import Unread

FOUND, BAD_INPUT, INTERRUPTED = 1, 2, 130
# `--timeout` may give a slow way to the cluster more time than the usual 20 seconds, and not more than this.
_FIRST_CONTACT_SECONDS = 60.0

_STACK = "A stack of this project, by its name, or a stack file. It says which cluster and which bucket."

Stack = Annotated[str | None, typer.Option("--stack", "-s", metavar="STACK", help=_STACK, autocompletion=stacks)]
StackArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="STACK", help="The stack, by name or file, as --stack.", show_default=False, autocompletion=stacks
    ),
]
Context = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="A kubeconfig context. The current one is never used."),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        help="Take the context from this file, also with a stack. By default: KUBECONFIG, else ~/.kube/config.",
    ),
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
        help="As of this time, such as 2026-11-24T09:00Z: which backup is the newest, which runs come next.",
    ),
]
_namespace = typer.Option("--namespace", "-n", metavar="NAME", help="Only this namespace.")
Namespace = Annotated[str | None, _namespace]
Namespaces = Annotated[list[str] | None, _namespace]
ShowSecrets = Annotated[bool, typer.Option("--show-secrets", help="Print the values of Secrets instead of a mask.")]
Everything = Annotated[bool, typer.Option("--full", help="List everything. By default long lists are cut.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print Markdown instead of tables, for a pull request or a page.")
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="Wait at most this long in total, such as 90s or 10m. A bare number is seconds.",
    ),
]
Form = Literal["text", "json", "markdown"]

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


def run(command: Callable[[], int], timeout: str | None = None) -> None:
    """Run a command and leave with its exit code: 0 for true, 1 for found something, 2 for what could not be asked.

    `timeout` is what was typed for `--timeout`: it raises the limit for a first contact as well.
    """
    from velero_eks.errors import OperationError
    from velero_eks.terminal.progress import shown_waits
    from velero_eks.time_limit import TimeUp

    try:
        with shown_waits(), _clock(seconds_of("--timeout", timeout)):
            code = command()
        sys.stdout.flush()
    except OperationError as error:
        complain(str(error))
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read has seen enough, such as `head`; the interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FOUND
    except TimeUp as error:
        complain(f"not done within --timeout {timeout}.{error.waited}")
        code = FOUND if error.begun else BAD_INPUT
    except KeyboardInterrupt:
        from velero_eks.terminal.safe import say

        say("interrupted")
        code = INTERRUPTED
    raise typer.Exit(code)


@contextmanager
def _clock(seconds: float | None) -> Iterator[None]:
    """The limit for all that is waited for in the block; first contacts have less where it is less than their own."""
    if seconds is None:
        yield
        return
    from velero_eks import contact
    from velero_eks.time_limit import limited

    # Who waits half an hour for a drill need not wait so long to learn that the VPN is down.
    with contact.patience(min(seconds, _FIRST_CONTACT_SECONDS)), limited(seconds):
        yield


def connect(stack: str | None, context: str | None, namespace: str | None, kubeconfig: str | None = None) -> Session:
    """The session of `--stack`, `--context`, `--velero-namespace` and `--kubeconfig`, which shows progress where
    someone watches.

    Raises `BadTarget` for what names nothing; nothing is connected yet.
    """
    from velero_eks.recovery.session import connected, phases
    from velero_eks.terminal.progress import bar, moving

    progress = bar if moving() else phases
    return connected(stack=stack, context=context, namespace=namespace, kubeconfig=kubeconfig, progress=progress)


def one_stack(argument: str | None, option: str | None) -> str | None:
    """The stack of the argument STACK and of `--stack`, which are the same. Raises `BadTarget` for two of them."""
    from velero_eks.errors import BadTarget

    if argument and option and argument != option:
        raise BadTarget(f"two stacks are given: {argument}, and --stack {option}. Keep one of them")
    return argument or option


def needed_stack(argument: str | None, option: str | None, command: str) -> str:
    """The same for a command that cannot do without one. Raises `BadTarget`."""
    from velero_eks.errors import BadTarget

    found = one_stack(argument, option)
    if not found:
        raise BadTarget(f"which stack? Name it: velero-eks {command} STACK")
    return found


def stacks_of(arguments: Sequence[str] | None, option: str | None) -> list[str]:
    """The stacks of a command that takes several: the arguments, or the one of `--stack`. Raises `BadTarget`."""
    from velero_eks.errors import BadTarget

    if arguments and option and list(arguments) != [option]:
        raise BadTarget(f"two stacks are given: {', '.join(arguments)}, and --stack {option}. Keep one of them")
    return list(arguments or ()) or ([option] if option else [])


def form_of(json: bool, markdown: bool) -> Form:
    """What `--json` and `--markdown` ask for. Raises `BadTarget` for both."""
    from velero_eks.errors import BadTarget

    if json and markdown:
        raise BadTarget("--json and --markdown are two forms of the same output. Give one of them")
    return "json" if json else "markdown" if markdown else "text"


def seconds_of(option: str, text: str | None) -> float | None:
    """The seconds of an option's DURATION such as `90s` or `1h30m`, None where it was not given; a bare number is
    seconds. Raises `BadTarget`."""
    from velero_eks.errors import BadTarget

    if text is None:
        return None
    from velero_on_eks.settings.duration import Duration

    try:
        return float(Duration.parse(text + "s" if text.isascii() and text.isdecimal() else text).seconds)
    except ValueError as error:
        raise BadTarget(f"{option} {text!r}: {error}") from error


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
