"""The backups that exist: where Velero looks for them after the change, and whether its role can still read them.

Objects in S3 remain in their place and under the key that they were written with, whatever a program says later. So the
older plan tells where the backups lie and how they are encrypted, and the newer one who reads what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from velero_eks.aws import grants as words
from velero_eks.aws.iam_conditions import matches
from velero_eks.diff.model import Entry, Fact
from velero_eks.diff.permissions import renamed_roles
from velero_eks.diff.words import BUCKET

Plan = dict[str, Any]
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
RELEASE = "kubernetes:helm.sh/v3:Release"
SNAPSHOT_CLASS = "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass"
PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105
# Hosts of S3 itself, whatever the way to it: the backups behind them are those of the region.
_OF_AWS = re.compile(r"https?://([^/]+\.)?amazonaws\.com(\.cn)?", re.IGNORECASE)


def old_backups(old: Plan, new: Plan, keys: Mapping[str, str]) -> list[Fact]:
    """What a change does to the backups that exist, beyond what is reported where something is replaced or deleted.

    `keys` are the aliases of keys by their ARNs.
    """
    return [*_locations(old, new), *_readable(old, new, keys), *_volumes(old, new), *_password(old, new)]


# Where Velero looks


@dataclass(frozen=True)
class _Place:
    """Where a location of Velero's has its backups. `store` is the region of S3, or another endpoint."""

    bucket: str
    prefix: str
    store: str
    account: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def said(self, other: _Place) -> str:
        """The place in words that tell it from another."""
        parts = [self.url]
        if self.store != other.store:
            parts.append(f"at {self.store}")
        if self.account != other.account:
            parts.append(f"in account {self.account or 'of the caller'}")
        return " ".join(parts)


def _locations(old: Plan, new: Plan) -> Iterator[Fact]:
    for urn, _, was, now in _both_places(old, new):
        if was != now:
            text = f"Velero looks for backups under {now.said(was)}, was {was.said(now)}"
            copy = f"aws s3 sync {was.url.rstrip('/')} {now.url.rstrip('/')}{_exclude(was, now)}"
            details = (
                f"It no longer sees those under {was.url}.",
                f"After 'pulumi up' copy them, with rights to read the old place and write the new one: '{copy}'."
                " Velero lists them at its next sync, within minutes. Without a copy they"
                " remain there, neither restored nor expired.",
            )
            if was.url.startswith(now.url):
                details += (
                    f"Velero refuses a place with other folders: until {was.prefix.split('/')[0]}/ is gone"
                    f" from {now.url} the location stays Unavailable, and no backup is created.",
                )
            yield Fact("retention", text, "risk", details, (urn,), "not-found")


def _exclude(was: _Place, now: _Place) -> str:
    """The option that keeps a copy into a folder of the old place from taking that folder along, into itself."""
    if now.store != was.store or not now.url.startswith(f"{was.url.rstrip('/')}/"):
        return ""
    inside = now.url.removeprefix(was.url).strip("/")
    return f' --exclude "{inside}/*"'


def _both_places(old: Plan, new: Plan) -> Iterator[tuple[str, str, _Place, _Place]]:
    befores, afters = _places(old), _places(new)
    for key, was in befores.items():
        if key in afters:
            yield (*key, was, afters[key])


def _places(plan: Plan) -> dict[tuple[str, str], _Place]:
    """The locations of every release, by its URN and their names."""
    found: dict[tuple[str, str], _Place] = {}
    for entry in _of_type(plan, RELEASE):
        for one in _at(entry["inputs"], "values", "configuration", "backupStorageLocation") or []:
            if isinstance(one, dict):
                bucket = str(one.get("bucket"))
                config = one.get("config") or {}
                place = _Place(bucket, str(one.get("prefix") or ""), _store(config), _account(plan, bucket))
                found[entry["urn"], str(one.get("name"))] = place
    return found


def _store(config: Mapping[str, Any]) -> str:
    url = config.get("s3Url")
    if isinstance(url, str) and not _OF_AWS.fullmatch(url.rstrip("/")):
        return url.rstrip("/")
    return str(config.get("region"))


