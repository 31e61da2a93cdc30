"""Which properties force a replacement, for every resource type that the program uses, each with its source.

A property that is named covers what is inside it. To add a type: look up `ForceNew` (or `RequiresReplace`) in the
source of its provider, write the properties in the provider's Pulumi names, and name the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_AWS = "terraform-provider-aws v6, internal/service/"
_KUBERNETES = "pulumi-kubernetes v4, provider/pkg/provider/diff.go"
_BRIDGE = "pulumi-terraform-bridge, pkg/tfbridge: provider configuration has no ForceNew in pulumi-aws"

EVERYTHING = "*"


@dataclass(frozen=True)
class Replacement:
    """What replaces a resource of one type.

    `name`: the property that the provider makes up where it is left out; given and unchanged, two cannot exist side by
    side, and a replacement deletes first. `delete_first`: it always does. `assigns`: a new resource has an id or a
    value that cannot be known before, so that whatever is made from it changes as well. `regional`: it is in a
    region, and another region is another resource.
    """

    properties: tuple[str, ...]
    source: str
    name: str | None = None
    delete_first: bool = False
    assigns: bool = False
    regional: bool = False

    def forces(self, place: str) -> bool:
        """Whether a change at a place (a path without list positions) replaces the resource."""
        return any(
            forced == EVERYTHING or _inside(place, forced) or _inside(forced, place) for forced in self.properties
        )


def _inside(place: str, outer: str) -> bool:
    return place == outer or place.startswith(f"{outer}.")


def _aws(
    file: str, *properties: str, name: str | None = None, assigns: bool = False, delete_first: bool = False
) -> Replacement:
    regional = not file.startswith("iam/")
    # v6 gave every regional resource a region of its own: forceNewIfRegionChanges in internal/provider.
    forced = (*properties, "region") if regional else properties
    return Replacement(forced, f"{_AWS}{file}", name, delete_first, assigns, regional)


def _kubernetes(*properties: str) -> Replacement:
    always = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
    return Replacement((*always, *properties), _KUBERNETES, name="metadata.name")


RULES: dict[str, Replacement] = {
    "aws:s3/bucket:Bucket": _aws("s3/bucket.go", "bucket", "bucketPrefix", "objectLockEnabled", name="bucket"),
    "aws:s3/bucketVersioning:BucketVersioning": _aws("s3/bucket_versioning.go", "bucket", "expectedBucketOwner"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _aws(
        "s3/bucket_server_side_encryption_configuration.go", "bucket", "expectedBucketOwner"
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _aws("s3/bucket_public_access_block.go", "bucket"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _aws("s3/bucket_ownership_controls.go", "bucket"),
    "aws:s3/bucketPolicy:BucketPolicy": _aws("s3/bucket_policy.go", "bucket"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _aws(
        "s3/bucket_lifecycle_configuration.go", "bucket", "expectedBucketOwner"
    ),
    "aws:s3/bucketLogging:BucketLogging": _aws("s3/bucket_logging.go", "bucket", "expectedBucketOwner"),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _aws("s3/bucket_replication_configuration.go", "bucket"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _aws(
        "s3/bucket_object_lock_configuration.go", "bucket", "expectedBucketOwner", "objectLockEnabled"
    ),
    "aws:kms/key:Key": _aws(
        "kms/key.go",
        "customKeyStoreId",
        "customerMasterKeySpec",
        "keyUsage",
        "multiRegion",
        "xksKeyId",
        assigns=True,
    ),
    "aws:kms/alias:Alias": _aws("kms/alias.go", "name", "namePrefix", name="name"),
    "aws:kms/keyPolicy:KeyPolicy": _aws("kms/key_policy.go", "keyId"),
    "aws:kms/replicaKey:ReplicaKey": _aws("kms/replica_key.go", "primaryKeyArn", assigns=True),
    "aws:iam/role:Role": _aws("iam/role.go", "name", "namePrefix", "path", name="name"),
    "aws:iam/rolePolicy:RolePolicy": _aws("iam/role_policy.go", "name", "namePrefix", "role", name="name"),
    "aws:iam/policy:Policy": _aws("iam/policy.go", "description", "name", "namePrefix", "path", name="name"),
    # It has no id of its own: made before the old one is deleted, it would be deleted with it.
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _aws(
        "iam/role_policy_attachment.go", "policyArn", "role", delete_first=True
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _aws("iam/openid_connect_provider.go", "url"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _aws(
        "eks/pod_identity_association.go", "clusterName", "namespace", "serviceAccount", assigns=True
    ),
    "aws:eks/addon:Addon": _aws("eks/addon.go", "addonName", "clusterName", "namespaceConfig"),
    "aws:eks/accessEntry:AccessEntry": _aws("eks/access_entry.go", "clusterName", "principalArn", "type"),
    "aws:eks/cluster:Cluster": _aws(
        "eks/cluster.go",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
        "computeConfig.nodeRoleArn",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "name",
        "outpostConfig",
        "roleArn",
        name="name",
        assigns=True,
    ),
    "random:index/randomPassword:RandomPassword": Replacement(
        (EVERYTHING,), "terraform-provider-random v3, internal/provider/resource_password.go", assigns=True
    ),
    "kubernetes:helm.sh/v3:Release": Replacement(
        ("name", "namespace"), "pulumi-kubernetes v4, provider/pkg/provider/helm_release.go"
    ),
    "kubernetes:core/v1:Namespace": _kubernetes(),
    "kubernetes:core/v1:ServiceAccount": _kubernetes(),
    "kubernetes:core/v1:Service": _kubernetes("spec.clusterIP"),
    "kubernetes:core/v1:PersistentVolumeClaim": _kubernetes("spec"),
    # Unless the provider has enableSecretMutable, enableConfigMapMutable: see `mutable`.
    "kubernetes:core/v1:Secret": _kubernetes("data", "stringData", "type"),
    "kubernetes:core/v1:ConfigMap": _kubernetes("binaryData", "data"),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": _kubernetes(),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": _kubernetes(),
    "kubernetes:rbac.authorization.k8s.io/v1:Role": _kubernetes(),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": _kubernetes("roleRef"),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": _kubernetes("roleRef"),
    "kubernetes:storage.k8s.io/v1:StorageClass": _kubernetes("parameters", "provisioner"),
    "kubernetes:apps/v1:Deployment": _kubernetes("spec.selector"),
    "kubernetes:batch/v1:Job": _kubernetes("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    # What makes a provider another one is not a property by itself: see `provider_replaces`.
    "pulumi:providers:aws": Replacement((), _BRIDGE),
    "pulumi:providers:kubernetes": Replacement(
        (), "pulumi-kubernetes v4, provider/pkg/provider/provider.go, DiffConfig"
    ),
    "pulumi:providers:random": Replacement((), _BRIDGE),
}

# Groups that a custom resource can be of have a dot; those of the API server itself, with one, are these.
_API_SERVER_DOMAIN = ".k8s.io"
_CUSTOM_RESOURCE = _kubernetes()
# Custom resources whose groups are under k8s.io anyway.
_CUSTOM_GROUPS = frozenset({"snapshot.storage.k8s.io", "gateway.networking.k8s.io", "policy.networking.k8s.io"})
_IDENTIFIER = "clusterIdentifier"
# What changing in place takes, by type: the switch of the provider, and the properties that it frees.
_MUTABLE = {
    "kubernetes:core/v1:Secret": ("enableSecretMutable", ("data", "stringData")),
    "kubernetes:core/v1:ConfigMap": ("enableConfigMapMutable", ("binaryData", "data")),
}


def rule_for(type_: str) -> Replacement | None:
    """The rule of a type; None where it is not known, and a replacement cannot be told from an update.

    Any custom resource of Kubernetes has the rule of them all: its name, namespace, group and kind.
    """
    if type_ in RULES:
        return RULES[type_]
    parts = type_.split(":")
    if len(parts) == 3 and parts[0] == "kubernetes" and "/" in parts[1]:
        group = parts[1].split("/")[0]
        custom = "." in group and (not group.endswith(_API_SERVER_DOMAIN) or group in _CUSTOM_GROUPS)
        if custom and group != "helm.sh":
            return _CUSTOM_RESOURCE
    return None


def mutable(type_: str, place: str, provider: Mapping[str, Any] | None) -> bool:
    """Whether a provider's configuration lets a property that would replace be changed in place."""
    switch, freed = _MUTABLE.get(type_, ("", ()))
    wanted = (provider or {}).get(switch)
    return wanted in (True, "true") and any(_inside(place, free) for free in freed)


