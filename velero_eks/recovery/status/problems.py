"""What was seen of a Velero installation, and what can be wrong with its parts: since when, how to fix it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from velero_on_eks.settings.coverage import Wanted
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.duration import Duration

from velero_eks.kube.objects import Object
from velero_eks.terminal import words
from velero_eks.velero.records import (
    Backup,
    Location,
    Operation,
    Record,
    Repository,
    Restore,
    Schedule,
    moment,
    undecodable,
)
from velero_eks.velero.volume_info import ClaimWithoutData

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

# Claims that one sentence names.
_NAMED = 5
# Clocks that are kept differ by less.
SKEW = timedelta(minutes=2)

Severity: TypeAlias = Literal["error", "warning"]

# The server looks at its locations every minute if they say nothing else, and at a new object within seconds.
_STALE = timedelta(minutes=10)
_UNSEEN = timedelta(minutes=2)
# Kopia's own default is an hour; a day without it means that it does not happen, unless it was told to be rarer.
_UNMAINTAINED = timedelta(days=1)


@dataclass(frozen=True)
class Observed:
    """Everything that was read of one Velero installation at one moment.

    `server` says whether it runs, None where no one may look; `server_version` is by its image, empty where unknown.
    """

    at: datetime
    locations: tuple[Location, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    backups: tuple[Backup, ...] = ()
    restores: tuple[Restore, ...] = ()
    repositories: tuple[Repository, ...] = ()
    server: bool | None = None
    server_version: str = ""
    # Of the schedules' newest good backups, the claims that have no data in them; or why that could not be read.
    without_data: Mapping[str, tuple[ClaimWithoutData, ...]] = field(default_factory=dict)
    volumes_unread: str = ""

    @property
    def now(self) -> datetime:
        """The time: this machine's, or where its clock is slow the latest that the server is known to have had.

        By a slow clock every backup would look younger than it is.
        """
        written = (time for location in self.locations for time in (location.validated, location.synced) if time)
        latest = max(written, default=self.at)
        return latest if latest - self.at > SKEW else self.at

    @property
    def running(self) -> Iterator[Operation]:
        """The backups and restores that are under way, or wait to be."""
        yield from (backup for backup in self.backups if backup.running)
        yield from (restore for restore in self.restores if restore.running)

    def location(self, name: str) -> Location | None:
        """The location of this name, or for an empty one the default."""
        if name:
            return next((location for location in self.locations if location.name == name), None)
        return next((location for location in self.locations if location.default), None)


@dataclass(frozen=True)
class Problem:
    """Something wrong. `error` is what keeps an objective from being met, or will; `since` is None where unknown."""

    severity: Severity
    subject: str
    text: str
    since: datetime | None = None
    mend: str = ""


@dataclass(frozen=True)
class ScheduleState:
    """One schedule: `cron` is None where it cannot be parsed, and `unread` then says why; `next` is None where it will
    not run."""

    schedule: Schedule
    cron: Cron | None
    last_good: Backup | None
    newest: Backup | None
    next: datetime | None
    unread: str = ""


@dataclass(frozen=True)
class ObjectiveState:
    """One namespace of the objectives (`*` is all): the newest backup to restore it from, and its age in seconds.

    `lost` names a newer Completed one and says why nothing can be restored from that.
    """

    namespace: str
    wanted: Wanted
    rpo: int
    retention: int
    backup: Backup | None
    age: float | None
    copies: int
    oldest: datetime | None
    met: bool
    lost: str = ""


@dataclass(frozen=True)
class Status:
    """The state of one Velero installation."""

    observed: Observed
    schedules: tuple[ScheduleState, ...]
    objectives: tuple[ObjectiveState, ...]
    problems: tuple[Problem, ...] = field(default=())

    @property
    def well(self) -> bool:
        """Whether nothing is wrong that keeps an objective from being met."""
        return not any(problem.severity == "error" for problem in self.problems)


def changed(body: Object, *path: str) -> tuple[datetime, str] | None:
    """When a field was last changed at the latest, and by whom, as the API server recorded it; None if unknown."""
    for entry in body["metadata"].get("managedFields") or ():
        node: Any = entry.get("fieldsV1") or {}
        for part in path:
            node = node.get(f"f:{part}") if isinstance(node, dict) else None
        when = moment(entry.get("time"))
        if node is not None and when is not None:
            return when, str(entry.get("manager") or "someone")
    return None


def clock_problems(observed: Observed) -> Iterator[Problem]:
    """This machine's clock, by which every age is measured."""
    if observed.now != observed.at:
        behind = words.age(observed.at, observed.now)
        text = f"it is at least {behind} behind the cluster's; ages use the cluster's clock"
        yield Problem("warning", "this machine's clock", text)


