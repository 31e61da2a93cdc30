"""One stack of two plans, compared: the resources first, then in words what that means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from velero_eks.diff import (
    backups,
    consequences,
    findings,
    old_backups,
    overrides,
    permissions,
    refusals,
    retention,
    upgrade,
)
from velero_eks.diff.identity import as_before, match
from velero_eks.diff.model import CATEGORIES, Entry, Fact, Late, PropertyChange, ResourceChange, StackDiff, Status
from velero_eks.diff.operations import Pair, operations
from velero_eks.diff.properties import shown
from velero_eks.diff.words import SCHEDULE, detail, subject
from velero_eks.rules.kinds import RELEASE

Plan = dict[str, Any]
# The properties that a sentence about an update names.
_NAMED_PROPERTIES = 4
# A change of tags or labels that this many resources share is told once.
_SHARED = 3
_SHARED_PLACES = ("tags", "metadata.labels", "metadata.annotations")


def compare(stack: str, old: Plan | None, new: Plan | None) -> StackDiff:
    """What differs between a stack's two plans; None where a revision does not have the stack.

    Both are None for a stack that is gone and that the older revision could not plan either.
    """
    if old is None or new is None:
        return _alone(stack, old, new)
    matching = match(old["resources"], new["resources"])
    now = {was: urn for urn, was in matching.renamed.items()}
    after = as_before(new, matching)
    pairs = _pairs(old, after, now)
    changes, same = operations(pairs)
    facts = _told_now(_facts(old, after, changes, pairs), now)
    outputs = _outputs(old, after)
    status: Status = "changed" if facts or changes or outputs else "same"
    return StackDiff(stack, status, facts, tuple(changes), same, outputs)


def _alone(stack: str, old: Plan | None, new: Plan | None) -> StackDiff:
    """A stack that only one revision has. Nothing is destroyed by a stack file that goes."""
    if new is None:
        # An older plan that could not be made leaves them uncounted.
        what = f"its {sum(entry['custom'] for entry in old['resources'])} resources" if old else "its resources"
        text = f"Its file is gone: {what} are no longer planned, checked or deployed"
        details = (f"They remain in the account and the cluster until 'pulumi destroy --stack {stack}'.",)
        return StackDiff(stack, "removed", (Fact("deleted", text, "weaker", details),))
    empty: Plan = {"stack": stack, "environment": new["environment"], "resources": [], "outputs": {}}
    pairs = _pairs(empty, new, {})
    changes, _ = operations(pairs)
    facts = tuple(_by_itself(fact) for fact in _facts(empty, new, changes, pairs))
    return StackDiff(stack, "added", facts, tuple(changes), 0, _outputs(empty, new))


def _by_itself(fact: Fact) -> Fact:
    """A fact of what nothing was before: it is neither weaker nor stronger than that."""
    return replace(fact, effect="") if fact.effect in ("weaker", "stronger") else fact


def _pairs(old: Plan, new: Plan, now: Mapping[str, str]) -> list[Pair]:
    befores = {entry["urn"]: entry for entry in old["resources"]}
    afters = {entry["urn"]: entry for entry in new["resources"]}
    return [Pair(now.get(urn, urn), befores.get(urn), afters.get(urn)) for urn in dict.fromkeys([*befores, *afters])]


def _facts(old: Plan, new: Plan, changes: Sequence[ResourceChange], pairs: Sequence[Pair]) -> tuple[Fact, ...]:
    facts = list(_replaced_and_deleted(changes))
    granted = permissions.permissions(old, new)
    keys = {**permissions.key_aliases(new), **permissions.key_aliases(old)}
    refused = [fact for change in changes for fact in refusals.refusals(change, keys)]
    scheduled = backups.schedules(old, new)
    both = [(pair.old, pair.new, pair.urn) for pair in pairs if pair.old and pair.new and pair.new["custom"]]
    facts += [*granted, *refused, *scheduled]
    facts += old_backups.old_backups(old, new, keys)
    facts += retention.retention(old, new, changes, both)
    facts += upgrade.upgrade(old, new)
    facts += backups.objectives(old, new)
    facts += findings.findings(old, new)
    facts += overrides.overrides(old, new)
    told = overrides.places(old, new)
    facts += _updated(changes, {urn for fact in (*granted, *refused) for urn in fact.resources}, told)
    facts += _imported(both)
    facts += _created(changes, {urn for fact in scheduled for urn in fact.resources})
    facts += _unsaid(changes, {urn for fact in facts for urn in fact.resources})
    order = list(CATEGORIES)
    return tuple(sorted(facts, key=lambda fact: (order.index(fact.category), fact.effect != "risk")))


def _replaced_and_deleted(changes: Sequence[ResourceChange]) -> Iterator[Fact]:
    created = {(change.type, subject(change.entry)): change for change in changes if change.operation == "create"}
    for operation in ("replace", "delete"):
        for change, with_it in _families([change for change in changes if change.operation == operation]):
            if operation == "replace":
                yield consequences.replaced(change, with_it)
            else:
                again = created.get((change.type, subject(change.entry)))
                yield consequences.deleted(change, with_it, again)


def _families(changes: Sequence[ResourceChange]) -> list[tuple[ResourceChange, list[ResourceChange]]]:
    """Each change with those of the same kind below it, which the reader takes for one."""
    by_urn = {change.entry["urn"]: change for change in changes}
    heads: dict[str, list[ResourceChange]] = {}
    for change in changes:
        head = change
        while head.entry["parent"] in by_urn:
            head = by_urn[head.entry["parent"]]
        heads.setdefault(head.entry["urn"], [])
        if head is not change:
            heads[head.entry["urn"]].append(change)
    return [(by_urn[urn], below) for urn, below in heads.items()]


def _updated(changes: Iterable[ResourceChange], permitted: set[str], laid_over: frozenset[str]) -> Iterator[Fact]:
    """Updates in place: what no other sentence has told of them."""
    left = [
        (change, [one for one in change.properties if not _is_told(change, one, permitted, laid_over)])
        for change in changes
        if change.operation == "update"
    ]
    shared: dict[tuple[str, str], list[ResourceChange]] = defaultdict(list)
    for change, ones in left:
        for one in ones:
            if one.place.startswith(_SHARED_PLACES):
                shared[_line(one), one.path].append(change)
    often = {line for (line, _), members in shared.items() if len(members) >= _SHARED}
    for change, ones in left:
        own = [one for one in ones if _line(one) not in often]
        if own:
            yield _update(change, own)
    for (line, _), members in shared.items():
        if line in often:
            names = tuple(subject(change.entry) for change in members)
            urns = tuple(change.urn for change in members)
            yield Fact("updated", f"{line} on {len(members)} resources", "", (", ".join(names),), urns)


def _unsaid(changes: Iterable[ResourceChange], said: set[str]) -> Iterator[Fact]:
    """Updates that no sentence speaks of: rules that do the same in another order, for instance."""
    for change in changes:
        if change.operation == "update" and not said & {change.urn, change.entry["urn"]}:
            yield _update(change, change.properties)


def _is_told(change: ResourceChange, one: PropertyChange, permitted: set[str], laid_over: frozenset[str]) -> bool:
    if change.type == RELEASE and overrides.is_told(one.place, laid_over):
        return True
    if one.place.split(".")[0] in (*refusals.POLICIES, refusals.BOUNDARY):
        return bool(permitted & {change.urn, change.entry["urn"]})
    told = backups.TOLD if change.type == SCHEDULE else retention.TOLD.get(change.type, ())
    return any(one.place == place or one.place.startswith(f"{place}.") for place in told)


def _update(change: ResourceChange, ones: Sequence[PropertyChange]) -> Fact:
    before, after = (detail(entry) for entry in (change.old or {}, change.new or {}))
    text = subject(change.entry)
    if before != after and after:
        text += f": {after}, was {before or 'without'}"
    lines = [_line(one) for one in ones[:_NAMED_PROPERTIES]]
    if len(ones) > _NAMED_PROPERTIES:
        lines.append(f"and {len(ones) - _NAMED_PROPERTIES} more properties")
    return Fact("updated", text, "", tuple(lines), (change.urn,))


def _line(one: PropertyChange) -> str:
    if isinstance(one.new, Late):
        return f"{one.path}: follows {one.new.source}, which is replaced"
    return f"{one.path}: {shown(one.old)} → {shown(one.new)}"


def _imported(pairs: Iterable[tuple[Entry, Entry, str]]) -> Iterator[Fact]:
    for old, new, urn in pairs:
        before, after = (entry["options"].get("import") for entry in (old, new))
        if after and before != after:
            detail = "Nothing changes if the state has that id; another id in the state is replaced."
            yield Fact("updated", f"{subject(new)} will be the existing {after}", "", (detail,), (urn,))


def _created(changes: Iterable[ResourceChange], told: set[str]) -> Iterator[Fact]:
    created = [change for change in changes if change.operation == "create" and change.urn not in told]
    for change, below in _families(created):
        adopted = (change.new or {}).get("options", {}).get("import")
        text = f"{subject(change.entry)} is adopted: {adopted}" if adopted else subject(change.entry)
        said = detail(change.entry)
        details = [said] if said else []
        if below:
            names = [subject(one.entry) for one in below]
            details.append(f"With it: {', '.join(sorted(names))}.")
        yield Fact("created", text, "", tuple(details), tuple(one.urn for one in (change, *below)))


def _outputs(old: Plan, new: Plan) -> dict[str, str]:
    befores, afters = old.get("outputs") or {}, new.get("outputs") or {}
    found: dict[str, str] = {}
    for name in sorted({*befores, *afters}):
        if name not in befores:
            found[name] = "added"
        elif name not in afters:
            found[name] = "removed"
        elif befores[name] != afters[name]:
            found[name] = "changed"
    return found


def _told_now(facts: Iterable[Fact], now: Mapping[str, str]) -> tuple[Fact, ...]:
    """The facts with the URNs that the resources have now."""
    return tuple(replace(fact, resources=tuple(now.get(urn, urn) for urn in fact.resources)) for fact in facts)
