"""Fields that a server fills in where an object leaves them open, taken over from the live object. Pure."""

from __future__ import annotations

import copy
from typing import Any

from ..objects import Object

_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")


def settled(wanted: Object, live: Object) -> Object:
    """`wanted` as it comes out of the server that already gave `live` its values.

    Node ports of a Service and a Job's own labels are kept by the server when a change does not name them.
    """
    if wanted["kind"] == "Service":
        return _service(copy.deepcopy(wanted), live.get("spec") or {})
    if wanted["kind"] == "Job":
        return _job(copy.deepcopy(wanted), live.get("spec") or {})
    return wanted


def _service(wanted: Object, live: dict[str, Any]) -> Object:
    spec = wanted.get("spec") or {}
    given = {_port(port): port["nodePort"] for port in live.get("ports") or [] if port.get("nodePort")}
    if spec.get("type") == live.get("type"):
        for port in spec.get("ports") or []:
            if "nodePort" not in port and _port(port) in given:
                port["nodePort"] = given[_port(port)]
    return wanted


def _port(port: dict[str, Any]) -> tuple[Any, str]:
    return port.get("port"), port.get("protocol", "TCP")


def _job(wanted: Object, live: dict[str, Any]) -> Object:
    spec = wanted.get("spec") or {}
    pairs = [
        (_at(spec, "selector", "matchLabels"), _at(live, "selector", "matchLabels")),
        (_at(spec, "template", "metadata", "labels"), _at(live, "template", "metadata", "labels")),
    ]
    for ours, theirs in pairs:
        for label in _JOB_LABELS:
            if ours is not None and theirs is not None and label in theirs:
                ours.setdefault(label, theirs[label])
    return wanted


def _at(body: dict[str, Any], *path: str) -> dict[str, Any] | None:
    found: Any = body
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found