def server_problems(observed: Observed) -> Iterator[Problem]:
    """The server itself."""
    if observed.server is False:
        text = "it is down: the Deployment velero has no available replica. The state below is the last that it wrote"
        yield Problem("error", "Velero server", text)
    elif observed.server is None:
        yield Problem("warning", "Velero server", "unknown: you may not read its Deployment")


def location_problems(observed: Observed) -> Iterator[Problem]:
    """The places where backups lie."""
    now = observed.at
    if not observed.locations:
        yield Problem("error", "locations", "no BackupStorageLocation: nothing can be backed up or restored")
    elif not any(location.default for location in observed.locations):
        yield Problem("warning", "locations", "none is the default: a backup without a location fails its validation")
    for location in observed.locations:
        subject = f"location {location.name}"
        if location.phase == "New":
            yield Problem("error", subject, "the server has not checked it yet", location.created)
        elif not location.available:
            seen = (
                f"last seen available {words.ago(location.synced, now)}"
                if location.synced
                else "no backup was ever read"
            )
            said = f": {' '.join(location.message.split())}" if location.message else ""
            yield Problem("error", subject, f"{location.phase}, {seen}{said}", location.synced)
        elif location.validated and now - location.validated > (_checked_within(location) or timedelta.max):
            often = _every(location.validation_frequency) or "minute"
            text = (
                f"last checked {words.ago(location.validated, now)}, and it should be every {often}: is the"
                " server stuck, or this machine's clock wrong?"
            )
            yield Problem("error", subject, text, location.validated)
        if location.available and location.synced is None:
            text = "the server has not read the bucket yet and lists no earlier backups; wait a minute"
            yield Problem("warning", subject, text, location.created)
        if location.read_only:
            yield Problem("warning", subject, "it is ReadOnly: restores work, backups and deletions do not")


def _every(frequency: str) -> str:
    """A Go duration of a cluster's in words; as it stands where it is none."""
    try:
        return words.exact(Duration.parse_go(frequency).seconds) if frequency else ""
    except ValueError:
        return frequency


def _checked_within(location: Location) -> timedelta | None:
    """How long ago the server should have looked at most; None where it was told never to look."""
    try:
        every = Duration.parse_go(location.validation_frequency or "1m").seconds
    except ValueError:
        return _STALE
    return max(_STALE, timedelta(seconds=3 * every)) if every else None


def undecodable_problems(observed: Observed) -> Iterator[Problem]:
    """Objects that stop every object of their kind."""
    records: list[tuple[str, Record]] = [
        *(("schedule", record) for record in observed.schedules),
        *(("backup", record) for record in observed.backups),
        *(("restore", record) for record in observed.restores),
        *(("location", record) for record in observed.locations),
        *(("repository", record) for record in observed.repositories),
    ]
    plurals = {"repository": "repositories"}
    for word, record in records:
        for found in undecodable(record):
            plural = plurals.get(word, f"{word}s")
            when = changed(record.body, *found.path)
            mend = ""
            if found.patch:
                kind = record.body.get("kind", word).lower()
                patch = f"patch {kind}.velero.io {record.name} --type merge -p '{found.patch}'"
                mend = f"kubectl -n {record.namespace} {patch}"
            text = (
                f"{found.field}: {found.problem}. The server cannot decode it, so it handles none"
                f" of the {plural} of this cluster, without an error, until it is fixed"
            )
            if word == "schedule":
                text += ", and after the server's next start no backup starts at all"
            yield Problem("error", f"{word} {record.name}", text, when[0] if when else record.created, mend)


