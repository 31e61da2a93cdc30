"""What a drill came to: each copy compared with the backup that it was made from, and the objectives. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from velero_eks.kube.defaulted import settled
from velero_eks.kube.objects import Difference, Object, ObjectKey, differences
from velero_eks.terminal import words
from velero_eks.velero.backup_contents import Stored, Unread
from velero_eks.velero.records import Backup, Restore
from velero_eks.velero.results import VeleroMessage


class CopyState(StrEnum):
    """How an object of the backup fared."""

    SAME = "as in the backup"
    DIFFERENT = "different"
    MISSING = "missing"
    ACCEPTED = "accepted by a dry run"
    REFUSED = "refused"
    UNTRIED = "not tried"


GOOD = frozenset({CopyState.SAME, CopyState.ACCEPTED})


@dataclass(frozen=True)
class Compared:
    """One object of the backup, under its original key, and how it fared. `reason` says what the server said."""

    key: ObjectKey
    state: CopyState
    fields: tuple[Difference, ...] = ()
    reason: str = ""

    @property
    def good(self) -> bool:
        return self.state in GOOD


def compare(
    restored: Iterable[Stored], expected: Callable[[Stored], Object], live: Mapping[ObjectKey, Object]
) -> list[Compared]:
    """Compare every restored object with the live one in its scratch namespace, in the order of keys."""
    found: list[Compared] = []
    for item in restored:
        wanted = expected(item)
        there = live.get(ObjectKey.of(wanted))
        key = ObjectKey.of(item.body)
        if there is None:
            found.append(Compared(key, CopyState.MISSING))
            continue
        fields = tuple(differences(settled(wanted, there), there))
        found.append(Compared(key, CopyState.DIFFERENT if fields else CopyState.SAME, fields))
    return sorted(found, key=lambda each: each.key)


def tried(item: Stored, wanted: Object, answer: Object | None, refusal: str) -> Compared:
    """How an object fared that the API server was only asked about: `answer` is what it would have made of it."""
    key = ObjectKey.of(item.body)
    if answer is None:
        return Compared(key, CopyState.REFUSED, reason=refusal)
    fields = tuple(differences(settled(wanted, answer), answer))
    return Compared(key, CopyState.DIFFERENT if fields else CopyState.ACCEPTED, fields)


def by_kind(compared: Iterable[Compared]) -> dict[str, Counter[CopyState]]:
    """How many objects of each kind fared how, kinds in their order."""
    found: dict[str, Counter[CopyState]] = {}
    for each in compared:
        kind = f"{each.key.kind}.{each.key.group}" if each.key.group else each.key.kind
        found.setdefault(kind, Counter())[each.state] += 1
    return dict(sorted(found.items()))


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """How a drill went. `seconds` is the recovery time: from asking for the Restore to its end."""

    drill: str
    backup: Backup
    namespaces: tuple[str, ...]
    began: datetime
    restore: Restore | None
    messages: tuple[VeleroMessage, ...] = ()
    compared: tuple[Compared, ...] = field(default=(), repr=False)
    seconds: float = 0.0
    left: tuple[str, ...] = ()
    problem: str = ""
    unread: Unread = field(default_factory=Unread)

    @property
    def data_age(self) -> float:
        """Seconds from the begin of the backup, from when on changes are not in it, to the begin of the drill."""
        return (self.began - self.backup.started).total_seconds() if self.backup.started else float("inf")

    @property
    def wrong(self) -> tuple[Compared, ...]:
        """The objects that would not come back as they were."""
        return tuple(each for each in self.compared if not each.good and each.state is not CopyState.UNTRIED)

    @property
    def restored(self) -> bool:
        """Whether the Restore is Completed and every object as in the backup."""
        return self.restore is not None and self.restore.good and not self.wrong and not self.problem


@dataclass(frozen=True)
class DrillCheck:
    """One thing that a drill shows to hold, or not."""

    name: str
    good: bool
    said: str


@dataclass(frozen=True)
class Objectives:
    """Seconds; None where no one set one. `rpo` is the stack's, `within` what the drill was told."""

    rpo: float | None = None
    within: float | None = None


def checks(drilled: Drilled, objectives: Objectives) -> list[DrillCheck]:
    """Everything that a drill is judged by, in the order in which people ask."""
    return list(_checks(drilled, objectives))


def _checks(drilled: Drilled, objectives: Objectives) -> Iterator[DrillCheck]:
    unread = drilled.unread
    if unread.count:
        said = f"{words.count(unread.count, 'member')} cannot be read, so nothing is proven of them: {unread.some[0]}"
        yield DrillCheck("backup", False, said)
    restore = drilled.restore
    if restore is None:
        yield DrillCheck("restore", False, drilled.problem or "no Restore was created")
    else:
        said = f"{restore.phase} after {words.duration(drilled.seconds)}"
        if restore.why:
            said += f": {restore.why}"
        yield DrillCheck("restore", restore.good and not drilled.problem, f"{said} {drilled.problem}".strip())
    for kind, states in by_kind(drilled.compared).items():
        wrong = [each for each in drilled.wrong if kind == _kind(each.key.group, each.key.kind)]
        counts = ", ".join(f"{words.number(number)} {state.value}" for state, number in sorted(states.items()))
        yield DrillCheck(f"objects: {kind}", not wrong, counts)
    if objectives.rpo is not None:
        age, rpo = drilled.data_age, objectives.rpo
        relation = "at most" if age <= rpo else "more than"
        said = f"the data is {words.duration(age)} old, {relation} the {words.exact(rpo)} of the objective"
        yield DrillCheck("data age", age <= rpo, said)
    if objectives.within is not None and restore is not None:
        took, limit = drilled.seconds, objectives.within
        relation = "within" if took <= limit else "longer than"
        yield DrillCheck(
            "recovery time",
            took <= limit,
            f"it took {words.duration(took)}, {relation} {words.exact(limit)}",
        )
    left = f"{words.count(len(drilled.left), 'thing')} left behind: {'; '.join(drilled.left)}"
    yield DrillCheck("clean-up", not drilled.left, left if drilled.left else "nothing left behind")


def _kind(group: str, kind: str) -> str:
    return f"{kind}.{group}" if group else kind
