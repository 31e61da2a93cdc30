"""What the engine would do to each resource: create, update, replace or delete it, and by which properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from velero_eks.diff import properties
from velero_eks.diff.model import Entry, Late, PropertyChange, ResourceChange, place_of
from velero_eks.diff.replacement import mutable, provider_replaces, rule_for
from velero_eks.diff.words import subject

PROVIDER = "pulumi:providers:"
_PROVIDER_CHANGED = "provider"


@dataclass(frozen=True)
class Pair:
    """One resource in both plans, the new entry under its old URN; `urn` is the one it has now."""

    urn: str
    old: Entry | None
    new: Entry | None

    @property
    def key(self) -> str:
        """The URN that both plans know it by."""
        return str((self.old or self.new or {})["urn"])


def operations(pairs: Iterable[Pair]) -> tuple[list[ResourceChange], int]:
    """The changes, components left out since they are nothing outside the program; and how many stay the same."""
    custom = [pair for pair in pairs if (pair.new or pair.old or {}).get("custom")]
    olds = {pair.key: pair.old for pair in custom if pair.old}
    news = {pair.key: pair.new for pair in custom if pair.new}
    found = {pair.key: _compared(pair, olds, news) for pair in custom}
    _spread(found, {pair.key: pair for pair in custom})
    changed = [change for change in found.values() if change is not None]
    return changed, len(found) - len(changed)


def _compared(pair: Pair, olds: Mapping[str, Entry], news: Mapping[str, Entry]) -> ResourceChange | None:
    was = pair.key if pair.old and pair.urn != pair.key else None
    if pair.old is None or pair.new is None:
        return ResourceChange("create" if pair.new else "delete", pair.urn, was, pair.old, pair.new)
    found = _marked(pair.old, pair.new, _provider(pair.old, olds), _provider(pair.new, news))
    if not found:
        return None
    return _as_change(pair.urn, was, pair.old, pair.new, found)


def _as_change(urn: str, was: str | None, old: Entry, new: Entry, found: list[PropertyChange]) -> ResourceChange:
    replaced = any(change.replaces for change in found)
    # Where the provider itself is another, the engine does not ask it, and creates first.
    asked = not any(change.path == _PROVIDER_CHANGED for change in found)
    first = replaced and _deletes_first(old, new, asked=asked)
    return ResourceChange("replace" if replaced else "update", urn, was, old, new, tuple(found), first)


def _provider(entry: Entry, entries: Mapping[str, Entry]) -> Entry | None:
    return entries.get(entry["options"].get("provider") or "")


def _marked(old: Entry, new: Entry, old_provider: Entry | None, new_provider: Entry | None) -> list[PropertyChange]:
    """The changes that the engine would see, those that replace marked."""
    options = new["options"]
    type_, rule = new["type"], rule_for(new["type"])
    ignored = options.get("ignoreChanges") or []
    on_changes = options.get("replaceOnChanges") or []
    found: list[PropertyChange] = []
    for change in properties.changes(old["inputs"], new["inputs"]):
        if _covered(change.place, ignored):
            continue
        forced = rule is not None and rule.forces(change.place)
        forced &= not mutable(type_, change.place, new_provider["inputs"] if new_provider else None)
        found.append(replace(change, replaces=forced or _covered(change.place, on_changes)))
    if type_.startswith(PROVIDER):
        key = provider_replaces(type_, old["inputs"], new["inputs"])
        return [replace(change, replaces=change.replaces or _root(change.place) == key) for change in found]
    if old_provider and new_provider:
        found += _by_provider(old, new, old_provider, new_provider)
    return found


def _by_provider(old: Entry, new: Entry, old_provider: Entry, new_provider: Entry) -> list[PropertyChange]:
    """What another configuration of its provider does to a resource."""
    rule = rule_for(new["type"])
    before, after = (entry["inputs"] for entry in (old_provider, new_provider))
    if rule and rule.regional:
        regions = [
            entry["inputs"].get("region") or inputs.get("region") for entry, inputs in ((old, before), (new, after))
        ]
        if regions[0] != regions[1] and old["inputs"].get("region") == new["inputs"].get("region"):
            return [PropertyChange("region", *regions, replaces=True)]
    key = provider_replaces(new_provider["type"], before, after)
    if key is None:
        return []
    return [PropertyChange(_PROVIDER_CHANGED, subject(old_provider), Late(subject(new_provider)), replaces=True)]


def _covered(place: str, paths: Iterable[str]) -> bool:
    plain = [place_of(path).removesuffix(".*") for path in paths]
    return any(path == "*" or place == path or place.startswith(f"{path}.") for path in plain)


def _root(place: str) -> str:
    return place.split(".")[0]


def _deletes_first(old: Entry, new: Entry, *, asked: bool) -> bool:
    wanted = new["options"].get("deleteBeforeReplace")
    rule = rule_for(new["type"])
    if wanted is not None:
        return bool(wanted)
    if rule is None or not asked:
        return False
    if rule.name == "metadata.name":
        # The provider compares both: an object of that name in another namespace is not an obstacle.
        places = [(entry["inputs"].get("metadata") or {}) for entry in (old, new)]
        names = [(place.get("name"), place.get("namespace")) for place in places]
        return names[0][0] is not None and names[0] == names[1]
    given = [entry["inputs"].get(rule.name) for entry in (old, new)] if rule.name else [None, None]
    return rule.delete_first or (given[0] is not None and given[0] == given[1])


def _spread(found: dict[str, ResourceChange | None], pairs: Mapping[str, Pair]) -> None:
    """Carry replacements on to what is made from the replaced resource, until nothing more is touched.

    Where a replacement has another id or value, all inputs made from it change. Where it is deleted first, the engine
    also deletes and makes again what a change of those inputs would replace.
    """
    again = True
    while again:
        again = False
        replaced = {urn: change for urn, change in found.items() if change and change.operation == "replace"}
        for urn, pair in pairs.items():
            if pair.old is None or pair.new is None:
                continue
            change = found[urn]
            known = change.properties if change else ()
            late = list(_late(pair.new, replaced, {_root(each.place) for each in known}))
            if late:
                was = pair.key if pair.urn != pair.key else None
                found[urn] = _as_change(pair.urn, was, pair.old, pair.new, [*known, *late])
                again = True


def _late(new: Entry, replaced: Mapping[str, ResourceChange], known: set[str]) -> Iterable[PropertyChange]:
    """The inputs of a resource that change since what they are made from is replaced, beside those known to change."""
    rule = rule_for(new["type"])
    for name, origins in (new["options"].get("propertyDependencies") or {}).items():
        forces = rule is not None and rule.forces(name)
        for origin in origins:
            source = replaced.get(origin)
            if source is not None and name not in known and _reaches(source, forces):
                what = subject(source.entry)
                yield PropertyChange(name, f"from {what}", Late(what), replaces=forces)
                break


def _reaches(source: ResourceChange, forces: bool) -> bool:
    rule = rule_for(source.type)
    return (rule is not None and rule.assigns) or (source.delete_first and forces)
