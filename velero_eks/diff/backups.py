"""When backups run, what they take, and which objective that meets: both plans' schedules and objectives compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from velero_on_eks.settings import Cron
from velero_on_eks.settings.coverage import Lack
from velero_on_eks.settings.namespaces import Namespaces

from velero_eks.diff.model import Effect, Entry, Fact
from velero_eks.terminal import words

Plan = dict[str, Any]
Objective = dict[str, Any]
_SHOWN_RUNS = 3
_YEARS, _YEARS_SAID = 5, "five years"
# What of a Schedule's own properties the sentences here, and those about retention, tell.
TOLD = (
    "spec.schedule",
    "spec.paused",
    "spec.template.ttl",
    "spec.template.includedNamespaces",
    "spec.template.excludedNamespaces",
    "spec.template.excludedResources",
    "spec.template.includeClusterResources",
    "spec.template.snapshotVolumes",
    "spec.template.snapshotMoveData",
    "spec.template.defaultVolumesToFsBackup",
)
# The yes or no of a backup's template, in words.
_SWITCHES = (
    ("includeClusterResources", "take", "cluster-wide objects"),
    ("snapshotVolumes", "take", "volumes"),
    ("snapshotMoveData", "move", "the data of volumes into the bucket"),
    ("defaultVolumesToFsBackup", "read", "volumes through their file system"),
)


def schedules(old: Plan, new: Plan) -> list[Fact]:
    """New schedules, and what changed of those that both plans have. One that is gone is told as a deletion."""
    facts: list[Fact] = []
    befores, afters = _by_name(old), _by_name(new)
    for name, (after, resource) in afters.items():
        if name in befores:
            facts += _changed(name, *befores[name], after, resource)
        else:
            facts.append(_new(name, after, resource))
    return facts


def _by_name(plan: Plan) -> dict[str, tuple[dict[str, Any], Entry]]:
    entries = {entry["urn"]: entry for entry in plan["resources"]}
    nothing: Entry = {"inputs": {}, "urn": ""}
    return {each["name"]: (each, entries.get(each["resource"], nothing)) for each in plan.get("schedules") or []}


def _new(name: str, after: dict[str, Any], resource: Entry) -> Fact:
    details = (f"takes {_takes(resource)}", f"kept {after['keep']}", *_next(after))
    state = ", paused" if after["paused"] else ""
    return Fact("schedules", f"{name} is new: {_when(after)}{state}", "stronger", details, (resource["urn"],))


def _changed(name: str, before: dict[str, Any], old: Entry, after: dict[str, Any], new: Entry) -> Iterator[Fact]:
    urns = (new["urn"],)
    upgraded = _by_library(name, before, after, urns)
    if upgraded is not None:
        yield upgraded
    elif _recurrence(before) != _recurrence(after):
        yield Fact(
            "schedules",
            f"{name} runs {_when(after)}, was {_when(before)}",
            _gap_effect(before, after),
            (*_gap(before, after), *_next(after)),
            urns,
        )
    if before["paused"] != after["paused"]:
        if after["paused"]:
            yield Fact("schedules", f"{name} is paused: it makes no backups", "weaker", (), urns)
        else:
            yield Fact("schedules", f"{name} runs again: {_when(after)}", "stronger", tuple(_next(after)), urns)
    yield from _template(name, _of_template(old), _of_template(new), urns)


def _by_library(name: str, before: dict[str, Any], after: dict[str, Any], urns: tuple[str, ...]) -> Fact | None:
    """What an unchanged cron comes to by the library of another Velero; None where that is the same."""
    if any(before[key] != after[key] for key in ("cron", "timezone")):
        return None
    try:
        was, now = _cron(before), _cron(after)
    except ValueError:
        return None
    if was.library == now.library:
        return None
    newer = now.library == "go-cron"
    since = "from Velero 1.18.3 on" if newer else "before Velero 1.18.3"
    if _recurrence(before) == _recurrence(after):
        if before["worst_case_rpo_seconds"] == after["worst_case_rpo_seconds"]:
            return None
        what = "made up for an hour later" if newer else "left out"
        text = f"{name}: {since} a run at a time that the clocks skip is {what}"
        return Fact("schedules", text, _gap_effect(before, after), tuple(_gap(before, after)), urns)
    why = f"its cron {after['cron']!r} is read differently"
    if was.restricts_both_day_fields or now.restricts_both_day_fields:
        why = f"{'both' if newer else 'one'} of day of month and day of week must match"
    runs = f"runs {now.description()}"
    if after["next"]:
        day = datetime.fromisoformat(after["next"][0]).date()
        counted = [cron.runs_in_years(day, _YEARS) for cron in (was, now)]
        runs = f"runs {counted[0]} times in {_YEARS_SAID}, then {counted[1]}"
    details = (f"It runs {now.description()}.", *_gap(before, after), *_next(after))
    return Fact("schedules", f"{name} {runs}: {since} {why}", _gap_effect(before, after), details, urns)


def _gap(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    was, now = before["worst_case_rpo_seconds"], after["worst_case_rpo_seconds"]
    if was is not None and now is not None and was != now:
        yield f"longest gap: {words.exact(now)}, was {words.exact(was)}"


def _template(name: str, before: dict[str, Any], after: dict[str, Any], urns: tuple[str, ...]) -> Iterator[Fact]:
    was, now = set(before.get("includedNamespaces") or ["*"]), set(after.get("includedNamespaces") or ["*"])
    if was != now:
        yield Fact("schedules", f"{name} takes {_names(now)}, was {_names(was)}", _wider(was, now), (), urns)
    for key, named in _LEFT_OUT:
        was, now = set(before.get(key) or []), set(after.get(key) or [])
        if now - was:
            yield Fact("schedules", f"{name} leaves out {named(now - was)}", "weaker", (), urns)
        if was - now:
            yield Fact("schedules", f"{name} no longer leaves out {named(was - now)}", "stronger", (), urns)
    for key, verb, what in _SWITCHES:
        if before.get(key) != after.get(key):
            yes = bool(after.get(key))
            text = f"{name} {verb}s {what}" if yes else f"{name} no longer {verb}s {what}"
            if key == "includeClusterResources" and after.get(key) is None:
                text = f"{name} includes only the cluster-wide objects that its namespaces refer to"
            yield Fact("schedules", text, "stronger" if yes else "weaker", (), urns)


def _wider(was: set[str], now: set[str]) -> Effect:
    """Whether what is taken now holds all that was taken, or the other way round."""
    before, after = Namespaces(tuple(sorted(was))), Namespaces(tuple(sorted(now)))
    try:
        lost, gained = after.lacking(before) is not None, before.lacking(after) is not None
    except ValueError:
        return ""
    if lost == gained:
        return ""
    return "weaker" if lost else "stronger"


def _of_template(entry: Entry) -> dict[str, Any]:
    return (entry["inputs"].get("spec") or {}).get("template") or {}


def _recurrence(schedule: dict[str, Any]) -> Any:
    """What decides when it runs, the same for two ways of writing the same."""
    try:
        cron = _cron(schedule)
    except ValueError:
        return schedule["cron"], schedule["timezone"]
    return cron.fields, cron.delay, cron.timezone


def _cron(schedule: dict[str, Any]) -> Cron:
    zone = None if schedule["cron"].startswith(("TZ=", "CRON_TZ=")) else schedule["timezone"]
    # A plan that was saved before Velero had two libraries does not say which.
    library = schedule.get("cron_library", "robfig")
    return Cron.parse(schedule["cron"], zone, library=library, allow_never=True)


def _when(schedule: dict[str, Any]) -> str:
    try:
        cron = _cron(schedule)
    except ValueError:
        return f"at {schedule['cron']} {schedule['timezone']}"
    return cron.description()


def _next(schedule: dict[str, Any]) -> list[str]:
    moments = [datetime.fromisoformat(text) for text in schedule["next"][:_SHOWN_RUNS]]
    if not moments:
        return []
    return [f"next: {', '.join(words.run(moment) for moment in moments)}"]


def _takes(resource: Entry) -> str:
    template = _of_template(resource)
    left_out = [named(set(template[key])) for key, named in _LEFT_OUT if template.get(key)]
    but = f" but {' and '.join(left_out)}" if left_out else ""
    return _names(set(template.get("includedNamespaces") or ["*"])) + but


def _names(namespaces: set[str]) -> str:
    return "every namespace" if "*" in namespaces else ", ".join(sorted(namespaces))


def _kinds(resources: set[str]) -> str:
    return f"the kinds {', '.join(sorted(resources))}" if len(resources) > 1 else f"the kind {min(resources)}"


# What of a backup's template leaves something out, and how that is named.
_LEFT_OUT = (("excludedNamespaces", _names), ("excludedResources", _kinds))


def _gap_effect(before: dict[str, Any], after: dict[str, Any]) -> Effect:
    was, now = before["worst_case_rpo_seconds"], after["worst_case_rpo_seconds"]
    if was is None or now is None or was == now:
        return ""
    return "stronger" if now < was else "weaker"


_ENVIRONMENTS = ("development", "staging", "production")


def objectives(old: Plan, new: Plan) -> list[Fact]:
    """What the plans promise for each namespace, and what their schedules make of it."""
    facts: list[Fact] = []
    if old["environment"] != new["environment"]:
        was, now = (_ENVIRONMENTS.index(plan["environment"]) for plan in (old, new))
        text = f"environment: {new['environment']}, was {old['environment']}"
        effect: Effect = "stronger" if now > was else "weaker"
        facts.append(Fact("objectives", text, effect, ("Defaults and limits of the new one apply.",)))
    befores, afters = (_by_namespace(plan) for plan in (old, new))
    for namespace in dict.fromkeys([*befores, *afters]):
        was, now = befores.get(namespace, []), afters.get(namespace, [])
        for before, after in _paired(was, now):
            name = _names({namespace})
            if max(len(was), len(now)) > 1:
                one = after or before or {}
                name += f" ({words.exact(one['rpo_seconds'])} for {words.exact(one['retention_seconds'])})"
            facts += _objective(name, before, after)
    return facts


def _by_namespace(plan: Plan) -> dict[str, list[Objective]]:
    found: dict[str, list[Objective]] = {}
    for one in plan.get("objectives") or []:
        found.setdefault(one["namespace"], []).append(one)
    return found


def _paired(was: Sequence[Objective], now: Sequence[Objective]) -> Iterator[tuple[Objective | None, Objective | None]]:
    """The objectives of one namespace before and after: what asks for the same first, the rest in their order."""
    rest = list(was)
    new: list[Objective] = []
    pairs: list[tuple[Objective | None, Objective | None]] = []
    for after in now:
        same = next((before for before in rest if _asks(before) == _asks(after)), None)
        if same is None:
            new.append(after)
        else:
            rest.remove(same)
            pairs.append((same, after))
    return iter([*pairs, *zip_longest(rest, new)])


def _asks(objective: Objective) -> tuple[int, int]:
    return objective["rpo_seconds"], objective["retention_seconds"]


def _objective(name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Iterator[Fact]:
    if after is None:
        yield Fact("objectives", f"{name}: it no longer has an objective", "weaker")
        return
    if before is None:
        loses, kept = (words.exact(after[key]) for key in ("rpo_seconds", "retention_seconds"))
        yield Fact(
            "objectives", f"{name}: may lose at most {loses}, required retention {kept}", "stronger", _met(after)
        )
        return
    for key, text, less_is in (
        ("rpo_seconds", "{name}: may lose at most {now}, was {was}", "stronger"),
        ("retention_seconds", "{name}: required retention {now}, was {was}", "weaker"),
        ("worst_case_rpo_seconds", "{name}: loses at most {now}, was {was}", "stronger"),
        ("kept_seconds", "{name}: retention {now}, was {was}", "weaker"),
    ):
        was, now = before[key], after[key]
        if was != now:
            yield Fact(
                "objectives",
                text.format(name=name, now=_length(key, now), was=_length(key, was)),
                _effect(was, now, less_is),
            )
    # A plan of an older version says neither.
    wanted, enough = before.get("minimum_copies"), after.get("minimum_copies")
    if wanted is not None and enough is not None and wanted != enough:
        text = f"{name}: {words.count(enough, 'backup')} at least, was {wanted}"
        yield Fact("objectives", text, "stronger" if enough > wanted else "weaker")
    if before.get("volumes") is not None and before["volumes"] != after.get("volumes"):
        counts = bool(after.get("volumes"))
        text = f"{name}: the data of volumes {'counts' if counts else 'no longer counts'}"
        yield Fact("objectives", text, "stronger" if counts else "weaker")
    if before["met"] != after["met"]:
        effect: Effect = "stronger" if after["met"] else "weaker"
        verdict = "met" if after["met"] else "missed"
        yield Fact("objectives", f"{name}: the objective is {verdict} now", effect, _met(after))


def _met(objective: dict[str, Any]) -> tuple[str, ...]:
    by = objective["schedule"]
    if by is None:
        return ("No running schedule includes it.",)
    if objective["met"]:
        return (f"Met by {by}.",)
    lacking = [Lack(one["code"], tuple(one["names"])).text for one in objective.get("lacking") or ()]
    why = f", which {' and '.join(lacking)}" if lacking else ""
    return (f"Missed by {by}{why}.",)


def _length(key: str, seconds: int | None) -> str:
    if seconds is None:
        return "everything" if key == "worst_case_rpo_seconds" else "none"
    return words.exact(seconds)


def _effect(was: int | None, now: int | None, less_is: str) -> Effect:
    # None is not a backup at all: the worst there is, for a loss as for a retention.
    if was is None or now is None:
        return "stronger" if was is None else "weaker"
    if less_is == "stronger":
        return "stronger" if now < was else "weaker"
    return "weaker" if now < was else "stronger"
