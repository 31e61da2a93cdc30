"""Faults of what runs in the cluster: namespace, password, release, locations, snapshots, schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.velero_eks.rules.faults import Injected
from tests.velero_eks.rules.plans import Draft, draft, good_resources_with_pod_identity
from velero_eks.rules import kinds

_ENFORCE = "pod-security.kubernetes.io/enforce"
_LABEL = "velero.io/csi-volumesnapshot-class"
_DAILY = "velero-daily-backup"
_PROVIDER = "urn:pulumi:prod::velero-eks::pulumi:providers:kubernetes"
_AWS = "pulumi:providers:aws"
_VSL = {"name": "default", "provider": "aws", "config": {"region": "ap-south-1"}}


def _values(*path: str | int, to: Any) -> Callable[[Draft], None]:
    return lambda plan: plan.set(kinds.RELEASE, ["values", *path], to)


def _no_value(*path: str | int) -> Callable[[Draft], None]:
    return lambda plan: plan.unset(kinds.RELEASE, ["values", *path])


def _location(*path: str, to: Any) -> Callable[[Draft], None]:
    return _values("configuration", "backupStorageLocation", 0, *path, to=to)


def _spec(*path: str, to: Any) -> Callable[[Draft], None]:
    return lambda plan: plan.set(kinds.SCHEDULE, ["spec", *path], to, name=_DAILY)


def _password(name: str, option: Any) -> Callable[[Draft], None]:
    return lambda plan: plan.option(name, "protect", option)


def _both(*changes: Callable[[Draft], None]) -> Callable[[Draft], None]:
    def change(plan: Draft) -> None:
        for each in changes:
            each(plan)

    return change


def _pause_all(plan: Draft) -> None:
    for entry in plan.entries:
        if entry["type"] == kinds.SCHEDULE:
            entry["inputs"]["spec"]["paused"] = True


def _second_default(plan: Draft) -> None:
    locations = plan.one(kinds.RELEASE)["inputs"]["values"]["configuration"]["backupStorageLocation"]
    locations.append({**locations[0], "name": "second"})


def _standard_cluster() -> Draft:
    return draft("staging")


FAULTS = [
    # Namespace, password, providers.
    Injected("the default AWS provider", "explicit-provider", lambda p: p.option(kinds.ADDON, "provider", None)),
    Injected("the default Kubernetes provider", "explicit-provider",
             lambda p: p.option(kinds.RELEASE, "provider", f"{_PROVIDER}::default_4_34_2")),
    Injected("a provider of another region", "unmeant-provider", lambda p: p.set(_AWS, ["region"], "eu-west-1")),
    Injected("a provider for any account", "unmeant-provider", lambda p: p.unset(_AWS, ["allowedAccountIds"])),
    Injected("changes of the bucket policy ignored", "unmeant-option",
             lambda p: p.option(kinds.BUCKET_POLICY, "ignoreChanges", ["policy"])),
    Injected("a pod in Velero's namespace", "unmeant-resource",
             lambda p: p.add("kubernetes:core/v1:Pod", "odd", {"metadata": {"name": "odd", "namespace": "velero"}})),
    Injected("a namespace without Pod Security", "namespace-pod-security",
             lambda p: p.unset(kinds.NAMESPACE, ["metadata", "labels", _ENFORCE]), implied=("unmeant-setting",)),
    Injected("a privileged namespace", "namespace-pod-security",
             lambda p: p.set(kinds.NAMESPACE, ["metadata", "labels", _ENFORCE], "privileged"),
             implied=("unmeant-setting",)),
    Injected("a node agent in a restricted namespace", "namespace-pod-security", _values("deployNodeAgent", to=True),
             implied=("unmeant-value",)),
    Injected("no namespace", "namespace-pod-security", lambda p: p.drop(kinds.NAMESPACE),
             implied=("missing-resource",)),
    Injected("no repository password", "repository-password", lambda p: p.drop(kinds.SECRET),
             implied=("missing-resource",)),
    Injected("a repository secret of another name", "repository-password",
             lambda p: p.set(kinds.SECRET, ["metadata", "name"], "velero-password"), implied=("unmeant-setting",)),
    Injected("a repository secret without the key", "repository-password",
             lambda p: p.set(kinds.SECRET, ["stringData"], {"password": {"secret": True}})),
    Injected("Velero's public password", "repository-password",
             lambda p: p.set(kinds.SECRET, ["stringData"], {"repository-password": "static-passw0rd"}),
             implied=("object-secret",)),
    Injected("Velero's public password in base64", "repository-password",
             _both(lambda p: p.unset(kinds.SECRET, ["stringData"]),
                   lambda p: p.set(kinds.SECRET, ["data"], {"repository-password": "c3RhdGljLXBhc3N3MHJk"})),
             implied=("object-secret",)),
    Injected("a repository password of 8 characters", "repository-password",
             lambda p: p.set(kinds.RANDOM_PASSWORD, ["length"], 8)),
    Injected("a release before its password", "repository-password-first",
             lambda p: p.forget(kinds.RELEASE, kinds.SECRET)),
    Injected("a password secret not protected", "repository-password-kept", _password(kinds.SECRET, False)),
    Injected("a random password not protected", "repository-password-kept", _password(kinds.RANDOM_PASSWORD, False)),
    Injected("a staging password not protected", "repository-password-kept", _password(kinds.RANDOM_PASSWORD, False),
             environment="staging", severity="warning"),
    # Snapshots.
    Injected("a snapshot class without its label", "unmeant-setting",
             lambda p: p.unset(kinds.SNAPSHOT_CLASS, ["metadata", "labels", _LABEL])),
    Injected("snapshots deleted with their namespace", "unmeant-setting",
             lambda p: p.set(kinds.SNAPSHOT_CLASS, ["deletionPolicy"], "Delete")),
    Injected("a driver of another cloud", "unmeant-setting",
             lambda p: p.set(kinds.SNAPSHOT_CLASS, ["driver"], "disk.csi.azure.com")),
    Injected("the standard driver on Auto Mode", "unmeant-setting",
             lambda p: p.set(kinds.SNAPSHOT_CLASS, ["driver"], kinds.STANDARD_DRIVER)),
    Injected("Auto Mode's driver on a standard cluster", "unmeant-setting",
             lambda p: p.set(kinds.SNAPSHOT_CLASS, ["driver"], kinds.AUTO_MODE_DRIVER),
             base=_standard_cluster, environment="staging"),
    Injected("EnableCSI without a snapshot class", "missing-resource", lambda p: p.drop(kinds.SNAPSHOT_CLASS)),
    Injected("a snapshot class without EnableCSI", "unmeant-value", _no_value("configuration", "features")),
    Injected("a release before its snapshot class", "csi-before-release",
             _both(lambda p: p.forget(kinds.RELEASE, kinds.SNAPSHOT_CLASS),
                   lambda p: p.forget(kinds.RELEASE, kinds.ADDON))),
    Injected("a snapshot class before its CRD", "csi-before-release",
             lambda p: p.forget(kinds.SNAPSHOT_CLASS, kinds.ADDON)),
    Injected("native snapshots on Auto Mode", "unmeant-value",
             _both(_values("snapshotsEnabled", to=True),
                   _values("configuration", "volumeSnapshotLocation", to=[_VSL]))),
    Injected("snapshotsEnabled left to the chart", "unmeant-value", _no_value("snapshotsEnabled")),
    Injected("a snapshot location without provider", "unmeant-value",
             _both(_values("snapshotsEnabled", to=True),
                   _values("configuration", "volumeSnapshotLocation", to=[{**_VSL, "provider": ""}]))),
    # The release.
    Injected("a chart version range", "unmeant-value", lambda p: p.set(kinds.RELEASE, ["version"], "^12.1.0")),
    Injected("no chart version", "unmeant-value", lambda p: p.unset(kinds.RELEASE, ["version"])),
    Injected("a chart over plain HTTP", "unmeant-value",
             lambda p: p.set(kinds.RELEASE, ["repositoryOpts", "repo"], "http://charts.example.com")),
    Injected("image tag latest", "unmeant-value", _values("image", "tag", to="latest")),
    Injected("no image tag", "unmeant-value", _no_value("image", "tag")),
    Injected("plugin tag latest", "unmeant-value",
             _values("initContainers", 0, "image", to="velero/velero-plugin-for-aws:latest")),
    Injected("no plugin", "unmeant-value", _values("initContainers", to=[])),
    Injected("the old CSI plugin", "unmeant-value",
             lambda p: p.one(kinds.RELEASE)["inputs"]["values"]["initContainers"].append(
                 {"name": "csi", "image": "velero/velero-plugin-for-csi:v0.7.1"})),
    Injected("a credentials secret", "unmeant-value", _values("credentials", "useSecret", to=True)),
    Injected("credentials left to the chart", "unmeant-value", _no_value("credentials")),
    Injected("another service account than trusted", "unmeant-value",
             _values("serviceAccount", "server", "name", to="velero")),
    Injected("another role's annotation", "unmeant-value",
             _values("serviceAccount", "server", "annotations", kinds.ROLE_ANNOTATION,
                     to="arn:aws:iam::777788889999:role/another")),
    Injected("a service account without a role", "unmeant-value",
             _no_value("serviceAccount", "server", "annotations")),
    Injected("an association for another service account", "unmeant-value",
             lambda p: p.set(kinds.POD_IDENTITY, ["serviceAccount"], "default"), base=good_resources_with_pod_identity),
    Injected("no association", "missing-resource", lambda p: p.drop(kinds.POD_IDENTITY),
             base=good_resources_with_pod_identity),
    Injected("CRDs deleted on uninstall", "release-keeps-crds", _values("cleanUpCRDs", to=True),
             implied=("unmeant-value",)),
    Injected("CRDs deleted on uninstall in development", "release-keeps-crds", _values("cleanUpCRDs", to=True),
             environment="development", severity="warning", implied=("unmeant-value",)),
    Injected("Velero's default rate limit", "release-rate-limits", _values("configuration", "clientQPS", to=100),
             implied=("unmeant-value",)),
    Injected("no burst limit", "release-rate-limits", _no_value("configuration", "clientBurst"),
             implied=("unmeant-value",)),
    Injected("no memory limit", "release-resources", _no_value("resources", "limits", "memory"),
             implied=("unmeant-value",)),
    Injected("schedules inside the release", "unmeant-value",
             _values("schedules", to={"daily": {"schedule": "0 2 * * *"}})),
    Injected("a default TTL in days", "release-durations", _values("configuration", "defaultBackupTTL", to="30d"),
             implied=("unmeant-value",)),
    Injected("a synchronisation period in days", "release-durations", _location("backupSyncPeriod", to="1d"),
             implied=("unmeant-value",)),
    # The locations.
    Injected("no default location", "unmeant-value", _location("default", to=False)),
    Injected("two default locations", "unmeant-value", _second_default),
    Injected("a location without a region", "unmeant-value", _location("config", to={})),
    Injected("a misspelt location key", "unmeant-value", _location("config", "s3ForcePathstyle", to="true")),
    Injected("a location value that is not text", "unmeant-value", _location("config", "s3ForcePathStyle", to=True)),
    Injected("two encryptions in one location", "unmeant-value",
             _location("config", to={"region": "ap-south-1", "kmsKeyId": "k", "customerKeyEncryptionFile": "f"})),
    Injected("a location in another region", "unmeant-value", _location("config", "region", to="eu-west-1")),
    Injected("TLS not verified", "location-transport", _location("config", "insecureSkipTLSVerify", to="true"),
             implied=("unmeant-value",)),
    Injected("an endpoint over plain HTTP", "location-transport", _location("config", "s3Url", to="http://minio:9000"),
             implied=("unmeant-value",)),
    Injected("TLS not verified in staging", "location-transport",
             _location("config", "insecureSkipTLSVerify", to="true"),
             environment="staging", severity="warning", implied=("unmeant-value",)),
    Injected("no checksums", "location-transport", _location("config", "checksumAlgorithm", to=""),
             implied=("unmeant-value",)),
    # The schedules.
    Injected("skipImmediately", "unmeant-schedule", _spec("skipImmediately", to=True)),
    Injected("skipImmediately not declared", "unmeant-schedule",
             lambda p: p.unset(kinds.SCHEDULE, ["spec", "skipImmediately"], name=_DAILY)),
    Injected("owner references", "unmeant-schedule", _spec("useOwnerReferencesInBackup", to=True)),
    Injected("a TTL in days", "unmeant-schedule", _spec("template", "ttl", to="30d"),
             implied=("schedule-decodes",)),
    Injected("a TTL of nothing", "unmeant-schedule", _spec("template", "ttl", to="0s")),
    Injected("no TTL", "unmeant-schedule", lambda p: p.unset(kinds.SCHEDULE, ["spec", "template", "ttl"], name=_DAILY)),
    Injected("a cron that never fires", "unmeant-schedule", _spec("schedule", to="0 0 30 2 *")),
    Injected("a cron of six fields", "unmeant-schedule", _spec("schedule", to="0 0 2 * * *")),
    Injected("Velero's namespace backed up with all", "unmeant-schedule",
             _spec("template", "excludedNamespaces", to=[])),
    Injected("Velero's namespace backed up", "unmeant-schedule",
             _spec("template", to={"ttl": "720h0m0s", "includedNamespaces": ["velero"]})),
    Injected("a cluster backup without cluster resources", "schedule-cluster-resources",
             lambda p: p.unset(kinds.SCHEDULE, ["spec", "template", "includeClusterResources"], name=_DAILY),
             implied=("unmeant-schedule",)),
    Injected("old and new filters", "unmeant-schedule",
             _spec("template", "includedClusterScopedResources", to=["customresourcedefinitions"])),
    Injected("a namespace both included and excluded", "unmeant-schedule",
             _spec("template", to={"ttl": "720h0m0s", "includedNamespaces": ["a"], "excludedNamespaces": ["a"]})),
    Injected("a schedule name of 60 characters", "unmeant-schedule",
             lambda p: p.set(kinds.SCHEDULE, ["metadata", "name"], "d" * 60, name=_DAILY),
             implied=("missing-resource",)),
    Injected("a location that is not there", "unmeant-schedule", _spec("template", "storageLocation", to="second")),
    Injected("a read-only location", "unmeant-value", _location("accessMode", to="ReadOnly")),
    Injected("a schedule that the server does not see", "unmeant-schedule",
             lambda p: p.set(kinds.SCHEDULE, ["metadata", "namespace"], "backups", name=_DAILY)),
    Injected("a schedule before its CRD", "schedule-after-release",
             lambda p: p.option(kinds.SCHEDULE, "dependsOn", [])),
    Injected("production without schedules", "missing-resource", lambda p: p.drop_all(kinds.SCHEDULE)),
    Injected("production with all schedules paused", "unmeant-schedule", _pause_all),
]  # fmt: skip
