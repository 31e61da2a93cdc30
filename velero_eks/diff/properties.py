"""Two sets of properties compared, property by property, by what they mean rather than how they are written.

Text that is JSON is compared by content. A policy document is compared as IAM reads it: one action or a list of one is
the same, and neither the order of a list nor that of the statements means anything. Secrets are never looked into.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from velero_eks.aws.iam import canonical
from velero_eks.diff.model import ABSENT, SECRET, Late, PropertyChange

# The contract's word for a secret.
_SECRET_MARK = {"secret": True}
# What tells the items of a list apart, in this order.
_IDENTITIES = ("Sid", "id", "name", "key")


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[PropertyChange]:
    """What differs between two resources' inputs, by path."""
    return list(_walk(dict(old), dict(new), ""))


def _walk(old: Any, new: Any, path: str) -> Iterator[PropertyChange]:
    if old is ABSENT or new is ABSENT:
        if not (old is ABSENT and new is ABSENT):
            yield _change(path, old, new)
        return
    if _is_secret(old) or _is_secret(new):
        if not (_is_secret(old) and _is_secret(new)):
            yield PropertyChange(path, SECRET, SECRET)
        return
    old, new = meaning(old), meaning(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _walk(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _walk_list(old, new, path)
    elif _differ(old, new):
        yield _change(path, old, new)


def _differ(old: Any, new: Any) -> bool:
    # Python takes True for 1.
    return old != new or isinstance(old, bool) != isinstance(new, bool)


def _walk_list(old: list[Any], new: list[Any], path: str) -> Iterator[PropertyChange]:
    befores, afters = _by_identity(old), _by_identity(new)
    if befores is not None and afters is not None:
        found = [
            change
            for name in dict.fromkeys([*befores, *afters])
            for change in _walk(befores.get(name, ABSENT), afters.get(name, ABSENT), f"{path}[{name}]")
        ]
        yield from found
        if not found and list(befores) != list(afters):
            yield PropertyChange(path, list(befores), list(afters))
    elif any(isinstance(item, dict | list) for item in (*old, *new)):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else ABSENT
            after = new[index] if index < len(new) else ABSENT
            yield from _walk(before, after, f"{path}[{index}]")
    elif len(old) != len(new) or any(map(_differ, old, new)):
        yield PropertyChange(path, old, new)


def _by_identity(items: list[Any]) -> dict[str, Any] | None:
    """The items by what tells them apart; None where nothing does."""
    if not items:
        return {}
    if not all(isinstance(item, dict) for item in items):
        return None
    for key in _IDENTITIES:
        names = [item.get(key) for item in items]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return dict(zip(names, items, strict=True))
    return None


def _change(path: str, old: Any, new: Any) -> PropertyChange:
    return PropertyChange(path, _masked(old), _masked(new))


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
    return isinstance(value, dict) and value == _SECRET_MARK


def meaning(value: Any) -> Any:
    """What a text that is a JSON object or list says; policies in one way of writing them. Anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
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
