"""Resource types of the kubernetes stand-in: which kind a token means, its schema, and what replaces an object."""

from __future__ import annotations

from lab.providers.base import ProviderError
from lab.providers.diff import Rules
from lab.providers.schema import Record, UnknownType, module_exists, resource_schema

RELEASE = "kubernetes:helm.sh/v3:Release"
# Types that the SDK has but that are no objects: components and patches, made by other means.
_NO_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize", "kubernetes:apiextensions.k8s.io:")

# forceNew in pulumi-kubernetes provider/pkg/provider/diff.go, the kinds of this project and their like.
_REPLACING: dict[tuple[str, str], frozenset[str]] = {
    ("apps/v1", "Deployment"): frozenset({"spec.selector"}),
    ("apps/v1", "StatefulSet"): frozenset(
        {"spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"}
    ),
    ("batch/v1", "Job"): frozenset({"spec.completions", "spec.parallelism", "spec.selector", "spec.template"}),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): frozenset({"roleRef"}),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): frozenset({"roleRef"}),
    ("storage.k8s.io/v1", "StorageClass"): frozenset({"parameters", "provisioner"}),
    ("v1", "PersistentVolumeClaim"): frozenset({"spec"}),
    ("v1", "Service"): frozenset({"spec.clusterIP"}),
}
_ALWAYS = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})


def group_version_kind(token: str) -> tuple[str, str]:
    """The apiVersion and kind of a token such as kubernetes:core/v1:Secret. Raises ProviderError for another type."""
    parts = token.split(":")
    if token.startswith(_NO_OBJECTS) or len(parts) != 3 or not parts[1] or parts[2].endswith("Patch"):
        raise ProviderError(
            f"the kubernetes stand-in does not know the resource type {token}; it takes objects of any "
            f"kind that the API server serves, and {RELEASE}"
        )
    return parts[1].removeprefix("core/"), parts[2]


def schema(token: str) -> Record | None:
    """The inputs of a kind that the SDK knows; None for a custom resource. Raises ProviderError for an unknown kind."""
    api_version, kind = group_version_kind(token)
    group, _, version = api_version.rpartition("/")
    if "." in group and not group.endswith(".k8s.io"):
        return None
    module = f"pulumi_kubernetes.{(group or 'core').partition('.')[0]}.{version}"
    if not module_exists(module):
        return None
    try:
        return resource_schema(module, kind, token).inputs
    except UnknownType as error:
        raise ProviderError(str(error)) from error


def rules(token: str, *, mutable_secrets: bool, mutable_config_maps: bool) -> Rules:
    """How objects of a kind are compared. A Secret's or ConfigMap's content replaces it unless it is mutable."""
    api_version, kind = group_version_kind(token)
    replacing = _ALWAYS | _REPLACING.get((api_version, kind), frozenset())
    if (api_version, kind) == ("v1", "Secret"):
        replacing |= {"type"} if mutable_secrets else {"type", "data", "stringData"}
    if (api_version, kind) == ("v1", "ConfigMap") and not mutable_config_maps:
        replacing |= {"data", "binaryData"}
    return Rules(force_new=replacing)
