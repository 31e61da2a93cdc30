"""What a change of each setting does to the backups that exist: the table of docs/reference/old-backups.md.

A setting that has no row here fails tests/velero_eks/diff/test_setting_effects.py, which also changes each of them in
a stack and holds what `diff` says against its row.
"""

from __future__ import annotations

from dataclasses import dataclass

from velero_eks.diff.model import OldBackups


@dataclass(frozen=True)
class SettingEffect:
    """What becomes of the backups that exist where a setting changes, why, and what to do.

    `effect` is that of the change which `why` speaks of, `back` that of the opposite one: the same unless it is given.
    """

    effect: OldBackups
    why: str
    remedy: str = ""
    back: OldBackups | None = None

    @property
    def opposite(self) -> OldBackups:
        """What the opposite change does."""
        return self.effect if self.back is None else self.back


def _none(why: str) -> SettingEffect:
    return SettingEffect("", why)


_COPY = "Copy them to the new place with `aws s3 sync`, after `pulumi up`; or restore what is needed before."
_ANOTHER_BUCKET = "The bucket's name is made from it unless `storage.bucket` is set: Velero looks into another bucket."
_SERVER = _none("It is how the server runs, not what it reads.")
_FILTER = _none("It is for backups to come; those that exist keep what they took.")
_TIER = _none("Backups that exist keep the time that they were made with, also where their schedule goes.")
_OBJECTIVE = _none("It is what the plan is held against; nothing in the bucket changes.")
_IMPORT = _none("It tells the engine what exists already; the resource stays what it is.")
_TRUST = "The role's trust, and with it Velero, moves to it; the same role reads the bucket."

