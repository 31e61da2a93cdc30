"""Findings that appear, disappear, or are judged otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from velero_eks.diff.model import Effect, Fact

Plan = dict[str, Any]
Finding = dict[str, Any]


def findings(old: Plan, new: Plan) -> list[Fact]:
    """What differs between two plans' findings, by rule and resource; a message in other words is not a difference.

    One that is gone is fixed only where its resource still is there, and the same rules hold for it.
    """
    facts: list[Fact] = []
    befores, afters = _by_place(old), _by_place(new)
    there = {entry["urn"] for entry in new["resources"]}
    for place in sorted({*befores, *afters}):
        mended = place[1] in there and old["environment"] == new["environment"]
        facts += _compared(befores.get(place, []), afters.get(place, []), mended=mended)
    return facts


def _by_place(plan: Plan) -> dict[tuple[str, str], list[Finding]]:
    found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in plan.get("findings") or []:
        found[finding["rule"], finding["resource"]].append(finding)
    return found


def _compared(before: list[Finding], after: list[Finding], *, mended: bool) -> Iterator[Fact]:
    said = {finding["message"] for finding in before}, {finding["message"] for finding in after}
    gone = [finding for finding in before if finding["message"] not in said[1]]
    come = [finding for finding in after if finding["message"] not in said[0]]
    # The same finding in other words, with another number in it for instance.
    reworded = min(len(gone), len(come))
    for finding in gone[reworded:]:
        yield _fact(f"no longer found: {finding['rule']}", "stronger" if mended else "", finding)
    for finding in come[reworded:]:
        waived = finding["waived"] is not None
        text = f"new {finding['severity']}: {finding['rule']}" + (", waived" if waived else "")
        yield _fact(text, "" if waived else "weaker", finding)
    stay = [
        *zip(gone[:reworded], come[:reworded], strict=True),
        *(
            (one, next(each for each in after if each["message"] == one["message"]))
            for one in before
            if one not in gone
        ),
    ]
    for was, now in stay:
        yield from _judged(was, now)


def _judged(was: Finding, now: Finding) -> Iterator[Fact]:
    if was["severity"] != now["severity"]:
        effect: Effect = "weaker" if now["severity"] == "error" else ""
        yield _fact(f"{now['rule']} now has severity {now['severity']}, was {was['severity']}", effect, now)
    if (was["waived"] is None) != (now["waived"] is None):
        if now["waived"] is None:
            yield _fact(f"{now['rule']} is no longer waived", "", now)
        else:
            yield _fact(f"{now['rule']} is waived: {now['waived']}", "weaker", now)


def _fact(text: str, effect: Effect, finding: Finding) -> Fact:
    return Fact("findings", text, effect, (finding["message"],), (finding["resource"],))
