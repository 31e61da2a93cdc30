"""Velero on EKS, whole: made of its parts, in the order in which a fresh cluster needs them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi

from velero_on_eks.adoption import adopting
from velero_on_eks.args import (
    BackupSchedulesArgs,
    BackupStorageArgs,
    VeleroOnEksArgs,
    VeleroReleaseArgs,
    VolumeSnapshotsArgs,
    WorkloadIdentityArgs,
)
from velero_on_eks.backup_schedules import BackupSchedules
from velero_on_eks.backup_storage import BackupStorage
from velero_on_eks.component import account_of, options, region_of, token
from velero_on_eks.inputs import Inputs
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings
from velero_on_eks.settings.late import is_late
from velero_on_eks.velero_release import VeleroRelease
from velero_on_eks.volume_snapshots import VolumeSnapshots
from velero_on_eks.workload_identity import WorkloadIdentity

if TYPE_CHECKING:
    # A stack file's settings are arguments too. The component's schema is of the arguments alone.
    Args = VeleroOnEksArgs | Settings
else:
    Args = VeleroOnEksArgs

T = TypeVar("T")
ACCOUNT, REGION = ("cluster", "account"), ("region",)


class VeleroOnEks(pulumi.ComponentResource):
    """A bucket with its key, a role, snapshots where wanted, Velero, and its schedules.

    Arguments that cannot be used are refused before the first resource, all at once, with field, value, limit and what
    to do; those that are known late when they are known.
    """

    bucket: pulumi.Output[str]
    """The bucket that holds the backups."""
    bucket_arn: pulumi.Output[str]
    """The ARN of the bucket."""
    key_arn: pulumi.Output[str]
    """The ARN of the key that encrypts the bucket."""
    role_arn: pulumi.Output[str]
    """The role that Velero writes under."""
    namespace: pulumi.Output[str]
    """Velero's namespace."""
    repository_password: pulumi.Output[str]
    """The password of the backup repositories, a secret. Keep a copy outside the cluster and the account."""
    schedules: pulumi.Output[Sequence[str]]
    """The names of the schedules."""
    helm_values: pulumi.Output[dict[str, Any]]
    """The values that the Velero chart was given."""
    settings: pulumi.Output[dict[str, Any]]
    """What was said and what the environment adds, in a stack file's shape, without the password."""

    def __init__(self, name: str, args: Args, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(f"VeleroOnEks {name!r}", Settings, args, from_provider=[ACCOUNT, REGION])
        settings = inputs.model
        adopted = adopting(name, inputs)
        opts = pulumi.ResourceOptions.merge(options(opts, former="velero:eks:VeleroOnEks"), adopted)
        # Where it is deployed, for whoever plans without a cloud to ask.
        said = {"account": settings.cluster.account, "region": settings.region}
        where = {key: value for key, value in said.items() if not is_late(value)}
        super().__init__(token(type(self)), name, where, opts)
        inputs.provide(ACCOUNT, account_of(self))
        inputs.provide(REGION, region_of(self))
        names = Names.of(settings, inputs.map)
        account, region = inputs.value(settings.cluster.account), inputs.value(settings.region)
        csi_snapshots = settings.volumes.mode == "csi-snapshot"

        def inside(*waits_for: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=list(waits_for))

        storage = BackupStorage(
            name,
            _args(
                BackupStorageArgs,
                inputs.fields(settings.storage),
                bucket=names.bucket,
                account=account,
                region=region,
                key_alias=names.key_alias,
                key_description=names.key_description,
                tags=names.tags,
            ),
            inside(),
        )
        identity = WorkloadIdentity(
            name,
            _args(
                WorkloadIdentityArgs,
                inputs.fields(settings.identity),
                role_name=names.role,
                cluster_name=names.cluster,
                oidc_issuer=inputs.value(settings.cluster.oidc_issuer),
                account=account,
                region=region,
                namespace=settings.release.namespace,
                service_account=settings.release.service_account,
                bucket_arn=storage.bucket_arn,
                key_arn=storage.key_arn,
                prefix=settings.storage.prefix,
                tags=names.tags,
            ),
            inside(),
        )
        before_release: list[pulumi.Resource] = [*storage.ready, *identity.ready]
        if csi_snapshots:
            snapshots = VolumeSnapshots(
                name,
                _args(
                    VolumeSnapshotsArgs,
                    inputs.fields(settings.volumes),
                    cluster_name=names.cluster,
                    auto_mode=settings.cluster.auto_mode,
                    tags=names.tags,
                ),
                inside(),
            )
            before_release.append(snapshots)
        release = VeleroRelease(
            name,
            _args(
                VeleroReleaseArgs,
                inputs.fields(settings.release),
                bucket=storage.bucket,
                prefix=settings.storage.prefix,
                region=region,
                role_arn=identity.role_arn if settings.identity.mode == "irsa" else None,
                csi_snapshots=csi_snapshots,
                s3_url=settings.storage.s3_url,
                s3_force_path_style=settings.storage.s3_force_path_style,
                repository_password=inputs.value(settings.repository_password),
                protect=settings.storage.protect,
            ),
            inside(*before_release),
        )
        schedules = BackupSchedules(
            name,
            _args(
                BackupSchedulesArgs,
                {"schedules": settings.schedules},
                namespace=settings.release.namespace,
                velero_version=settings.release.image.release,
                snapshot_volumes=csi_snapshots,
            ),
            inside(release),
        )

        self.bucket = storage.bucket
        self.bucket_arn = storage.bucket_arn
        self.key_arn = storage.key_arn
        self.role_arn = identity.role_arn
        self.namespace = release.namespace
        self.repository_password = release.repository_password
        self.schedules = schedules.names
        self.helm_values = release.helm_values
        self.settings = inputs.document()
        self.register_outputs({**self.exports(), "settings": self.settings})

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


def _args(kind: Callable[..., T], section: dict[str, Any], **others: Any) -> T:
    """A part's arguments: its section of the settings, and what the whole knows besides."""
    return kind(**{**section, **others})
