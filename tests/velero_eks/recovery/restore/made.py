"""Objects of a backup and of a cluster, made small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from velero_eks.kube.objects import Object, ObjectKey
from velero_eks.recovery.restore.prediction import ClusterState
from velero_eks.velero.backup_contents import Place, Stored

RESOURCES = {
    "Namespace": "namespaces",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "Pod": "pods",
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Deployment": "deployments.apps",
    "Job": "jobs.batch",
    "Ingress": "ingresses.networking.k8s.io",
    "Event": "events",
    "Node": "nodes",
    "PriorityClass": "priorityclasses.scheduling.k8s.io",
    "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
    "CustomResourceDefinition": "customresourcedefinitions.apiextensions.k8s.io",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "Endpoints": "endpoints",
    "EndpointSlice": "endpointslices.discovery.k8s.io",
    "VolumeSnapshot": "volumesnapshots.snapshot.storage.k8s.io",
    "DataUpload": "datauploads.velero.io",
    "StatefulSet": "statefulsets.apps",
    "NodeClaim": "nodeclaims.karpenter.sh",
    "Question": "questions.exam.example.com",
}
VERSIONS = {
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "VolumeSnapshot": "snapshot.storage.k8s.io/v1",
    "DataUpload": "velero.io/v2alpha1",
    "StatefulSet": "apps/v1",
    "NodeClaim": "karpenter.sh/v1",
    "Question": "exam.example.com/v1",
}

_METADATA = ("labels", "annotations", "finalizers", "deletionTimestamp", "managedFields", "uid", "ownerReferences")


def body(kind: str, name: str, namespace: str = "", **fields: Any) -> Object:
    """An object; `labels`, `annotations` and other metadata go to `metadata`, the rest stands beside it."""
    metadata: dict[str, Any] = {"name": name, **({"namespace": namespace} if namespace else {})}
    for field in _METADATA:
        if field in fields:
            metadata[field] = fields.pop(field)
    return {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": metadata, **fields}


def stored(kind: str, name: str, namespace: str = "", **fields: Any) -> Stored:
    """The same, as it is in a backup."""
    return Stored(Place(RESOURCES[kind], namespace, name), body(kind, name, namespace, **fields))


def definition(name: str = "questions.exam.example.com", kind: str = "Question", **fields: Any) -> Stored:
    """A CRD."""
    plural, _, group = name.partition(".")
    spec = {
        "group": group,
        "names": {"plural": plural, "kind": kind},
        "versions": [{"name": "v1", "served": True}, {"name": "v1alpha1", "served": False}],
    }
    return stored("CustomResourceDefinition", name, spec=spec, **fields)


def live(bodies: Iterable[Object] = (), kinds: Iterable[str] = tuple(RESOURCES)) -> ClusterState:
    """A cluster that serves these kinds and holds these objects."""
    served = {(VERSIONS.get(kind, "v1"), kind) for kind in kinds}
    return ClusterState({ObjectKey.of(each): each for each in bodies}, served)


def fates(predictions: Iterable[Any]) -> Mapping[str, str]:
    """`Kind/name` → fate."""
    return {f"{each.key.kind}/{each.key.name}": each.fate.value for each in predictions}