def provider_replaces(type_: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The property by which one configuration of a provider is another provider, replacing all that goes through it.

    Of `pulumi:providers:kubernetes`: another `clusterIdentifier`; where one side has none, another active cluster in
    its kubeconfig, or another folder to render to. A context by name says nothing of the cluster behind it, and the
    engine takes it for the same.
    """
    if type_ != "pulumi:providers:kubernetes":
        return None
    was, is_now = old.get(_IDENTIFIER), new.get(_IDENTIFIER)
    if was and is_now:
        return _IDENTIFIER if was != is_now else None
    if old.get("renderYamlToDirectory") != new.get("renderYamlToDirectory"):
        return "renderYamlToDirectory"
    before, after = _active_cluster(old), _active_cluster(new)
    return "kubeconfig" if before is not None and after is not None and before != after else None


def _active_cluster(inputs: Mapping[str, Any]) -> Any:
    kubeconfig = inputs.get("kubeconfig")
    try:
        config: Any = _loaded(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
        contexts = {each["name"]: each["context"] for each in config["contexts"]}
        clusters = {each["name"]: each["cluster"] for each in config["clusters"]}
        context = contexts[inputs.get("context") or config["current-context"]]
        return clusters[inputs.get("cluster") or context["cluster"]]
    except (KeyError, TypeError, ValueError, yaml.YAMLError):
        return None


def _loaded(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else yaml.safe_load(text)
