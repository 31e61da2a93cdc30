"""The two settings of a bucket that are lists of rules: its default encryption and its lifecycle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud
from lab.providers.aws.resource import tag_list, tag_map
from lab.providers.aws.s3_settings import BucketSetting
from lab.providers.base import Properties, Refusal
from lab.providers.diff import Rules

# The names that S3 does not write as Pulumi's name with a capital letter.
_S3_NAMES: dict[str, str] = {"id": "ID", "sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"}
_PULUMI_NAMES: dict[str, str] = {s3: pulumi for pulumi, s3 in _S3_NAMES.items()}


def to_s3(value: Any) -> Any:
    """Pulumi's words as S3's: names with a capital, tags as a list of pairs."""
    if isinstance(value, list):
        return [to_s3(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, item in value.items():
        if name == "tags":
            result["Tags"] = tag_list(item)
        elif name == "blockedEncryptionTypes":
            result["BlockedEncryptionTypes"] = {"EncryptionType": item}
        else:
            result[_S3_NAMES.get(name) or name[0].upper() + name[1:]] = to_s3(item)
    return result


def from_s3(value: Any) -> Any:
    """The inverse of `to_s3`."""
    if isinstance(value, list):
        return [from_s3(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, item in value.items():
        if name == "Tags":
            result["tags"] = tag_map(item)
        elif name == "BlockedEncryptionTypes":
            result["blockedEncryptionTypes"] = item["EncryptionType"]
        elif name == "Date":
            result["date"] = item.strftime("%Y-%m-%dT%H:%M:%SZ")
        else:
            result[_PULUMI_NAMES.get(name) or name[0].lower() + name[1:]] = from_s3(item)
    return result


class BucketServerSideEncryptionConfiguration(BucketSetting):
    type_name = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    rules = Rules(
        force_new=frozenset({"bucket"}),
        defaults={"rules.bucketKeyEnabled": False},
        computed=frozenset({"rules.blockedEncryptionTypes"}),
        sets=frozenset({"rules.blockedEncryptionTypes"}),
    )
    absent = ("ServerSideEncryptionConfigurationNotFoundError",)

    def check(self, cloud: Any, inputs: Properties) -> Iterator[Refusal]:
        for index, rule in enumerate(checks.known(inputs, "rules") or []):
            default = checks.known(rule, "applyServerSideEncryptionByDefault") or {}
            algorithm, key = checks.known(default, "sseAlgorithm"), checks.known(default, "kmsMasterKeyId")
            place = f"rules[{index}].applyServerSideEncryptionByDefault"
            if algorithm is not None:
                reason = checks.one_of(algorithm, "AES256", "aws:kms", "aws:kms:dsse")
                yield from checks.refuse(f"{place}.sseAlgorithm", reason)
            if key and algorithm == "AES256":
                yield Refusal(f"{place}.kmsMasterKeyId", "only allowed with the algorithm aws:kms or aws:kms:dsse")

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        wanted = {"Rules": to_s3(inputs["rules"])}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wanted)

    def get(self, s3: Any, bucket: str) -> Properties | None:
        found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        return {"rules": from_s3(found["Rules"])}

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        live = super().read(cloud, identifier, known)
        # S3 gives back what it blocks; the emulator reads it and forgets it.
        for rule, asked in zip((live or {}).get("rules", []), known.get("rules", []), strict=False):
            if asked.get("blockedEncryptionTypes"):
                rule.setdefault("blockedEncryptionTypes", asked["blockedEncryptionTypes"])
        return live

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        s3.delete_bucket_encryption(Bucket=bucket)


class BucketLifecycleConfiguration(BucketSetting):
    type_name = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = Rules(
        force_new=frozenset({"bucket"}),
        # "Legacy value handling" in bucket_lifecycle_configuration.go: S3 fills these in for what is left out.
        defaults={
            "rules.prefix": "",
            "rules.filter.prefix": "",
            "rules.filter.and.prefix": "",
            "rules.expiration.days": 0,
            "rules.expiration.expiredObjectDeleteMarker": False,
        },
        computed=frozenset({"transitionDefaultMinimumObjectSize"}),
        sets=frozenset({"rules.transitions", "rules.noncurrentVersionTransitions"}),
        local=frozenset({"timeouts"}),
    )
    absent = ("NoSuchLifecycleConfiguration",)

    def check(self, cloud: Any, inputs: Properties) -> Iterator[Refusal]:
        rules = checks.known(inputs, "rules") or []
        identifiers = [checks.known(rule, "id") for rule in rules]
        for index, rule in enumerate(rules):
            place = f"rules[{index}]"
            if (status := checks.known(rule, "status")) is not None:
                yield from checks.refuse(f"{place}.status", checks.one_of(status, "Enabled", "Disabled"))
            if identifiers[index] is not None and identifiers.count(identifiers[index]) > 1:
                yield Refusal(f"{place}.id", f"two rules have the id {identifiers[index]!r}")
            for path in (
                ("abortIncompleteMultipartUpload", "daysAfterInitiation"),
                ("noncurrentVersionExpiration", "noncurrentDays"),
                ("expiration", "days"),
            ):
                days = checks.known(rule, *path)
                if days is not None and days < 1:
                    yield Refusal(f"{place}.{'.'.join(path)}", f"{days} days; at least 1 is needed")
            if isinstance(rule, dict) and not any(rule.get(action) for action in _ACTIONS):
                yield Refusal(place, f"the rule does nothing; give one of {', '.join(_ACTIONS)}")

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        rules = [_with_filter(rule) for rule in to_s3(inputs.get("rules", []))]
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    def get(self, s3: Any, bucket: str) -> Properties | None:
        answer = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
        live: Properties = {"rules": from_s3(answer["Rules"])}
        if size := answer.get("TransitionDefaultMinimumObjectSize"):
            live["transitionDefaultMinimumObjectSize"] = size
        return live

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        s3.delete_bucket_lifecycle(Bucket=bucket)


_ACTIONS = (
    "abortIncompleteMultipartUpload",
    "expiration",
    "noncurrentVersionExpiration",
    "noncurrentVersionTransitions",
    "transitions",
)


def _with_filter(rule: dict[str, Any]) -> dict[str, Any]:
    # S3 wants a filter or the old prefix; the real provider sends an empty filter where neither is given.
    return rule if "Filter" in rule or "Prefix" in rule else {**rule, "Filter": {}}
