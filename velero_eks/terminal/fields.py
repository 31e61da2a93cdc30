"""One field that two objects do not share, in words and in JSON; the values of Secrets are never in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from velero_eks.terminal.words import count
from velero_eks.trees import ABSENT, Difference

if TYPE_CHECKING:
    from velero_eks.terminal.text import Text

MASK = "(masked)"
# Characters of a value that a person reads; the JSON has all of it.
_LONG = 400


def field_line(difference: Difference, secret: bool) -> Text:
    """`path: before → after`, or `+` and `-` where only one side has the field."""
    from velero_eks.terminal.text import Text

    before, after = (_value(value, secret) for value in (difference.before, difference.after))
    line = Text(f"{difference.path}: ")
    if difference.before is ABSENT:
        return line.append("+ ", style="green").append(Text.lines(after, "green"))
    if difference.after is ABSENT:
        return line.append("- ", style="red").append(Text.lines(before, "red"))
    return line.append(Text.lines(before, "red")).append(" → ").append(Text.lines(after, "green"))


def field_json(difference: Difference, secret: bool) -> dict[str, Any]:
    """The path and both values; null where a side does not have the field."""
    return {
        "path": difference.path,
        "before": _json(difference.before, secret),
        "after": _json(difference.after, secret),
    }


def _value(value: Any, secret: bool) -> list[str]:
    """The lines of a value."""
    if secret:
        return [MASK]
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = text if len(text) <= _LONG else f"{text[:_LONG]}… ({count(len(text), 'character')})"
    return text.split("\n")


def _json(value: Any, secret: bool) -> Any:
    if value is ABSENT:
        return None
    return MASK if secret else value
