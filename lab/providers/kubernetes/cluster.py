"""A real Kubernetes API server as the kubernetes stand-in sees it: which kinds it serves, and plain REST on them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from lab.providers.base import Operation, ProviderError
from velero_eks.errors import OperationError, Unreachable
from velero_eks.kube.connection import named_context

FIELD_MANAGER = "pulumi-kubernetes"
_READ_SECONDS = 30.0
_LOOK_SECONDS = 0.25
_SERVED_SECONDS = 60.0
"""How long a kind may take to be served after its CRD came (a Schedule right after the Release)."""


@dataclass(frozen=True)
class Kind:
    """A kind that the server serves; `path` is what comes before /namespaces/… or the plural."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def path(self) -> str:
        """The root of its group and version."""
        return group_path(self.api_version)


class StatusError(ProviderError):
    """The API server answered with an error; `code` is the HTTP status, `reason` the machine-readable word."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


def group_path(api_version: str) -> str:
    """The path of a group and version: /api/v1 for the core, /apis/… for the rest."""
    return f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"


def load_kubeconfig(kubeconfig: str | None) -> tuple[dict[str, Any], Path | None]:
    """The kubeconfig and the file it came from: contents, a path, or by default $KUBECONFIG or ~/.kube/config.

    Raises ProviderError for a file that cannot be read.
    """
    if kubeconfig and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        return yaml.safe_load(kubeconfig), None
    # KUBECONFIG may be a list of files; the first one is taken.
    path = Path((kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config").split(os.pathsep)[0]).expanduser()
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ProviderError(f"kubeconfig {path}: {error}; set KUBECONFIG for the stand-in's own process") from error
    if not isinstance(loaded, dict):
        raise ProviderError(f"kubeconfig {path}: holds no configuration")
    return loaded, path


def server_of(kubeconfig: Mapping[str, Any], context: str) -> str:
    """The API server's URL that a context leads to. Raises ProviderError for a context that is not there."""
    contexts = {item["name"]: item["context"] for item in kubeconfig.get("contexts") or []}
    if context not in contexts:
        raise ProviderError(
            f"context {context!r} is not in the kubeconfig; it has {', '.join(sorted(contexts)) or 'none'}"
        )
    clusters = {item["name"]: item["cluster"] for item in kubeconfig.get("clusters") or []}
    return clusters.get(contexts[context]["cluster"], {}).get("server", "")


class Cluster:
    """One API server, reached through one context of a kubeconfig.

    `directory` is a folder of its own, removed with it; `kubeconfig` the file that leads there.
    """

    def __init__(self, kubeconfig: str | None, context: str | None, namespace: str | None) -> None:
        if context is None and kubeconfig is None:
            raise ProviderError("kubernetes provider: give context (or kubeconfig); the current one is never used")
        loaded, path = load_kubeconfig(kubeconfig)
        context = context or loaded.get("current-context")
        if not context:
            raise ProviderError("kubernetes provider: the kubeconfig has no current-context; give context")
        self.context = context
        self.server = server_of(loaded, context)
        chosen = next(item["context"] for item in loaded["contexts"] if item["name"] == context)
        self.namespace = namespace or chosen.get("namespace") or "default"
        # Kept while the session lives: Helm needs a file too.
        self.directory = Path(tempfile.mkdtemp(prefix="kubernetes-stand-in-"))
        weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        if path is None:
            path = self.directory / "kubeconfig"
            path.touch(mode=0o600)
            path.write_text(yaml.safe_dump(loaded), encoding="utf-8")
        self.kubeconfig = path
        try:
            self._connection = named_context(context, path)
        except OperationError as error:
            raise ProviderError(str(error)) from error
        self._lock = threading.Lock()
        self._kinds: dict[str, dict[str, Kind]] = {}

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind if the server serves it now, else None."""
        with self._lock:
            found = self._kinds.get(api_version, {}).get(kind)
        if found is not None:
            return found
        try:
            answer = self.request("GET", group_path(api_version))
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        kinds = {
            item["kind"]: Kind(api_version, item["kind"], item["name"], item["namespaced"])
            for item in answer["resources"]
            if "/" not in item["name"]
        }
        with self._lock:
            self._kinds[api_version] = kinds
        return kinds.get(kind)

    def served_kind(self, api_version: str, kind: str, operation: Operation, *, wait: bool) -> Kind:
        """The kind, waiting up to a minute for its CRD when `wait`. Raises ProviderError when it is not served."""
        waited = 0.0
        while (found := self.kind(api_version, kind)) is None:
            if not wait or waited >= _SERVED_SECONDS:
                after = f" after {waited:.0f} s" if wait else ""
                raise ProviderError(
                    f"no matches for kind {kind!r} in version {api_version!r}: the API server at {self.server} does "
                    f"not serve it{after}; install its CustomResourceDefinition first"
                )
            operation.pause(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
        return found

    def object_path(self, kind: Kind, namespace: str | None, name: str) -> str:
        """The path of one object; a namespaced one without namespace is in the provider's default."""
        scope = f"/namespaces/{quote(namespace or self.namespace)}" if kind.namespaced else ""
        return f"{kind.path}{scope}/{kind.plural}/{quote(name)}"

    def get(self, path: str) -> dict[str, Any] | None:
        """The object, or None when it is not there."""
        try:
            return self.request("GET", path)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    def apply(
        self, path: str, wish: Mapping[str, Any], *, force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        """Server-side apply. Unknown fields are refused by the server itself; a conflict is one unless `force`."""
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        return self.request("PATCH", path, query, wish, "application/apply-patch+yaml")

    def delete(self, path: str, *, propagation: str = "Background") -> None:
        """Asks for a deletion; an object that is gone is not an error."""
        # In the foreground a deletion waits for the garbage collector, which not every rehearsal runs.
        try:
            self.request("DELETE", path, {"propagationPolicy": propagation})
        except StatusError as error:
            if error.code != 404:
                raise

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One call of the API server, in JSON. Raises StatusError for an error answer, ProviderError for none."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            answer = self._connection.send(method, path, list((query or {}).items()), headers, body, _READ_SECONDS)
        except Unreachable as error:
            raise ProviderError(f"the API server at {self.server} did not answer: {error}") from error
        except OperationError as error:
            raise ProviderError(str(error)) from error
        if answer.status >= 400:
            raise _status_error(answer.status, answer.body)
        return json.loads(answer.body)


def _status_error(code: int, body: bytes) -> StatusError:
    try:
        status = json.loads(body)
        message, reason = str(status.get("message", "")), str(status.get("reason", ""))
    except ValueError:
        message, reason = body.decode(errors="replace")[:500], ""
    return StatusError(code, reason, f"the API server answered {code} {reason}: {message}")
