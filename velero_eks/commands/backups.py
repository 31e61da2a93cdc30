"""`velero-eks backups`: which backups exist, and which of them can be restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.padding import Padding

from velero_eks.commands.completion import schedules
from velero_eks.commands.coverage import without_data_document
from velero_eks.commands.help import described
from velero_eks.commands.options import (
    Context,
    Everything,
    Json,
    Kubeconfig,
    Markdown,
    Stack,
    StackArgument,
    Timeout,
    VeleroNamespace,
    connect,
    form_of,
    one_stack,
    run,
)
from velero_eks.errors import BadTarget
from velero_eks.recovery.backups import Files, Flaw, Inventory, Listed, inventory
from velero_eks.recovery.session import Session
from velero_eks.terminal import safe, words
from velero_eks.terminal.output import INDENT, console, print_json, write
from velero_eks.terminal.progress import working
from velero_eks.terminal.safe import say
from velero_eks.terminal.tables import fitted
from velero_eks.terminal.text import Text

FOUND, BAD_INPUT = 1, 2
_SHOWN = 20
_NAMED = 5
_COLUMNS = (
    "Backup", "Schedule", "Ended", "Phase", "Errors", "Warnings", "Objects", "Volumes", "Expires", "Found in"
)  # fmt: skip
_NUMBERS = ("Errors", "Warnings", "Objects", "Volumes")
# In this order columns leave a narrow window.
_GIVEN_UP = ("Warnings", "Volumes", "Errors", "Objects", "Schedule", "Found in", "Expires")
_BAD = frozenset({Flaw.NO_FILES, Flaw.NO_RECORD, Flaw.NO_CONTENTS, Flaw.DAMAGED})


@described(
    examples={
        "velero-eks backups prod": "The newest backups of a stack, even if its cluster is lost.",
        "velero-eks backups prod --schedule daily-backup --last 5": "The last five of one schedule.",
        "velero-eks backups --context staging --json": "Every backup of a cluster without a stack, as JSON.",
    },
    exits={
        0: "There is a good backup: Completed, its files in the bucket, with the data of its volumes, not expired.",
        1: "There is no good backup.",
        2: "The bucket cannot be read, or an argument is bad.",
    },
)
def backups(
    stack_argument: StackArgument = None,
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="NAME", autocompletion=schedules, help="Only the backups of this schedule."),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", metavar="N", min=1, help=f"Only the newest N. By default {_SHOWN}; --json has all."),
    ] = None,
    full: Everything = False,
    timeout: Timeout = None,
    stack: Stack = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    velero_namespace: VeleroNamespace = None,
    json: Json = False,
    markdown: Markdown = False,
) -> None:
    """List the backups, newest first, and show which can be restored.

    Reads the bucket with your own AWS credentials, and the cluster where it answers. With a stack neither the Velero
    server nor the cluster has to exist.
    """

    def command() -> int:
        form = form_of(json, markdown)
        if last is not None and full:
            raise BadTarget(f"--full lists every backup, and --last {last} the newest ones. Give one of them")
        session = connect(one_stack(stack_argument, stack), context, velero_namespace, kubeconfig)
        wanted = last or (None if full or json else _SHOWN)
        return run_backups(
            session, schedule=schedule, last=wanted, as_json=form == "json", as_markdown=form == "markdown"
        )

    run(command, timeout)


def run_backups(
    session: Session,
    *,
    schedule: str | None = None,
    last: int | None = None,
    as_json: bool = False,
    as_markdown: bool = False,
    at: datetime | None = None,
) -> int:
    """Print the newest `last` backups, all without it.

    The exit code is 1 where none is good, 2 where that cannot be said because a bucket was not read.
    """
    with working(f"reading the backups of {session.target.name}"):
        found = inventory(session, at or datetime.now(UTC), schedule=schedule, last=last)
    if found.cluster:
        say(f"warning: the cluster was not asked; this is what the bucket has: {found.cluster}")
    for location, why in found.unread.items():
        # Where another location has a good backup, the answer stands without this one.
        say(f"{'warning' if found.good else 'error'}: the bucket of location {location} was not read: {why}")
    if as_json:
        print_json(document(session, found, schedule))
    elif as_markdown:
        write(markdown(found, session, schedule))
    else:
        render(found, session, schedule)
    return 0 if found.good else BAD_INPUT if found.unread else FOUND


def document(session: Session, found: Inventory, schedule: str | None) -> dict[str, Any]:
    """The backups as JSON."""
    return {
        "stack": session.target.stack,
        "namespace": session.target.namespace,
        "at": found.at,
        "schedule": schedule,
        "buckets": {location: str(address) for location, address in found.buckets.items()},
        "cluster_read": found.cluster_read,
        "errors": [
            *({"subject": "cluster", "message": found.cluster} for _ in range(bool(found.cluster))),
            *({"subject": f"location {name}", "message": why} for name, why in found.unread.items()),
        ],
        "newest_good": found.good.name if found.good else None,
        "more": found.more,
        "backups": [_entry(found, each) for each in found.shown],
    }


def _entry(found: Inventory, listed: Listed) -> dict[str, Any]:
    backup, volumes = listed.backup, listed.volumes
    return {
        "name": listed.name,
        "location": listed.location,
        "schedule": listed.schedule,
        "phase": backup.phase if backup else None,
        "good": listed.good(found.at),
        "started": backup.started if backup else None,
        "completed": backup.completed if backup else None,
        "expires": backup.expires if backup else None,
        "errors": backup.errors if backup else None,
        "warnings": backup.warnings if backup else None,
        "objects": backup.done_items if backup else None,
        "volumes": {
            "with_data": volumes.with_data,
            "claims_without_data": without_data_document(volumes.without_data),
        }
        if volumes
        else None,
        "files": listed.files,
        "in_cluster": listed.item is not None if found.cluster_read else None,
        "flaws": list(found.flaws(listed)),
        "damage": listed.damaged or None,
    }


def render(found: Inventory, session: Session, schedule: str | None) -> None:
    """Print the backups for people."""
    out = console()
    head = Text(session.target.name, style="bold")
    where = [str(address) for address in found.buckets.values()] or ["no bucket was read"]
    out.print(head.append(f" · {' · '.join(where)} · {words.stamp(found.at)}", style="dim"))
    if found.shown:
        out.print()
        columns, rows = _rows(found, schedule)
        out.print(fitted(columns, rows, out.width, give_up=_GIVEN_UP, numbers=_NUMBERS))
        if found.more:
            out.print(Text(words.more(found.more, "--full lists them"), style="dim"))
    said = list(_remarks(found, session.target.arguments))
    if said:
        out.print()
    for text, mend in said:
        out.print(text)
        if mend:
            out.print(Padding(Text(mend, style="dim", overflow="fold"), (0, 0, 0, INDENT), expand=False))
    out.print()
    out.print(_verdict(found, schedule))
    if found.good:
        out.print(Text(f"velero-eks show {session.target.arguments} {found.good.name} --list", style="cyan"))
    elif not found.unread:
        of = f" --schedule {schedule}" if schedule else ""
        out.print(Text(f"velero-eks backup NAME {session.target.arguments}{of} makes one", style="cyan"))


def _rows(found: Inventory, schedule: str | None) -> tuple[list[str], list[dict[str, Text]]]:
    """The columns that say something of any backup, and the rows by column."""
    rows = [_cells(found, each) for each in found.shown]
    # That the name of a scheduled backup says so, and that each is in the bucket, is what everyone expects.
    silent = {
        "Schedule": bool(schedule) or not any(_unsaid(each) for each in found.shown),
        "Found in": not found.cluster_read and all(each.files is Files.PRESENT for each in found.shown),
    }
    columns = [name for name in _COLUMNS if not silent.get(name) and any(row[name].plain for row in rows)]
    return columns, rows


def _unsaid(listed: Listed) -> bool:
    """Whether the name does not say the schedule."""
    return bool(listed.schedule) and not listed.name.startswith(f"{listed.schedule}-")


def _cells(found: Inventory, listed: Listed) -> dict[str, Text]:
    backup, flaws = listed.backup, found.flaws(listed)
    cells = {
        "Backup": Text(listed.name, style="cyan" if listed.good(found.at) else ""),
        "Schedule": Text(listed.schedule or ""),
        "Volumes": _volumes(listed),
        "Found in": _found_in(listed, found),
    }
    if backup is None:
        blank = {column: Text() for column in ("Ended", "Errors", "Warnings", "Objects", "Expires")}
        return {**cells, **blank, "Phase": Text("unknown", style="bold red")}
    style = "green" if backup.good else "cyan" if backup.running else "bold red"
    expires = Text(words.roughly(backup.expires, found.at) if backup.expires else "")
    return {
        **cells,
        "Ended": Text(words.roughly(backup.completed, found.at) if backup.completed else _running(backup.running)),
        "Phase": Text(backup.phase, style=style),
        "Errors": _counted(backup.errors, "bold red"),
        "Warnings": _counted(backup.warnings, "yellow"),
        "Objects": Text(words.number(backup.done_items) if backup.done_items else ""),
        "Expires": Text("expired", style="yellow") if Flaw.EXPIRED in flaws else expires,
    }


def _running(running: bool) -> str:
    return "not yet" if running else ""


def _counted(number: int, style: str) -> Text:
    return Text(words.number(number) if number else "", style=style)


def _volumes(listed: Listed) -> Text:
    volumes = listed.volumes
    if volumes is None or not (volumes.with_data or volumes.without_data):
        return Text()
    lacking = len(volumes.without_data)
    if not lacking:
        return Text(words.number(volumes.with_data))
    return Text(f"{words.number(volumes.with_data)} of {words.number(volumes.with_data + lacking)}", style="bold red")


def _found_in(listed: Listed, found: Inventory) -> Text:
    bucket = listed.files in (Files.PRESENT, Files.INCOMPLETE, Files.DAMAGED)
    cluster = listed.item is not None
    where = "both" if bucket and cluster else "bucket" if bucket else "cluster" if cluster else "nowhere"
    # Of a backup that runs the bucket has nothing yet.
    odd = bool(set(found.flaws(listed)) & _BAD)
    return Text(where, style="bold red" if odd else "yellow" if found.cluster_read and not cluster else "")


def _remarks(found: Inventory, target: str) -> Iterator[tuple[Text, str]]:
    """What is wrong with the backups shown, each kind of it once: the sentence, and what follows from it."""
    for phase in ("PartiallyFailed", "Failed", "FailedValidation"):
        of = [each for each in found.shown if each.backup and each.backup.phase == phase]
        if of:
            what = "Objects may be missing" if phase == "PartiallyFailed" else "Nothing can be restored"
            text = Text.assemble((f"{_names(of)}: ", "bold red"), f"{phase}. {what}", overflow="fold")
            yield text, f"velero-eks logs {target} {of[0].name} says why"
    for flaw in Flaw:
        of = [each for each in found.shown if flaw in found.flaws(each)]
        if of:
            text, mend = _words(flaw, of, found)
            style = "bold red" if flaw in _BAD else "yellow"
            yield Text.assemble((f"{_names(of)}: ", style), text, overflow="fold"), mend


def _names(of: Sequence[Listed]) -> str:
    named = [each.name for each in of[:_NAMED]]
    return ", ".join([*named, *([words.more(len(of) - _NAMED)] if len(of) > _NAMED else [])])


def _words(flaw: Flaw, of: Sequence[Listed], found: Inventory) -> tuple[str, str]:
    several = len(of) > 1
    if flaw is Flaw.NO_FILES:
        return "not in the bucket, only in the cluster. Nothing can be restored", ""
    if flaw is Flaw.NO_RECORD:
        return "no velero-backup.json in the bucket. Velero does not see such a folder", ""
    if flaw is Flaw.NO_CONTENTS:
        return "the objects (NAME.tar.gz) are missing in the bucket. Nothing can be restored", ""
    if flaw is Flaw.DAMAGED:
        return of[0].damaged + (" (and others)" if several else ""), ""
    if flaw is Flaw.NO_VOLUME_DATA:
        claims = [claim for each in of for claim in (each.volumes.without_data if each.volumes else ())]
        named = list(dict.fromkeys(map(str, claims)))
        more = f" {words.more(len(named) - _NAMED)}" if len(named) > _NAMED else ""
        reason = claims[0].reason if len({claim.reason for claim in claims}) == 1 else ""
        text = f"no data of {', '.join(named[:_NAMED])}{more}. Restored, these claims would be empty"
        return text, reason
    if flaw is Flaw.EXPIRED:
        return "expired. A Velero server deletes it within an hour of seeing it", ""
    if flaw is Flaw.DELETING:
        return "being deleted", ""
    return "in the bucket and not in the cluster", _synced(of, found)


def _synced(of: Iterable[Listed], found: Inventory) -> str:
    """When the server takes them over from the bucket."""
    wanted = {each.location for each in of}
    read = [location.synced for location in found.locations if location.name in wanted]
    last = min((when for when in read if when), default=None)
    said = f" It last read it {words.ago(last, found.at)}." if last else " It has not read it yet."
    return f"The Velero server takes over finished backups the next time it reads the bucket.{said}"


def _verdict(found: Inventory, schedule: str | None) -> Text:
    of = f" of schedule {schedule}" if schedule else ""
    good = found.good
    if good is not None and good.backup is not None:
        ended = words.ago(good.backup.completed or good.backup.started, found.at)
        return Text(f"Newest good backup{of}: {good.name}, ended {ended}.", style="green")
    if found.unread:
        return Text("Whether there is a good backup is unknown: the bucket was not read.", style="bold red")
    if not found.shown:
        return Text(f"There is no backup{of}.", style="bold red")
    return Text(f"There is no good backup{of}.", style="bold red")


def markdown(found: Inventory, session: Session, schedule: str | None) -> str:
    """The backups as a table in Markdown, and below it what is wrong with them."""
    columns, rows = _rows(found, schedule)
    lines = [safe.markdown(_verdict(found, schedule).plain), ""]
    if rows:
        lines += [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        lines += [f"| {' | '.join(safe.markdown(row[column].plain) for column in columns)} |" for row in rows]
    if found.more:
        lines += ["", safe.markdown(words.more(found.more, "--full lists them"))]
    said = [
        safe.markdown(f"{text.plain}{f'. {mend}' if mend else ''}")
        for text, mend in _remarks(found, session.target.arguments)
    ]
    lines += ["", *(f"- {line}" for line in said)] if said else []
    return "\n".join(lines) + "\n"
