"""The role that Velero's pod runs under, and how the pod comes by it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws

from velero_on_eks.backup_storage import BackupStorage
from velero_on_eks.documents import iam
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentityArgs:
    """`oidc_issuer` is the cluster's issuer with `https://`, needed in mode `irsa` only."""

    settings: Settings
    names: Names
    storage: BackupStorage
    oidc_issuer: pulumi.Input[str] | None = None


class WorkloadIdentity(pulumi.ComponentResource):
    """An IAM role that one service account of one cluster may assume, for this bucket, prefix and key alone."""

    role_arn: pulumi.Output[str]
    # What the service account is annotated with: the role under IRSA, nothing under Pod Identity.
    annotation: pulumi.Output[str] | None
    # What has to exist before a pod that needs the role starts.
    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        args: WorkloadIdentityArgs,
        *,
        aws: pulumi_aws.Provider,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("velero:identity:WorkloadIdentity", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self, provider=aws)

        self._role = pulumi_aws.iam.Role(
            name,
            name=args.names.role,
            description="Velero: backups of this cluster's objects, in its own bucket",
            assume_role_policy=self._trust(args),
            permissions_boundary=settings.identity.permissions_boundary,
            # A backup or a restore that outlives its session fails; IRSA's own limit is the role's.
            max_session_duration=12 * 3600,
            tags=args.names.tags,
            opts=child,
        )
        self.role_arn = self._role.arn
        on_role = pulumi.ResourceOptions(parent=self._role, provider=aws)
        permissions = pulumi_aws.iam.RolePolicy(
            name,
            name=iam.POLICY_NAME,
            role=self._role.name,
            policy=pulumi.Output.all(args.storage.bucket_arn, args.storage.key_arn).apply(
                lambda arns: json.dumps(
                    iam.velero_permissions(
                        bucket_arn=arns[0],
                        key_arn=arns[1],
                        prefix=settings.storage.prefix,
                        account=settings.cluster.account,
                        region=settings.region,
                        dns_suffix=settings.partition.dns_suffix,
                    )
                )
            ),
            opts=on_role,
        )
        self.ready = [permissions]
        if settings.identity.mode == "irsa":
            self.annotation = self.role_arn
        else:
            self.annotation = None
            self.ready.append(
                pulumi_aws.eks.PodIdentityAssociation(
                    name,
                    cluster_name=args.names.cluster,
                    namespace=settings.release.namespace,
                    service_account=settings.release.service_account,
                    role_arn=self.role_arn,
                    tags=args.names.tags,
                    opts=on_role,
                )
            )
        self.register_outputs({"roleArn": self.role_arn})

    def _trust(self, args: WorkloadIdentityArgs) -> pulumi.Output[str]:
        settings = args.settings
        account, release = settings.cluster.account, settings.release
        if settings.identity.mode == "irsa":
            return pulumi.Output.from_input(args.oidc_issuer).apply(
                lambda issuer: json.dumps(
                    iam.irsa_trust(
                        partition=settings.partition.name,
                        account=account,
                        issuer=str(issuer),
                        namespace=release.namespace,
                        service_account=release.service_account,
                    )
                )
            )
        return pulumi.Output.from_input(args.names.cluster_arn).apply(
            lambda cluster_arn: json.dumps(
                iam.pod_identity_trust(
                    account=account,
                    cluster_arn=cluster_arn,
                    namespace=release.namespace,
                    service_account=release.service_account,
                )
            )
        )
