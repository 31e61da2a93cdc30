"""Velero on EKS, whole: made of its parts, in the order in which a fresh cluster needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes

from velero_on_eks.adoption import adopting
from velero_on_eks.backup_schedules import BackupSchedules, BackupSchedulesArgs
from velero_on_eks.backup_storage import BackupStorage, BackupStorageArgs
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings
from velero_on_eks.velero_release import VeleroRelease, VeleroReleaseArgs
from velero_on_eks.volume_snapshots import VolumeSnapshots, VolumeSnapshotsArgs
from velero_on_eks.workload_identity import WorkloadIdentity, WorkloadIdentityArgs


@dataclass(frozen=True, kw_only=True)
class VeleroOnEksArgs:
    """`settings` says everything; the two inputs are for a program that makes the cluster itself and knows them late.

    `cluster_name` replaces `settings.cluster.name`; `oidc_issuer` (with `https://`) replaces
    `settings.cluster.oidc_issuer`.
    """

    settings: Settings
    cluster_name: pulumi.Input[str] | None = None
    oidc_issuer: pulumi.Input[str] | None = None


class VeleroOnEks(pulumi.ComponentResource):
    """A bucket with its key, a role, snapshots where wanted, Velero, and its schedules.

    Raises ValueError, before the first resource, where mode `irsa` has no OIDC issuer to trust, and where something is
    to be adopted under another name than it would get.
    """

    bucket: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    namespace: pulumi.Output[str]
    repository_password: pulumi.Output[str]
    schedules: list[str]

    def __init__(
        self,
        name: str,
        args: VeleroOnEksArgs,
        *,
        kubernetes: pulumi_kubernetes.Provider,
        aws: pulumi_aws.Provider,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        settings = args.settings
        issuer = settings.cluster.oidc_issuer if args.oidc_issuer is None else args.oidc_issuer
        if settings.identity.mode == "irsa" and issuer is None:
            raise ValueError(
                "identity.mode is irsa and there is no OIDC issuer to trust: give VeleroOnEksArgs.oidc_issuer or"
                " cluster.oidcIssuer, or use identity.mode pod-identity"
            )
        names = Names.of(settings, args.cluster_name)
        opts = pulumi.ResourceOptions.merge(opts, adopting(name, settings, names))
        super().__init__("velero:eks:VeleroOnEks", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)

        storage = BackupStorage(name, BackupStorageArgs(settings=settings, names=names), aws=aws, opts=inside)
        identity = WorkloadIdentity(
            name,
            WorkloadIdentityArgs(settings=settings, names=names, storage=storage, oidc_issuer=issuer),
            aws=aws,
            opts=inside,
        )
        wait_for: list[pulumi.Resource] = [storage, *identity.ready]
        if settings.volumes.mode == "csi-snapshot":
            snapshots = VolumeSnapshots(
                name,
                VolumeSnapshotsArgs(settings=settings, names=names),
                aws=aws,
                kubernetes=kubernetes,
                opts=inside,
            )
            wait_for += snapshots.ready
        release = VeleroRelease(
            name,
            VeleroReleaseArgs(settings=settings, storage=storage, role_arn=identity.annotation),
            kubernetes=kubernetes,
            wait_for=wait_for,
            opts=inside,
        )
        schedules = BackupSchedules(
            name,
            BackupSchedulesArgs(settings=settings, release=release),
            kubernetes=kubernetes,
            opts=inside,
        )

        self.bucket = storage.bucket
        self.key_arn = storage.key_arn
        self.role_arn = identity.role_arn
        self.namespace = release.namespace
        self.repository_password = release.repository_password
        self.schedules = schedules.names
        self.register_outputs(self.exports())

    def exports(self) -> dict[str, Any]:
        """What a stack exports: where the backups are, who writes them, and the password to escrow (a secret)."""
        return {
            "bucket": self.bucket,
            "keyArn": self.key_arn,
            "roleArn": self.role_arn,
            "namespace": self.namespace,
            "schedules": self.schedules,
            "repositoryPassword": pulumi.Output.secret(self.repository_password),
        }
