"""Fields that a server fills in where an object leaves them open, taken over from the live object. Pure."""

from __future__ import annotations

import copy
from typing import Any

from velero_eks.kube.objects import Object

_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
# Where a claim and its volume note what they are bound to, who made the volume and from which snapshot.
_BINDING = (
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "velero.io/data-upload-name",
    "velero.io/volume-snapshot-name",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
)
# Of a claim: its volume and that volume's source are others after every restore.
_CLAIM_FIELDS = ("dataSource", "dataSourceRef", "volumeName")
_DATA_MOVER_LABEL = "velero.io/dynamic-pv-restore"


def settled(wanted: Object, live: Object) -> Object:
    """`wanted` as it comes out of the server that already gave `live` its values.

    Node ports of a Service and a Job's own labels are kept by the server when a change does not name them. What binds
    a claim to a volume is written by Velero, the volume controller and the driver.
    """
    match wanted["kind"]:
        case "Service":
            return _service(copy.deepcopy(wanted), live.get("spec") or {})
        case "Job":
            return _job(copy.deepcopy(wanted), live.get("spec") or {})
        case "PersistentVolumeClaim":
            return _claim(copy.deepcopy(wanted), live)
        case "PersistentVolume":
            return _volume(copy.deepcopy(wanted), live)
        case _:
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


def _claim(wanted: Object, live: Object) -> Object:
    _bound(wanted, live)
    ours, theirs = wanted.setdefault("spec", {}), live.get("spec") or {}
    fields = [*_CLAIM_FIELDS]
    if _DATA_MOVER_LABEL in (_at(theirs, "selector", "matchLabels") or {}):
        fields.append("selector")
    for field in fields:
        _take_over(ours, theirs, field)
    return wanted


def _volume(wanted: Object, live: Object) -> Object:
    _bound(wanted, live)
    ours, theirs = _at(wanted, "spec", "claimRef"), _at(live, "spec", "claimRef")
    for field in ("apiVersion", "kind", "resourceVersion", "uid"):
        if ours is not None and theirs is not None:
            _take_over(ours, theirs, field)
    return wanted


def _bound(wanted: Object, live: Object) -> None:
    for field in ("annotations", "labels"):
        ours = dict(wanted["metadata"].get(field) or {})
        theirs = live["metadata"].get(field) or {}
        for mark in _BINDING:
            _take_over(ours, theirs, mark)
        if ours or field in wanted["metadata"]:
            wanted["metadata"][field] = ours


def _take_over(ours: dict[str, Any], theirs: dict[str, Any], field: str) -> None:
    ours.pop(field, None)
    if field in theirs:
        ours[field] = theirs[field]


def _at(body: dict[str, Any], *path: str) -> dict[str, Any] | None:
    found: Any = body
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found