def _account(plan: Plan, bucket: str) -> str:
    """The account that a bucket of the program is in; empty where the program does not say."""
    entries = {entry["urn"]: entry for entry in plan["resources"]}
    for entry in _of_type(plan, BUCKET):
        if entry["inputs"].get("bucket") == bucket:
            provider = entries.get(entry["options"].get("provider") or "")
            allowed = (provider or {}).get("inputs", {}).get("allowedAccountIds")
            return ", ".join(map(str, allowed)) if isinstance(allowed, list) else str(allowed or "")
    return ""


# Who can read


def _readable(old: Plan, new: Plan, names: Mapping[str, str]) -> Iterator[Fact]:
    moved = {was.bucket for _, _, was, now in _both_places(old, new) if was != now}
    befores, afters = _encrypted(old), _encrypted(new)
    roles = renamed_roles(old, new)
    for bucket, (urn, key) in befores.items():
        if bucket not in afters or bucket in moved:
            continue
        new_key = afters[bucket][1]
        lost, rest = _losers(old, new, roles, bucket, key)
        other = f", and new ones use {_key(new_key, names)}" if new_key != key else ""
        if lost:
            who = " and ".join(words.who(role) for role in lost)
            text = (
                f"Every backup so far in {bucket} becomes unreadable to {who}: it stays encrypted with"
                f" {_key(key, names)}{other}"
                if new_key != key or _reads_objects(new, lost[0], bucket)
                else f"Every backup so far in {bucket} becomes unreadable to {who}: it may no longer read objects there"
            )
            yield Fact("retention", text, "risk", tuple(_mends(bucket, key, new_key, names)), (urn,), "unreadable")
        elif new_key != key and not rest:
            text = f"Every backup so far in {bucket} stays encrypted with {_key(key, names)}{other}"
            details = ("No role here reads the bucket; a reader needs kms:Decrypt on both keys.",)
            yield Fact("retention", text, "risk", details, (urn,), "unsure")


def _losers(
    old: Plan, new: Plan, roles: Mapping[str, str], bucket: str, key: str | None
) -> tuple[list[str], list[str]]:
    """The principals that could read a bucket's backups under a key: those that no longer can, and the others.

    One that is gone is not a loss where another reads them.
    """
    before = [roles.get(role, role) for role in _principals(old) if _reads(old, role, bucket, key)]
    after = [role for role in _principals(new) if _reads(new, role, bucket, key)]
    there = _principals(new)
    return [role for role in before if role not in after and (role in there or not after)], after


def _principals(plan: Plan) -> list[str]:
    return list(dict.fromkeys(str(grant["principal"]) for grant in plan.get("grants") or []))


def _reads(plan: Plan, principal: str, bucket: str, key: str | None) -> bool:
    if not _reads_objects(plan, principal, bucket):
        return False
    return key is None or _may(plan, principal, "kms:Decrypt", lambda _: key)


def _reads_objects(plan: Plan, principal: str, bucket: str) -> bool:
    prefix = next((place.prefix for place in _places(plan).values() if place.bucket == bucket), "")
    name = f"{bucket}/{prefix}/backups/x" if prefix else f"{bucket}/backups/x"
    return _may(plan, principal, "s3:GetObject", lambda partition: f"arn:{partition}:s3:::{name}")


def _may(plan: Plan, principal: str, action: str, resource: Any) -> bool:
    """Whether a grant covers it; its conditions are told where they change."""
    for grant in plan.get("grants") or []:
        if grant["principal"] != principal or grant.get("notActions") or grant.get("notResources"):
            continue
        if any(matches(each, action, ignore_case=True) for each in grant["actions"]) and any(
            matches(each, resource(_partition(each))) for each in grant["resources"]
        ):
            return True
    return False


def _partition(arn: str) -> str:
    parts = arn.split(":")
    return parts[1] if len(parts) > 1 else "aws"


