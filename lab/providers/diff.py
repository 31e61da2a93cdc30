"""How two sets of properties differ, as the engine wants to hear it: a path, a kind, and whether it replaces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from lab.providers.properties import UNKNOWN, Path, plain
from velero_eks.aws.iam import canonical


class Kind(Enum):
    """What happens to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One property that differs; `replaces` when the real provider cannot change it in place."""

    path: Path
    kind: Kind
    replaces: bool = False

    @property
    def text(self) -> str:
        """The path as Pulumi writes it: `rules[0].filter.prefix`, `data["a.b"]`."""
        return path_text(self.path)


@dataclass(frozen=True)
class Rules:
    """How the properties of a resource type are compared. Places are written without list positions: `rules.filter`.

    force_new: changing it replaces the resource.
    defaults: the value that the cloud fills in for a property left out, so that leaving it out is not a change.
    computed: properties that the cloud fills in itself; leaving them out is not a change whatever they are.
    sets: lists whose order means nothing.
    documents: strings that hold JSON, compared by content; policies are such documents with IAM's own equivalences.
    local: settings of the provider itself that no API returns (forceDestroy); they are carried along.
    name: the property that must be unique in the cloud; a replacement that keeps it deletes first.
    """

    force_new: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    name: str | None = None

    def forces_new(self, place: str) -> bool:
        """Whether a change at `place` replaces: the place itself, what is inside it, or what it is inside of."""
        return any(_inside(place, forced) or _inside(forced, place) for forced in self.force_new)


def path_text(path: Path) -> str:
    """A property path in Pulumi's own notation."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and all(character.isalnum() or character in "_-$" for character in part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def place_of(path: Path) -> str:
    """The path without list positions, the notation of `Rules`."""
    return ".".join(part for part in path if isinstance(part, str))


def changes(old: Mapping[str, Any], new: Mapping[str, Any], rules: Rules) -> list[Change]:
    """What makes `new` another wish than `old`; both are inputs. Secrets are compared by what they hide."""
    found = _compare(plain(dict(old)), plain(dict(new)), (), rules)
    return [replace(change, replaces=rules.forces_new(place_of(change.path))) for change in found]


def delete_first(old: Mapping[str, Any], new: Mapping[str, Any], found: list[Change], rules: Rules) -> bool:
    """Whether a replacement must delete before it creates, since both would have the same name."""
    if rules.name is None or not any(change.replaces for change in found):
        return False
    name = plain(new.get(rules.name))
    return name is not None and name is not UNKNOWN and name == plain(old.get(rules.name))


def _compare(old: Any, new: Any, path: Path, rules: Rules) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys(), key=str):
            if str(key).startswith("__"):
                continue
            yield from _compare(old.get(key), new.get(key), (*path, key), rules)
        return
    if _same(old, new, path, rules):
        return
    if isinstance(old, list) and isinstance(new, list) and place_of(path) not in rules.sets:
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from _compare(before, after, (*path, index), rules)
        return
    yield Change(path, Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE)


def _same(old: Any, new: Any, path: Path, rules: Rules) -> bool:
    place = place_of(path)
    if new is UNKNOWN:
        return False
    if new is None and place in rules.computed:
        return True
    if place in rules.defaults:
        old = rules.defaults[place] if old is None else old
        new = rules.defaults[place] if new is None else new
    if old is None or new is None:
        return _empty(old) and _empty(new)
    return equivalent(old, new, place, rules)


def equivalent(old: Any, new: Any, place: str, rules: Rules) -> bool:
    """Whether two values at `place` say the same, however they are written."""
    if isinstance(old, str) and isinstance(new, str) and place in rules.policies:
        return policies_equivalent(old, new)
    if isinstance(old, str) and isinstance(new, str) and place in rules.documents:
        return _documents_equivalent(old, new)
    if isinstance(old, list) and isinstance(new, list) and place in rules.sets:
        return sorted(map(_key, old)) == sorted(map(_key, new))
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def reconcile(live: Any, known: Any, rules: Rules, path: Path = ()) -> Any:
    """`live` written the way `known` writes it wherever both say the same.

    Without this, a policy that AWS returns with other spaces, or a set in another order, would show as a change
    made by hand. `live` and `known` are plain values; what `known` lacks is taken from `live` as it is.
    """
    if known is None or known is UNKNOWN:
        return live
    if live is None:
        return known if _same(known, None, path, rules) else None
    if isinstance(live, dict) and isinstance(known, dict):
        result = {key: reconcile(value, known.get(key), rules, (*path, key)) for key, value in live.items()}
        silent = {
            key: value for key, value in known.items() if key not in live and _same(value, None, (*path, key), rules)
        }
        return {**result, **silent}
    if equivalent(known, live, place_of(path), rules):
        return known
    if isinstance(live, list) and isinstance(known, list):
        padded = known + [None] * len(live)
        return [reconcile(value, padded[index], rules, (*path, index)) for index, value in enumerate(live)]
    return live


def project(live: Any, wish: Any, rules: Rules, path: Path = ()) -> Any:
    """The part of `live` that `wish` speaks of, so that what the cloud adds by itself is not drift.

    A property inside an object that the wish does not mention is kept only when it says something: an added
    lifecycle expiry is drift, an empty list or a default is not.
    """
    if isinstance(live, dict) and isinstance(wish, dict):
        return {
            key: project(value, wish.get(key), rules, (*path, key))
            for key, value in live.items()
            if key in wish or not _same(value, None, (*path, key), rules)
        }
    if isinstance(live, list) and isinstance(wish, list):
        padded = wish + [None] * len(live)
        return [project(value, padded[index], rules, (*path, index)) for index, value in enumerate(live)]
    return live


def policies_equivalent(old: str, new: str) -> bool:
    """Whether two IAM policy documents mean the same: order, one-element lists and key order aside."""
    try:
        before, after = json.loads(old), json.loads(new)
    except ValueError:
        return old == new
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before == after
    return canonical(before) == canonical(after)


def _documents_equivalent(old: str, new: str) -> bool:
    try:
        return json.loads(old) == json.loads(new)
    except ValueError:
        return old == new


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _inside(place: str, outer: str) -> bool:
    return place == outer or place.startswith(f"{outer}.")
