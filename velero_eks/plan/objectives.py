"""When backups run and how long they are kept, and whether that meets the recovery objectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from velero_on_eks.settings import Schedule, Settings
from velero_on_eks.settings import objectives as held
from velero_on_eks.settings.coverage import Lack, Wanted, lacks
from velero_on_eks.settings.objectives import Target
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
class Tier:
    """Between two ages, in seconds, one schedule's backups are the finest that there are, one each `every` seconds."""

    schedule: str
    begins: int
    ends: int
    every: int


@dataclass(frozen=True)
class PlannedSchedule:
    """A schedule as its Schedule resource has it, with its coming runs on its own clocks.

    `worst_case_rpo_seconds` is the longest gap between two runs in the year after the plan's time, changes of the
    clocks included; None while the schedule is paused. What a backup itself takes comes on top. `tiers` are the ages
    at which nothing finer takes all that it takes; none where another schedule does more.
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
    copies: int
    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Objective:
    """One namespace of an objective of `recovery`: what must hold, and the schedule that comes closest to it.

    `component` is the URN of the deployment that they are the objectives of, `number` the objective's place in the
    list, from 0. All in seconds. `worst_case_rpo`, `kept` and `copies` are None where no running schedule takes the
    namespace. `lacking` is what that schedule does not take of it, `tiers` who serves it at which age.
    """

    component: str | None
    number: int
    namespace: str
    schedule: str | None
    rpo: int
    worst_case_rpo: int | None
    retention: int
    kept: int | None
    minimum_copies: int
    copies: int | None
    volumes: bool
    lacking: tuple[Lack, ...]
    tiers: tuple[Tier, ...]

    @property
    def rpo_met(self) -> bool:
        """Whether no two backups are further apart than the objective."""
        return self.worst_case_rpo is not None and self.worst_case_rpo <= self.rpo

    @property
    def retention_met(self) -> bool:
        """Whether backups are kept as long as the objective asks."""
        return self.kept is not None and self.kept >= self.retention

    @property
    def copies_met(self) -> bool:
        """Whether there are as many of them as the objective asks."""
        return self.copies is not None and self.copies >= self.minimum_copies

    @property
    def met(self) -> bool:
        """Whether one schedule takes all of it and meets all."""
        return self.rpo_met and self.retention_met and self.copies_met and not self.lacking


def planned_schedules(plan: StackPlan, deployment: Deployment, at: datetime) -> list[PlannedSchedule]:
    """A deployment's schedules by name, each checked to be registered as the settings say. `at` has a time zone."""
    recording = plan.recording
    parents = {resource.urn: resource.parent for resource in recording}
    own = parents.keys() if deployment.component is None else below(deployment.component, parents)
    made = {_kubernetes_name(one): one for one in recording.of_type(SCHEDULE_TYPE) if one.urn in own}
    settings = deployment.settings
    return [_planned(name, settings, made, plan, at) for name in sorted(settings.schedules)]


def _planned(
    name: str, settings: Settings, made: dict[str, Resource], plan: StackPlan, at: datetime
) -> PlannedSchedule:
    resource = made.get(name)
    if resource is None:
        raise PlanError(
            f"stack {plan.stack}: the program creates no Schedule {name}, but the settings"
            f" have one; known: {', '.join(sorted(made)) or 'none'}"
        )
    schedule = settings.schedules[name]
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
        copies=held.copies(schedule),
        tiers=_own_tiers(name, settings),
    )


def _kubernetes_name(resource: Resource) -> str:
    return str((resource.inputs.get("metadata") or {}).get("name"))


def objectives(deployment: Deployment, schedules: list[PlannedSchedule]) -> list[Objective]:
    """Each namespace of the objectives with its best schedule: one that meets all, else that of the shorter gap."""
    by_name = {schedule.name: schedule for schedule in schedules}
    settings = deployment.settings
    found: list[Objective] = []
    for target in held.targets(settings):
        judged = held.judged(settings, target)
        whole = {name: settings.schedules[name] for name, lacking in judged.items() if not lacking}
        tiers = tiers_of(whole, until=target.objective.retention.seconds)
        candidates = [
            _objective(deployment, target, tiers, by_name[name], lacking)
            for name, lacking in judged.items()
            if all(lack.code != "namespaces" for lack in lacking)
        ]
        found.append(min(candidates, key=_distance, default=_objective(deployment, target, ())))
    return found


def _objective(
    deployment: Deployment,
    target: Target,
    tiers: tuple[Tier, ...],
    schedule: PlannedSchedule | None = None,
    lacking: tuple[Lack, ...] = (),
) -> Objective:
    return Objective(
        component=deployment.component,
        number=target.number,
        namespace=target.namespace,
        schedule=schedule.name if schedule else None,
        rpo=target.objective.rpo.seconds,
        worst_case_rpo=schedule.worst_case_rpo_seconds if schedule else None,
        retention=target.objective.retention.seconds,
        kept=schedule.keep_seconds if schedule else None,
        minimum_copies=target.objective.minimum_copies,
        copies=schedule.copies if schedule else None,
        volumes=target.wanted.volumes,
        lacking=lacking,
        tiers=tiers,
    )


def _distance(objective: Objective) -> tuple[bool, int, bool, int]:
    worst = objective.worst_case_rpo
    return not objective.met, len(objective.lacking), not objective.rpo_met, worst if worst is not None else 0


def tiers_of(schedules: Mapping[str, Schedule], until: int | None = None) -> tuple[Tier, ...]:
    """Which of several schedules has the finest backups at which age, the newest first; up to `until` where given."""
    left = dict(schedules)
    found: list[Tier] = []
    begins = 0
    while left and (until is None or begins < until):
        name = min(left, key=lambda one: (left[one].recurrence.nominal_interval(), -left[one].keep.seconds))
        every, kept = left[name].recurrence.nominal_interval(), left[name].keep.seconds
        found.append(Tier(name, begins, kept if until is None else min(kept, until), every))
        begins = kept
        left = {one: schedule for one, schedule in left.items() if schedule.keep.seconds > begins}
    return tuple(found)


def _own_tiers(name: str, settings: Settings) -> tuple[Tier, ...]:
    """The ages at which this schedule's backups are the finest of what it takes."""
    schedule = settings.schedules[name]
    if schedule.paused:
        return ()
    others = {
        other: each
        for other, each in settings.schedules.items()
        if not each.paused and (other == name or _takes_all_of(settings, each, schedule))
    }
    return tuple(tier for tier in tiers_of(others) if tier.schedule == name)


def _takes_all_of(settings: Settings, other: Schedule, schedule: Schedule) -> bool:
    """Whether whatever `schedule` takes, `other` takes as well."""
    own, others = (held.filters(settings, each) for each in (schedule, other))
    left_out = tuple(own.get("excludedNamespaces") or ())
    lacking = {
        lack.code
        for name in schedule.namespaces
        for lack in lacks(others, Wanted(name, left_out, schedule.excluded_resources))
    }
    return not lacking or (lacking == {"cluster-resources"} and not schedule.includes_cluster_resources)