def _encrypted(plan: Plan) -> dict[str, tuple[str, str | None]]:
    """The key that each bucket encrypts with by default, None for S3's own, with the URN of what says so. One that is
    known after the deployment only is left out."""
    found: dict[str, tuple[str, str | None]] = {}
    for entry in _of_type(plan, ENCRYPTION):
        for rule in entry["inputs"].get("rules") or []:
            default = _at(rule, "applyServerSideEncryptionByDefault") or {}
            key, bucket = default.get("kmsMasterKeyId"), entry["inputs"].get("bucket")
            if isinstance(bucket, str) and (key is None or isinstance(key, str)):
                found[bucket] = (entry["urn"], key)
    return found


def _key(key: str | None, names: Mapping[str, str]) -> str:
    if key is None:
        return "S3's own key"
    return f"key {names.get(key) or key}"


def _mends(bucket: str, key: str | None, new_key: str | None, names: Mapping[str, str]) -> Iterator[str]:
    if key == new_key:
        yield "Keep the role's rights on the bucket and the key, or restore what you need before."
        return
    if key is not None:
        yield (
            f"To keep them readable, let the policy of {_key(key, names)} allow the role kms:Decrypt until"
            " the last of them has expired; do not disable or delete the key."
        )
    encryption = "--sse AES256" if new_key is None else f"--sse aws:kms --sse-kms-key-id {new_key}"
    yield (
        "Or re-encrypt them with the other key after 'pulumi up', with rights to use both:"
        f" 'aws s3 cp s3://{bucket}/ s3://{bucket}/ --recursive {encryption}'."
    )


# What volumes need


def _volumes(old: Plan, new: Plan) -> Iterator[Fact]:
    afters = {entry["urn"]: entry for entry in _of_type(new, RELEASE)}
    for entry in _of_type(old, RELEASE):
        now = afters.get(entry["urn"])
        if now and _snapshots(entry) and not _snapshots(now):
            text = "Backups so far restore without the data of their volumes: Velero no longer uses CSI snapshots"
            details = (
                "Claims come back empty. If the snapshot controller is removed too, expired backups"
                " leave their snapshots in the account, at a cost.",
                "Wait until the last of these backups has expired, or set volumes.mode: csi-snapshot again before a"
                " restore.",
            )
            yield Fact("retention", text, "risk", details, (now["urn"],), "no-volume-data")
    classes = {entry["urn"]: entry for entry in _of_type(new, SNAPSHOT_CLASS)}
    for entry in _of_type(old, SNAPSHOT_CLASS):
        now = classes.get(entry["urn"])
        drivers = [one["inputs"].get("driver") for one in (entry, now) if one]
        if len(set(drivers)) > 1:
            text = f"Backups so far have snapshots of driver {drivers[0]}, and the cluster's is {drivers[1]}"
            details = (
                "Only the driver that took a snapshot can restore it: keep the old one installed until the"
                " last of these backups has expired, else claims come back without data. Objects are restored.",
            )
            yield Fact("retention", text, "risk", details, (entry["urn"],), "no-volume-data")


def _password(old: Plan, new: Plan) -> Iterator[Fact]:
    """A password that is made where one was given; the other changes are told of the resource that goes."""
    if _of_type(old, PASSWORD) or not _of_type(old, RELEASE):
        return
    for entry in _of_type(new, PASSWORD):
        text = "A repository password is generated in place of the given one"
        details = ("What kopia wrote with the given one cannot be read without it. Keep it, or set it again.",)
        yield Fact("retention", text, "risk", details, (entry["urn"],), "no-volume-data")


def _snapshots(release: Entry) -> bool:
    features = _at(release["inputs"], "values", "configuration", "features")
    return isinstance(features, str) and "EnableCSI" in features.split(",")


def _of_type(plan: Plan, type_: str) -> Iterable[Entry]:
    return [entry for entry in plan["resources"] if entry["type"] == type_]


def _at(inputs: Any, *path: str) -> Any:
    for part in path:
        inputs = inputs.get(part) if isinstance(inputs, dict) else None
    return inputs
