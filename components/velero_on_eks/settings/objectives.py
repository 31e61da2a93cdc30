"""The objectives compared with the schedules: which schedule takes what is asked for, and meets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from velero_on_eks.settings.coverage import Lack, Wanted, lacks
from velero_on_eks.settings.duration import words
from velero_on_eks.settings.namespaces import EVERY, is_pattern
from velero_on_eks.settings.refusals import Refusal, SettingsWarning
from velero_on_eks.settings.sections import Recovery, Schedule

Found = Iterator[Refusal]

_YEAR = timedelta(days=366)
# One backup at a time, and the first run that fails leaves none.
_FEWEST_COPIES = 2


@dataclass(frozen=True)
class Target:
    """One namespace, or one pattern, of one objective. `number` is the objective's place in the list, from 0."""

    number: int
    objective: Recovery
    namespace: str
    wanted: Wanted


def targets(s: Any) -> Iterator[Target]:
    """What the settings `s` promise, namespace by namespace."""
    for number, objective in enumerate(s.recovery):
        volumes = s.volumes.mode != "none" if objective.volumes is None else objective.volumes
        for namespace in objective.namespaces:
            wanted = Wanted(
                namespace,
                objective.excluded_namespaces,
                objective.excluded_resources,
                volumes,
                s.release.namespace,
            )
            yield Target(number, objective, namespace, wanted)


def judged(s: Any, target: Target) -> dict[str, tuple[Lack, ...]]:
    """The schedules that run, each with what it lacks of a target."""
    running = {name: schedule for name, schedule in s.schedules.items() if not schedule.paused}
    return {name: lacks(filters(s, schedule), target.wanted) for name, schedule in running.items()}


def filters(s: Any, schedule: Schedule) -> Mapping[str, Any]:
    """What a schedule's backups take, as its template has it."""
    return schedule.filters(velero=s.release.namespace, snapshot_volumes=s.volumes.mode == "csi-snapshot")


def copies(schedule: Schedule) -> int:
    """How many backups of a schedule there are at any time once it has run for long."""
    return schedule.keep.seconds // schedule.recurrence.nominal_interval()


def meets(schedule: Schedule, objective: Recovery) -> bool:
    """Whether this one schedule satisfies rpo, retention and minimum copies; its zone's clock changes are a warning."""
    return in_time(schedule, objective) and copies(schedule) >= objective.minimum_copies


def in_time(schedule: Schedule, objective: Recovery) -> bool:
    """Whether it runs within the rpo and keeps its backups for the retention."""
    return (
        schedule.recurrence.nominal_interval() <= objective.rpo.seconds
        and schedule.keep.seconds >= objective.retention.seconds
    )


def meeting(s: Any, target: Target) -> dict[str, Schedule]:
    """The schedules that take a target whole and meet its objective."""
    whole = (name for name, lacking in judged(s, target).items() if not lacking)
    return {name: s.schedules[name] for name in whole if meets(s.schedules[name], target.objective)}


def missed(s: Any) -> Found:
    """The objectives that no running schedule meets, and what keeps it from that."""
    for number, objective in enumerate(s.recovery):
        if objective.volumes and s.volumes.mode == "none":
            yield Refusal(
                "volumes-without-mode",
                "volumes.mode is none: no backup has volume data",
                "write volumes: {mode: csi-snapshot}, or remove it",
                ("recovery", number, "volumes"),
                True,
            )
    few: dict[str, Refusal] = {}
    for target in targets(s):
        yield from _missed(s, target, few)
    yield from few.values()


