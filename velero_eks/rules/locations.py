"""Rules of where the release's server finds its backups and puts its snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, look, rule
from velero_eks.rules.plan import Plan
from velero_eks.rules.release import is_velero

# What velero-plugin-for-aws 1.14 reads; with any other key it refuses the location.
_CONFIG_KEYS = frozenset(
    (
        "region",
        "s3Url",
        "publicUrl",
        "kmsKeyId",
        "customerKeyEncryptionFile",
        "customerKeyEncryptionSecret",
        "s3ForcePathStyle",
        "signatureVersion",
        "credentialsFile",
        "profile",
        "serverSideEncryption",
        "insecureSkipTLSVerify",
        "enableSharedConfig",
        "tagging",
        "checksumAlgorithm",
        "bucket",
        "prefix",
        "caCert",
    )
)
_CUSTOMER_KEYS = ("customerKeyEncryptionFile", "customerKeyEncryptionSecret")


def _locations(release: PolicyResource) -> list[Any]:
    return release.items("values", "configuration", "backupStorageLocation") if is_velero(release) else []


def _called(location: Any) -> str:
    return f"location {look(location, 'name', default='without name')}"


@rule(
    "location-one-default",
    on=kinds.RELEASE,
    what="Exactly one storage location is the default: with none a backup has nowhere to go, with two the"
    " server picks.",
    source="Velero 1.18 backup storage location controller",
)
def location_one_default(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    defaults = [location for location in _locations(release) if look(location, "default") is True]
    if len(defaults) != 1:
        yield (
            f"{len(defaults)} of {len(_locations(release))} storage locations are the default, and exactly"
            " one must be;"
            " set default: true on one."
        )


@rule(
    "location-config",
    on=kinds.RELEASE,
    what="A location names its bucket and region and has only text under keys that the plugin knows: it"
    " refuses others.",
    source="velero-plugin-for-aws 1.14 object_store.go",
)
def location_config(release: PolicyResource, plan: Plan) -> Iterator[str]:
    for location in _locations(release):
        config = look(location, "config", default={})
        if not look(location, "bucket"):
            yield f"{_called(location)} names no bucket; set storage.bucket."
        if not look(config, "region"):
            yield (
                f"{_called(location)} names no region, and asking the bucket for it may be refused; set config.region."
            )
        unknown = sorted(set(config) - _CONFIG_KEYS)
        if unknown:
            yield f"{_called(location)} has {', '.join(unknown)}, which the plugin refuses; take it away."
        other = sorted(key for key, value in config.items() if not isinstance(value, str | Mapping))
        if other:
            yield f'{_called(location)} has {", ".join(other)} that is not text; quote it, such as "true".'
        customer = [key for key in _CUSTOMER_KEYS if look(config, key)]
        if customer and look(config, "kmsKeyId"):
            yield f"{_called(location)} has both kmsKeyId and {customer[0]}; keep kmsKeyId."


@rule(
    "location-region",
    on=kinds.RELEASE,
    scope="stack",
    what="A location whose bucket is made here is in the bucket's region.",
    source="velero-plugin-for-aws 1.14 object_store.go",
)
def location_region(release: PolicyResource, plan: Plan) -> Iterator[str]:
    for location in _locations(release):
        for bucket in plan.of(kinds.BUCKET):
            region, said = plan.region_of(bucket), look(location, "config", "region")
            if look(location, "bucket") == bucket.inputs.get("bucket") and region and said and region != said:
                yield (
                    f"{_called(location)} says region {said}, and the bucket is in {region}; set"
                    f" config.region: {region}."
                )


@rule(
    "location-transport",
    on=kinds.RELEASE,
    what="In production backups travel over verified TLS with checksums; in staging that is a warning.",
    source="FSBP S3.5; velero-plugin-for-aws 1.14 object_store.go",
)
def location_transport(release: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if plan.environment == "development":
        return
    severity = "error" if plan.environment == "production" else "warning"
    for location in _locations(release):
        config = look(location, "config", default={})
        if str(look(config, "insecureSkipTLSVerify", default="false")).lower() == "true":
            yield Fault(
                f"{_called(location)} has insecureSkipTLSVerify on in {plan.environment}: anybody on the way"
                " could answer"
                " for S3. Take it away, and give caCert for a private authority.",
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
                f"{_called(location)} has an empty checksumAlgorithm, so that damage on the way is not seen;"
                " take the key away, the default is CRC32.",
                severity,
            )


@rule(
    "snapshot-location",
    on=kinds.RELEASE,
    what="No VolumeSnapshotLocation without provider and region, which the chart renders unless"
    " snapshotsEnabled is false.",
    source="Velero chart 12, volumesnapshotlocation.yaml",
)
def snapshot_location(release: PolicyResource, plan: Plan) -> Iterator[str]:
    # The chart's own default is true.
    if not is_velero(release) or release.get("values", "snapshotsEnabled", default=True) is False:
        return
    found = release.items("values", "configuration", "volumeSnapshotLocation")
    if not found:
        yield (
            "snapshotsEnabled is true without a location, so the chart renders one with an empty provider;"
            " set it to false."
        )
    for location in found:
        lacking = [
            name
            for name, path in (("provider", ("provider",)), ("region", ("config", "region")))
            if not look(location, *path)
        ]
        if lacking:
            yield (
                f"the snapshot {_called(location)} has no {' and no '.join(lacking)}; set it, or"
                " snapshotsEnabled: false."
            )


@rule(
    "native-snapshots",
    on=kinds.RELEASE,
    scope="stack",
    what="No native EBS snapshots with Auto Mode: the plugin skips volumes of Auto Mode's driver, and says so nowhere.",
    source="velero#9254, velero#9396",
)
def native_snapshots(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release) or not plan.auto_mode:
        return
    enabled = release.get("values", "snapshotsEnabled", default=True) is not False
    native = [
        _called(location)
        for location in release.items("values", "configuration", "volumeSnapshotLocation")
        if look(location, "provider")
    ]
    if enabled and native:
        yield (
            f"{', '.join(native)} takes native snapshots, and the plugin skips every volume of"
            f" {kinds.AUTO_MODE_DRIVER};"
            " use velero-eks:volumes {mode: csi-snapshot}."
        )
