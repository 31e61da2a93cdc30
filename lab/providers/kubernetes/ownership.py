"""Which part of a live object is ours, by the API server's own record of field managers.

A field that another manager changed leaves our record, so a difference in a field that is still ours is the server's
own way of writing it (a quantity, a default inside a list) and no drift.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from lab.providers.base import Properties
from lab.providers.kubernetes.cluster import FIELD_MANAGER

_SERVER_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)

Fields = Mapping[str, Any]


def owned_fields(live: Properties) -> Fields | None:
    """The fields that this provider applied, in the form of fieldsV1; None when it never applied this object."""
    for entry in live.get("metadata", {}).get("managedFields", []):
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return entry.get("fieldsV1", {})
    return None


def observed_inputs(live: Properties, wish: Properties) -> Properties:
    """The wish as the live object has it: what others changed is taken from them, what they added is left out."""
    seen = _project(live, wish, owned_fields(live) or {})
    if wish.get("kind") == "Secret" and "stringData" in wish:
        # The server turns stringData into data and forgets it.
        data = live.get("data", {})
        seen["stringData"] = {name: _text(data[name]) for name in wish["stringData"] if name in data}
    # These two are part of every wish and of no manager's record.
    return {**seen, **{name: wish[name] for name in ("apiVersion", "kind") if name in wish}}


def imported_inputs(live: Properties) -> Properties:
    """Inputs for an object that is not in the state: what this provider applied of it, should it have done so before,
    else all of it but what the server fills in itself.
    """
    metadata = {name: value for name, value in live["metadata"].items() if name not in _SERVER_METADATA}
    whole = {**{name: value for name, value in live.items() if name != "status"}, "metadata": metadata}
    fields = owned_fields(live)
    if fields is None:
        return whole
    if live["kind"] == "Secret" and "f:stringData" in fields:
        # What was applied as stringData is in data.
        fields = {**fields, "f:data": {**fields.get("f:data", {}), **fields["f:stringData"]}}
    identity = {name: metadata[name] for name in ("name", "namespace") if name in metadata}
    mine = _owned(whole, fields)
    named = {"metadata": {**mine.get("metadata", {}), **identity}}
    return {**mine, **named, "apiVersion": live["apiVersion"], "kind": live["kind"]}


def _owned(live: Properties, fields: Fields) -> Properties:
    """The part of an object that `fields` names; lists are taken whole."""
    result: Properties = {}
    for name, value in live.items():
        mine = fields.get(f"f:{name}")
        if mine is None:
            continue
        result[name] = (
            _owned(value, mine) if isinstance(value, dict) and any(key[:2] == "f:" for key in mine) else value
        )
    return result


def _project(live: Any, wish: Any, fields: Fields) -> Any:
    if isinstance(live, dict) and isinstance(wish, dict):
        result: Properties = {}
        for name, wanted in wish.items():
            mine = fields.get(f"f:{name}")
            if name in live:
                result[name] = wanted if mine == {} else _project(live[name], wanted, mine or {})
            elif mine is not None or wanted in ({}, [], None):
                result[name] = wanted
        return result
    if isinstance(live, list) and isinstance(wish, list):
        return _project_list(live, wish, fields)
    return live


def _project_list(live: list[Any], wish: list[Any], fields: Fields) -> list[Any]:
    keys = [(json.loads(name[2:]), mine) for name, mine in fields.items() if name.startswith("k:")]
    if keys:
        # A list whose elements have keys (containers by name): others may add elements of their own.
        result: list[Any] = []
        for wanted in wish:
            mine = next((mine for key, mine in keys if _has(wanted, key)), None)
            key = next((key for key, _ in keys if _has(wanted, key)), None)
            found = next((item for item in live if key is not None and _has(item, key)), None)
            if found is not None:
                result.append(_project(found, wanted, mine or {}))
        return result
    if all(f"v:{json.dumps(item)}" in fields for item in wish) and wish:
        return wish
    if len(live) == len(wish):
        return [_project(item, wanted, {}) for item, wanted in zip(live, wish, strict=True)]
    return live


def _has(item: Any, key: Mapping[str, Any]) -> bool:
    # A part of the key may be a default that the wish leaves out (a port's protocol).
    return isinstance(item, dict) and all(item.get(name, value) == value for name, value in key.items())


def _text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except ValueError:
        return encoded
