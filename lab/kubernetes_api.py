"""The lab's view of an API server: the tool's own client, and what only a rehearsal asks of one."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import yaml

from lab.processes import LabError, wait_until
from velero_eks.errors import OperationError, Unreachable
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Connection, named_context
from velero_eks.kube.credentials import FixedCredentials
from velero_eks.kube.objects import Object
from velero_eks.kube.transport import ApiServer, Credential

_READ_SECONDS = 30.0


class KubernetesApi:
    """One API server, reached as one user; all methods raise the errors of `Cluster`, which is `cluster`."""

    def __init__(self, connection: Connection) -> None:
        self.server = connection.server
        self.cluster = Cluster(connection)
        self.connection = connection
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}
        self.request = self.cluster.request
        self.find = self.cluster.find
        self.delete = self.cluster.delete

    @classmethod
    def from_kubeconfig(cls, path: Path, context: str) -> Self:
        """The user and cluster of one named context."""
        return cls(named_context(context, path))

    @classmethod
    def at(cls, server: str, authority: Path, *, token: str | None = None, certificate: str | None = None) -> Self:
        """The server at a URL whose certificate `authority` signed, as whom a token or a certificate with key names."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        credentials = FixedCredentials(Credential(headers, certificate))
        return cls(Connection(ApiServer(server, authority.read_text()), credentials, "lab"))

    def text(self, path: str) -> str:
        """The answer of a path that does not speak JSON, such as `/readyz`. Raises `Unreachable` for any but 200."""
        answer = self.connection.send("GET", path, [], {}, None, _READ_SECONDS)
        said = answer.body.decode(errors="replace")
        if answer.status != 200:
            raise Unreachable(f"{self.server}{path}: HTTP {answer.status}: {said[:500]}")
        return said

    def is_ready(self) -> bool:
        """Whether `/readyz` says ok."""
        try:
            return self.text("/readyz").strip() == "ok"
        except OperationError:
            return False

    def list(self, path: str) -> list[Object]:
        """The items of a collection, with `apiVersion` and `kind` filled in."""
        return list(self.cluster.list(path))

    def apply(self, document: Object) -> Object:
        """Server-side apply, taking over fields that others own. Kinds are looked up by discovery."""
        metadata = document["metadata"]
        path = self.path(document["apiVersion"], document["kind"], metadata.get("namespace"), metadata["name"])
        return self.cluster.apply(path, document, force=True)

    def apply_all(self, documents: Iterable[Object], *, seconds: float = 30) -> list[Object]:
        """Apply several objects in order; after a CRD, wait until its kind is served."""
        applied: list[Object] = []
        for document in documents:
            applied.append(self.apply(document))
            if document["kind"] == "CustomResourceDefinition":
                name = document["metadata"]["name"]
                wait_until(
                    lambda name=name: self._is_established(name),
                    seconds=seconds,
                    what=f"CRD {name} was established",
                )
        return applied

    def path(self, api_version: str, kind: str, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of a kind's collection or object. Raises `LabError` for a kind that is not served."""
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if (api_version, kind) not in self._plurals:
            self._discover(root, api_version)
        if (api_version, kind) not in self._plurals:
            raise LabError(f"the API server serves no kind {kind} in {api_version}; is its CRD installed?")
        plural, namespaced = self._plurals[api_version, kind]
        scope = f"/namespaces/{namespace}" if namespaced and namespace else ""
        return f"{root}{scope}/{plural}" + (f"/{name}" if name else "")

    def token(
        self,
        namespace: str,
        account: str,
        *,
        audiences: Iterable[str] = (),
        seconds: int = 3600,
        pod: Object | None = None,
    ) -> str:
        """A service-account token from TokenRequest. `seconds` is at least 600 for the API server to take it.

        Without `audiences` the token is for the API server itself; with `pod` it is worth nothing once that is gone.
        """
        spec: Object = {"expirationSeconds": seconds, "audiences": list(audiences)}
        if pod is not None:
            metadata = pod["metadata"]
            bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
            spec["boundObjectRef"] = bound
        answer = self.request(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        )
        return str(answer["status"]["token"])

    def _discover(self, root: str, api_version: str) -> None:
        for resource in (self.find(root) or {}).get("resources", []):
            if "/" not in resource["name"]:
                self._plurals[api_version, resource["kind"]] = (resource["name"], resource["namespaced"])

    def _is_established(self, name: str) -> bool:
        found = self.find(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}") or {}
        conditions = found.get("status", {}).get("conditions") or []
        return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def kubeconfig(*, context: str, server: str, ca: Path, user: Mapping[str, str], namespace: str = "default") -> bytes:
    """A kubeconfig with one named context, as bytes for `write_private`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": encoded(ca)},
            }
        ],
        "users": [{"name": context, "user": dict(user)}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": namespace}}],
    }
    return yaml.safe_dump(document, sort_keys=False).encode()


def encoded(path: Path) -> str:
    """A file's content in base64, as kubeconfigs and Kubernetes Secrets carry it."""
    return base64.b64encode(path.read_bytes()).decode()
