"""A small client of the Kubernetes API for objects of any kind, with a time limit on every request.

The lab's own processes use it; what the project ships uses the `kubernetes` package.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import urllib3
import yaml

from lab.certificates import write_private
from lab.processes import LabError, wait_until

Object = dict[str, Any]

FIELD_MANAGER = "velero-eks-lab"
_TIMEOUT = urllib3.Timeout(connect=5, read=30)


class ApiError(LabError):
    """The API server refused a request; `status` is the HTTP status, `reason` Kubernetes' own word for it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class ApiUnreachable(LabError):
    """No answer from the API server: it is down, or restarting."""


class KubernetesApi:
    """One API server, reached as one user, with the server's certificate verified."""

    def __init__(self, server: str, tls: ssl.SSLContext, *, token: str | None = None) -> None:
        self.server = server.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(ssl_context=tls, timeout=_TIMEOUT, retries=False, maxsize=8)
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    @classmethod
    def from_kubeconfig(cls, path: Path, context: str) -> Self:
        """The user and cluster of one named context. Raises `LabError` when the context is not there."""
        document = yaml.safe_load(path.read_text())
        entries = {kind: {item["name"]: item for item in document[kind]} for kind in ("contexts", "clusters", "users")}
        if context not in entries["contexts"]:
            known = ", ".join(sorted(entries["contexts"])) or "none"
            raise LabError(f"{path}: no context {context!r}; it has: {known}")
        chosen = entries["contexts"][context]["context"]
        cluster = entries["clusters"][chosen["cluster"]]["cluster"]
        user = entries["users"][chosen["user"]]["user"]
        tls = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority-data").decode())
        if "client-certificate-data" in user:
            # `ssl` loads a key from a file only, and has read it when the folder goes.
            with tempfile.TemporaryDirectory() as folder:
                pair = Path(folder, "client.pem")
                write_private(pair, _decoded(user, "client-certificate-data") + _decoded(user, "client-key-data"))
                tls.load_cert_chain(pair)
        token = Path(user["tokenFile"]).read_text() if "tokenFile" in user else user.get("token")
        return cls(cluster["server"], tls, token=token)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> Object:
        """One request; the answer's JSON. Raises `ApiError` for a refusal, `ApiUnreachable` for silence."""
        answer = self._send(method, path, body, query, content)
        if answer.status >= 400:
            raise _refusal(method, path, answer)
        return json.loads(answer.data) if answer.data else {}

    def text(self, path: str) -> str:
        """The answer of a path that does not speak JSON, such as `/readyz`."""
        answer = self._send("GET", path, None, None, "")
        if answer.status >= 400:
            raise _refusal("GET", path, answer)
        return answer.data.decode(errors="replace")

    def is_ready(self) -> bool:
        """Whether `/readyz` says ok."""
        try:
            return self.text("/readyz").strip() == "ok"
        except (ApiError, ApiUnreachable):
            return False

    def find(self, path: str) -> Object | None:
        """GET, with None for what does not exist."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str) -> list[Object]:
        """The items of a collection, with `apiVersion` and `kind` filled in."""
        answer = self.request("GET", path)
        kind = str(answer.get("kind", "")).removesuffix("List")
        return [{"apiVersion": answer.get("apiVersion"), "kind": kind, **item} for item in answer.get("items") or []]

    def apply(self, document: Object) -> Object:
        """Server-side apply, taking over fields that others own. Kinds are looked up by discovery."""
        path = self.path(
            document["apiVersion"],
            document["kind"],
            document["metadata"].get("namespace"),
            document["metadata"]["name"],
        )
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self.request("PATCH", path, document, query=query, content="application/apply-patch+yaml")

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

    def delete(self, path: str, *, propagation: str = "Background") -> bool:
        """Delete an object; False when it was not there."""
        try:
            self.request("DELETE", path, {"propagationPolicy": propagation})
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

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

    def _send(
        self, method: str, path: str, body: object, query: Mapping[str, str] | None, content: str
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._headers, **({"Content-Type": content} if body is not None else {})}
        encoded = None if body is None else json.dumps(body).encode()
        try:
            return self._pool.request(method, url, body=encoded, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(f"no answer from {self.server} to {method} {path}: {error}") from error

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


def _decoded(entry: Mapping[str, str], key: str) -> bytes:
    return base64.b64decode(entry[key])


def _refusal(method: str, path: str, answer: urllib3.BaseHTTPResponse) -> ApiError:
    text = answer.data.decode(errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        return ApiError(answer.status, "", f"{method} {path}: HTTP {answer.status}: {text[:500]}")
    reason, message = str(status.get("reason", "")), str(status.get("message", text[:500]))
    return ApiError(answer.status, reason, f"{method} {path}: HTTP {answer.status} {reason}: {message}")
