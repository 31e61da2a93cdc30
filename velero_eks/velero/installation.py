"""The one reader of what Velero's installation leaves in a cluster, by name. Nothing is changed.

Every question answers None where there is no such object, and raises `OperationError` for anything else.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

from velero_on_eks.settings.images import release_in

from velero_eks.errors import OperationError
from velero_eks.kube.client import Cluster, Object
from velero_eks.kube.kinds import NAMESPACE, ResourceKind
from velero_eks.velero.records import GROUP, SCHEDULE

SECRET = ResourceKind("", "v1", "Secret", "secrets", True)
DEPLOYMENT = ResourceKind("apps", "v1", "Deployment", "deployments", True)
SNAPSHOT_GROUP = "snapshot.storage.k8s.io"
VOLUME_SNAPSHOT_CLASS = ResourceKind(SNAPSHOT_GROUP, "v1", "VolumeSnapshotClass", "volumesnapshotclasses", False)
_RELEASE_NAME, _RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
# Labels that the Operator Lifecycle Manager and OADP, the operator for Velero, leave on what they keep.
_OPERATOR_LABELS = ("olm.managed", "olm.owner", "operators.coreos.com/", "openshift.io/oadp")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Velero server's Deployment and who made it: `helm`, `operator` or `cli` (`velero install`, or by hand).

    `release` is the namespace and name of the Helm release that it is of, `image` the first container's.
    """

    namespace: str
    name: str
    image: str
    by: str
    release: tuple[str, str] | None = None

    @classmethod
    def of(cls, deployment: Object) -> Server:
        """What a Deployment says."""
        metadata, template = deployment["metadata"], (deployment.get("spec") or {}).get("template") or {}
        annotations = metadata.get("annotations") or {}
        name = annotations.get(_RELEASE_NAME)
        kept = operator_of(metadata) or metadata.get("ownerReferences")
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            image=next((each["image"] for each in (template.get("spec") or {}).get("containers") or ()), ""),
            by="operator" if kept else "helm" if name else "cli",
            release=(annotations.get(_RELEASE_NAMESPACE, metadata["namespace"]), name) if name else None,
        )

    @property
    def version(self) -> str:
        """Which Velero it is, by its image's tag; empty where that does not say."""
        tag = self.image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return release_in(tag) or ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class HelmRelease:
    """A release's newest revision: the chart's name and version, the values that were given, Helm's status of it."""

    chart: str
    version: str
    values: dict[str, Any]
    status: str | None


class Installation:
    """The installation in one namespace of a cluster."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def namespace(self) -> Object | None:
        """The namespace itself."""
        return self._cluster.find(NAMESPACE.path(name=self._namespace))

    def secret(self, name: str) -> Object | None:
        """A Secret in it."""
        return self._cluster.find(SECRET.path(self._namespace, name))

    def schedule(self, name: str) -> Object | None:
        """A Schedule in it; None as well where the cluster has no Velero."""
        return self._served(GROUP, "Schedule", SCHEDULE.path(self._namespace, name))

    def snapshot_class(self, name: str) -> Object | None:
        """A VolumeSnapshotClass of the cluster; None as well where it has no CSI snapshots."""
        kind = VOLUME_SNAPSHOT_CLASS
        return self._served(kind.group, kind.kind, kind.path(name=name))

    def has_release(self, name: str) -> bool:
        """Whether Helm keeps a release of this name."""
        return bool(self._revisions(name))

    def release(self, name: str) -> HelmRelease | None:
        """A Helm release. Raises `OperationError` where its Secret holds none that can be read."""
        revisions = self._revisions(name)
        if not revisions:
            return None
        newest = self._cluster.get(SECRET.path(self._namespace, revisions[-1]["metadata"]["name"]))
        found = _decoded(newest)
        chart = found["chart"]["metadata"]
        status = (found.get("info") or {}).get("status")
        return HelmRelease(
            chart=chart["name"], version=chart["version"], values=found.get("config") or {}, status=status
        )

    def server(self) -> Server | None:
        """The server's Deployment under its usual name."""
        found = self._cluster.find(DEPLOYMENT.path(self._namespace, "velero"))
        return None if found is None else Server.of(found)

    def _served(self, group: str, kind: str, path: str) -> Object | None:
        return None if self._cluster.kind(group, kind) is None else self._cluster.find(path)

    def _revisions(self, name: str) -> list[Object]:
        """Where Helm keeps a release, metadata alone, oldest revision first."""
        wanted = f"owner=helm,name={name}"
        found = self._cluster.list(SECRET.path(self._namespace), labels=wanted, metadata_only=True)
        return sorted(found, key=lambda item: int(item["metadata"].get("labels", {}).get("version", "0")))


def servers(cluster: Cluster) -> list[Server]:
    """Every Velero server of a cluster, whoever made it."""
    return [Server.of(deployment) for deployment in cluster.list(DEPLOYMENT.path(), labels="component=velero")]


def operator_of(metadata: Object) -> str | None:
    """The operator that keeps an object as it is, None where there is none."""
    labels = metadata.get("labels") or {}
    found = next((label for label in labels if label.startswith(_OPERATOR_LABELS)), None)
    return None if found is None else str(labels.get("olm.owner") or found)


def _decoded(secret: Object) -> dict[str, Any]:
    """A release as Helm stores it: gzipped JSON in base64, in a Secret, which encodes it again."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        return json.loads(gzip.decompress(packed))
    except (KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        name = secret["metadata"]["name"]
        raise OperationError(f"Secret {name} has no readable release: {error}; see 'helm history'") from error
