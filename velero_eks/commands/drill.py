"""`velero-eks drill`: choose backup and namespaces, ask, run, report."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from velero_eks.commands.drill_reports import document, junit, markdown, render
from velero_eks.errors import BadTarget
from velero_eks.recovery.drill.objectives import Objectives, checks
from velero_eks.recovery.drill.run import Drilled, drill
from velero_eks.recovery.drill.scratch import leftovers, remove_all
from velero_eks.recovery.restore.live import light
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.confirm import agreed
from velero_eks.terminal.output import console, print_json, working
from velero_eks.velero.api import no_backup
from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.filters import Filters
from velero_eks.velero.records import Backup, newest_completed

FOUND, STOPPED = 1, 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be drilled, and where its report goes. `within` is a duration such as `15m`."""

    schedule: str | None = None
    namespaces: tuple[str, ...] = ()
    within: str | None = None
    custom_too: bool = False
    junit: Path | None = None
    markdown: Path | None = None


def run_drill(session: Session, asked: Asked, *, yes: bool, seconds: float, as_json: bool) -> int:
    """Drill, and report; the exit code is 0 where all came back as it was, in time, and nothing is left behind."""
    for path in (asked.junit, asked.markdown):
        if path is not None and not path.parent.is_dir():
            raise BadTarget(f"{path}: there is no folder {path.parent}; make it first")
        if path is not None and path.is_dir():
            raise BadTarget(f"{path} is a folder; give the name of a file in it")
    objectives = Objectives(_rpo(session), _seconds(asked.within))
    began = datetime.now(UTC)
    with working(f"looking for the newest backup of {session.target.name}"):
        backup, namespaces = _chosen(session, asked)
        contents = _contents(session, backup, namespaces)
    out = console(stderr=as_json)
    names = ", ".join(namespaces)
    line = Text(f"Drill in {session.target.name}: backup ").append(backup.name, style="cyan")
    out.print(line.append(f", begun {words.ago(backup.started, began)}, into scratch namespaces beside {names}."))
    out.print("No Pod will run there, and everything is removed again.")
    if not session.server_ready():
        raise BadTarget(f"the Velero server does not run in {session.target.name}, and it is what restores")
    if not agreed("Begin?", yes=yes):
        print("nothing was changed", file=sys.stderr)
        return STOPPED
    with _terminating():
        _clear_leftovers(session)
        drilled = drill(
            session, backup, contents, namespaces, began=began, custom_too=asked.custom_too, seconds=seconds
        )
    return _reported(drilled, asked, objectives, as_json=as_json)


def clean_up(session: Session, *, yes: bool) -> int:
    """Remove what earlier drills left behind, whatever their age; the exit code is 1 where something resists."""
    found = leftovers(session, any_age=True)
    if not found:
        print("no drill left anything behind", file=sys.stderr)
        return 0
    names = ", ".join(name for namespaces in found.values() for name in namespaces) or "no namespace"
    print(f"{words.count(len(found), 'drill')} left something behind: {names}", file=sys.stderr)
    if not agreed("Remove it? A drill that is running now would fail.", yes=yes):
        return STOPPED
    left = [what for name, namespaces in found.items() for what in remove_all(session, name, namespaces)]
    for what in left:
        print(f"left behind: {what}", file=sys.stderr)
    return FOUND if left else 0


def _chosen(session: Session, asked: Asked) -> tuple[Backup, tuple[str, ...]]:
    """The newest Completed backup that takes the namespaces in, and these. Raises `BadTarget`."""
    namespaces = asked.namespaces or _of_stack(session)
    backups = session.velero.backups()
    if asked.schedule is not None:
        chosen = newest_completed(backups, schedule=asked.schedule)
        if chosen is None:
            schedules = [schedule.name for schedule in session.velero.schedules()]
            raise BadTarget(no_backup(asked.schedule, backups, schedules, None))
        return chosen, namespaces
    covering = [backup for backup in backups if backup.schedule and _covers(backup, namespaces)]
    chosen = newest_completed(covering)
    if chosen is None:
        raise BadTarget(
            f"no schedule has a Completed backup with {', '.join(namespaces)} in it; name one with --schedule,"
            " or see velero-eks status"
        )
    return chosen, namespaces


def _of_stack(session: Session) -> tuple[str, ...]:
    settings = session.settings
    named = tuple(name for name in (settings.recovery.namespaces if settings else ()) if "*" not in name)
    if not named:
        raise BadTarget("which namespace? Give --namespace, or name them in the stack's recovery.namespaces")
    return named


def _covers(backup: Backup, namespaces: Iterable[str]) -> bool:
    filters = Filters.of(backup.spec, [])
    return all(filters.of_namespace(name) is None for name in namespaces)


def _contents(session: Session, backup: Backup, namespaces: Sequence[str]) -> list[Stored]:
    """What the backup has of the namespaces. Raises `BadTarget` where it has nothing of one."""
    store = session.store(backup.location)
    found = [light(item) for item in store.contents(backup.name, lambda place: place.namespace in namespaces)]
    missing = [name for name in namespaces if all(item.place.namespace != name for item in found)]
    if missing:
        there = sorted({place.namespace for place in store.places(backup.name)} - {""})
        raise BadTarget(
            f"backup {backup.name} has nothing of {', '.join(missing)}; it has: {', '.join(there) or 'no namespace'}"
        )
    return found


def _clear_leftovers(session: Session) -> None:
    for name, namespaces in leftovers(session).items():
        print(f"an earlier drill, {name}, was ended before it had cleaned up; removing what it left", file=sys.stderr)
        for what in remove_all(session, name, namespaces):
            print(f"left behind: {what}", file=sys.stderr)


def _reported(drilled: Drilled, asked: Asked, objectives: Objectives, *, as_json: bool) -> int:
    found = checks(drilled, objectives)
    if as_json:
        print_json(document(drilled, found))
    else:
        render(console(), drilled, found)
    for path, make in ((asked.junit, junit), (asked.markdown, markdown)):
        if path is None:
            continue
        try:
            path.write_text(make(drilled, found), encoding="utf-8")
        except OSError as error:
            raise BadTarget(f"{path} cannot be written: {error.strerror or error}") from error
    return 0 if all(check.good for check in found) else FOUND


def _rpo(session: Session) -> float | None:
    return float(session.settings.recovery.rpo.seconds) if session.settings else None


def _seconds(within: str | None) -> float | None:
    if within is None:
        return None
    from velero_on_eks.settings.duration import Duration

    try:
        return float(Duration.parse(within).seconds)
    except ValueError as error:
        raise BadTarget(f"--within {within!r}: {error}") from error


@contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM and SIGHUP end a drill as Ctrl-C does: with its clean-up. CI cancels a job with the one, a lost
    connection sends the other."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
