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


_COPY = "Copy the backups to the new place with `aws s3 sync` after `pulumi up`, or restore what you need before."
_ANOTHER_BUCKET = "The bucket's name is made from it unless `storage.bucket` is set: Velero uses another bucket."
_SERVER = _none("It changes how the server runs, not what it reads.")
_FILTER = _none("It applies to new backups; existing ones are unchanged.")
_TIER = _none("Existing backups keep their expiry, even if their schedule is removed.")
_OBJECTIVE = _none("The plan is checked against it; nothing in the bucket changes.")
_IMPORT = _none("It tells the engine what exists; the resource is unchanged.")
_TRUST = "The role's trust and Velero move to it; the same role reads the bucket."

SETTING_EFFECTS: dict[str, SettingEffect] = {
    "environment": SettingEffect(
        "less-undo",
        "Its defaults differ: from production to staging, deleted versions expire after 14 days, not 30.",
        "Set `storage.noncurrentDays` to what it was.",
        back="",
    ),
    "region": SettingEffect("not-found", "Bucket and key are created in the other region.", _COPY),
    "cluster.name": SettingEffect("not-found", _ANOTHER_BUCKET, f"Set `storage.bucket` to the existing one. {_COPY}"),
    "cluster.account": SettingEffect("not-found", "Bucket, key and role are created in the other account.", _COPY),
    "cluster.kubernetesVersion": _none("Velero restores the API versions that the cluster still serves."),
    "cluster.oidcIssuer": _none(_TRUST),
    "cluster.autoMode": SettingEffect(
        "no-volume-data",
        "Volumes have another CSI driver, which cannot restore the old snapshots; objects are restored.",
        "Keep the old driver installed until the last of these backups has expired.",
    ),
    "cluster.context": _none("It selects how to reach the cluster's API server."),
    "recovery.rpo": _OBJECTIVE,
    "recovery.retention": _OBJECTIVE,
    "recovery.namespaces": _OBJECTIVE,
    "recovery.excludedNamespaces": _OBJECTIVE,
    "recovery.excludedResources": _OBJECTIVE,
    "recovery.volumes": _OBJECTIVE,
    "recovery.minimumCopies": _OBJECTIVE,
    "identity.mode": _none(_TRUST),
    "identity.roleName": _none("The role is recreated with the same rights on the same bucket and key."),
    "identity.permissionsBoundary": SettingEffect(
        "unsure",
        "The role is limited to what the boundary allows, which no plan shows.",
        "Let the boundary allow `s3:GetObject` on the bucket and `kms:Decrypt` on its key.",
        back="",
    ),
    "volumes.mode": SettingEffect(
        "no-volume-data",
        "From `csi-snapshot` to `none`, Velero ignores snapshots: claims are restored empty.",
        "Wait until the last backup with snapshots has expired, or set the mode back before a restore.",
        back="",
    ),
    "volumes.snapshotController": _none("Both cases have a controller; snapshots belong to the driver."),
    "volumes.snapshotControllerVersion": _none("Snapshots belong to the driver, not to the controller."),
    "storage.bucket": SettingEffect("not-found", "Velero uses the other bucket.", _COPY),
    "storage.prefix": SettingEffect("not-found", "Velero uses the other prefix and may read no other.", _COPY),
    "storage.kmsKeyArn": SettingEffect(
        "unreadable",
        "Objects stay encrypted with their old key, and the role may use only the new key.",
        "Let the old key's policy allow the role `kms:Decrypt` until the last of them has expired, or re-encrypt"
        " them with the new key (`aws s3 cp --recursive --sse aws:kms`, the bucket onto itself). Do not delete the"
        " old key before.",
    ),
    "storage.keyDeletionWindowDays": _none("It starts with the key's deletion."),
    "storage.keyRotationDays": _none("KMS keeps the old material of a rotated key."),
    "storage.noncurrentDays": SettingEffect(
        "less-undo", "Fewer days apply immediately, also to versions deleted before.", back=""
    ),
    "storage.abortMultipartDays": _none("It applies to unfinished uploads."),
    "storage.accessLogs.bucket": _none("It sets where accesses are logged."),
    "storage.accessLogs.prefix": _none("It sets where accesses are logged."),
    "storage.breakGlass": _none("It names who may delete old versions; Velero never does."),
    "storage.protect": _none("It stops deletions by the engine and deletes nothing itself."),
    "storage.forceDestroy": _none("It sets what deleting the bucket does and deletes nothing itself."),
    "storage.s3Url": SettingEffect(
        "not-found",
        "Another endpoint is another store, unless it is another name of S3 in the same region.",
        _COPY,
    ),
    "storage.s3ForcePathStyle": _none("It changes how requests name the same bucket."),
    "release.namespace": _none("Velero reads its list of backups from the bucket, in any namespace."),
    "release.name": _SERVER,
    "release.serviceAccount": _none(_TRUST),
    "release.chart.repository": _SERVER,
    "release.chart.version": _SERVER,
    "release.image.repository": _SERVER,
    "release.image.tag": _none("A newer Velero reads older backups; rehearse before going back a minor version."),
    "release.image.digest": _SERVER,
    "release.image.version": _none("It states the image's Velero version; the image is the same."),
    "release.plugin.repository": _SERVER,
    "release.plugin.tag": _SERVER,
    "release.plugin.digest": _SERVER,
    "release.plugin.version": _none("It states the image's plugin version; the image is the same."),
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
    "release.helmValuesOverrides": _none("Values that would change backups are refused there."),
    "schedules.NAME.cron": _FILTER,
    "schedules.NAME.timezone": _FILTER,
    "schedules.NAME.keep": _none("Existing backups keep their expiry."),
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
    "waivers": _none("It accepts a finding and changes no resource."),
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
        "What kopia wrote with the old password (file-system backups, moved snapshots) cannot be read without it.",
        "Escrow the old password first. Object backups and CSI snapshots do not depend on it.",
    ),
}
