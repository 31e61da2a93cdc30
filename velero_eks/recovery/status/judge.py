"""Whether the objectives are met, from what was seen of a Velero installation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from velero_on_eks.settings.coverage import lacks
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.duration import Duration
from velero_on_eks.settings.objectives import targets
from velero_on_eks.settings.versions import CronLibrary, cron_library

from velero_eks.recovery.status.problems import (
    ObjectiveState,
    Observed,
    Problem,
    ScheduleState,
    Severity,
    Status,
    clock_problems,
    location_problems,
    operation_problems,
    repository_problems,
    schedule_problems,
    server_problems,
    undecodable_problems,
    volume_problems,
)
from velero_eks.terminal import words
from velero_eks.velero.records import Backup, Schedule, newest_completed, undecodable

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

# A backup that is due takes its time: this much after an objective has passed, it is missed.
GRACE = timedelta(hours=1)


def assess(observed: Observed, settings: Settings | None = None) -> Status:
    """Compare what was seen with the stack's objectives, or without a stack with the schedules' own pace."""
    clock = list(clock_problems(observed))
    observed = replace(observed, at=observed.now)
    # One Schedule that the server cannot decode keeps it from seeing any.
    blind = any(undecodable(schedule) for schedule in observed.schedules)
    # The server that runs decides how a cron is read; where its version is unknown, the one that the stack pins.
    library = cron_library(observed.server_version or (settings.release.image.release if settings else None))
    schedules = tuple(_state(schedule, observed, library, blind=blind) for schedule in observed.schedules)
    held = tuple(objectives(observed, settings)) if settings else ()
    found: list[Problem] = [
        *clock,
        *server_problems(observed),
        *location_problems(observed),
        *undecodable_problems(observed),
        *schedule_problems(observed, schedules, settings),
        *(missed_objectives(held, observed.at) if settings else _nothing_to_restore(observed)),
        *short_reach(held, schedules, observed.at),
        # A stack says what may be lost; without one, a schedule's own pace is all there is to go by.
        *_missed_runs(schedules, observed.at, "warning" if settings else "error"),
        *volume_problems(observed, schedules),
        *repository_problems(observed),
        *operation_problems(observed, schedules),
    ]
    found.sort(key=lambda problem: problem.severity != "error")
    return Status(observed, schedules, held, tuple(found))


def _state(schedule: Schedule, observed: Observed, library: CronLibrary, *, blind: bool) -> ScheduleState:
    own = [backup for backup in observed.backups if backup.schedule == schedule.name]
    kept = [backup for backup in own if not backup.expired(observed.at)]
    cron, unread = None, ""
    try:
        cron = Cron.parse(schedule.cron, library=library, allow_never=True)
    except ValueError as error:
        unread = str(error)
    coming = None
    if cron is not None and not schedule.paused and not blind:
        # The server counts from its last backup, so that a run it missed is made up for at once.
        after = max(filter(None, (schedule.last_backup, schedule.created)), default=observed.at)
        coming = cron.next_after(after)
        if coming is not None and coming < observed.at:
            coming = observed.at if schedule.phase == "Enabled" else cron.next_after(observed.at)
    return ScheduleState(schedule, cron, newest_completed(kept), own[-1] if own else None, coming, unread)


def _nothing_to_restore(observed: Observed) -> Iterable[Problem]:
    """Without a stack no one said what must be there; nothing at all is less than anybody means."""
    good = [backup for backup in observed.backups if backup.good and not backup.deleting]
    if any(not out_of_reach(backup, observed) for backup in good):
        return
    newest = newest_completed(good)
    if newest is None:
        text, mend = "no Completed backup: nothing can be restored", "velero-eks backup NAME makes one now"
    else:
        text, mend = f"no backup can be restored ({newest.name} {out_of_reach(newest, observed)})", ""
    yield Problem("error", "backups", text, mend=mend)


def _missed_runs(schedules: Iterable[ScheduleState], now: datetime, severity: Severity) -> Iterable[Problem]:
    for state in schedules:
        schedule, cron = state.schedule, state.cron
        if cron is None or schedule.paused or cron.endless:
            continue
        began = state.last_good.started if state.last_good else schedule.created
        due = cron.next_after(began) if began else None
        if due is None or now <= due + grace(int((due - began).total_seconds()) if began else 0):
            continue
        last = (
            f"its last Completed one started {words.ago(began, now)}" if state.last_good else "it has no Completed one"
        )
        text = f"a backup was due {words.age(due, now)} ago, and {last}"
        yield Problem(severity, f"schedule {schedule.name}", text, due)


def out_of_reach(backup: Backup, observed: Observed) -> str:
    """Why nothing can be restored from a Completed backup now, or soon; empty where it can."""
    if backup.expired(observed.at):
        return f"expired {words.ago(backup.expires, observed.at)}: Velero removes it within the hour"
    location = observed.location(backup.location)
    if location is None:
        return f"is in location {backup.location}, which does not exist"
    if not location.available:
        return f"is in location {location.name}, which is {location.phase}"
    return ""


def grace(seconds: int) -> timedelta:
    """How far past an objective of `seconds` a backup may still be under way; at most a quarter of it."""
    return min(GRACE, timedelta(seconds=seconds / 4))


def objectives(observed: Observed, settings: Settings) -> Iterator[ObjectiveState]:
    """Each namespace of the objectives, with the backups that it can be restored from whole."""
    for target in targets(settings):
        objective, namespace = target.objective, target.namespace
        rpo, retention = objective.rpo.seconds, objective.retention.seconds
        of_it = [backup for backup in observed.backups if backup.good and not lacks(backup.spec, target.wanted)]
        good = [backup for backup in of_it if not backup.deleting and not out_of_reach(backup, observed)]
        newest = newest_completed(good)
        age = (observed.at - newest.started).total_seconds() if newest and newest.started else None
        starts = [backup.started for backup in good if backup.started]
        met = age is not None and timedelta(seconds=age) <= timedelta(seconds=rpo) + grace(rpo)
        lost = newest_completed(of_it)
        state = ObjectiveState(
            namespace, target.wanted, rpo, retention, newest, age, len(good), min(starts, default=None), met
        )
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
            what = "it has no Completed backup" if not lost else "nothing can be restored from its backups"
            text = f"{what}{lost}; the RPO is {rpo}"
            mend = "" if lost else "velero-eks backup NAME makes one now"
            yield Problem("error", _subject(objective), text, mend=mend)
            continue
        started = objective.backup.started
        since = started + timedelta(seconds=objective.rpo) if started else None
        text = (
            f"its newest Completed backup, {objective.backup.name}, started {words.ago(started, now)}{lost};"
            f" the RPO is {rpo}"
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
        text = f"its Completed backups go back {back}, but the retention is {retention}; expected one of {since_due}"
        yield Problem("warning", _subject(objective), text)


def _first_due(state: ScheduleState, objective: ObjectiveState, since: datetime) -> datetime | None:
    """The first run after `since` whose backup should still be there."""
    schedule = state.schedule
    if state.cron is None or schedule.paused or schedule.created is None:
        return None
    if lacks(schedule.template, replace(objective.wanted, volumes=False)):
        return None
    try:
        kept = Duration.parse_go(schedule.ttl).seconds
    except ValueError:
        return None
    return state.cron.next_after(max(since, schedule.created)) if kept >= objective.retention else None


def _subject(objective: ObjectiveState) -> str:
    return "every namespace" if objective.namespace == "*" else f"namespace {objective.namespace}"
