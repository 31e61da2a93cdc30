"""`velero-eks logs`: what Velero wrote about a backup or a restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.padding import Padding

from velero_eks.commands.help import described
from velero_eks.commands.options import Context, Json, Kubeconfig, Stack, Timeout, VeleroNamespace, connect, run
from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.output import INDENT, console, print_json
from velero_eks.terminal.progress import working
from velero_eks.terminal.safe import say
from velero_eks.terminal.text import Text
from velero_eks.velero.bucket import BackupStore
from velero_eks.velero.records import BACKUP, RESTORE, Backup, Operation, Restore
from velero_eks.velero.results import LogLine, VeleroMessage

FOUND = 1
LEVELS = ("error", "warning", "info", "debug")


@described(
    examples={
        "velero-eks logs daily-backup-20261124020000 --stack prod": "Show why a backup failed.",
        "velero-eks logs before-change --stack prod --level info": "Show its log, information included.",
    },
    exits={
        0: "The backup or restore completed.",
        1: "It did not complete, or not yet.",
        2: "No backup or restore has that name, the bucket cannot be read, or an argument is bad.",
    },
)
def logs(
    name: Annotated[str, typer.Argument(metavar="BACKUP|RESTORE", help="The name of the backup or restore.")],
    level: Annotated[
        str,
        typer.Option(
            "--level", metavar="LEVEL", help="Show the log from this level up: error, warning, info or debug."
        ),
    ] = "warning",
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="backup or restore, if both have that name.")
    ] = None,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Show what Velero wrote about a backup or a restore: why it failed, its errors and warnings, its log.

    Reads the bucket with your own AWS credentials, so that it works without the server.
    """

    def command() -> int:
        session = connect(stack, context, velero_namespace, kubeconfig)
        return run_logs(session, name, level=level, kind=kind, as_json=json)

    run(command, timeout)


def run_logs(session: Session, name: str, *, level: str, kind: str | None, as_json: bool) -> int:
    """Print what there is about a backup or a restore; the exit code is 1 where it did not complete."""
    if level not in LEVELS:
        raise BadTarget(f"--level {level!r}: expected one of {', '.join(LEVELS)}")
    if kind not in (None, "backup", "restore"):
        raise BadTarget(f"--kind {kind!r}: expected backup or restore")
    with working(f"looking for {name}"):
        operation, store = _find(session, name, kind)
        restore = isinstance(operation, Restore)
        found: list[VeleroMessage] = []
        lines: Iterator[LogLine] | None = None
        if store is not None:
            found = store.restore_messages(name) if restore else store.messages(name)
            lines = _lines(store, operation)
        # A log of an hour is long; it is gone through once, and kept is what is printed.
        kept = [line for line in lines if line.at_least(level)] if lines is not None else None
    if as_json:
        print_json(_document(operation, found, kept))
    else:
        _print(operation, found, kept, level)
    return 0 if operation.good else FOUND


def explain(session: Session, operation: Operation, *, shown: int = 10) -> list[str]:
    """Why a backup or restore went wrong, in a few lines for the moment at which it did.

    Never raises: what cannot be read gets one line.
    """
    lines = [operation.why] if operation.why else []
    try:
        store = session.store(operation.location if isinstance(operation, Backup) else None)
        name = operation.name
        found = store.restore_messages(name) if isinstance(operation, Restore) else store.messages(name)
    except OperationError as error:
        return [*lines, f"Velero's result cannot be read: {error}"]
    wrong = [message for message in found if message.severity == "error"]
    wrong = wrong or [message for message in found if message.severity == "warning"]
    lines += [f"{message.where}: {message.text}" for message in wrong[:shown]]
    if len(wrong) > shown:
        command = f"velero-eks logs {session.target.arguments} {operation.name}"
        lines.append(words.more(len(wrong) - shown, f"{command} shows them"))
    return lines


def _find(session: Session, name: str, kind: str | None) -> tuple[Operation, BackupStore | None]:
    """The backup or restore of this name and the bucket that it is in, from the cluster or else from the bucket.

    There is no bucket for one that names a location that is not there.
    """
    try:
        there = _in_cluster(session, name, kind)
    except (BadTarget, NotAllowed, Unreachable) as error:
        # A cluster that is gone has often left the kubeconfig too.
        if session.settings is None:
            raise
        say(f"warning: the cluster was not asked; this is what the bucket has: {error}")
        there = []
    if len(there) > 1:
        raise BadTarget(f"both a backup and a restore are called {name}; choose with --kind backup or --kind restore")
    if there:
        try:
            return there[0], session.store(_location_of(session, there[0]))
        except BadTarget:
            return there[0], None
    store = session.store()
    if kind != "restore" and (found := store.find(name)) is not None:
        return found, store
    if kind != "backup" and name in store.restore_names():
        return _from_messages(store, name), store
    names = [*(store.names() if kind != "restore" else ()), *(store.restore_names() if kind != "backup" else ())]
    near = words.did_you_mean(name, names) or "."
    more = "" if kind == "restore" else f" List the backups: velero-eks backups {session.target.arguments}"
    raise BadTarget(
        f"no {kind or 'backup or restore'} is called {name!r}, neither in the cluster nor in {store.address}"
        f"{near}{more}"
    )


