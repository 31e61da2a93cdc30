"""One field that two objects do not share, in words and in JSON; the values of Secrets are never in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from velero_eks.terminal.output import visible
from velero_eks.terminal.words import count
from velero_eks.trees import ABSENT, Difference

if TYPE_CHECKING:
    from rich.text import Text

MASK = "(masked)"
# Characters of a value that a person reads; the JSON has all of it.
_LONG = 400


def field_line(difference: Difference, secret: bool) -> Text:
    """`path: before → after`, or `+` and `-` where only one side has the field."""
    from rich.text import Text

    before, after = (_value(value, secret) for value in (difference.before, difference.after))
    line = Text(f"{difference.path}: ")
    if difference.before is ABSENT:
        return line.append(f"+ {after}", style="green")
    if difference.after is ABSENT:
        return line.append(f"- {before}", style="red")
    return line.append(before, style="red").append(" → ").append(after, style="green")


def field_json(difference: Difference, secret: bool) -> dict[str, Any]:
    """The path and both values; null where a side does not have the field."""
    return {
        "path": difference.path,
        "before": _json(difference.before, secret),
        "after": _json(difference.after, secret),
    }


def _value(value: Any, secret: bool) -> str:
    if secret:
        return MASK
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = "\n".join(visible(line) for line in text.split("\n"))
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({count(len(text), 'character')})"


def _json(value: Any, secret: bool) -> Any:
    if value is ABSENT:
        return None
    return MASK if secret else value
