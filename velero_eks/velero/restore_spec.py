"""What a Restore takes out of a backup: its spec, and Velero's own filters over a backup's contents. Pure.

Follows Velero 1.18's restore controller and `pkg/restore`; the tests in the lab compare it with the real server.

Velero has no filter by name. What it has are kinds, namespaces and label selectors, and the whole backup is known: so
`selectors` are made from it, and it is seen beforehand whether they take what is wanted and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from velero_eks.kube.objects import MANAGED_API_SERVICE, Object, ObjectKey
from velero_eks.velero.backup_contents import Place, Stored
from velero_eks.velero.filters import selects

Existing = Literal["keep", "update"]

POLICY: dict[Existing, str] = {"keep": "none", "update": "update"}
# Velero adds these to what every Restore excludes.
NEVER_RESTORED = frozenset(
    {
        "nodes",
        "events",
        "events.events.k8s.io",
        "backups.velero.io",
        "restores.velero.io",
        "resticrepositories.velero.io",
        "backuprepositories.velero.io",
        "csinodes.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
    }
)
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
NAMESPACES = "namespaces"
VOLUMES = "persistentvolumes"
CLAIMS = "persistentvolumeclaims"
PRIORITY_CLASSES = "priorityclasses.scheduling.k8s.io"
_MIRROR_POD = "kubernetes.io/config.mirror"
_SNAPSHOTS = "volumesnapshots.snapshot.storage.k8s.io"
_DATA_UPLOADS = "datauploads.velero.io"

Selector = dict[str, Any]

ENDPOINTS, SLICES = "endpoints", "endpointslices.discovery.k8s.io"
_SERVICE_LABEL, _MAKER_LABEL = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
_MAKERS = frozenset({"endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"})
# The API server writes where it is itself, as the endpoints of a Service that has no selector either.
_OF_THE_SERVER = ("default", "kubernetes")


@dataclass(frozen=True, kw_only=True)
class RestoreSpec:
    """The spec of one Restore. `cluster_resources` is Velero's `includeClusterResources`; None lets it decide."""

    backup: str
    existing: Existing
    namespaces: tuple[str, ...] = ("*",)
    excluded_namespaces: tuple[str, ...] = ()
    resources: tuple[str, ...] = ("*",)
    excluded_resources: tuple[str, ...] = ()
    cluster_resources: bool | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    selectors: tuple[Selector, ...] = ()
    modifier: str | None = None
    """A ConfigMap with resource modifiers, in Velero's namespace."""

    @property
    def document(self) -> dict[str, Any]:
        """The Restore's `spec`."""
        spec: dict[str, Any] = {
            "backupName": self.backup,
            "includedNamespaces": list(self.namespaces),
            "includedResources": list(self.resources),
            "existingResourcePolicy": POLICY[self.existing],
            # Said, since Velero's own default is another one for native snapshots than for CSI.
            "restorePVs": True,
        }
        if self.excluded_namespaces:
            spec["excludedNamespaces"] = list(self.excluded_namespaces)
        if self.excluded_resources:
            spec["excludedResources"] = list(self.excluded_resources)
        if self.cluster_resources is not None:
            spec["includeClusterResources"] = self.cluster_resources
        if self.mapping:
            spec["namespaceMapping"] = dict(self.mapping)
        if self.selectors:
            spec["orLabelSelectors"] = [dict(selector) for selector in self.selectors]
        if self.modifier:
            spec["resourceModifier"] = {"kind": "ConfigMap", "name": self.modifier}
        return spec

    def refusal(self, item: Stored) -> str | None:
        """Why Velero does not restore `item` by itself, None where it does."""
        if item.place.resource in NEVER_RESTORED:
            return "Velero never restores this kind"
        if item.place.resource in self.excluded_resources or not _has(self.resources, item.place.resource):
            return "this kind is not selected"
        if not item.place.namespace:
            if self.cluster_resources is False:
                return "cluster-scoped objects are not selected"
            if self.cluster_resources is None and not self._every_namespace:
                return "Velero skips cluster-scoped objects if only some namespaces are selected"
        elif not self._takes_namespace(item.place.namespace):
            return "its namespace is not selected"
        if self.selectors and not any(selects(selector, labels_of(item.body)) for selector in self.selectors):
            return "its labels are not selected"
        return None

    def selected(self, contents: Iterable[Stored]) -> dict[Place, Stored]:
        """What Velero restores of `contents`: what the filters take, and what that refers to."""
        known = {item.place: item for item in contents}
        taken = {place: item for place, item in known.items() if self.refusal(item) is None}
        waiting = list(taken.values())
        while waiting:
            for place in referred(waiting.pop()):
                found = known.get(place)
                if found is not None and place not in taken and self._takes_referred(found):
                    taken[place] = found
                    waiting.append(found)
        return taken

    def target(self, namespace: str) -> str:
        """The namespace that objects of `namespace` are restored into."""
        return self.mapping.get(namespace, namespace)

    def target_key(self, item: Stored) -> ObjectKey:
        """Which object of the cluster `item` becomes."""
        key = ObjectKey.of(item.body)
        if item.place.resource == NAMESPACES:
            return ObjectKey(key.group, key.kind, "", self.target(item.place.name))
        return ObjectKey(key.group, key.kind, self.target(item.place.namespace), item.place.name)

    @property
    def _every_namespace(self) -> bool:
        return self.namespaces in ((), ("*",)) and not self.excluded_namespaces

    def _takes_namespace(self, namespace: str) -> bool:
        return _has(self.namespaces, namespace) and namespace not in self.excluded_namespaces

    def _takes_referred(self, item: Stored) -> bool:
        if item.place.resource in NEVER_RESTORED or item.place.resource in self.excluded_resources:
            return False
        if not _has(self.resources, item.place.resource):
            return False
        return (
            self._takes_namespace(item.place.namespace) if item.place.namespace else self.cluster_resources is not False
        )