def schedule_problems(
    observed: Observed, schedules: Iterable[ScheduleState], settings: Settings | None
) -> Iterator[Problem]:
    """Each schedule, and those of the stack that are not there."""
    wanted = settings.schedules if settings else {}
    for state in schedules:
        schedule = state.schedule
        subject = f"schedule {schedule.name}"
        yield from _cron_problems(state, subject)
        if schedule.phase == "FailedValidation":
            when = changed(schedule.body, "status", "phase") or changed(schedule.body, "status", "validationErrors")
            said = "; ".join(schedule.validation_errors) or "the server does not say why"
            yield Problem("error", subject, f"fails validation: {said}", when[0] if when else None)
        elif _unseen(schedule, observed.at):
            text = "the server ignores it: it has no phase. Is the server running, and can it decode all of them?"
            yield Problem("error", subject, text, schedule.created)
        if schedule.paused:
            yield _paused(schedule, subject, meant=schedule.name in wanted and wanted[schedule.name].paused)
        location = observed.location(schedule.location)
        if location is None and observed.locations:
            named = f"{schedule.location!r}" if schedule.location else "(the default, which does not exist)"
            yield Problem("error", subject, f"its location {named} does not exist: its backups fail their validation")
        elif location is not None and location.read_only and not schedule.paused:
            text = f"its location {location.name} is ReadOnly: its backups fail their validation"
            yield Problem("error", subject, text)
        yield from _retention(schedule, subject, settings)
    writable = any(not location.read_only for location in observed.locations)
    if settings is None and not observed.schedules and writable:
        yield Problem("error", "schedules", "no schedule: nothing is backed up automatically")
    missing = sorted(set(wanted) - {schedule.name for schedule in observed.schedules})
    for name in missing:
        yield Problem("error", f"schedule {name}", "it is in the stack file but not in the cluster", mend="pulumi up")


def _unseen(schedule: Schedule, now: datetime) -> bool:
    """Whether the server should have taken it up by now; it does not look at what is paused from the start."""
    if schedule.phase != "New" or schedule.paused or schedule.created is None:
        return False
    return now - schedule.created > _UNSEEN


def _cron_problems(state: ScheduleState, subject: str) -> Iterator[Problem]:
    schedule = state.schedule
    if schedule.phase == "FailedValidation":
        # The server has said as much already.
        return
    when = changed(schedule.body, "spec", "schedule")
    since = when[0] if when else schedule.created
    if state.cron is None:
        yield Problem("error", subject, f"never runs: {state.unread}", since)
    elif state.cron.endless is not None:
        yield Problem("error", subject, state.cron.endless.limit, since, "velero-eks plan checks it before")


def _paused(schedule: Schedule, subject: str, *, meant: bool) -> Problem:
    when = changed(schedule.body, "spec", "paused")
    who = f", by {when[1]} at {words.stamp(when[0])} or before" if when else ""
    last = f"; its last backup was made at {words.stamp(schedule.last_backup)}" if schedule.last_backup else ""
    if meant:
        return Problem("warning", subject, f"paused, as the stack file says{last}", when[0] if when else None)
    kubectl = f"kubectl -n {schedule.namespace} patch schedule.velero.io {schedule.name} --type merge"
    mend = f'{kubectl} -p \'{{"spec":{{"paused":false}}}}\''
    return Problem("error", subject, f"paused{who}{last}", when[0] if when else None, mend)


