"""Rules of the Helm release: pinned, with the right credentials, and safe to upgrade and to uninstall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, items, look, rule
from velero_eks.rules.plan import Plan

# Velero's own defaults are 100; a restore is bound by them, and measured slower below.
RATE_FLOOR = 100
# What Go's strconv.ParseBool takes for true, in lower case.
_TRUE = ("1", "t", "true")
_DURATIONS = (
    "backupSyncPeriod",
    "defaultBackupTTL",
    "defaultItemOperationTimeout",
    "defaultRepoMaintainFrequency",
    "dataMoverPrepareTimeout",
    "fsBackupTimeout",
    "garbageCollectionFrequency",
    "storeValidationFrequency",
    "terminatingResourceTimeout",
)


def is_velero(release: PolicyResource) -> bool:
    """Whether a release is of the Velero chart, judged by itself."""
    return bool(Plan((release,), "development").releases)


@rule(
    "release-keeps-crds",
    on=kinds.RELEASE,
    what="An uninstall keeps Velero's CRDs: deleting them deletes every Backup and Schedule; a warning in development.",
    source="Velero chart 12 values.yaml",
)
def release_keeps_crds(release: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if is_velero(release) and release.get("values", "cleanUpCRDs") is True:
        yield Fault(
            "cleanUpCRDs is true: an uninstall would delete every Backup, Restore and Schedule. Set it to false.",
            "warning" if plan.environment == "development" else "error",
        )


@rule(
    "release-rate-limits",
    on=kinds.RELEASE,
    severity="warning",
    what="clientQPS and clientBurst are set and above Velero's 100: they limit a restore's speed.",
    source="measured: 5,000 objects on a real API server",
)
def release_rate_limits(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    for name in ("clientQPS", "clientBurst"):
        value = release.get("values", "configuration", name)
        if value is None or float(value) <= RATE_FLOOR:
            shown = "not set" if value is None else f"{value:g}" if isinstance(value, int | float) else value
            yield (
                f"configuration.{name} is {shown}, raise it above {RATE_FLOOR}: 5,000 objects took"
                " 105 s at 100"
                f" and 60 s at 1000. Set release.{'clientQps' if name == 'clientQPS' else name}."
            )


@rule(
    "release-resources",
    on=kinds.RELEASE,
    severity="warning",
    what="The server requests CPU and memory and has a memory limit, so a full node does not stop a backup.",
    source="CKV_K8S_10 to 13",
)
def release_resources(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    wanted = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))
    missing = [".".join(path) for path in wanted if not release.get("values", "resources", *path)]
    if missing:
        yield f"resources has no {', '.join(missing)}; set release.resources."


@rule(
    "release-durations",
    on=kinds.RELEASE,
    what="Every duration in the release's configuration is a Go duration; with another the server does not start.",
    source="Go time.ParseDuration",
)
def release_durations(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    for name in _DURATIONS:
        value = release.get("values", "configuration", name)
        if value in (None, ""):
            continue
        try:
            _go_seconds(value)
        except ValueError as fault:
            yield f"configuration.{name}: {fault}."
    for location in items(look(release.inputs, "values", "configuration"), "backupStorageLocation"):
        for name in ("validationFrequency", "backupSyncPeriod"):
            value = look(location, name)
            try:
                if value not in (None, ""):
                    _go_seconds(value)
            except ValueError as fault:
                yield f"location {look(location, 'name', default='default')}, {name}: {fault}."


@rule(
    "location-transport",
    on=kinds.RELEASE,
    what="In production backups use verified TLS with checksums; a warning in staging.",
    source="FSBP S3.5; velero-plugin-for-aws 1.14 object_store.go",
)
def location_transport(release: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if plan.environment == "development":
        return
    severity = "error" if plan.environment == "production" else "warning"
    for location in _locations(release):
        config = look(location, "config", default={})
        if str(look(config, "insecureSkipTLSVerify", default="false")).lower() in _TRUE:
            yield Fault(
                f"{_called(location)} has insecureSkipTLSVerify on in {plan.environment}: anyone on the"
                " network could answer as S3. Remove it, and set caCert for a private authority.",
                severity,
            )
        for key in ("s3Url", "publicUrl"):
            url = str(look(config, key, default=""))
            if url.lower().startswith("http://"):
                yield Fault(
                    f"{_called(location)} has {key} {url}, plain HTTP; write https:// in {plan.environment}.",
                    severity,
                )
        if "checksumAlgorithm" in config and not look(config, "checksumAlgorithm"):
            yield Fault(
                f"{_called(location)} has an empty checksumAlgorithm, so corrupted uploads go unnoticed;"
                " remove the key, the default is CRC32.",
                severity,
            )


def _locations(release: PolicyResource) -> list[Any]:
    return release.items("values", "configuration", "backupStorageLocation") if is_velero(release) else []


def _called(location: Any) -> str:
    return f"location {look(location, 'name', default='without name')}"


def _go_seconds(text: object) -> int:
    """A Go duration in seconds. ValueError, with Go's reason, where the server could not read it."""
    # Loaded when first asked: the rules by themselves need no pydantic.
    from velero_on_eks.settings.duration import Duration

    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not text; write for example 720h0m0s")
    return Duration.parse_go(text).seconds
