"""An API server in memory, for what asks one: discovery, lists with selectors, single objects and access reviews."""

from __future__ import annotations

import json
from typing import Any

from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Answer

KINDS = (
    ("", "v1", "Namespace", "namespaces", False),
    ("", "v1", "Secret", "secrets", True),
    ("", "v1", "PersistentVolume", "persistentvolumes", False),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    ("", "v1", "Pod", "pods", True),
    ("apps", "v1", "Deployment", "deployments", True),
    ("apps", "v1", "StatefulSet", "statefulsets", True),
    ("apps", "v1", "DaemonSet", "daemonsets", True),
    ("batch", "v1", "CronJob", "cronjobs", True),
    ("batch", "v1", "Job", "jobs", True),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", False),
    ("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False),
)
VELERO_KINDS = (
    ("velero.io", "v1", "Schedule", "schedules", True),
    ("velero.io", "v1", "Backup", "backups", True),
    ("velero.io", "v1", "BackupStorageLocation", "backupstoragelocations", True),
)
SNAPSHOT_KINDS = (
    ("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots", True),
    ("snapshot.storage.k8s.io", "v1", "VolumeSnapshotContent", "volumesnapshotcontents", False),
    ("snapshot.storage.k8s.io", "v1", "VolumeSnapshotClass", "volumesnapshotclasses", False),
)


MADE = "2026-11-01T00:00:00Z"


class ApiServer:
    """Holds objects and answers as an API server does. `allowed` is a predicate over a review's attributes."""

    name = "shop"
    server = "https://api.example.com"

    def __init__(self, *kinds: tuple[str, str, str, str, bool], allowed: Any = lambda attributes: True) -> None:
        self._kinds = (*KINDS, *kinds)
        self._objects: list[dict[str, Any]] = []
        self._allowed = allowed
        self._refused: dict[str, tuple[int, str]] = {}
        self.methods: set[str] = set()
        self.issuer = ""

    @property
    def cluster(self) -> Cluster:
        """A client of it."""
        return Cluster(self)

    def add(self, kind: str, name: str, namespace: str | None = None, **body: Any) -> None:
        """Put an object in; `labels`, `annotations` and `metadata` go where they belong."""
        metadata = {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": MADE, **body.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        for part in ("labels", "annotations"):
            if part in body:
                metadata[part] = body.pop(part)
        group, version = next((each[0], each[1]) for each in self._kinds if each[2] == kind)
        api_version = f"{group}/{version}" if group else version
        self._objects.append({"apiVersion": api_version, "kind": kind, "metadata": metadata, **body})

    def remove(self, kind: str) -> None:
        """Take every object of a kind out."""
        self._objects = [each for each in self._objects if each["kind"] != kind]

    def refuse(self, plural: str, status: int, message: str) -> None:
        """Answer every request for a kind with an error."""
        self._refused[plural] = (status, message)

    def send(
        self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any, seconds: float
    ) -> Answer:
        """What `Cluster` calls."""
        if path.endswith("selfsubjectaccessreviews"):
            attributes = body["spec"]["resourceAttributes"]
            return _answer(201, {"status": {"allowed": bool(self._allowed(attributes))}})
        self.methods.add(method)
        if path == "/.well-known/openid-configuration" and self.issuer:
            return _answer(200, {"issuer": self.issuer})
        if path.startswith("/.well-known/"):
            return _answer(403, {"message": f'forbidden: User "me" cannot get path "{path}"'})
        if path == "/version":
            return _answer(200, {"gitVersion": "v1.34.1-eks-1"})
        if path in ("/api", "/apis"):
            return _answer(200, self._discovery(core=path == "/api"))
        return self._read(path, dict(query), metadata_only="PartialObjectMetadata" in headers.get("Accept", ""))

    def _read(self, path: str, query: dict[str, str], *, metadata_only: bool) -> Answer:
        parts = path.strip("/").split("/")
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        group = "" if parts[0] == "api" else parts[1]
        namespace = None
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        kind = next((each for each in self._kinds if (each[0], each[3]) == (group, rest[0])), None)
        if rest[0] in self._refused:
            status, message = self._refused[rest[0]]
            return _answer(status, {"reason": "Forbidden", "message": message})
        if kind is None:
            return _answer(404, {"reason": "NotFound", "message": f"no {rest[0]}"})
        found = [
            item
            for item in self._objects
            if item["kind"] == kind[2]
            and (namespace is None or item["metadata"].get("namespace") == namespace)
            and _selected(item, query)
        ]
        if len(rest) > 1:
            one = next((item for item in found if item["metadata"]["name"] == rest[1]), None)
            return _answer(200, one) if one else _answer(404, {"reason": "NotFound", "message": f"no {rest[1]}"})
        items = [{"metadata": item["metadata"]} if metadata_only else item for item in found]
        return _answer(200, {"kind": f"{kind[2]}List", "apiVersion": "v1", "items": items, "metadata": {}})

    def _discovery(self, *, core: bool) -> dict[str, Any]:
        groups: dict[str, list[dict[str, Any]]] = {}
        for group, _, kind, plural, namespaced in self._kinds:
            if (group == "") == core:
                groups.setdefault(group, []).append(
                    {
                        "resource": plural,
                        "responseKind": {"kind": kind},
                        "scope": "Namespaced" if namespaced else "Cluster",
                        "verbs": ["get", "list"],
                    }
                )
        items = [
            {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]}
            for group, resources in groups.items()
        ]
        return {"kind": "APIGroupDiscoveryList", "items": items}


def _selected(item: dict[str, Any], query: dict[str, str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    wanted = [part.split("=") for part in query.get("labelSelector", "").split(",") if part]
    fields = [part.split("=") for part in query.get("fieldSelector", "").split(",") if part]
    return all(labels.get(key) == value for key, value in wanted) and all(
        key == "metadata.name" and item["metadata"]["name"] == value for key, value in fields
    )


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())