def _retention(schedule: Schedule, subject: str, settings: Settings | None) -> Iterator[Problem]:
    if settings is None or schedule.name not in settings.schedules or not schedule.ttl:
        return
    try:
        kept = Duration.parse_go(schedule.ttl)
    except ValueError:
        return
    wanted = settings.schedules[schedule.name].keep
    if kept.seconds < wanted.seconds:
        text = (
            f"keeps its backups for {words.exact(kept.seconds)}, and the stack file says {words.exact(wanted.seconds)}"
        )
        yield Problem("error", subject, text, mend="pulumi up")


def repository_problems(observed: Observed) -> Iterator[Problem]:
    """Where volumes' data lies."""
    for repository in observed.repositories:
        subject = f"repository {repository.name}"
        recent = [entry for entry in repository.status.get("recentMaintenance") or () if isinstance(entry, dict)]
        if repository.phase == "NotReady":
            yield Problem("error", subject, f"not ready: {repository.message or 'the server does not say why'}")
        elif recent and recent[-1].get("result") == "Failed":
            when = moment(recent[-1].get("completeTimestamp"))
            said = recent[-1].get("message") or "the server does not say why"
            yield Problem("warning", subject, f"its last maintenance failed: {said}", when)
        elif repository.maintained and observed.at - repository.maintained > _maintained_within(repository):
            text = f"last maintained {words.ago(repository.maintained, observed.at)}: expired data still takes space"
            yield Problem("warning", subject, text, repository.maintained)


def _maintained_within(repository: Repository) -> timedelta:
    try:
        every = Duration.parse_go(repository.maintenance_every or "1h").seconds
    except ValueError:
        return _UNMAINTAINED
    return max(_UNMAINTAINED, timedelta(seconds=2 * every))


def volume_problems(observed: Observed, schedules: Iterable[ScheduleState]) -> Iterator[Problem]:
    """Claims that would come back empty: Velero calls a backup Completed that has passed their volumes by."""
    for state in schedules:
        claims = observed.without_data.get(state.last_good.name, ()) if state.last_good else ()
        if state.last_good and claims:
            named = "; ".join(f"{each} ({each.reason})" for each in claims[:_NAMED])
            more = f" and {words.count(len(claims) - _NAMED, 'claim')} more" if claims[_NAMED:] else ""
            text = f"its newest Completed backup, {state.last_good.name}, has no data of {named}{more}"
            yield Problem("error", f"schedule {state.schedule.name}", text, state.last_good.started)
    if observed.volumes_unread:
        text = f"it is unknown whether the newest backups have volume data: {observed.volumes_unread}"
        yield Problem("warning", "volumes", text)


def operation_problems(observed: Observed, schedules: Iterable[ScheduleState]) -> Iterator[Problem]:
    """Backups that went wrong after the last good one, and what is stuck."""
    for state in schedules:
        newest, good = state.newest, state.last_good
        if newest is None or newest.running or newest.good or newest is good or newest.phase == "Deleting":
            continue
        subject = f"schedule {state.schedule.name}"
        why = f": {newest.why}" if newest.why else f"; velero-eks logs {newest.name} says why"
        # What fails its validation fails again next time; what failed in part may be whole the next time.
        severity = "error" if newest.phase == "FailedValidation" else "warning"
        yield Problem(severity, subject, f"its newest backup, {newest.name}, is {newest.phase}{why}", newest.created)
    for operation in (*observed.backups, *observed.restores):
        if operation.deleting:
            since = moment(operation.body["metadata"]["deletionTimestamp"])
            if since is not None and observed.at - since > _STALE:
                held = ", ".join(operation.body["metadata"].get("finalizers") or ()) or "nothing"
                kind = str(operation.body.get("kind", "")).lower()
                yield Problem("warning", f"{kind} {operation.name}", f"its deletion hangs on finalizers: {held}", since)
