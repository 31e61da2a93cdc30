"""When backups run and how long they are kept, and whether that meets the recovery objectives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from velero_on_eks.settings import Schedule
from velero_on_eks.settings.rules import covering_schedules
from velero_on_eks.settings.versions import CronLibrary

from velero_eks.errors import PlanError
from velero_eks.plan.deployments import Deployment
from velero_eks.plan.model import Resource
from velero_eks.plan.runner import StackPlan
from velero_eks.rules.plan import below

SCHEDULE_TYPE = "kubernetes:velero.io/v1:Schedule"
# How many coming runs a plan shows.
NEXT_RUNS = 5
# A year and a day holds every change of the clocks and, for a yearly schedule, one whole gap.
HORIZON = timedelta(days=366)


@dataclass(frozen=True)
class PlannedSchedule:
    """A schedule as its Schedule resource has it, with its coming runs on its own clocks.

    `worst_case_rpo_seconds` is the longest gap between two runs in the year after the plan's time, changes of the
    clocks included; None while the schedule is paused. What a backup itself takes comes on top.
    """

    name: str
    resource: str
    cron: str
    cron_library: CronLibrary
    timezone: str
    description: str
    keep: str
    keep_seconds: int
    ttl: str
    paused: bool
    namespaces: tuple[str, ...]
    excluded_namespaces: tuple[str, ...]
    next: tuple[datetime, ...]
    worst_case_rpo_seconds: int | None


@dataclass(frozen=True)
class Objective:
    """One namespace of an objective of `recovery`: what must hold, and the schedule that comes closest to it.

    `component` is the URN of the deployment that they are the objectives of. All in seconds. `worst_case_rpo` and
    `kept` are None where no running schedule takes the namespace.
    """

    component: str | None
    namespace: str
    schedule: str | None
    rpo: int
    worst_case_rpo: int | None
    retention: int
    kept: int | None

    @property
    def rpo_met(self) -> bool:
        """Whether no two backups are further apart than the objective."""
        return self.worst_case_rpo is not None and self.worst_case_rpo <= self.rpo

    @property
    def retention_met(self) -> bool:
        """Whether backups are kept as long as the objective asks."""
        return self.kept is not None and self.kept >= self.retention

    @property
    def met(self) -> bool:
        """Whether one schedule meets both."""
        return self.rpo_met and self.retention_met


def planned_schedules(plan: StackPlan, deployment: Deployment, at: datetime) -> list[PlannedSchedule]:
    """A deployment's schedules by name, each checked to be registered as the settings say. `at` has a time zone."""
    recording = plan.recording
    parents = {resource.urn: resource.parent for resource in recording}
    own = parents.keys() if deployment.component is None else below(deployment.component, parents)
    made = {_kubernetes_name(one): one for one in recording.of_type(SCHEDULE_TYPE) if one.urn in own}
    return [
        _planned(name, schedule, made, plan, at) for name, schedule in sorted(deployment.settings.schedules.items())
    ]


def _planned(
    name: str, schedule: Schedule, made: dict[str, Resource], plan: StackPlan, at: datetime
) -> PlannedSchedule:
    resource = made.get(name)
    if resource is None:
        raise PlanError(
            f"stack {plan.stack}: the program makes no Schedule called {name}, though the settings have one; there"
            f" are: {', '.join(sorted(made)) or 'none'}"
        )
    recurrence = schedule.recurrence
    spec = resource.inputs.get("spec") or {}
    return PlannedSchedule(
        name=name,
        resource=resource.urn,
        cron=schedule.cron,
        cron_library=recurrence.library,
        timezone=recurrence.timezone,
        description=recurrence.description(),
        keep=str(schedule.keep),
        keep_seconds=schedule.keep.seconds,
        ttl=str((spec.get("template") or {}).get("ttl")),
        paused=schedule.paused,
        namespaces=schedule.namespaces,
        excluded_namespaces=schedule.excluded_namespaces,
        next=() if schedule.paused else tuple(recurrence.next_runs(at, NEXT_RUNS)),
        worst_case_rpo_seconds=None if schedule.paused else recurrence.longest_gap(at, HORIZON),
    )


def _kubernetes_name(resource: Resource) -> str:
    return str((resource.inputs.get("metadata") or {}).get("name"))


def objectives(deployment: Deployment, schedules: list[PlannedSchedule]) -> list[Objective]:
    """Each namespace of the objectives with its best schedule: one that meets both, else that of the shorter gap."""
    by_name = {schedule.name: schedule for schedule in schedules}
    found: list[Objective] = []
    wanted = ((one, namespace) for one in deployment.settings.recovery for namespace in one.namespaces)
    for recovery, namespace in wanted:
        candidates = [
            Objective(
                component=deployment.component,
                namespace=namespace,
                schedule=name,
                rpo=recovery.rpo.seconds,
                worst_case_rpo=by_name[name].worst_case_rpo_seconds,
                retention=recovery.retention.seconds,
                kept=by_name[name].keep_seconds,
            )
            for name in covering_schedules(deployment.settings.schedules, namespace)
        ]
        nothing = Objective(
            deployment.component, namespace, None, recovery.rpo.seconds, None, recovery.retention.seconds, None
        )
        found.append(min(candidates, key=_distance, default=nothing))
    return found


def _distance(objective: Objective) -> tuple[bool, bool, int]:
    worst = objective.worst_case_rpo
    return not objective.met, not objective.rpo_met, worst if worst is not None else 0
