"""Every object of a namespace, and of the cluster around it, at one moment; and what two moments do not share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lab.kubernetes_api import KubernetesApi
from velero_eks.errors import ApiError
from velero_eks.kube.objects import Difference, Object, ObjectKey, differences, is_derived

# Cluster-scoped kinds that the incidents touch; others of the cluster belong to the control plane itself.
_CLUSTER_KINDS = frozenset(
    {"CustomResourceDefinition", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Namespace"}
)


@dataclass(frozen=True)
class Comparison:
    """What came back: the number compared, what is missing, and what differs field by field."""

    compared: int
    lost: tuple[ObjectKey, ...]
    changed: dict[ObjectKey, tuple[Difference, ...]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether nothing is lost and nothing differs."""
        return not self.lost and not self.changed


Snapshot = dict[ObjectKey, Object]


def snapshot(api: KubernetesApi, namespace: str, *, names: Iterable[str] = ()) -> Snapshot:
    """All objects of `namespace` that someone made, the namespace, and the cluster-scoped ones called `names`."""
    wanted = {namespace, *names}
    found: Snapshot = {}
    for path, namespaced, kind in _served(api):
        if namespaced:
            for body in api.list(path.format(namespace=namespace)):
                if not is_derived(body):
                    found[ObjectKey.of(body)] = body
        elif kind in _CLUSTER_KINDS:
            for body in api.list(path):
                if body["metadata"]["name"] in wanted:
                    found[ObjectKey.of(body)] = body
    return found


def compare(before: Snapshot, after: Snapshot) -> Comparison:
    """Compare `after` with `before`. What is only in `after` is not lost, and not reported."""
    changed = {
        key: tuple(found) for key, body in before.items() if key in after and (found := differences(body, after[key]))
    }
    return Comparison(len(before), tuple(sorted(key for key in before if key not in after)), changed)


def _served(api: KubernetesApi) -> Iterator[tuple[str, bool, str]]:
    """(path with `{namespace}`, namespaced, kind) of everything that can be listed, each kind in one version."""
    groups = [("/api/v1", "v1")]
    for group in api.request("GET", "/apis")["groups"]:
        version = group["preferredVersion"]["groupVersion"]
        groups.append((f"/apis/{version}", version))
    for root, _ in groups:
        try:
            resources = api.request("GET", root)["resources"]
        except ApiError as error:
            # A group whose last CRD has just gone is still listed for a moment.
            if error.status != 404:
                raise
            continue
        for resource in resources:
            if "list" in resource["verbs"] and "/" not in resource["name"]:
                scope = "/namespaces/{namespace}" if resource["namespaced"] else ""
                yield f"{root}{scope}/{resource['name']}", resource["namespaced"], resource["kind"]
