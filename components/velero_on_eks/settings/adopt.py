"""What exists already and is taken over instead of made: the section that `velero-eks adopt` writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from velero_on_eks.settings.base import Section
from velero_on_eks.settings.names import (
    BucketName,
    KubernetesName,
    KubernetesSubdomain,
    RoleName,
    ScheduleName,
    VeleroNamespace,
    check_each_once,
)
from velero_on_eks.settings.refusals import Refusal

BucketSetting = Literal["encryption", "lifecycle", "logging", "ownership", "policy", "publicAccess", "versioning"]


class Adopt(Section):
    """What the next `pulumi up` imports. Each is named as the program names it, so that it stays what it is."""

    bucket: BucketName | None = None
    """The bucket, by its name."""
    bucket_settings: Annotated[tuple[BucketSetting, ...], AfterValidator(check_each_once)] = ()
    """Which of the bucket's settings exist."""
    key: str | None = None
    """The bucket's KMS key, by its id."""
    key_alias: str | None = None
    """The key's alias, with `alias/`."""
    role: RoleName | None = None
    """Velero's role, by its name."""
    role_policy: str | None = None
    """The role's inline policy, by its name."""
    pod_identity_association: str | None = None
    """The Pod Identity association, by its id (`a-…`)."""
    snapshot_controller: bool = False
    """Whether the snapshot controller's add-on exists."""
    snapshot_class: KubernetesSubdomain | None = None
    """The VolumeSnapshotClass, by its name."""
    namespace: VeleroNamespace | None = None
    """Velero's namespace. It keeps its labels, and stays when it is removed from the program, for as long as this is
    set."""
    repository_secret: KubernetesName | None = None
    """The Secret with the repositories' password; needs `repositoryPassword` with the same value."""
    release: KubernetesName | None = None
    """The Helm release, by its name."""
    schedules: Annotated[tuple[ScheduleName, ...], AfterValidator(check_each_once)] = ()
    """Which of the schedules exist."""


def misplaced(s: Any) -> Iterator[Refusal]:
    """What is to be adopted and is not part of these settings: it would be left alone."""
    adopt = s.adopt
    missing = sorted(set(adopt.schedules) - set(s.schedules))
    if missing:
        yield _misplaced(
            "schedules", missing, "velero-eks:schedules has no schedule of this name", "add it there, or remove it"
        )
    if adopt.key and s.storage.kms_key_arn:
        yield _misplaced(
            "key",
            adopt.key,
            "storage.kmsKeyArn names a key that this stack uses but does not manage",
            "remove one of the two",
        )
    if "logging" in adopt.bucket_settings and not s.storage.access_logs:
        yield _misplaced("bucketSettings", "logging", "storage.accessLogs is not set", "set it, or remove logging")
    if adopt.pod_identity_association and s.identity.mode != "pod-identity":
        yield _misplaced(
            "podIdentityAssociation",
            adopt.pod_identity_association,
            "identity.mode irsa has no association",
            "remove it, or set identity.mode: pod-identity",
        )
    if adopt.snapshot_controller and (s.volumes.mode, s.volumes.snapshot_controller) != ("csi-snapshot", "addon"):
        yield _misplaced(
            "snapshotController",
            True,
            "the add-on exists only with volumes.mode csi-snapshot and snapshotController addon",
            "remove it",
        )
    if adopt.snapshot_class and s.volumes.mode != "csi-snapshot":
        yield _misplaced(
            "snapshotClass",
            adopt.snapshot_class,
            "volumes.mode none creates no VolumeSnapshotClass",
            "remove it, or set the mode",
        )
    if adopt.repository_secret and s.repository_password is None:
        yield _misplaced(
            "repositorySecret",
            adopt.repository_secret,
            "a new password would overwrite it, and older file-system backups could not be read",
            "run 'pulumi config set --secret repositoryPassword' with the one in the Secret",
        )


def _misplaced(key: str, value: Any, limit: str, remedy: str) -> Refusal:
    return Refusal("adopts-what-is-not-made", limit, remedy, ("adopt", key), value)
