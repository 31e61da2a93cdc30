"""What each part of the whole takes when it is used by itself: its section of the settings, and names and ARNs.

A part knows no other part. Where the whole uses it, these come from the settings and from the parts before it.
"""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from velero_on_eks.settings import images
from velero_on_eks.settings.aws_facts import AccountId, OidcIssuer, Region
from velero_on_eks.settings.base import Section
from velero_on_eks.settings.late import Late
from velero_on_eks.settings.names import (
    BucketName,
    ClusterName,
    KeyPrefix,
    RoleName,
    ScheduleName,
    ServiceAccountName,
    VeleroNamespace,
)
from velero_on_eks.settings.s3_endpoint import S3Url
from velero_on_eks.settings.sections import ISSUER_MISSING, Identity, Release, Schedule, Storage, Volumes
from velero_on_eks.settings.settings import RepositoryPassword
from velero_on_eks.settings.tags import Tags
from velero_on_eks.settings.versions import PINNED_VELERO

VELERO_NAMESPACE = "velero"
SERVICE_ACCOUNT = "velero-server"


class BackupStorageInputs(Storage):
    """A bucket for backups, and its key."""

    bucket: Late[BucketName]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    """The bucket's name."""
    region: Late[Region] | None = None
    """The bucket's region; the AWS provider's when left out."""
    account: Late[AccountId] | None = None
    """The bucket's account; the AWS provider's when left out."""
    key_alias: Late[str] | None = None
    """The alias of the key that is made, with `alias/`; made from the bucket's name when left out."""
    key_description: Late[str] | None = None
    """The description of the key that is made; made from the bucket's name when left out."""
    tags: Tags = Field(default_factory=dict)
    """Tags of the bucket and the key."""


class WorkloadIdentityInputs(Identity):
    """An IAM role for one service account of one cluster, for one bucket and its key."""

    role_name: Late[RoleName]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    """The role's name."""
    cluster_name: Late[ClusterName]
    """The cluster's name in EKS."""
    oidc_issuer: Late[OidcIssuer] | None = None
    """The cluster's OIDC issuer with `https://`; needed by mode `irsa`."""
    region: Late[Region] | None = None
    """The region of cluster and bucket; the AWS provider's when left out."""
    account: Late[AccountId] | None = None
    """The account of cluster and bucket; the AWS provider's when left out."""
    namespace: VeleroNamespace = VELERO_NAMESPACE
    """Velero's namespace."""
    service_account: ServiceAccountName = SERVICE_ACCOUNT
    """Velero's service account, which the role trusts."""
    bucket_arn: Late[str]
    """The ARN of the bucket that Velero writes to."""
    key_arn: Late[str]
    """The ARN of the key that encrypts the bucket."""
    prefix: KeyPrefix | None = None
    """The folder in the bucket; the whole bucket when left out."""
    tags: Tags = Field(default_factory=dict)
    """Tags of the role."""

    @field_validator("oidc_issuer")
    @classmethod
    def _irsa_trusts_an_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("mode") == "irsa":
            raise ISSUER_MISSING.with_traceback(None)
        return value


class VolumeSnapshotsInputs(Volumes):
    """Snapshots of volumes through CSI."""

    cluster_name: Late[ClusterName]
    """The cluster's name in EKS."""
    auto_mode: bool = False
    """Whether it is an EKS Auto Mode cluster, whose volumes have another driver."""
    tags: Tags = Field(default_factory=dict)
    """Tags of the add-on."""


class VeleroValuesInputs(Release):
    """The Helm values of a Velero that another tool installs, such as Argo CD or Flux."""

    bucket: Late[BucketName]
    """The bucket that Velero writes to."""
    prefix: KeyPrefix | None = None
    """The folder in the bucket; the whole bucket when left out."""
    region: Late[Region] | None = None
    """The bucket's region; the AWS provider's when left out."""
    role_arn: Late[str] | None = None
    """The role that the service account is annotated with (mode `irsa`); none with Pod Identity."""
    csi_snapshots: bool = False
    """Whether volumes are backed up by CSI snapshots. It needs the VolumeSnapshot CRDs: without them every backup fails
    in part."""
    s3_url: S3Url | None = None
    """Another S3 endpoint than AWS's own for the region."""
    s3_force_path_style: bool = False
    """Whether the bucket's name is in the path, not in the host's name."""


class VeleroReleaseInputs(VeleroValuesInputs):
    """Velero itself: its namespace, the password of its repositories, and the Helm release."""

    repository_password: Late[RepositoryPassword] | None = None
    """The password of the backup repositories; one is made when left out. Keep a copy outside the cluster."""
    protect: bool = True
    """Whether namespace and password are protected from deletion, and the password stays when it is removed from the
    program."""


class BackupSchedulesInputs(Section):
    """Velero's Schedules. The cluster has Velero's CRDs already: let this part depend on what installs them."""

    namespace: VeleroNamespace = VELERO_NAMESPACE
    """Velero's namespace."""
    schedules: dict[ScheduleName, Schedule]
    """The schedules by name."""
    velero_version: images.Release = PINNED_VELERO.removeprefix("v")
    """The Velero that runs them: from 1.18.3 on it reads a cron in another way."""
    snapshot_volumes: bool = False
    """Whether backups take CSI snapshots of volumes."""
