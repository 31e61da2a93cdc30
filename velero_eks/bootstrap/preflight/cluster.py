"""Asks the cluster what preflight judges: lists and access reviews, nothing that changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from velero_on_eks.documents.kubernetes import REPOSITORY_SECRET, SNAPSHOT_CLASS, SNAPSHOT_CONTROLLER
from velero_on_eks.settings import Settings

from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight.facts import Claim, Definition, Kubernetes, Namespace, StorageClass
from velero_eks.errors import ApiError, NotAllowed, OperationError
from velero_eks.kube.client import Cluster, Object
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, ResourceKind
from velero_eks.velero.installation import (
    DEPLOYMENT,
    SECRET,
    SNAPSHOT_GROUP,
    VOLUME_SNAPSHOT_CLASS,
    Installation,
    operator_of,
    servers,
)
from velero_eks.velero.records import BACKUP, GROUP, LOCATION, SCHEDULE, Location, Schedule

_VOLUME = ResourceKind("", "v1", "PersistentVolume", "persistentvolumes", False)
_CLAIM = ResourceKind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True)
_STORAGE_CLASS = ResourceKind("storage.k8s.io", "v1", "StorageClass", "storageclasses", False)
_DRIVER = ResourceKind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", False)
_WORKLOADS = (
    DEPLOYMENT,
    ResourceKind("apps", "v1", "StatefulSet", "statefulsets", True),
    ResourceKind("apps", "v1", "DaemonSet", "daemonsets", True),
    ResourceKind("batch", "v1", "CronJob", "cronjobs", True),
    ResourceKind("batch", "v1", "Job", "jobs", True),
    ResourceKind("", "v1", "Pod", "pods", True),
)
# How the chart, `velero install` and the maintenance Jobs mark what is Velero's.
_NAMING_LABELS = ("app.kubernetes.io/name", "component", "name", "app.kubernetes.io/part-of")
_VELERO = frozenset({"velero", "node-agent"})
_RBAC = "rbac.authorization.k8s.io"
_EVERYTHING = ResourceKind("*", "*", "*", "*", False)
# On a class the label that Velero looks for, on a claim the annotation that names a class.
SNAPSHOT_CLASS_MARK = "velero.io/csi-volumesnapshot-class"
LEFT_OUT_LABEL = "velero.io/exclude-from-backup"
_DEFAULT_SNAPSHOT_CLASS = "snapshot.storage.kubernetes.io/is-default-class"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

Answer = TypeVar("Answer")


def cluster_facts(cluster: Cluster, settings: Settings) -> Kubernetes | Unknown:
    """Everything that the API server says about a stack; `Unknown` where it does not let the caller in at all."""
    try:
        version = cluster.version()
        served = frozenset(f"{kind.group}/{kind.kind}" for kind in cluster.kinds())
    except OperationError as error:
        return Unknown(str(error), refused=isinstance(error, NotAllowed))
    namespace, release = settings.release.namespace, settings.release
    installation = Installation(cluster, namespace)
    velero = f"{GROUP}/Schedule" in served
    snapshots = f"{SNAPSHOT_GROUP}/VolumeSnapshotClass" in served
    volumes = _asked(lambda: list(cluster.list(_VOLUME.path())))
    classes = _asked(lambda: list(cluster.list(VOLUME_SNAPSHOT_CLASS.path()))) if snapshots else []
    return Kubernetes(
        version=version,
        issuer=_asked(lambda: cluster.issuer()) if settings.cluster.context else None,
        served=served,
        installed=_asked(lambda: tuple(servers(cluster))),
        definitions=_asked(lambda: tuple(_definitions(cluster))),
        namespace=_asked(lambda: _namespace(installation.namespace())),
        neighbours=_asked(lambda: tuple(_neighbours(cluster, namespace))) if settings.adopt.namespace else (),
        secret=_asked(lambda: installation.secret(REPOSITORY_SECRET) is not None),
        release=_asked(lambda: installation.has_release(release.name)),
        snapshot_class=_asked(lambda: installation.snapshot_class(SNAPSHOT_CLASS) is not None),
        snapshot_controllers=_asked(lambda: tuple(_snapshot_controllers(cluster))),
        schedules=_asked(lambda: tuple(map(Schedule, cluster.list(SCHEDULE.path())))) if velero else (),
        locations=_asked(lambda: tuple(map(Location, cluster.list(LOCATION.path())))) if velero else (),
        backup_uids=_asked(lambda: frozenset(_uids(cluster, namespace))) if velero else frozenset(),
        storage_classes=_asked(lambda: tuple(_storage_classes(cluster))),
        drivers=_asked(lambda: frozenset(item["metadata"]["name"] for item in cluster.list(_DRIVER.path()))),
        volumes=volumes if isinstance(volumes, Unknown) else Counter(map(_driver_of, volumes)),
        claims=volumes if isinstance(volumes, Unknown) else _asked(lambda: tuple(_claims(cluster, volumes, classes))),
        snapshot_drivers=classes if isinstance(classes, Unknown) else frozenset(_snapshot_drivers(classes)),
        missing_rights=_asked(lambda: tuple(_missing_rights(cluster, settings))),
    )


def required_rights(settings: Settings) -> Iterator[tuple[str, ResourceKind, str | None]]:
    """The verbs, kinds and namespaces that the first `pulumi up` needs."""
    namespace = settings.release.namespace
    yield "create", NAMESPACE, None
    yield "create", CUSTOM_RESOURCE_DEFINITION, None
    yield "create", ResourceKind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", False), None
    # The chart binds Velero to cluster-admin, which no one may who has less.
    yield "bind", ResourceKind(_RBAC, "v1", "ClusterRole", "clusterroles", False), None
    inside = [
        SECRET,
        DEPLOYMENT,
        SCHEDULE,
        LOCATION,
        ResourceKind("", "v1", "Service", "services", True),
        ResourceKind("", "v1", "ServiceAccount", "serviceaccounts", True),
        ResourceKind("batch", "v1", "Job", "jobs", True),
        ResourceKind(_RBAC, "v1", "Role", "roles", True),
        ResourceKind(_RBAC, "v1", "RoleBinding", "rolebindings", True),
    ]
    if settings.release.disruption_budget:
        inside.append(ResourceKind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True))
    for kind in inside:
        yield "create", kind, namespace
    if settings.volumes.mode == "csi-snapshot":
        yield "create", VOLUME_SNAPSHOT_CLASS, None


def _asked(ask: Callable[[], Answer]) -> Answer | Unknown:
    try:
        return ask()
    except (ApiError, NotAllowed) as error:
        return Unknown(str(error))


def _definitions(cluster: Cluster) -> Iterator[Definition]:
    for item in cluster.list(CUSTOM_RESOURCE_DEFINITION.path(), metadata_only=True):
        metadata = item["metadata"]
        if metadata["name"].endswith((f".{GROUP}", f".{SNAPSHOT_GROUP}")):
            yield Definition(
                name=metadata["name"],
                deleting=bool(metadata.get("deletionTimestamp")),
                operator=operator_of(metadata),
            )


def _namespace(found: Object | None) -> Namespace | None:
    if found is None:
        return None
    made = datetime.fromisoformat(found["metadata"]["creationTimestamp"])
    return Namespace(str((found.get("status") or {}).get("phase") or "Active"), made.timestamp())


def _neighbours(cluster: Cluster, namespace: str) -> Iterator[str]:
    for kind in _WORKLOADS:
        for item in cluster.list(kind.path(namespace), metadata_only=True):
            metadata = item["metadata"]
            labels = metadata.get("labels") or {}
            # What a workload made is told by the workload itself.
            if not metadata.get("ownerReferences") and not any(labels.get(key) in _VELERO for key in _NAMING_LABELS):
                yield f"{kind.kind} {metadata['name']}"


def _snapshot_controllers(cluster: Cluster) -> Iterator[str]:
    for item in cluster.list(DEPLOYMENT.path(), fields=f"metadata.name={SNAPSHOT_CONTROLLER}", metadata_only=True):
        yield f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _uids(cluster: Cluster, namespace: str) -> Iterator[str]:
    for item in cluster.list(BACKUP.path(namespace), metadata_only=True):
        yield item["metadata"]["uid"]


def _storage_classes(cluster: Cluster) -> Iterator[StorageClass]:
    for item in cluster.list(_STORAGE_CLASS.path()):
        annotations = item["metadata"].get("annotations") or {}
        yield StorageClass(
            name=item["metadata"]["name"],
            provisioner=item["provisioner"],
            default=annotations.get(_DEFAULT_CLASS) == "true",
        )


def _driver_of(volume: Object) -> str:
    spec = volume["spec"]
    if "csi" in spec:
        return str(spec["csi"]["driver"])
    source = next((key for key in spec if key in ("awsElasticBlockStore", "nfs", "hostPath", "local")), "another kind")
    return f"in-tree {source}"


def _claims(cluster: Cluster, volumes: list[Object], classes: list[Object] | Unknown) -> Iterator[Claim]:
    """The claims that have a volume, with what their labels and annotations tell Velero."""
    metadata = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item["metadata"]
        for item in cluster.list(_CLAIM.path(), metadata_only=True)
    }
    drivers = {} if isinstance(classes, Unknown) else {each["metadata"]["name"]: each.get("driver") for each in classes}
    for volume in volumes:
        to = volume["spec"].get("claimRef") or {}
        claim = metadata.get((to.get("namespace"), to.get("name")))
        if claim is None:
            continue
        driver = _driver_of(volume)
        # Velero looks at a CSI volume when it comes to its claim, and at any other one by itself.
        labels = (claim if "csi" in volume["spec"] else volume["metadata"]).get("labels") or {}
        named = (claim.get("annotations") or {}).get(SNAPSHOT_CLASS_MARK)
        yield Claim(
            driver=driver,
            namespace=claim["namespace"],
            name=claim["name"],
            volume=volume["metadata"]["name"],
            left_out=labels.get(LEFT_OUT_LABEL) == "true",
            own_class=named is not None and drivers.get(named) == driver,
        )


def _snapshot_drivers(classes: list[Object]) -> Iterator[str]:
    """The drivers that Velero finds a class of: a labelled one, the default one, or the only one there is."""
    number = Counter(each.get("driver") for each in classes)
    for each in classes:
        labels, annotations = (each["metadata"].get(key) or {} for key in ("labels", "annotations"))
        default = _DEFAULT_SNAPSHOT_CLASS in annotations
        if SNAPSHOT_CLASS_MARK in labels or default or number[each.get("driver")] == 1:
            yield str(each.get("driver"))


def _missing_rights(cluster: Cluster, settings: Settings) -> Iterator[str]:
    if cluster.may("*", _EVERYTHING):
        return
    for verb, kind, namespace in required_rights(settings):
        if not cluster.may(verb, kind, namespace):
            yield f"{verb} {kind.resource}{f' in {namespace}' if namespace else ''}"
