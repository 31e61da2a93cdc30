"""What was agreed, held against the backups that there are: how old, how far back, and whether they are there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from velero_on_eks.settings.duration import Duration

from velero_eks.recovery.status.model import ObjectiveState, Observed, Problem, ScheduleState
from velero_eks.terminal import words
from velero_eks.velero.records import Backup, newest_completed

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

# A backup that is due takes its time: this much after an objective has passed, it is missed.
GRACE = timedelta(hours=1)

_NARROWED = ("includedResources", "includedNamespaceScopedResources", "labelSelector", "orLabelSelectors")
_LEFT_OUT = ("excludedResources", "excludedNamespaceScopedResources")


def covers(spec: Mapping[str, Any], namespace: str, *, volumes: bool = False) -> bool:
    """Whether a namespace (`*`: all but those it excludes) can be restored whole from a backup of this spec.

    Only what was filtered by kind or label is refused: who leaves a kind out by name, means it. With `volumes` it has
    to take volumes' data as well.
    """
    if any(spec.get(field) not in (None, [], {}, ["*"]) for field in _NARROWED):
        return False
    if any("*" in (spec.get(field) or ()) for field in _LEFT_OUT):
        return False
    if volumes and spec.get("snapshotVolumes") is False and not spec.get("defaultVolumesToFsBackup"):
        return False
    included, excluded = spec.get("includedNamespaces") or ["*"], spec.get("excludedNamespaces") or []
    if namespace == "*":
        return "*" in included and "*" not in excluded
    return _named(namespace, included) and not _named(namespace, excluded)


def out_of_reach(backup: Backup, observed: Observed) -> str:
    """Why nothing can be restored from a Completed backup now, or soon; empty where it can."""
    if backup.expired(observed.at):
        return f"expired {words.ago(backup.expires, observed.at)}: Velero removes it within the hour"
    location = observed.location(backup.location)
    if location is None:
        return f"lies in location {backup.location}, which is not there"
    if not location.available:
        return f"lies in location {location.name}, which is {location.phase}"
    return ""


def grace(seconds: int) -> timedelta:
    """How far past an objective of `seconds` a backup may still be under way; at most a quarter of it."""
    return min(GRACE, timedelta(seconds=seconds / 4))


def objectives(observed: Observed, settings: Settings) -> Iterator[ObjectiveState]:
    """Each namespace of the objectives, with the backups that it can be restored from whole."""
    rpo, retention = settings.recovery.rpo.seconds, settings.recovery.retention.seconds
    volumes = settings.volumes.mode != "none"
    for namespace in settings.recovery.namespaces:
        of_it = [
            backup for backup in observed.backups if backup.good and covers(backup.spec, namespace, volumes=volumes)
        ]
        good = [backup for backup in of_it if not backup.deleting and not out_of_reach(backup, observed)]
        newest = newest_completed(good)
        age = (observed.at - newest.started).total_seconds() if newest and newest.started else None
        starts = [backup.started for backup in good if backup.started]
        met = age is not None and timedelta(seconds=age) <= timedelta(seconds=rpo) + grace(rpo)
        lost = newest_completed(of_it)
        state = ObjectiveState(namespace, rpo, retention, newest, age, len(good), min(starts, default=None), met)
        if lost is not None and lost is not newest:
            state = replace(state, lost=f"{lost.name} {out_of_reach(lost, observed)}")
        yield state


def missed_objectives(found: Iterable[ObjectiveState], now: datetime) -> Iterator[Problem]:
    """The objectives that do not hold."""
    for objective in found:
        if objective.met:
            continue
        rpo = words.exact(objective.rpo)
        lost = f" ({objective.lost})" if objective.lost else ""
        if objective.backup is None:
            what = "there is no Completed backup of it" if not lost else "nothing can be restored from its backups"
            text = f"{what}{lost}, and at most {rpo} may be lost"
            mend = "" if lost else "velero-eks backup NAME takes one now"
            yield Problem("error", _subject(objective), text, mend=mend)
            continue
        started = objective.backup.started
        since = started + timedelta(seconds=objective.rpo) if started else None
        text = (
            f"its newest Completed backup, {objective.backup.name}, was begun {words.ago(started, now)}{lost},"
            f" and at most {rpo} may be lost"
        )
        yield Problem("error", _subject(objective), text, since)


def short_reach(
    found: Iterable[ObjectiveState], schedules: Iterable[ScheduleState], now: datetime
) -> Iterator[Problem]:
    """Backups that are gone before their time: of a schedule that is old enough, older ones should be there."""
    schedules = list(schedules)
    for objective in found:
        if objective.oldest is None:
            continue
        since = now - timedelta(seconds=objective.retention)
        due = min(filter(None, (_first_due(state, objective, since) for state in schedules)), default=None)
        # One run that went wrong is within what may be lost.
        if due is None or objective.oldest <= due + timedelta(seconds=objective.rpo) + grace(objective.rpo):
            continue
        retention = words.exact(objective.retention)
        back = words.age(objective.oldest, now)
        since_due = words.ago(due, now)
        text = f"its Completed backups go back {back}, and {retention} were agreed; there should be one of {since_due}"
        yield Problem("warning", _subject(objective), text)


def _first_due(state: ScheduleState, objective: ObjectiveState, since: datetime) -> datetime | None:
    """The first run after `since` whose backup should still be there."""
    schedule = state.schedule
    if state.cron is None or schedule.paused or schedule.created is None:
        return None
    if not covers(schedule.template, objective.namespace):
        return None
    try:
        kept = Duration.parse_go(schedule.ttl).seconds
    except ValueError:
        return None
    return state.cron.next_after(max(since, schedule.created)) if kept >= objective.retention else None


def _subject(objective: ObjectiveState) -> str:
    return "every namespace" if objective.namespace == "*" else f"namespace {objective.namespace}"


def _named(namespace: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in patterns)
