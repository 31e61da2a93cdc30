"""`velero-eks status`: what can be recovered, what is running, and what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from velero_eks.errors import Forbidden
from velero_eks.recovery.session import Session
from velero_eks.recovery.status.judge import assess
from velero_eks.recovery.status.model import ObjectiveState, Observed, Problem, ScheduleState, Status
from velero_eks.terminal.output import print_json, working
from velero_eks.velero.records import Backup, Operation

FOUND = 1


def status(session: Session, *, as_json: bool) -> int:
    """Print the state of Velero; the exit code is 1 where an objective is missed or will be."""
    with working(f"reading the state of {session.target.name}"):
        found = assess(observe(session), session.settings)
    found = replace(found, problems=tuple(_for_context(problem, session) for problem in found.problems))
    if as_json:
        print_json(document(session, found))
    else:
        from velero_eks.commands.status_words import render

        render(found, session)
    return 0 if found.well else FOUND


def observe(session: Session) -> Observed:
    """Read everything that `assess` needs; what the caller may not see of the server itself is left open."""
    velero = session.velero
    try:
        server = session.server_ready()
    except Forbidden:
        server = None
    return Observed(
        at=datetime.now(UTC),
        locations=tuple(velero.locations()),
        schedules=tuple(velero.schedules()),
        backups=tuple(velero.backups()),
        restores=tuple(velero.restores()),
        repositories=tuple(velero.repositories()),
        server=server,
    )


def _for_context(problem: Problem, session: Session) -> Problem:
    """A proposed command as it is typed: kubectl must not fall on whatever context is the current one."""
    for command in ("logs", "backup"):
        here = (f"velero-eks {command} ", f"velero-eks {command} {session.target.arguments} ")
        problem = replace(problem, text=problem.text.replace(*here), mend=problem.mend.replace(*here))
    if not problem.mend.startswith("kubectl "):
        return problem
    context = session.target.context or _eks_context(session)
    return replace(problem, mend=f"kubectl --context {context} {problem.mend.removeprefix('kubectl ')}")


def _eks_context(session: Session) -> str:
    """What `aws eks update-kubeconfig` calls the context of a stack that names none."""
    settings = session.settings
    if settings is None:
        return session.cluster.name
    cluster = settings.cluster
    return f"arn:{settings.partition.name}:eks:{settings.region}:{cluster.account}:cluster/{cluster.name}"


def document(session: Session, found: Status) -> dict[str, Any]:
    """The status as JSON."""
    observed = found.observed
    return {
        "stack": session.target.stack,
        "cluster": session.cluster.name,
        "namespace": session.target.namespace,
        "at": observed.at,
        "well": found.well,
        "server_ready": observed.server,
        "locations": [
            {
                "name": location.name,
                "bucket": location.bucket,
                "prefix": location.prefix or None,
                "default": location.default,
                "access_mode": location.access_mode,
                "phase": location.phase,
                "available": location.available,
                "last_validated": location.validated,
                "last_synced": location.synced,
                "message": location.message or None,
            }
            for location in observed.locations
        ],
        "schedules": [_schedule(state, observed.at) for state in found.schedules],
        "objectives": [_objective(objective) for objective in found.objectives],
        "running": [_operation(operation) for operation in observed.running],
        "repositories": [
            {
                "name": repository.name,
                "phase": repository.phase,
                "last_maintained": repository.maintained,
                "message": repository.message or None,
            }
            for repository in observed.repositories
        ],
        "problems": [
            {
                "severity": problem.severity,
                "subject": problem.subject,
                "message": problem.text,
                "since": problem.since,
                "mend": problem.mend or None,
            }
            for problem in found.problems
        ],
    }


def _schedule(state: ScheduleState, now: datetime) -> dict[str, Any]:
    schedule, good = state.schedule, state.last_good
    return {
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": state.cron.timezone if state.cron else None,
        "ttl": schedule.ttl or None,
        "paused": schedule.paused,
        "phase": schedule.phase,
        "validation_errors": list(schedule.validation_errors),
        "last_good": _backup(good) if good else None,
        "age_seconds": (now - good.started).total_seconds() if good and good.started else None,
        "newest": _backup(state.newest) if state.newest else None,
        "next": state.next,
    }


def _backup(backup: Backup) -> dict[str, Any]:
    return {
        "name": backup.name,
        "phase": backup.phase,
        "started": backup.started,
        "completed": backup.completed,
        "expires": backup.expires,
    }


def _objective(objective: ObjectiveState) -> dict[str, Any]:
    return {
        "namespace": objective.namespace,
        "rpo_seconds": objective.rpo,
        "retention_seconds": objective.retention,
        "backup": objective.backup.name if objective.backup else None,
        "age_seconds": objective.age,
        "copies": objective.copies,
        "oldest": objective.oldest,
        "met": objective.met,
        "lost": objective.lost or None,
    }


def _operation(operation: Operation) -> dict[str, Any]:
    progress = operation.status.get("progress") or {}
    return {
        "kind": operation.body.get("kind"),
        "name": operation.name,
        "phase": operation.phase,
        "created": operation.created,
        "started": operation.started,
        "done": progress.get("itemsBackedUp", progress.get("itemsRestored")),
        "total": progress.get("totalItems"),
    }
