"""The role that Velero's pod runs under, and how the pod comes by it."""

import json

import pulumi
import pulumi_aws

from velero_on_eks.args import WorkloadIdentityArgs
from velero_on_eks.component import account_of, options, region_of, tagged, token
from velero_on_eks.documents import iam
from velero_on_eks.inputs import Inputs
from velero_on_eks.naming import cluster_arn
from velero_on_eks.settings.aws_facts import partition_of
from velero_on_eks.settings.parts import WorkloadIdentityInputs


class WorkloadIdentity(pulumi.ComponentResource):
    """An IAM role that one service account of one cluster may assume, for this bucket, prefix and key alone."""

    role_arn: pulumi.Output[str]
    """The role's ARN. In mode `irsa` it annotates Velero's service account."""

    def __init__(self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(
            f"WorkloadIdentity {name!r}", WorkloadIdentityInputs, args, from_provider=[("account",), ("region",)]
        )
        super().__init__(token(type(self)), name, None, options(opts, former="velero:identity:WorkloadIdentity"))
        inputs.provide(("account",), account_of(self))
        inputs.provide(("region",), region_of(self))
        identity = inputs.model
        tags = inputs.tree(identity.tags)

        role = pulumi_aws.iam.Role(
            name,
            name=inputs.value(identity.role_name),
            description="Velero: backups of this cluster's objects, in its own bucket",
            assume_role_policy=_trust(inputs),
            permissions_boundary=inputs.value(identity.permissions_boundary),
            # A backup or a restore that outlives its session fails; IRSA's own limit is the role's.
            max_session_duration=12 * 3600,
            tags=tags,
            opts=tagged(tags, pulumi.ResourceOptions(parent=self)),
        )
        self.role_arn = role.arn
        on_role = pulumi.ResourceOptions(parent=role)
        permissions = pulumi_aws.iam.RolePolicy(
            name, name=iam.POLICY_NAME, role=role.name, policy=_permissions(inputs), opts=on_role
        )
        # What has to exist before a pod that needs the role starts.
        self.ready: list[pulumi.Resource] = [permissions]
        if identity.mode == "pod-identity":
            association = pulumi_aws.eks.PodIdentityAssociation(
                name,
                cluster_name=inputs.value(identity.cluster_name),
                namespace=identity.namespace,
                service_account=identity.service_account,
                role_arn=self.role_arn,
                tags=tags,
                opts=tagged(tags, on_role),
            )
            self.ready.append(association)
        self.register_outputs({"roleArn": self.role_arn})


def _permissions(inputs: Inputs[WorkloadIdentityInputs]) -> pulumi.Input[str]:
    identity = inputs.model
    return inputs.map(
        lambda bucket_arn, key_arn, account, region: json.dumps(
            iam.velero_permissions(
                bucket_arn=bucket_arn,
                key_arn=key_arn,
                prefix=identity.prefix,
                account=account,
                region=region,
                dns_suffix=partition_of(region).dns_suffix,
            )
        ),
        identity.bucket_arn,
        identity.key_arn,
        identity.account,
        identity.region,
    )


def _trust(inputs: Inputs[WorkloadIdentityInputs]) -> pulumi.Input[str]:
    identity = inputs.model
    subject = {"namespace": identity.namespace, "service_account": identity.service_account}
    if identity.mode == "irsa":
        return inputs.map(
            lambda issuer, account, region: json.dumps(
                iam.irsa_trust(partition=partition_of(region).name, account=account, issuer=issuer, **subject)
            ),
            identity.oidc_issuer,
            identity.account,
            identity.region,
        )
    return inputs.map(
        lambda cluster, account, region: json.dumps(
            iam.pod_identity_trust(account=account, cluster_arn=cluster_arn(cluster, region, account), **subject)
        ),
        identity.cluster_name,
        identity.account,
        identity.region,
    )
