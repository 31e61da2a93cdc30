"""The copy of a namespace held against the backup that it was made from, object by object. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from velero_eks.kube.defaulted import settled
from velero_eks.kube.objects import Difference, Object, ObjectKey, differences
from velero_eks.velero.backup_contents import Stored


class State(StrEnum):
    """How an object of the backup fared."""

    SAME = "as in the backup"
    DIFFERENT = "different"
    MISSING = "missing"
    ACCEPTED = "accepted by a dry run"
    REFUSED = "refused"
    UNTRIED = "not tried"


GOOD = frozenset({State.SAME, State.ACCEPTED})


@dataclass(frozen=True)
class Compared:
    """One object of the backup, under its original key, and how it fared. `reason` says what the server said."""

    key: ObjectKey
    state: State
    fields: tuple[Difference, ...] = ()
    reason: str = ""

    @property
    def good(self) -> bool:
        return self.state in GOOD


def compare(
    restored: Iterable[Stored], expected: Callable[[Stored], Object], live: Mapping[ObjectKey, Object]
) -> list[Compared]:
    """Hold every restored object against the live one in its scratch namespace, in the order of keys."""
    found: list[Compared] = []
    for item in restored:
        wanted = expected(item)
        there = live.get(ObjectKey.of(wanted))
        key = ObjectKey.of(item.body)
        if there is None:
            found.append(Compared(key, State.MISSING))
            continue
        fields = tuple(differences(settled(wanted, there), there))
        found.append(Compared(key, State.DIFFERENT if fields else State.SAME, fields))
    return sorted(found, key=lambda each: each.key)


def tried(item: Stored, wanted: Object, answer: Object | None, refusal: str) -> Compared:
    """How an object fared that the API server was only asked about: `answer` is what it would have made of it."""
    key = ObjectKey.of(item.body)
    if answer is None:
        return Compared(key, State.REFUSED, reason=refusal)
    fields = tuple(differences(settled(wanted, answer), answer))
    return Compared(key, State.DIFFERENT if fields else State.ACCEPTED, fields)


def by_kind(compared: Iterable[Compared]) -> dict[str, Counter[State]]:
    """How many objects of each kind fared how, kinds in their order."""
    found: dict[str, Counter[State]] = {}
    for each in compared:
        kind = f"{each.key.kind}.{each.key.group}" if each.key.group else each.key.kind
        found.setdefault(kind, Counter())[each.state] += 1
    return dict(sorted(found.items()))
