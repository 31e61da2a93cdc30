"""Kubernetes objects compared: what the server sets is left aside, what is left differs field by field. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from velero_eks import trees
from velero_eks.trees import Difference

Object = dict[str, Any]

# Written by the API server or a controller, and written again when an object is made again.
_SERVER_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
# Marks that Velero, kubectl and the deployment controller leave on what they touch.
_MARKS = (
    "velero.io/backup-name",
    "velero.io/restore-name",
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
)
# Fields that a server fills in with what this cluster gave the object: another address, another volume.
_ASSIGNED = {
    "Service": (("spec", "clusterIP"), ("spec", "clusterIPs"), ("spec", "healthCheckNodePort")),
    "ServiceAccount": (("secrets",),),
    "PersistentVolumeClaim": (("spec", "volumeName"),),
    "Namespace": (("spec", "finalizers"),),
}
# Made by controllers out of other objects, and by the server for every namespace.
_DERIVED_KINDS = frozenset(
    {"ControllerRevision", "Endpoints", "EndpointSlice", "Event", "Lease", "Pod", "PodMetrics", "ReplicaSet"}
)
MANAGED_API_SERVICE = "kube-aggregator.kubernetes.io/automanaged"
"""The label of an APIService that the API server makes itself, for its own groups and for those of CRDs."""


@dataclass(frozen=True, order=True, slots=True)
class ObjectKey:
    """Which object: API group (empty for the core), kind, namespace (empty where it has none) and name."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, body: Object) -> ObjectKey:
        """The key of an object with `apiVersion` and `kind`."""
        metadata = body["metadata"]
        group, _, version = body["apiVersion"].rpartition("/")
        # There are hundreds of thousands of names, and few of the rest.
        kind, namespace = sys.intern(body["kind"]), sys.intern(metadata.get("namespace") or "")
        return cls(sys.intern(group if version else ""), kind, namespace, metadata["name"])

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        place = f" -n {self.namespace}" if self.namespace else ""
        return f"{kind}/{self.name}{place}"


def is_derived(body: Object) -> bool:
    """Whether an object comes into being by itself when others do, so that no one restores or compares it."""
    key = ObjectKey.of(body)
    if key.kind in _DERIVED_KINDS or body["metadata"].get("ownerReferences"):
        return True
    if key.kind == "ConfigMap" and key.name == "kube-root-ca.crt":
        return True
    if key.kind == "ServiceAccount" and key.name == "default":
        return True
    if key.kind == "APIService" and MANAGED_API_SERVICE in (body["metadata"].get("labels") or {}):
        return True
    return key.kind == "Secret" and body.get("type") == "kubernetes.io/service-account-token"


def cleaned(body: Object) -> Object:
    """The object as someone would write it: without status and without what servers and controllers set."""
    kept = {key: value for key, value in body.items() if key != "status"}
    metadata = {key: value for key, value in body["metadata"].items() if key not in _SERVER_METADATA}
    for field in ("labels", "annotations"):
        marks = {key: value for key, value in (metadata.get(field) or {}).items() if key not in _MARKS}
        if field == "labels" and body["kind"] == "Namespace":
            marks.pop("kubernetes.io/metadata.name", None)
        metadata.pop(field, None)
        if marks:
            metadata[field] = marks
    kept["metadata"] = metadata
    for path in _ASSIGNED.get(body["kind"], ()):
        kept = _without(kept, path)
    return kept


def differences(before: Object, after: Object) -> list[Difference]:
    """Where two objects differ, server-set fields aside; in the order of the paths."""
    return sorted(trees.differences(cleaned(before), cleaned(after)), key=lambda found: found.path)


def _without(body: Object, path: tuple[str, ...]) -> Object:
    head, *rest = path
    if head not in body:
        return body
    if not rest:
        return {key: value for key, value in body.items() if key != head}
    inner = _without(body[head], tuple(rest))
    return {**{key: value for key, value in body.items() if key != head}, **({head: inner} if inner else {})}