SETTING_EFFECTS: dict[str, SettingEffect] = {
    "environment": SettingEffect(
        "less-undo",
        "Its defaults are other ones: from production to staging, deleted versions go after 14 days, not 30.",
        "Set `storage.noncurrentDays` to what it was.",
        back="",
    ),
    "region": SettingEffect("not-found", "Bucket and key are made anew in the other region.", _COPY),
    "cluster.name": SettingEffect("not-found", _ANOTHER_BUCKET, f"Set `storage.bucket` to the one that is. {_COPY}"),
    "cluster.account": SettingEffect("not-found", "Bucket, key and role are made anew in the other account.", _COPY),
    "cluster.kubernetesVersion": _none("Velero restores the API versions that the cluster still serves."),
    "cluster.oidcIssuer": _none(_TRUST),
    "cluster.autoMode": SettingEffect(
        "no-volume-data",
        "Volumes have another CSI driver, which does not restore the other's snapshots; objects come back.",
        "Keep the old driver installed until the last of these backups has expired.",
    ),
    "cluster.context": _none("It is the way to the cluster's API server."),
    "recovery.rpo": _OBJECTIVE,
    "recovery.retention": _OBJECTIVE,
    "recovery.namespaces": _OBJECTIVE,
    "recovery.excludedNamespaces": _OBJECTIVE,
    "recovery.excludedResources": _OBJECTIVE,
    "recovery.volumes": _OBJECTIVE,
    "recovery.minimumCopies": _OBJECTIVE,
    "identity.mode": _none(_TRUST),
    "identity.roleName": _none("The role is made anew with the same rights on the same bucket and key."),
    "identity.permissionsBoundary": SettingEffect(
        "unsure",
        "The role may do no more than the boundary allows, and no plan shows what that is.",
        "Let the boundary allow `s3:GetObject` on the bucket and `kms:Decrypt` on its key.",
        back="",
    ),
    "volumes.mode": SettingEffect(
        "no-volume-data",
        "From `csi-snapshot` to `none`, Velero passes snapshots by: claims are restored empty.",
        "Wait until the last backup with snapshots has expired, or set the mode back before a restore.",
        back="",
    ),
    "volumes.snapshotController": _none("A controller is there in both cases; snapshots belong to the driver."),
    "volumes.snapshotControllerVersion": _none("Snapshots belong to the driver, not to the controller."),
    "storage.bucket": SettingEffect("not-found", "Velero looks into the other bucket.", _COPY),
    "storage.prefix": SettingEffect("not-found", "Velero looks under the other prefix, and may read no other.", _COPY),
    "storage.kmsKeyArn": SettingEffect(
        "unreadable",
        "Objects stay encrypted with the key that they were written with, and the role may use the new key only.",
        "Let the old key's policy allow the role `kms:Decrypt` until the last of them has expired, or write them anew"
        " under the new key (`aws s3 cp --recursive --sse aws:kms`, the bucket onto itself). Delete no key before.",
    ),
    "storage.keyDeletionWindowDays": _none("It counts from the key's deletion on."),
    "storage.keyRotationDays": _none("KMS keeps the older material of a key that it rotates."),
    "storage.noncurrentDays": SettingEffect(
        "less-undo", "Fewer days hold at once, for versions that were deleted before too.", back=""
    ),
    "storage.abortMultipartDays": _none("It is about uploads that never ended."),
    "storage.accessLogs.bucket": _none("It is where accesses are logged."),
    "storage.accessLogs.prefix": _none("It is where accesses are logged."),
    "storage.breakGlass": _none("It names who may delete old versions; Velero does not, in both cases."),
    "storage.protect": _none("It stops a deletion by the engine, and deletes nothing itself."),
    "storage.forceDestroy": _none("It tells what a deletion of the bucket would do, and deletes nothing itself."),
    "storage.s3Url": SettingEffect(
        "not-found",
        "Another endpoint is another store, unless it is S3 of the same region by another name.",
        _COPY,
    ),
    "storage.s3ForcePathStyle": _none("It is how requests name the same bucket."),
    "release.namespace": _none("Velero reads its list of backups from the bucket, in any namespace."),
    "release.name": _SERVER,
    "release.serviceAccount": _none(_TRUST),
    "release.chart.repository": _SERVER,
    "release.chart.version": _SERVER,
    "release.image.repository": _SERVER,
    "release.image.tag": _none("A newer Velero reads the backups of older ones; rehearse before going back a minor."),
    "release.image.digest": _SERVER,
    "release.image.version": _none("It says which Velero the image is; the image is what it was."),
    "release.plugin.repository": _SERVER,
    "release.plugin.tag": _SERVER,
    "release.plugin.digest": _SERVER,
    "release.plugin.version": _none("It says which plugin the image is; the image is what it was."),
    "release.imagePullSecrets": _SERVER,
    "release.allowUntestedKubernetes": _none("It turns a refusal into a warning."),
    "release.resources.cpuRequest": _SERVER,
    "release.resources.memoryRequest": _SERVER,
    "release.resources.cpuLimit": _SERVER,
    "release.resources.memoryLimit": _SERVER,
    "release.priorityClass": _SERVER,
    "release.disruptionBudget": _SERVER,
    "release.clientQps": _SERVER,
    "release.clientBurst": _SERVER,
    "release.logLevel": _SERVER,
    "release.timeoutSeconds": _SERVER,
    "release.helmValuesOverrides": _none("Values that would lead to other backups are refused there."),
    "schedules.NAME.cron": _FILTER,
    "schedules.NAME.timezone": _FILTER,
    "schedules.NAME.keep": _none("Backups that exist keep the time that they were made with."),
    "schedules.NAME.namespaces": _FILTER,
    "schedules.NAME.excludedNamespaces": _FILTER,
    "schedules.NAME.excludedResources": _FILTER,
    "schedules.NAME.clusterResources": _FILTER,
    "schedules.NAME.paused": _FILTER,
    "schedules.NAME.minimumCopies": _OBJECTIVE,
    "schedules.NAME.eitherDayMatches": _FILTER,
    "schedules.NAME.bothDaysMatch": _FILTER,
    "retentionTiers.NAME.hourly": _TIER,
    "retentionTiers.NAME.daily": _TIER,
    "retentionTiers.NAME.weekly": _TIER,
    "retentionTiers.NAME.monthly": _TIER,
    "retentionTiers.NAME.yearly": _TIER,
    "retentionTiers.NAME.hour": _FILTER,
    "retentionTiers.NAME.minute": _FILTER,
    "retentionTiers.NAME.timezone": _FILTER,
    "retentionTiers.NAME.namespaces": _FILTER,
    "retentionTiers.NAME.excludedNamespaces": _FILTER,
    "retentionTiers.NAME.excludedResources": _FILTER,
    "retentionTiers.NAME.clusterResources": _FILTER,
    "retentionTiers.NAME.paused": _FILTER,
    "tags": _none("Tags of resources; no right depends on them."),
    "waivers": _none("It accepts a finding, and changes no resource."),
    "adopt.bucket": _IMPORT,
    "adopt.bucketSettings": _IMPORT,
    "adopt.key": _IMPORT,
    "adopt.keyAlias": _IMPORT,
    "adopt.role": _IMPORT,
    "adopt.rolePolicy": _IMPORT,
    "adopt.podIdentityAssociation": _IMPORT,
    "adopt.snapshotController": _IMPORT,
    "adopt.snapshotClass": _IMPORT,
    "adopt.namespace": _IMPORT,
    "adopt.repositorySecret": _IMPORT,
    "adopt.release": _IMPORT,
    "adopt.schedules": _IMPORT,
    "repositoryPassword": SettingEffect(
        "no-volume-data",
        "What kopia wrote under the old password (file-system backups, moved snapshots) cannot be opened without it.",
        "Escrow the old password first. Backups of objects, and CSI snapshots, do not depend on it.",
    ),
}
