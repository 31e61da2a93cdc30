"""Two sets of properties compared, property by property, by what they mean rather than how they are written.

Text that is JSON is compared by content. A policy document is compared as IAM reads it: one action or a list of one is
the same, and neither the order of a list nor that of the statements means anything. Secrets are never looked into.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from velero_eks import trees
from velero_eks.aws.iam import canonical
from velero_eks.diff.model import SECRET, Late, PropertyChange
from velero_eks.trees import ABSENT, Difference, Pairs

# The contract's word for a secret.
_SECRET_MARK = {"secret": True}
# What a secret is while two are compared: one is as good as another, and none is looked into.
_HIDDEN = object()
# What distinguishes the items of a list, in this order.
_IDENTITIES = ("Sid", "id", "name", "key")


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[PropertyChange]:
    """What differs between two resources' inputs, by path."""
    return [_change(found) for found in trees.differences(dict(old), dict(new), meaning=meaning, pairs=_pairs)]


def _pairs(old: list[Any], new: list[Any]) -> Pairs:
    """Items by what distinguishes them, else by position where there is something to look into."""
    befores, afters = _by_identity(old), _by_identity(new)
    if befores is not None and afters is not None:
        names = dict.fromkeys([*befores, *afters])
        found = [(f"[{name}]", befores.get(name, ABSENT), afters.get(name, ABSENT)) for name in names]
        if list(befores) != list(afters) and not any(_differ(before, after) for _, before, after in found):
            # Their order alone is told by the names.
            return [("", list(befores), list(afters))]
        return found
    if not any(isinstance(item, dict | list) for item in (*old, *new)):
        return None
    return [(f"[{index}]", *both) for index, both in enumerate(zip_longest(old, new, fillvalue=ABSENT))]


def _differ(old: Any, new: Any) -> bool:
    return next(trees.differences(old, new, meaning=meaning, pairs=_pairs), None) is not None


def _by_identity(items: list[Any]) -> dict[str, Any] | None:
    """The items by what distinguishes them; None where nothing does."""
    if not items:
        return {}
    if not all(isinstance(item, dict) for item in items):
        return None
    for key in _IDENTITIES:
        names = [item.get(key) for item in items]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return dict(zip(names, items, strict=True))
    return None


def _change(found: Difference) -> PropertyChange:
    old, new = found.before, found.after
    if old is not ABSENT and new is not ABSENT and (_is_secret(old) or _is_secret(new)):
        return PropertyChange(found.path, SECRET, SECRET)
    return PropertyChange(found.path, _masked(old), _masked(new))


def _masked(value: Any) -> Any:
    """The value with secrets inside it as they are shown."""
    if _is_secret(value):
        return SECRET
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value


def _is_secret(value: Any) -> bool:
    return value is _HIDDEN or (isinstance(value, dict) and value == _SECRET_MARK)


def meaning(value: Any) -> Any:
    """What a text that is a JSON object or list says; policies in one way of writing them. Anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if _is_secret(value):
        return _HIDDEN
    if isinstance(value, dict) and isinstance(value.get("Statement"), dict | list):
        return canonical(value)
    return value


def shown(value: Any, limit: int = 60) -> str:
    """A value in one line of at most `limit` characters."""
    if value is ABSENT or value is None:
        return "(none)"
    if isinstance(value, Late):
        return str(value)
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list) and value and all(isinstance(item, str | int) for item in value):
        text = ", ".join(str(item) for item in value)
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value) if value != "" else '""'
    text = text.replace("\n", "\\n").replace("\r", "\\r")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
