"""A cluster through its API: plain JSON objects, paths made by `ResourceKind.path`, a time limit on every request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from velero_eks.errors import ApiError, BadTarget, Conflict, Forbidden, NotFound, Unreachable
from velero_eks.kube.connection import eks_cluster, named_context
from velero_eks.kube.kinds import ResourceKind, kinds_of, stale_groups
from velero_eks.kube.transport import Answer

Object = dict[str, Any]

READ_SECONDS = 60.0
PAGE = 500
FIELD_MANAGER = "velero-eks"

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# An API server that sheds load says when to come back; no one waits longer than this for one request.
_BUSY_SECONDS, _BUSY_TIMES = 5.0, 3


class Sender(Protocol):
    """What carries requests; `Connection` is the real one."""

    name: str

    @property
    def server(self) -> str:
        """The API server's URL."""
        ...

    def send(
        self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any, seconds: float
    ) -> Answer: ...


class Cluster:
    """One Kubernetes cluster. All methods raise `Unreachable`, `NotAllowed` and `ApiError`, each with its message."""

    def __init__(self, connection: Sender, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._connection = connection
        self._sleep = sleep
        self._served: list[Object] = []

    @classmethod
    def by_context(cls, context: str, kubeconfig: Path | None = None) -> Self:
        """The cluster of a context of `kubeconfig` (by default KUBECONFIG, else ~/.kube/config)."""
        return cls(named_context(context, kubeconfig))

    @classmethod
    def by_name(cls, name: str, *, region: str, account: str) -> Self:
        """An EKS cluster, reached with the caller's AWS credentials."""
        return cls(eks_cluster(name, region, account))

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._connection.name

    def get(self, path: str) -> Object:
        """One object. Raises `NotFound`."""
        return self.request("GET", path)

    def find(self, path: str) -> Object | None:
        """One object, or None where there is none."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def list(
        self, path: str, *, labels: str | None = None, fields: str | None = None, metadata_only: bool = False
    ) -> Iterator[Object]:
        """The objects of a collection, page by page, with `apiVersion` and `kind` filled in.

        `labels` and `fields` are selectors. With `metadata_only` an object is its metadata alone, under the kind
        `PartialObjectMetadata`: a tenth of the size, and no Secret's content.
        """
        query = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        accept = _METADATA if metadata_only else "application/json"
        token = ""
        while True:
            page = {**query, "continue": token} if token else query
            try:
                answer = self.request("GET", path, query=page, accept=accept)
            except ApiError as error:
                # The list has become too old to go on with; the server gives a token for the rest as it is now.
                if error.status != 410 or not error.token:
                    raise
                token = error.token
                continue
            kind = str(answer.get("kind", "")).removesuffix("List")
            for item in answer.get("items") or []:
                yield {"apiVersion": answer.get("apiVersion"), "kind": kind, **item}
            token = (answer.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def create(self, path: str, body: Object, *, dry_run: bool = False) -> Object:
        """Create an object in the collection `path`. Raises `Conflict` where it exists."""
        return self.request("POST", path, body, query=_dry(dry_run))

    def replace(self, path: str, body: Object, *, dry_run: bool = False) -> Object:
        """Put `body` in an object's place. Raises `Conflict` where its resourceVersion is no longer the current one."""
        return self.request("PUT", path, body, query=_dry(dry_run))

    def patch(self, path: str, body: Any, *, how: str = MERGE, dry_run: bool = False) -> Object:
        """Change an object by a patch of type `how` (`MERGE`, `STRATEGIC` or `JSON_PATCH`)."""
        return self.request("PATCH", path, body, query=_dry(dry_run), content=how)

    def apply(self, path: str, body: Object, *, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply of a whole object. With `force`, fields that others manage are taken over."""
        query = {"fieldManager": FIELD_MANAGER, **({"force": "true"} if force else {}), **(_dry(dry_run) or {})}
        return self.request("PATCH", path, body, query=query, content=_APPLY)

    def delete(self, path: str, *, propagation: str = "Background", uid: str | None = None) -> bool:
        """Delete an object; False where it was not there. With `uid`, only the one that has it (else `Conflict`)."""
        body: Object = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self.request("DELETE", path, body)
        except NotFound:
            return False
        return True

    def kinds(self, *, afresh: bool = False, all_versions: bool = False) -> list[ResourceKind]:
        """The kinds that the server serves, each in the version that Velero would back up, or in all versions.

        The server is asked once, and again with `afresh`. A group whose own server does not answer is left out;
        `unknown_groups` names it.
        """
        if afresh or not self._served:
            self._served = self._discovery()
        return [kind for document in self._served for kind in kinds_of(document, all_versions=all_versions)]

    def unknown_groups(self) -> list[str]:
        """Groups (`group/version`) whose own API server does not answer, so that no one knows what they serve."""
        self.kinds()
        return [group for document in self._served for group in stale_groups(document)]

    def kind(self, group: str, kind: str) -> ResourceKind | None:
        """The kind of this name in a group, None where it is not served."""
        return next((found for found in self.kinds() if (found.group, found.kind) == (group, kind)), None)

    def kind_of(self, body: Object) -> ResourceKind:
        """The kind of an object, in the object's own version. Raises `BadTarget` where it is not served."""
        group, _, version = str(body["apiVersion"]).rpartition("/")
        for found in self.kinds():
            if (found.group, found.kind) == (group, body["kind"]):
                return ResourceKind(group, version, found.kind, found.plural, found.namespaced, found.verbs)
        raise BadTarget(
            f"{self.name} serves no kind {body['kind']} in {group or 'the core group'}; install its CRD first"
        )

    def version(self) -> str:
        """The server's version, such as `v1.34.1`; also the cheapest way to see that it answers."""
        return str(self.request("GET", "/version").get("gitVersion", ""))

    def issuer(self) -> str:
        """Who issues the tokens of this cluster's service accounts; on EKS, no two clusters have the same."""
        return str(self.request("GET", "/.well-known/openid-configuration").get("issuer", ""))

    def may(self, verb: str, kind: ResourceKind, namespace: str | None = None) -> bool:
        """Whether the caller may do this, by the server's own word."""
        attributes: Object = {"verb": verb, "group": kind.group, "resource": kind.plural}
        if namespace:
            attributes["namespace"] = namespace
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer.get("status", {}).get("allowed"))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        seconds: float = READ_SECONDS,
    ) -> Object:
        """One request; the answer's JSON. `seconds` limits the wait for each part of the answer."""
        headers = {"Accept": accept, **({"Content-Type": content} if body is not None else {})}
        parameters = list((query or {}).items())

        def send() -> Answer:
            return self._connection.send(method, path, parameters, headers, body, seconds)

        answer = send()
        for _ in range(_BUSY_TIMES):
            if answer.status != 429:
                break
            self._sleep(min(_seconds(answer.headers.get("Retry-After")), _BUSY_SECONDS))
            answer = send()
        if answer.status >= 400:
            raise self._refusal(method, path, answer)
        if not answer.body:
            return {}
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or answer.status >= 300:
            raise Unreachable(
                f"{self.name}: {method} {path}: the answer ({answer.status}) of {self._connection.server} is not JSON;"
                " is this the address of an API server?"
            )
        return found

    def _discovery(self) -> list[Object]:
        documents = [self.request("GET", root, accept=_DISCOVERY) for root in ("/api", "/apis")]
        for document in documents:
            if document.get("kind") != "APIGroupDiscoveryList":
                raise BadTarget(
                    f"{self.name}: the API server has no aggregated discovery; Kubernetes 1.30 and later have it"
                )
        return documents

    def _refusal(self, method: str, path: str, answer: Answer) -> ApiError | Unreachable:
        try:
            status = json.loads(answer.body)
        except (ValueError, RecursionError):
            status = {}
        if not isinstance(status, dict):
            status = {}
        reason = str(status.get("reason", ""))
        said = str(status.get("message", "") or answer.body[:300].decode(errors="replace"))
        code = answer.status
        if code == 403 and ": User " in said:
            return Forbidden(
                code, reason, f"{self.name}: not allowed: {said}. Ask for a role that has this verb on it."
            )
        text = f"{self.name}: {method} {path}: {reason or code}: {said}"
        if code == 503:
            # It is starting, or what stands before it has no one behind it: whoever waits asks again.
            return Unreachable(text)
        if code == 404:
            return NotFound(code, reason, text)
        if code == 409:
            return Conflict(code, reason, text)
        error = ApiError(code, reason, text)
        if code == 410:
            error.token = str((status.get("metadata") or {}).get("continue") or "")
        return error


def _dry(dry_run: bool) -> dict[str, str] | None:
    return {"dryRun": "All"} if dry_run else None


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 1.0
