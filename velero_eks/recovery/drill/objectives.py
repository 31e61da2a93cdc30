"""What a drill is held against: the age of the data, the recovery time, every object. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from velero_eks.recovery.drill.compared import by_kind
from velero_eks.recovery.drill.run import Drilled
from velero_eks.terminal import words


@dataclass(frozen=True)
class Check:
    """One thing that a drill shows to hold, or not."""

    name: str
    good: bool
    said: str


@dataclass(frozen=True)
class Objectives:
    """Seconds; None where nobody set one. `rpo` is the stack's, `within` what the drill was told."""

    rpo: float | None = None
    within: float | None = None


def checks(drilled: Drilled, objectives: Objectives) -> list[Check]:
    """Everything that a drill is judged by, in the order in which people ask."""
    return list(_checks(drilled, objectives))


def _checks(drilled: Drilled, objectives: Objectives) -> Iterator[Check]:
    restore = drilled.restore
    if restore is None:
        yield Check("restore", False, drilled.problem or "no Restore was made")
    else:
        said = f"{restore.phase} after {words.duration(drilled.seconds)}"
        if restore.why:
            said += f": {restore.why}"
        yield Check("restore", restore.good and not drilled.problem, f"{said} {drilled.problem}".strip())
    for kind, states in by_kind(drilled.compared).items():
        wrong = [each for each in drilled.wrong if kind == _kind(each.key.group, each.key.kind)]
        counts = ", ".join(f"{words.number(number)} {state.value}" for state, number in sorted(states.items()))
        yield Check(f"objects: {kind}", not wrong, counts)
    if objectives.rpo is not None:
        age, rpo = drilled.data_age, objectives.rpo
        relation = "at most" if age <= rpo else "more than"
        said = f"the data is {words.duration(age)} old, {relation} the {words.exact(rpo)} of the objective"
        yield Check("data age", age <= rpo, said)
    if objectives.within is not None and restore is not None:
        took, limit = drilled.seconds, objectives.within
        relation = "within" if took <= limit else "longer than"
        yield Check(
            "recovery time",
            took <= limit,
            f"it took {words.duration(took)}, {relation} {words.exact(limit)}",
        )
    left = f"{words.count(len(drilled.left), 'thing')} left behind: {'; '.join(drilled.left)}"
    yield Check("clean-up", not drilled.left, left if drilled.left else "nothing is left behind")


def _kind(group: str, kind: str) -> str:
    return f"{kind}.{group}" if group else kind
