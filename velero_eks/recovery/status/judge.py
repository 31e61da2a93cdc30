"""Whether what was agreed can be recovered, from what was seen of a Velero installation. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from velero_on_eks.settings.cron import Cron

from velero_eks.recovery.status.model import Observed, Problem, ScheduleState, Severity, Status
from velero_eks.recovery.status.objectives import grace, missed_objectives, objectives, out_of_reach, short_reach
from velero_eks.recovery.status.problems import (
    clock_problems,
    location_problems,
    operation_problems,
    repository_problems,
    schedule_problems,
    server_problems,
    undecodable_problems,
)
from velero_eks.terminal import words
from velero_eks.velero.records import Schedule, newest_completed
from velero_eks.velero.undecodable import undecodable

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings


def assess(observed: Observed, settings: Settings | None = None) -> Status:
    """Hold what was seen against the stack's objectives, or without a stack against the schedules' own pace."""
    clock = list(clock_problems(observed))
    observed = replace(observed, at=observed.now)
    # One Schedule that the server cannot decode keeps it from seeing any.
    blind = any(undecodable(schedule) for schedule in observed.schedules)
    schedules = tuple(_state(schedule, observed, blind=blind) for schedule in observed.schedules)
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
        *repository_problems(observed),
        *operation_problems(observed, schedules),
    ]
    found.sort(key=lambda problem: problem.severity != "error")
    return Status(observed, schedules, held, tuple(found))


def _state(schedule: Schedule, observed: Observed, *, blind: bool) -> ScheduleState:
    own = [backup for backup in observed.backups if backup.schedule == schedule.name]
    kept = [backup for backup in own if not backup.expired(observed.at)]
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
    return ScheduleState(schedule, cron, newest_completed(kept), own[-1] if own else None, coming)


def _nothing_to_restore(observed: Observed) -> Iterable[Problem]:
    """Without a stack nobody said what must be there; nothing at all is less than anybody means."""
    good = [backup for backup in observed.backups if backup.good and not backup.deleting]
    if any(not out_of_reach(backup, observed) for backup in good):
        return
    newest = newest_completed(good)
    if newest is None:
        text, mend = "there is no Completed one: nothing can be restored", "velero-eks backup NAME takes one now"
    else:
        text, mend = f"nothing can be restored from any ({newest.name} {out_of_reach(newest, observed)})", ""
    yield Problem("error", "backups", text, mend=mend)


def _missed_runs(schedules: Iterable[ScheduleState], now: datetime, severity: Severity) -> Iterable[Problem]:
    for state in schedules:
        schedule, cron = state.schedule, state.cron
        if cron is None or schedule.paused or (cron.fields and not cron.fields.ever_matches):
            continue
        began = state.last_good.started if state.last_good else schedule.created
        due = cron.next_after(began) if began else None
        if due is None or now <= due + grace(int((due - began).total_seconds()) if began else 0):
            continue
        last = (
            f"its last Completed one was begun {words.ago(began, now)}"
            if state.last_good
            else "it has no Completed one"
        )
        text = f"a backup was due {words.age(due, now)} ago, and {last}"
        yield Problem(severity, f"schedule {schedule.name}", text, due)