def referred(item: Stored) -> list[Place]:
    """The places of what Velero restores along with an object, though no filter takes it."""
    spec = item.body.get("spec") or {}
    bound = (item.body.get("status") or {}).get("phase") == "Bound"
    if item.place.resource == CLAIMS and bound and spec.get("volumeName"):
        return [Place(VOLUMES, "", spec["volumeName"])]
    if item.place.resource == "pods":
        claims = [volume.get("persistentVolumeClaim") or {} for volume in spec.get("volumes") or []]
        found = [Place(CLAIMS, item.place.namespace, claim["claimName"]) for claim in claims if claim.get("claimName")]
        if spec.get("priorityClassName"):
            found.append(Place(PRIORITY_CLASSES, "", spec["priorityClassName"]))
        return found
    return []


def passed_over(item: Stored) -> str | None:
    """Why Velero passes an object over though it is asked for, None where it does not."""
    metadata, status = item.body["metadata"], item.body.get("status") or {}
    if item.place.resource == "pods":
        if status.get("phase") in ("Succeeded", "Failed"):
            return "the Pod had ended"
        if _MIRROR_POD in (metadata.get("annotations") or {}):
            return "the node creates this Pod itself"
    if item.place.resource == "jobs.batch" and status.get("completionTime"):
        return "the Job had ended"
    if item.place.resource == "apiservices.apiregistration.k8s.io" and MANAGED_API_SERVICE in labels_of(item.body):
        return "Kubernetes creates this APIService itself"
    return None


def made_anew(contents: Iterable[Stored]) -> dict[str, str]:
    """The volumes that Velero does not restore, since their claims make new ones; each with the reason.

    As far as a backup's content tells: that Velero copied a volume's files (`fs-backup`), or took a native snapshot of
    it, is written elsewhere.
    """
    known = list(contents)
    snapshots = {claim for item in known if (claim := _source_of(item)) is not None}
    found: dict[str, str] = {}
    for item in known:
        if item.place.resource != VOLUMES:
            continue
        spec = item.body.get("spec") or {}
        claim = spec.get("claimRef") or {}
        if (claim.get("namespace"), claim.get("name")) in snapshots:
            found[item.place.name] = "its claim creates a new volume from the snapshot"
        elif spec.get("persistentVolumeReclaimPolicy") == "Delete":
            found[item.place.name] = "its claim creates a new volume"
    return found


def _source_of(item: Stored) -> tuple[str, str] | None:
    """The claim (namespace, name) that a CSI snapshot, or one that was moved to the bucket, is of."""
    spec = item.body.get("spec") or {}
    if item.place.resource == _SNAPSHOTS:
        name = (spec.get("source") or {}).get("persistentVolumeClaimName")
        return (item.place.namespace, name) if name else None
    if item.place.resource == _DATA_UPLOADS:
        return str(spec.get("sourceNamespace")), str(spec.get("sourcePVC"))
    return None


def labels_of(body: Object) -> dict[str, str]:
    """An object's labels."""
    return body["metadata"].get("labels") or {}


def _has(chosen: tuple[str, ...], name: str) -> bool:
    return chosen in ((), ("*",)) or name in chosen


def selectors(wanted: Collection[Stored], others: Iterable[Stored]) -> tuple[Selector, ...] | None:
    """Label selectors that together take every one of `wanted` and none of `others`.

    Empty where no selector is needed, since there are no others. None where there is none that does it: another
    object has the very same labels.
    """
    rest = [labels_of(item.body) for item in others]
    if not rest:
        return ()
    found: dict[tuple[tuple[str, str], ...], Selector] = {}
    for item in wanted:
        labels = labels_of(item.body)
        identity = tuple(sorted(labels.items()))
        if identity in found:
            continue
        selector = _selector(labels, rest)
        if selector is None or any(selects(selector, other) for other in rest):
            return None
        found[identity] = selector
    return tuple(found.values())


def _selector(labels: dict[str, str], rest: Iterable[dict[str, str]]) -> Selector | None:
    """What matches these labels, and no one who has more of them than this."""
    surplus = sorted({key for other in rest if labels.items() <= other.items() for key in other.keys() - labels.keys()})
    expressions = [{"key": key, "operator": "DoesNotExist"} for key in surplus]
    if not labels and not expressions:
        return None
    selector: dict[str, object] = {}
    if labels:
        selector["matchLabels"] = dict(labels)
    if expressions:
        selector["matchExpressions"] = expressions
    return selector


def instances(definition: Stored, contents: Iterable[Stored], namespace: str | None = None) -> list[Stored]:
    """The objects of a CRD that the backup has, of one namespace where one is given."""
    if definition.place.resource != DEFINITIONS:
        return []
    return [
        item
        for item in contents
        if item.place.resource == definition.place.name
        and (namespace is None or item.place.namespace in ("", namespace))
    ]


def by_hand(contents: Collection[Stored]) -> list[Stored]:
    """The Endpoints and EndpointSlices that no controller makes: those of Services without a selector, with which
    someone leads to what is outside the cluster."""
    free = {
        (item.place.namespace, item.place.name)
        for item in contents
        if item.place.resource == "services" and not (item.body.get("spec") or {}).get("selector")
    } - {_OF_THE_SERVER}
    return [
        item
        for item in contents
        if (item.place.resource == ENDPOINTS and (item.place.namespace, item.place.name) in free)
        or (
            item.place.resource == SLICES
            and (item.place.namespace, labels_of(item.body).get(_SERVICE_LABEL)) in free
            and labels_of(item.body).get(_MAKER_LABEL) not in _MAKERS
        )
    ]
