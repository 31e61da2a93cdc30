"""aws:eks/cluster:Cluster, for the example that makes a cluster beside Velero."""

from __future__ import annotations

from collections.abc import Iterator

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud, none_if_missing
from lab.providers.aws.resource import Resource, given
from lab.providers.base import Properties, ProviderError, Refusal
from lab.providers.diff import Rules

_MISSING = "ResourceNotFoundException"
_KIND = "clusters"


class Cluster(Resource):
    """An EKS cluster as the emulator has it: an endpoint no one listens on, an OIDC issuer no one signs for.

    What the emulator does not keep (Auto Mode, access, logging, networks) is kept in state of our own.
    """

    type_name = "aws:eks/cluster:Cluster"
    # ForceNew in terraform-provider-aws internal/service/eks/cluster.go.
    rules = Rules(
        force_new=frozenset(
            {
                "accessConfig.bootstrapClusterCreatorAdminPermissions",
                "bootstrapSelfManagedAddons",
                "computeConfig.nodeRoleArn",
                "kubernetesNetworkConfig.ipFamily",
                "kubernetesNetworkConfig.serviceIpv4Cidr",
                "name",
                "outpostConfig",
                "roleArn",
            }
        ),
        defaults={
            "accessConfig.bootstrapClusterCreatorAdminPermissions": True,
            "bootstrapSelfManagedAddons": True,
            "vpcConfig.endpointPrivateAccess": False,
            "vpcConfig.endpointPublicAccess": True,
        },
        computed=frozenset(
            {
                "accessConfig",
                "accessConfig.authenticationMode",
                "kubernetesNetworkConfig",
                "kubernetesNetworkConfig.serviceIpv4Cidr",
                "upgradePolicy",
                "version",
                "vpcConfig.clusterSecurityGroupId",
                "vpcConfig.publicAccessCidrs",
                "vpcConfig.vpcId",
            }
        ),
        sets=frozenset(
            {
                "computeConfig.nodePools",
                "enabledClusterLogTypes",
                "encryptionConfig.resources",
                "vpcConfig.publicAccessCidrs",
                "vpcConfig.securityGroupIds",
                "vpcConfig.subnetIds",
            }
        ),
        local=frozenset({"bootstrapSelfManagedAddons", "defaultAddonsToRemoves", "forceUpdateVersion"}),
        name="name",
    )
    _kept = (
        "accessConfig",
        "computeConfig",
        "controlPlaneScalingConfig",
        "deletionProtection",
        "enabledClusterLogTypes",
        "encryptionConfig",
        "kubeApiServerConfig",
        "kubeControllerManagerConfig",
        "kubeSchedulerConfig",
        "kubernetesNetworkConfig",
        "remoteNetworkConfig",
        "storageConfig",
        "upgradePolicy",
        "version",
        "vpcConfig",
        "zonalShiftConfig",
    )
    refused = frozenset({"outpostConfig"})

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        if (role := checks.known(inputs, "roleArn")) is not None:
            yield from checks.refuse("roleArn", checks.arn(role))
        parts = [checks.known(inputs, *path) for path in _AUTO_MODE]
        if None not in parts and len(set(map(bool, parts))) > 1:
            yield Refusal("computeConfig.enabled", f"Auto Mode needs all of {_AUTO_MODE_NAMES} on, or all off")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        vpc = inputs["vpcConfig"]
        cloud.client("eks").create_cluster(
            name=inputs["name"],
            roleArn=inputs["roleArn"],
            resourcesVpcConfig=given(subnetIds=vpc["subnetIds"], securityGroupIds=vpc.get("securityGroupIds")),
            **given(version=inputs.get("version"), tags=inputs.get("tagsAll") or None),
        )
        cloud.store.put(_KIND, inputs["name"], {name: inputs[name] for name in self._kept if name in inputs})
        return inputs["name"]

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        answer = none_if_missing(cloud.client("eks").describe_cluster, _MISSING, name=identifier)
        if answer is None:
            return None
        cluster = answer["cluster"]
        vpc = {name: value for name, value in cluster.get("resourcesVpcConfig", {}).items() if value not in (None, [])}
        kept = cloud.store.get(_KIND, identifier) or {}
        return {
            "arn": cluster["arn"],
            "certificateAuthority": {"data": cluster["certificateAuthority"]["data"]},
            "createdAt": cluster["createdAt"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endpoint": cluster["endpoint"],
            "identities": [{"oidcs": [{"issuer": cluster["identity"]["oidc"]["issuer"]}]}],
            "name": cluster["name"],
            "platformVersion": cluster.get("platformVersion", ""),
            "roleArn": cluster["roleArn"],
            "status": cluster["status"],
            "tagsAll": cluster.get("tags", {}),
            "version": cluster["version"],
            **kept,
            "vpcConfig": {**kept.get("vpcConfig", {}), **vpc},
        }

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        if sorted(old["vpcConfig"]["subnetIds"]) != sorted(new["vpcConfig"]["subnetIds"]):
            raise ProviderError("vpcConfig.subnetIds: the emulator cannot change a cluster's subnets")
        kept = cloud.store.get(_KIND, identifier) or {}
        cloud.store.put(_KIND, identifier, {**kept, **{name: new[name] for name in self._kept if name in new}})

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        eks, arn = cloud.client("eks"), known["arn"]
        if drop:
            eks.untag_resource(resourceArn=arn, tagKeys=drop)
        if put:
            eks.tag_resource(resourceArn=arn, tags=put)

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        none_if_missing(cloud.client("eks").delete_cluster, _MISSING, name=identifier)
        cloud.store.remove(_KIND, identifier)


# validateAutoModeCustomizeDiff in cluster.go: the three switches of Auto Mode go together.
_AUTO_MODE = (
    ("computeConfig", "enabled"),
    ("kubernetesNetworkConfig", "elasticLoadBalancing", "enabled"),
    ("storageConfig", "blockStorage", "enabled"),
)
_AUTO_MODE_NAMES = ", ".join(".".join(path) for path in _AUTO_MODE)
