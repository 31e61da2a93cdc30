"""The namespaces of a drill: made, marked, and removed again. What does not carry the mark is never touched."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from velero_eks.errors import BadTarget, Conflict, NotFound, OperationError, TimeLimit
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import NAMESPACE, ResourceKind
from velero_eks.kube.objects import Object
from velero_eks.kube.waiting import wait_for
from velero_eks.recovery.drill.plan import QUOTA
from velero_eks.recovery.following import remove_restore, wait_for_end
from velero_eks.recovery.restore.run import MANAGED_BY
from velero_eks.recovery.session import Session
from velero_eks.velero.records import RESTORE, moment

LABEL = "velero-eks/drill"
EXPIRES = "velero-eks/drill-expires"
_CONFIG_MAP = ResourceKind("", "v1", "ConfigMap", "configmaps", True)
_QUOTA = ResourceKind("", "v1", "ResourceQuota", "resourcequotas", True)
_PREFIX = "drill"
_NAME_MAX = 63
_GONE_SECONDS, _HELD_AFTER = 180.0, 15.0


@dataclass(frozen=True)
class Mark:
    """Whose drill something belongs to, and until when no one else may delete it."""

    drill: str
    expires: datetime

    @classmethod
    def new(cls, seconds: float, now: datetime | None = None) -> Mark:
        """The mark of a drill that takes at most `seconds`."""
        start = now or datetime.now(UTC)
        return cls(secrets.token_hex(3), start + timedelta(seconds=seconds))

    @property
    def labels(self) -> dict[str, str]:
        return {**MANAGED_BY, LABEL: self.drill}

    @property
    def annotations(self) -> dict[str, str]:
        return {EXPIRES: self.expires.isoformat(timespec="seconds")}

    def namespace(self, original: str) -> str:
        """The scratch namespace of a namespace, such as `drill-4f2a1c-exam-prod`."""
        from velero_on_eks.settings.names import shortened

        return shortened(f"{_PREFIX}-{self.drill}-{original}", _NAME_MAX)


def make_namespace(cluster: Cluster, mark: Mark, name: str) -> None:
    """Make a scratch namespace in which no Pod can run. Raises `BadTarget` where there is one of that name already."""
    metadata = {"name": name, "labels": mark.labels, "annotations": mark.annotations}
    body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    try:
        cluster.create(NAMESPACE.path(), body)
    except Conflict as error:
        raise BadTarget(f"namespace {name} already exists and is not from this drill; it is kept") from error
    quota: Object = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": QUOTA, "labels": mark.labels},
        "spec": {"hard": {"pods": "0"}},
    }
    cluster.create(_QUOTA.path(name), quota)


def make_modifiers(session: Session, mark: Mark, modifiers: str) -> str:
    """The ConfigMap with resource modifiers in Velero's namespace; its name."""
    name = f"velero-eks-drill-{mark.drill}"
    metadata = {"name": name, "labels": mark.labels, "annotations": mark.annotations}
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"modifiers": modifiers}}
    session.cluster.create(_CONFIG_MAP.path(session.target.namespace), body)
    return name


def remove_all(session: Session, drill: str, namespaces: Sequence[str]) -> list[str]:
    """Remove everything that a drill made; what could not be removed, in words. Never raises for a single thing.

    A Restore that still runs is waited for first: it would make the namespaces again.
    """
    left: list[str] = []
    restores = _names(session, RESTORE, drill, left)
    for name in restores:
        with _said(left, f"Restore {name}"):
            wait_for_end(session, name)
    for name in namespaces:
        with _said(left, f"namespace {name}"):
            _start_removing(session.cluster, name, drill)
    for name in restores:
        with _said(left, f"Restore {name}"):
            remove_restore(session, name)
    for name in _names(session, _CONFIG_MAP, drill, left):
        with _said(left, f"ConfigMap {name}"):
            session.cluster.delete(_CONFIG_MAP.path(session.target.namespace, name))
    for name in namespaces:
        with _said(left, f"namespace {name}"):
            _wait_until_gone(session.cluster, name, drill)
    return left


def leftovers(session: Session, *, now: datetime | None = None, any_age: bool = False) -> dict[str, list[str]]:
    """Drills that something is left of though their time is over: drill → scratch namespaces.

    With `any_age` those that may still be running, too.
    """
    found: dict[str, list[str]] = {}
    bodies = list(session.cluster.list(NAMESPACE.path(), labels=LABEL))
    for kind in (RESTORE, _CONFIG_MAP):
        bodies += session.cluster.list(kind.path(session.target.namespace), labels=LABEL)
    for body in bodies:
        metadata = body["metadata"]
        drill = metadata["labels"][LABEL]
        expires = moment((metadata.get("annotations") or {}).get(EXPIRES))
        # Without a time it is no drill's of this tool, whatever its label says.
        if expires is None or not (any_age or expires < (now or datetime.now(UTC))):
            continue
        names = found.setdefault(drill, [])
        if body["kind"] == NAMESPACE.kind and metadata["name"].startswith(f"{_PREFIX}-{drill}-"):
            names.append(metadata["name"])
    return found


def _names(session: Session, kind: ResourceKind, drill: str, left: list[str]) -> list[str]:
    found: list[str] = []
    with _said(left, f"{kind.kind}s of the drill"):
        path = kind.path(session.target.namespace)
        found += [body["metadata"]["name"] for body in session.cluster.list(path, labels=f"{LABEL}={drill}")]
    return found


def _start_removing(cluster: Cluster, name: str, drill: str) -> None:
    found = cluster.find(NAMESPACE.path(None, name))
    if found is None:
        return
    if not _ours(found, drill):
        raise BadTarget("it does not have this drill's label; it is kept")
    cluster.delete(NAMESPACE.path(None, name), uid=found["metadata"]["uid"])


def _wait_until_gone(cluster: Cluster, name: str, drill: str) -> None:
    path = NAMESPACE.path(None, name)

    def gone() -> bool | None:
        found = cluster.find(path)
        return True if found is None or not _ours(found, drill) else None

    try:
        wait_for(gone, seconds=_HELD_AFTER, what="the end")
    except TimeLimit:
        _let_go(cluster, name)
        wait_for(gone, seconds=_GONE_SECONDS, what=f"the end of {name}")


def _ours(namespace: Object, drill: str) -> bool:
    return (namespace["metadata"].get("labels") or {}).get(LABEL) == drill


def _let_go(cluster: Cluster, namespace: str) -> None:
    """Take the finalizers off what is being deleted in a namespace of ours: their owners never knew of these copies."""
    for kind in cluster.kinds(afresh=True):
        if not (kind.namespaced and kind.listed and "patch" in kind.verbs):
            continue
        try:
            for body in list(cluster.list(kind.path(namespace), metadata_only=True)):
                metadata = body["metadata"]
                if metadata.get("finalizers") and metadata.get("deletionTimestamp"):
                    cluster.patch(kind.path(namespace, metadata["name"]), {"metadata": {"finalizers": None}})
        except (NotFound, Conflict):
            continue


@contextlib.contextmanager
def _said(left: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except OperationError as error:
        left.append(f"{what}: {error}")