def _in_cluster(session: Session, name: str, kind: str | None) -> list[Operation]:
    found: list[Operation] = []
    namespace = session.target.namespace
    if kind != "restore":
        body = session.cluster.find(BACKUP.path(namespace, name))
        found += [Backup({**body, "kind": "Backup"})] if body else []
    if kind != "backup":
        body = session.cluster.find(RESTORE.path(namespace, name))
        found += [Restore({**body, "kind": "Restore"})] if body else []
    return found


def _location_of(session: Session, operation: Operation) -> str | None:
    """The location of a backup, or of the backup that a restore is from; None where that one is gone."""
    if isinstance(operation, Backup):
        return operation.location
    backup = operation.backup if isinstance(operation, Restore) else ""
    body = session.cluster.find(BACKUP.path(session.target.namespace, backup)) if backup else None
    return Backup(body).location if body else None


def _from_messages(store: BackupStore, name: str) -> Restore:
    """A restore whose object is gone: its files say whether it had errors."""
    found = store.restore_messages(name)
    errors = sum(message.severity == "error" for message in found)
    status = {"phase": "PartiallyFailed" if errors else "Completed", "errors": errors}
    return Restore({"kind": "Restore", "metadata": {"name": name}, "status": status})


def _lines(store: BackupStore, operation: Operation) -> Iterator[LogLine] | None:
    """The log, None where there is none: what failed its validation never wrote one."""
    try:
        return store.restore_log(operation.name) if isinstance(operation, Restore) else store.log(operation.name)
    except BadTarget:
        return None


def _print(operation: Operation, found: Sequence[VeleroMessage], lines: Sequence[LogLine] | None, level: str) -> None:
    out = console()
    kind = "Restore" if isinstance(operation, Restore) else "Backup"
    head = Text(f"{kind} {operation.name}", style="bold")
    style = "green" if operation.good else "bold red" if operation.ended else "cyan"
    head.append(f"  {operation.phase}", style=style)
    if operation.started:
        head.append(f"  started {words.stamp(operation.started)}", style="dim")
    out.print(head)
    if operation.why:
        out.print(Padding(Text(operation.why), (0, 0, 0, INDENT), expand=False))
    for severity, colour in (("error", "bold red"), ("warning", "yellow")):
        chosen = [message for message in found if message.severity == severity]
        if chosen:
            out.print()
            out.print(Text(f"{words.count(len(chosen), severity)}", style=colour))
            for message in chosen:
                line = Text(f"{message.where}: ", style="dim").append(message.text)
                out.print(Padding(line, (0, 0, 0, INDENT), expand=False))
    out.print()
    if lines is None:
        out.print(Text("It wrote no log." if operation.ended else "Its log is written when it ends.", style="dim"))
        return
    out.print(Text(f"Log, {level} and worse: {words.count(len(lines), 'line')}", style="bold"))
    for entry in lines:
        colour = {"error": "red", "warning": "yellow"}.get(entry.level, "")
        text = Text(f"{entry.time} ", style="dim").append(f"{entry.level:<7} ", style=colour).append(entry.text)
        for name, value in entry.fields.items():
            if name not in ("logSource", "backup", "restore", "error.file", "error.function"):
                text.append(f" {name}={value}", style="dim")
        out.print(text, soft_wrap=True)


def _document(operation: Operation, found: Sequence[VeleroMessage], lines: Sequence[LogLine] | None) -> dict[str, Any]:
    return {
        "kind": "Restore" if isinstance(operation, Restore) else "Backup",
        "name": operation.name,
        "phase": operation.phase,
        "started": operation.started,
        "completed": operation.completed,
        "why": operation.why or None,
        "messages": [
            {"severity": message.severity, "where": message.where, "message": message.text} for message in found
        ],
        "log": None
        if lines is None
        else [
            {"time": line.time, "level": line.level, "message": line.text, "fields": dict(line.fields)}
            for line in lines
        ],
    }
