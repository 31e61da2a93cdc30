"""Overrides of the chart's values: what comes, what goes, and what it does where that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from velero_eks.diff.model import Fact, place_of
from velero_eks.diff.properties import shown

Plan = dict[str, Any]
_SECRET = {"secret": True}


def overrides(old: Plan, new: Plan) -> Iterator[Fact]:
    """The overrides that differ. Nothing where a revision's own plan does not tell of them."""
    if "overrides" not in old or "overrides" not in new:
        return
    befores, afters = _by_place(old), _by_place(new)
    for place in dict.fromkeys([*befores, *afters]):
        before, after = befores.get(place), afters.get(place)
        if before == after:
            continue
        one = after or before or {}
        name = f"the chart value {one['path']}"
        if before is None:
            text = f"{name} is new: {_value(one)}"
        elif after is None:
            text = f"{name} is gone, was {_value(one)}"
        else:
            text = f"{name} is {_value(after)}, was {_value(before)}"
        yield Fact("updated", text, "", _details(after), (one["release"],) if one["release"] else ())


def places(old: Plan, new: Plan) -> frozenset[str]:
    """The places in a release's inputs that `overrides` speaks of."""
    told = [one for plan in (old, new) for one in plan.get("overrides") or []]
    return frozenset(place_of(f"values.{one['path']}") for one in told)


def is_told(place: str, among: frozenset[str]) -> bool:
    """Whether a changed place is one of those, is in it, or has it in itself."""
    return any(f"{place}.".startswith(f"{one}.") or f"{one}.".startswith(f"{place}.") for one in among)


def _by_place(plan: Plan) -> dict[tuple[str | None, str], Mapping[str, Any]]:
    return {(one["component"], one["path"]): one for one in plan["overrides"]}


def _value(one: Mapping[str, Any]) -> str:
    return "(secret)" if one["value"] == _SECRET else shown(one["value"])


def _details(after: Mapping[str, Any] | None) -> tuple[str, ...]:
    if after is None:
        return ()
    effect = f"It {after['effect']}." if after["effect"] else ""
    judged = "Its effect is unknown: see rule helm-override." if after["verdict"] == "finding" else ""
    return tuple(text for text in (effect, judged) if text)
