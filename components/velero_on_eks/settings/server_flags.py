"""Flags of `velero server`: what each takes, and the chart's value that it stands for.

Source: Velero 1.18, pkg/cmd/server/config/config.go and pkg/client/factory.go; a test asks the built servers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """`kind` is text, number or boolean. `value` is the key of `configuration` that is the same, None without one."""

    name: str
    kind: str
    value: str | None = None


FLAGS: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        Flag("add_dir_header", "boolean"),
        Flag("alsologtostderr", "boolean"),
        Flag("alsologtostderrthreshold", "text"),
        Flag("backup-repository-configmap", "text"),
        Flag("backup-sync-period", "text", "backupSyncPeriod"),
        Flag("client-burst", "number", "clientBurst"),
        Flag("client-page-size", "number", "clientPageSize"),
        Flag("client-qps", "number", "clientQPS"),
        Flag("colorized", "boolean"),
        Flag("concurrent-backups", "number"),
        Flag("default-backup-storage-location", "text", "defaultBackupStorageLocation"),
        Flag("default-backup-ttl", "text", "defaultBackupTTL"),
        Flag("default-item-operation-timeout", "text", "defaultItemOperationTimeout"),
        Flag("default-repo-maintain-frequency", "text", "defaultRepoMaintainFrequency"),
        Flag("default-snapshot-move-data", "boolean", "defaultSnapshotMoveData"),
        Flag("default-volume-snapshot-locations", "text", "defaultVolumeSnapshotLocations"),
        Flag("default-volumes-to-fs-backup", "boolean", "defaultVolumesToFsBackup"),
        Flag("disable-controllers", "text", "disableControllers"),
        Flag("disable-informer-cache", "boolean", "disableInformerCache"),
        Flag("features", "text", "features"),
        Flag("fs-backup-timeout", "text", "fsBackupTimeout"),
        Flag("garbage-collection-frequency", "text", "garbageCollectionFrequency"),
        Flag("global-backup-volume-policies-configmap", "text"),
        Flag("item-block-worker-count", "number", "itemBlockWorkerCount"),
        Flag("item-operation-sync-frequency", "text"),
        Flag("kubeconfig", "text"),
        Flag("kubecontext", "text"),
        Flag("legacy_stderr_threshold_behavior", "boolean"),
        Flag("log-format", "text", "logFormat"),
        Flag("log-level", "text", "logLevel"),
        Flag("log_backtrace_at", "text"),
        Flag("log_dir", "text"),
        Flag("log_file", "text"),
        Flag("log_file_max_size", "text"),
        Flag("logtostderr", "boolean"),
        Flag("max-concurrent-k8s-connections", "number"),
        Flag("metrics-address", "text", "metricsAddress"),
        Flag("namespace", "text", "namespace"),
        Flag("one_output", "boolean"),
        Flag("plugin-dir", "text", "pluginDir"),
        Flag("profiler-address", "text", "profilerAddress"),
        Flag("repo-maintenance-job-configmap", "text"),
        Flag("resource-timeout", "text"),
        Flag("restore-only", "boolean", "restoreOnlyMode"),
        Flag("restore-resource-priorities", "text", "restoreResourcePriorities"),
        Flag("schedule-skip-immediately", "boolean"),
        Flag("skip_headers", "boolean"),
        Flag("skip_log_headers", "boolean"),
        Flag("stderrthreshold", "text"),
        Flag("store-validation-frequency", "text", "storeValidationFrequency"),
        Flag("terminating-resource-timeout", "text", "terminatingResourceTimeout"),
        Flag("uploader-type", "text", "uploaderType"),
        Flag("v", "number"),
        Flag("vmodule", "text"),
        Flag("volume-group-snapshot-label-key", "text"),
    )
}