def _missed(s: Any, target: Target, few: dict[str, Refusal]) -> Found:
    number, objective, namespace = target.number, target.objective, target.namespace
    if namespace == s.release.namespace:
        yield Refusal(
            "objective-of-velero",
            "Velero's own namespace is never backed up",
            "remove it",
            ("recovery", number, "namespaces"),
            namespace,
        )
        return
    found = judged(s, target)
    if objective.volumes and s.volumes.mode == "none":
        # Told by itself.
        found = {name: tuple(lack for lack in each if lack.code != "volumes") for name, each in found.items()}
    near = {name: each for name, each in found.items() if all(lack.code != "namespaces" for lack in each)}
    if not near:
        said = "no running schedule includes it"
        if is_pattern(namespace):
            said += f" whole: {_said({name: each[:1] for name, each in found.items()})}"
        yield Refusal(
            "namespace-not-covered",
            said,
            f"add it to the namespaces of one of: {', '.join(s.schedules)}",
            ("recovery", number, "namespaces"),
            namespace,
        )
        return
    whole = {name: s.schedules[name] for name, each in near.items() if not each}
    if any(meets(schedule, objective) for schedule in whole.values()):
        return
    for name, schedule in whole.items():
        # Of one that is gone before the next is made, that is told by itself.
        kept_longer = schedule.keep.seconds > schedule.recurrence.nominal_interval()
        if kept_longer and copies(schedule) < objective.minimum_copies:
            few.setdefault(name, too_few(name, schedule, objective.minimum_copies, "recovery.minimumCopies"))
    if any(in_time(schedule, objective) for schedule in whole.values()):
        return
    value = f"{namespace}: rpo {objective.rpo}, retention {objective.retention}"
    if whole:
        pace = ", ".join(
            f"{name} runs every {words(schedule.recurrence.nominal_interval())} and keeps {schedule.keep}"
            for name, schedule in whole.items()
        )
        limit = f"no single schedule meets both the rpo and the retention: {pace}"
        remedy = "run one more often, keep it longer, or lower the objective"
        in_time_only = {name: each for name, each in near.items() if each and in_time(s.schedules[name], objective)}
        if in_time_only:
            limit += f"; in time, but incomplete: {_said(in_time_only)}"
            remedy = _remedy({lack.code for each in in_time_only.values() for lack in each})
    else:
        limit = f"no schedule includes all of it: {_said(near)}"
        remedy = _remedy({lack.code for each in near.values() for lack in each})
    yield Refusal("objective-missed", limit, remedy, ("recovery", number), value)


def _said(found: Mapping[str, tuple[Lack, ...]]) -> str:
    return ", ".join(f"{name} {' and '.join(lack.text for lack in each)}" for name, each in found.items())


def _remedy(codes: set[str]) -> str:
    said = {
        "kinds": "remove that exclusion, or add the kinds to the objective's excludedResources",
        "cluster-resources": "omit clusterResources, or name the objective's namespaces",
        "volumes": "set volumes.mode, or volumes: false in the objective",
        "labels": "remove the selector",
    }
    return "; ".join(text for code, text in said.items() if code in codes)


def too_few(name: str, schedule: Schedule, wanted: int, field: str) -> Refusal:
    """The refusal of a schedule that keeps fewer backups than `field` asks for."""
    interval = schedule.recurrence.nominal_interval()
    return Refusal(
        "too-few-copies",
        f"with a backup every {words(interval)} fewer than {wanted} are kept ({field})",
        f"keep them at least {words(interval * wanted)}",
        ("schedules", name, "keep"),
        str(schedule.keep),
    )


def warnings(s: Any, at: datetime) -> Iterator[SettingsWarning]:
    """What is true of objectives that are met, and worth knowing in the year after `at`."""
    serving: set[str] = set()
    for target in targets(s):
        objective, namespace = target.objective, target.namespace
        met_by = meeting(s, target)
        serving |= set(met_by)
        gaps = {name: schedule.recurrence.longest_gap(at, _YEAR) for name, schedule in met_by.items()}
        if gaps and min(gaps.values()) > objective.rpo.seconds:
            name = min(gaps, key=lambda key: gaps[key])
            recurrence = s.schedules[name].recurrence
            skipped = " (runs that the clock change skips are not made up)" if recurrence.library == "robfig" else ""
            yield SettingsWarning(
                "rpo-clock-change",
                f"schedules.{name}.timezone",
                f"when the clocks of {recurrence.timezone} change, {words(gaps[name])} pass between two"
                f" backups of {namespace}, above the rpo of {objective.rpo}{skipped};"
                " set timezone: UTC, or add the hour to recovery.rpo",
            )
        left_out = {name for schedule in met_by.values() for name in schedule.excluded_namespaces}
        excluded = sorted(name for name in left_out if name in target.wanted.namespaces)
        if namespace == EVERY and excluded:
            yield SettingsWarning(
                "excluded-namespaces",
                "recovery.namespaces",
                f"the objective is every namespace, and {', '.join(excluded)} is excluded by name"
                f" from {', '.join(met_by)} and cannot be restored from it",
            )
    for name, schedule in s.schedules.items():
        idle = schedule.paused or name in serving or schedule.minimum_copies is not None
        if not idle and copies(schedule) < _FEWEST_COPIES:
            yield SettingsWarning(
                "few-copies",
                f"schedules.{name}.keep",
                f"{name} keeps one backup at a time ({schedule.keep}, one every"
                f" {words(schedule.recurrence.nominal_interval())}): if a run fails, none is left until"
                " the next; keep it longer, or accept this with minimumCopies: 1",
            )
