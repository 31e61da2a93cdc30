"""An API server in memory: what is made is there, what is deleted is gone, and nothing is decided."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

from tests.velero_eks.recovery.restore.made import RESOURCES, VERSIONS
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Answer
from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import Object
from velero_eks.project.target import Target
from velero_eks.recovery.session import Session

_CLUSTER_SCOPED = frozenset(
    {"Namespace", "Node", "PersistentVolume", "PriorityClass", "CustomResourceDefinition",
     "ValidatingWebhookConfiguration"}
)  # fmt: skip
_MORE = {"Restore": ("restores.velero.io", "velero.io/v1"), "Backup": ("backups.velero.io", "velero.io/v1"),
         "ResourceQuota": ("resourcequotas", "v1")}  # fmt: skip
KINDS = {
    name: ResourceKind(resource.partition(".")[2], version.rpartition("/")[2], name, resource.partition(".")[0],
               name not in _CLUSTER_SCOPED, frozenset({"create", "get", "list", "patch", "delete"}))
    for name, (resource, version) in {
        **{name: (resource, VERSIONS.get(name, "v1")) for name, resource in RESOURCES.items()}, **_MORE
    }.items()
}  # fmt: skip


class Api:
    """`on` is called with method, path and body before each request, and may answer it with (status, document)."""

    name = "test"
    server = "https://api.example.com"

    def __init__(self, *bodies: Object, on: Callable[[str, str, Any], tuple[int, Any] | None] | None = None) -> None:
        self.objects: dict[str, Object] = {}
        self.asked: list[tuple[str, str]] = []
        self.on = on
        self._lock = threading.Lock()
        for body in bodies:
            self.put(body)

    def put(self, body: Object) -> None:
        """Have an object."""
        kind, metadata = KINDS[body["kind"]], body["metadata"]
        metadata.setdefault("uid", f"uid-{len(self.objects)}")
        self.objects[kind.path(metadata.get("namespace"), metadata["name"])] = body

    def names(self, kind: str) -> list[str]:
        """The names of a kind's objects."""
        return sorted(body["metadata"]["name"] for body in self.objects.values() if body["kind"] == kind)

    def send(self, method: str, path: str, query: Any, headers: Any, body: Any, seconds: float) -> Answer:
        with self._lock:
            self.asked.append((method, path))
            said = self.on(method, path, body) if self.on else None
            status, document = said or self._answer(method, path, dict(query), copy.deepcopy(body))
            return Answer(status, {}, json.dumps(document).encode())

    def _answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if path in ("/api", "/apis"):
            return 200, _discovery([kind for kind in KINDS.values() if bool(kind.group) == (path == "/apis")])
        if method == "POST":
            name = body["metadata"]["name"]
            if f"{path}/{name}" in self.objects:
                return refused(409, "AlreadyExists", f"{name} already exists")
            if "/namespaces/" in path:
                body["metadata"]["namespace"] = path.split("/namespaces/")[1].partition("/")[0]
            if "dryRun" not in query:
                self.put(body)
            return 201, body
        if path in self.objects:
            found = self.objects[path]
            if method == "DELETE":
                del self.objects[path]
            return 200, found
        if method != "GET" or path.rpartition("/")[2] not in {kind.plural for kind in KINDS.values()}:
            return refused(404, "NotFound", f"{path} not found")
        return 200, {"kind": "List", "metadata": {}, "items": list(self._under(path, query.get("labelSelector", "")))}

    def _under(self, collection: str, selector: str) -> Iterable[Object]:
        key, equals, value = selector.partition("=")
        for path, body in self.objects.items():
            labels = body["metadata"].get("labels") or {}
            everywhere = re.sub("/namespaces/[^/]+(?=/)", "", path)
            if collection in (path.rpartition("/")[0], everywhere.rpartition("/")[0]) and (
                not key or (key in labels and (not equals or labels[key] == value))
            ):
                yield body


def session(api: Api) -> Session:
    """A session with this API server as its cluster."""
    target = Target.of(stack=None, context="test", namespace=None)
    made = Session(target)
    made.__dict__["cluster"] = Cluster(api, sleep=lambda _: None)
    return made


def refused(status: int, reason: str, message: str) -> tuple[int, Any]:
    """An API server's refusal."""
    return status, {"kind": "Status", "reason": reason, "message": message, "code": status}


def _discovery(kinds: Iterable[ResourceKind]) -> Object:
    groups: dict[str, dict[str, list[Object]]] = {}
    for kind in kinds:
        scope = "Namespaced" if kind.namespaced else "Cluster"
        resource = {"resource": kind.plural, "scope": scope, "responseKind": {"kind": kind.kind},
                    "verbs": sorted(kind.verbs)}  # fmt: skip
        groups.setdefault(kind.group, {}).setdefault(kind.version, []).append(resource)
    items = [
        {"metadata": {"name": group}, "versions": [{"version": v, "resources": r} for v, r in versions.items()]}
        for group, versions in groups.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "items": items}
