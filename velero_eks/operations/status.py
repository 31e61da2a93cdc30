"""Whether what was agreed can be recovered, from what was seen of a Velero installation. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from components.settings.cron import Cron
from components.settings.duration import Duration

from .output import ago, length
from .records import Backup, Schedule, newest_completed
from .status_model import ObjectiveState, Observed, Problem, ScheduleState, Severity, Status
from .status_problems import (
    location_problems,
    operation_problems,
    repository_problems,
    schedule_problems,
    server_problems,
    undecodable_problems,
)
from .undecodable import undecodable

if TYPE_CHECKING:
    from components.settings import Settings

# A backup that is due takes its time: this much after an objective has passed, it is missed.
GRACE = timedelta(hours=1)


def assess(observed: Observed, settings: Settings | None = None) -> Status:
    """Hold what was seen against the stack's objectives, or without a stack against the schedules' own pace."""
    # One Schedule that the server cannot decode keeps it from seeing any.
    blind = any(undecodable(schedule) for schedule in observed.schedules)
    schedules = tuple(_state(schedule, observed, blind=blind) for schedule in observed.schedules)
    objectives = tuple(_objectives(observed, settings)) if settings else ()
    found: list[Problem] = [
        *server_problems(observed),
        *location_problems(observed),
        *undecodable_problems(observed),
        *schedule_problems(observed, schedules, settings),
        *_missed_objectives(objectives, observed.at),
        # A stack says what may be lost; without one, a schedule's own pace is all there is to go by.
        *_missed_runs(schedules, observed.at, "warning" if settings else "error"),
        *repository_problems(observed),
        *operation_problems(observed, schedules),
    ]
    found.sort(key=lambda problem: problem.severity != "error")
    return Status(observed, schedules, objectives, tuple(found))


def covers(backup: Backup, namespace: str) -> bool:
    """Whether a namespace (`*`: all but those it excludes) can be restored whole from a backup.

    Only what was filtered by kind or label is refused: who leaves a kind out by name, means it.
    """
    spec = backup.spec
    narrowed = ("includedResources", "includedNamespaceScopedResources", "labelSelector", "orLabelSelectors")
    if any(spec.get(field) not in (None, [], {}, ["*"]) for field in narrowed):
        return False
    included = spec.get("includedNamespaces") or ["*"]
    if namespace in (spec.get("excludedNamespaces") or ()):
        return False
    return "*" in included or namespace in included


def grace(seconds: int) -> timedelta:
    """How far past an objective of `seconds` a backup may still be under way; at most a quarter of it."""
    return min(GRACE, timedelta(seconds=seconds / 4))


def _state(schedule: Schedule, observed: Observed, *, blind: bool) -> ScheduleState:
    own = [backup for backup in observed.backups if backup.schedule == schedule.name]
    try:
        cron = Cron.parse(schedule.cron, allow_never=True)
    except ValueError:
        cron = None
    coming = None
    if cron is not None and not schedule.paused and not blind:
        # The server reckons from its last backup, so that a run it missed is made up for at once.
        after = max(filter(None, (schedule.last_backup, schedule.created)), default=observed.at)
        coming = cron.next_after(after)
        if coming is not None and coming < observed.at:
            coming = observed.at if schedule.phase == "Enabled" else cron.next_after(observed.at)
    return ScheduleState(
        schedule, cron, newest_completed(own, schedule=schedule.name), own[-1] if own else None, coming
    )


def _objectives(observed: Observed, settings: Settings) -> Iterable[ObjectiveState]:
    rpo, retention = settings.recovery.rpo.seconds, settings.recovery.retention.seconds
    for namespace in settings.recovery.namespaces:
        good = [backup for backup in observed.backups if backup.good and covers(backup, namespace)]
        newest = newest_completed(good)
        age = (observed.at - newest.started).total_seconds() if newest and newest.started else None
        starts = [backup.started for backup in good if backup.started]
        met = age is not None and timedelta(seconds=age) <= timedelta(seconds=rpo) + grace(rpo)
        yield ObjectiveState(namespace, rpo, retention, newest, age, len(good), min(starts, default=None), met)


def _missed_objectives(objectives: Iterable[ObjectiveState], now: datetime) -> Iterable[Problem]:
    for objective in objectives:
        if objective.met:
            continue
        what = "every namespace" if objective.namespace == "*" else f"namespace {objective.namespace}"
        rpo = Duration.of_seconds(objective.rpo).human
        if objective.backup is None:
            text = f"there is no Completed backup of it, and at most {rpo} may be lost"
            yield Problem("error", what, text, mend="velero-eks backup NAME takes one now")
            continue
        started = objective.backup.started
        since = started + timedelta(seconds=objective.rpo) if started else None
        text = (
            f"its newest Completed backup, {objective.backup.name}, was begun {ago(started, now)},"
            f" and at most {rpo} may be lost"
        )
        yield Problem("error", what, text, since)


def _missed_runs(schedules: Iterable[ScheduleState], now: datetime, severity: Severity) -> Iterable[Problem]:
    for state in schedules:
        schedule, cron = state.schedule, state.cron
        if cron is None or schedule.paused or (cron.fields and not cron.fields.ever_matches):
            continue
        began = state.last_good.started if state.last_good else schedule.created
        due = cron.next_after(began) if began else None
        if due is None or now <= due + grace(int((due - began).total_seconds()) if began else 0):
            continue
        last = f"its last Completed one was begun {ago(began, now)}" if state.last_good else "it has no Completed one"
        text = f"a backup was due {length((now - due).total_seconds())} ago, and {last}"
        yield Problem(severity, f"schedule {schedule.name}", text, due)
