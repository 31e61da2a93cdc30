"""The adoption plan for people and for programs."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text
from velero_on_eks.settings import StackFile

from velero_eks.bootstrap.adoption import Adoption, Found
from velero_eks.bootstrap.compare import ABSENT, Difference
from velero_eks.plan.details import label
from velero_eks.terminal import words
from velero_eks.terminal.output import console

# Of what is only added; what is lost or changed is shown whole.
SHOWN_ADDITIONS = 4
_SHOWN_VALUE = 60


def render(file: StackFile, found: Adoption, screen: Console | None = None) -> None:
    """Print what is taken over, what changes with it, what cannot be, and what is made anew."""
    out = screen or console()
    cluster = file.settings.cluster
    out.print(Text.assemble((file.stack, "bold"), "  ", (f"{cluster.name} · {file.settings.region}", "dim")))
    if found.blocked:
        out.print(Text("\nCannot be taken over", "bold"))
        for blocked in found.blocked:
            said = Text.assemble((blocked.what, "red"), f": {blocked.why}\n", (f"→ {blocked.remedy}", "cyan"))
            out.print(Padding(said, (0, 0, 0, 2)))
    if found.found:
        out.print(Text("\nTo take over", "bold"))
        for each in found.found:
            out.print(Padding(_found(each), (0, 0, 0, 2)))
    if found.notes:
        out.print(Text("\nTo know", "bold"))
        for note in found.notes:
            out.print(Padding(Text(note, "yellow"), (0, 0, 0, 2)))
    if found.made and found.found:
        out.print(Text("\nTo make anew", "bold"))
        made = ", ".join(dict.fromkeys(label(resource) for resource in found.made))
        out.print(Padding(Text(made, "dim"), (0, 0, 0, 2)))
    out.print()
    out.print(_verdict(found))


def document(found: Adoption) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "import": [
            {
                "type": each.resource.type,
                "name": each.resource.name,
                "id": each.live.id,
                "differences": [
                    {
                        "path": difference.path,
                        **({} if difference.now is ABSENT else {"now": difference.now}),
                        **({} if difference.then is ABSENT else {"then": difference.then}),
                    }
                    for difference in each.differences
                ],
            }
            for each in found.found
        ],
        "create": [{"type": resource.type, "name": resource.name} for resource in found.made],
        "blocked": [vars(blocked) for blocked in found.blocked],
        "notes": list(found.notes),
        "section": found.section(),
    }


def _found(each: Found) -> Group:
    changes = words.count(len(each.differences), "change") if each.differences else "as it is"
    head = Text.assemble(label(each.resource), (f" {each.live.id}", "cyan"), (f": {changes}", "dim"))
    added = [difference for difference in each.differences if difference.now is ABSENT]
    others = sorted((each for each in each.differences if each not in added), key=lambda each: each.then is not ABSENT)
    lines = [_difference(difference) for difference in [*others, *added[:SHOWN_ADDITIONS]]]
    if len(added) > SHOWN_ADDITIONS:
        lines.append(Text(f"and {len(added) - SHOWN_ADDITIONS} more are added", "dim"))
    return Group(head, *(Padding(line, (0, 0, 0, 2)) for line in lines))


def _difference(difference: Difference) -> Text:
    if difference.now is ABSENT:
        return Text.assemble(("+ ", "green"), f"{difference.path}: {_value(difference.then)}")
    if difference.then is ABSENT:
        return Text.assemble(("- ", "red"), f"{difference.path}: {_value(difference.now)}")
    return Text.assemble(("~ ", "yellow"), f"{difference.path}: {_value(difference.now)} → {_value(difference.then)}")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 1]}…"


def _verdict(found: Adoption) -> Text:
    if found.blocked:
        return Text(f"{words.count(len(found.blocked), 'resource')} cannot be taken over; nothing was written.", "red")
    if not found.found:
        return Text("Nothing exists under the stack's names that its state does not have.", "green")
    changed = sum(1 for each in found.found if each.differences)
    said = f", {changed} of them changed in place" if changed else ""
    return Text(f"{words.count(len(found.found), 'resource')} to take over{said}; none replaced.", "green")
