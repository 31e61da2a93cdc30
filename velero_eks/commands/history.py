"""`velero-eks history`: when an object changed, and what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.padding import Padding

from velero_eks.commands.help import described
from velero_eks.commands.options import (
    Context,
    Json,
    Kubeconfig,
    Namespace,
    ShowSecrets,
    Stack,
    Timeout,
    VeleroNamespace,
    connect,
    run,
)
from velero_eks.errors import BadTarget
from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.manifest import is_secret
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.history import Change, Event, Seen, events, found_in, would_have
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.fields import field_json, field_line
from velero_eks.terminal.output import INDENT, console, print_command, print_json
from velero_eks.terminal.progress import working
from velero_eks.terminal.safe import say
from velero_eks.terminal.text import Text
from velero_eks.velero.backup_contents import Selection

FOUND = 1
_ALL_VERBS = ("list", "get", "create", "delete")


@described(
    examples={
        "velero-eks history configmap/grading -n exam --stack prod": "Show when a ConfigMap changed.",
        "velero-eks history crd/exams.example.org --stack prod --json": "Print the changes of a CRD as JSON.",
    },
    exits={
        0: "At least one backup has the object.",
        1: "No backup has the object.",
        2: "The bucket cannot be read, or an argument is bad.",
    },
)
def history(
    target: Annotated[str, typer.Argument(metavar="KIND/NAME", help="One object, as kubectl names it.")],
    namespace: Namespace = None,
    show_secrets: ShowSecrets = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
) -> None:
    """Follow one object through all backups: when it changed, and which fields.

    Reads the bucket with your own AWS credentials; with --stack neither the Velero server nor the cluster has to be
    there.
    """

    def command() -> int:
        session = connect(stack, context, velero_namespace, kubeconfig)
        return run_history(session, target, namespace=namespace, show_secrets=show_secrets, as_json=json)

    run(command, timeout)


def run_history(session: Session, target: str, *, namespace: str | None, show_secrets: bool, as_json: bool) -> int:
    """Print the changes of one object; the exit code is 1 where no backup has it."""
    selection = Selection.parse(target)
    if selection.name is None:
        raise BadTarget(f"{target!r} is a kind; write KIND/NAME, such as configmap/grading")
    store = session.store()
    with working(f"looking for {selection} in {store.address}"):
        there = store.backups()
        backups = [backup for backup in there.found if backup.phase in ("Completed", "PartiallyFailed")]
        found, unread = found_in(store, backups, selection, namespace)
        unread = {**there.damaged, **unread}
    for name, why in unread.items():
        say(f"warning: backup {name} is left out: {why}")
    last = next((stored for _, stored in reversed(found) if stored is not None), None)
    if last is None:
        where = f" in namespace {namespace}" if namespace else ""
        say(f"error: none of {words.count(len(found), 'backup')} in {store.address} has {selection}{where}")
        return FOUND
    body, place = last.body, last.place
    key = ObjectKey.of(body)
    kind = ResourceKind(
        key.group, "", key.kind, place.plural, bool(key.namespace), frozenset(_ALL_VERBS), singular=key.kind.lower()
    )
    seen = [
        Seen(backup, stored.body if stored else None)
        for backup, stored in found
        if stored is not None or would_have(backup, kind, key)
    ]
    changes = events(seen)
    secret = is_secret(body) and not show_secrets
    if as_json:
        print_json(
            {
                "object": {"group": key.group, "kind": key.kind, "namespace": key.namespace or None, "name": key.name},
                "backups": len(found),
                "not_read": unread,
                "changes": [_event(event, secret) for event in changes],
            }
        )
    else:
        _print(key, changes, len(found), len(seen), secret, session)
    return 0


def _print(key: ObjectKey, changes: Iterable[Event], backups: int, seen: int, secret: bool, session: Session) -> None:
    out = console()
    out.print(Text(str(key), style="bold").append(f" in {words.count(backups, 'backup')}", style="dim"))
    last: Event | None = None
    for event in changes:
        last = event
        out.print()
        head = Text(words.stamp(event.backup.started), style="dim").append(f"  {event.backup.name}", style="cyan")
        style = {Change.GONE: "bold red", Change.CHANGED: "bold yellow"}.get(event.change, "bold green")
        out.print(head.append(f"  {event.change}", style=style))
        if event.before is not None and event.change is not Change.FIRST:
            since = f"between {words.stamp(event.before.started)} ({event.before.name}) and this one"
            out.print(Padding(Text(since, style="dim"), (0, 0, 0, INDENT), expand=False))
        for difference in event.differences:
            out.print(Padding(field_line(difference, secret), (0, 0, 0, INDENT), expand=False))
        if event.same:
            out.print(
                Padding(Text(f"the same in {words.count(event.same, 'later backup')}", style="dim"), (0, 0, 0, INDENT))
            )
    out.print()
    if backups > seen:
        silent = words.count(backups - seen, "backup")
        text = f"Not counted: {silent}, whose filters exclude the object or which failed in part without it."
        out.print(Text(text, style="dim"))
    if last is not None and last.change is not Change.GONE:
        place = f" -n {key.namespace}" if key.namespace else ""
        kind = f"{key.kind}.{key.group}" if key.group else key.kind
        command = f"velero-eks show {session.target.arguments} {last.backup.name} {kind}/{key.name}{place}"
        out.print("As it was there:")
        print_command(out, command, INDENT)


def _event(event: Event, secret: bool) -> dict[str, Any]:
    return {
        "change": str(event.change),
        "backup": event.backup.name,
        "started": event.backup.started,
        "before": event.before.name if event.before else None,
        "same_in_later": event.same,
        "fields": [field_json(difference, secret) for difference in event.differences],
    }
