"""The settings of a bucket that are resource types of their own; each has the bucket's name as its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud, none_if_missing
from lab.providers.aws.resource import Resource
from lab.providers.base import Properties, Refusal
from lab.providers.diff import Rules

_GONE = ("404", "NoSuchBucket")


class BucketSetting(Resource):
    """A setting with one call each to put, get and delete it. Updating is putting again, as in the real provider."""

    # ForceNew in terraform-provider-aws internal/service/s3/bucket_*.go: bucket, expected_bucket_owner.
    rules = Rules(force_new=frozenset({"bucket"}))
    refused = frozenset({"expectedBucketOwner"})
    absent: tuple[str, ...] = ()
    """The error codes by which S3 says that the setting is not there."""

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        """Puts the setting."""
        raise NotImplementedError

    def get(self, s3: Any, bucket: str) -> Properties | None:
        """The setting in Pulumi's words, None when there is none. May raise one of the `absent` codes."""
        raise NotImplementedError

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        """Removes the setting."""
        raise NotImplementedError

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        self.put(cloud.client("s3"), inputs["bucket"], inputs)
        return inputs["bucket"]

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        def get() -> Properties | None:
            return self.get(cloud.client("s3"), identifier)

        live = none_if_missing(get, *_GONE, *self.absent)
        return None if live is None else {"bucket": identifier, **live}

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        self.put(cloud.client("s3"), identifier, new)

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        def clear() -> None:
            self.clear(cloud.client("s3"), identifier, known)

        none_if_missing(clear, *_GONE, *self.absent)


class BucketVersioning(BucketSetting):
    type_name = "aws:s3/bucketVersioning:BucketVersioning"
    rules = Rules(force_new=frozenset({"bucket"}), computed=frozenset({"versioningConfiguration.mfaDelete"}))
    refused = frozenset({"expectedBucketOwner", "mfa"})

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        status = checks.known(inputs, "versioningConfiguration", "status")
        if status is not None:
            reason = checks.one_of(status, "Enabled", "Suspended", "Disabled")
            yield from checks.refuse("versioningConfiguration.status", reason)

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        status = inputs["versioningConfiguration"]["status"]
        # S3 has no call that disables versioning; a bucket that never had it is left as it is.
        if status != "Disabled":
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    def get(self, s3: Any, bucket: str) -> Properties | None:
        answer = s3.get_bucket_versioning(Bucket=bucket)
        return {"versioningConfiguration": {"status": answer.get("Status", "Disabled")}}

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        if known.get("versioningConfiguration", {}).get("status") != "Disabled":
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


class BucketPublicAccessBlock(BucketSetting):
    type_name = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    _flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    rules = Rules(
        force_new=frozenset({"bucket"}),
        defaults=dict.fromkeys((*_flags, "skipDestroy"), False),
        local=frozenset({"skipDestroy"}),
    )
    absent = ("NoSuchPublicAccessBlockConfiguration",)

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        wanted = {_pascal(flag): inputs.get(flag, False) for flag in self._flags}
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=wanted)

    def get(self, s3: Any, bucket: str) -> Properties | None:
        found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        return {flag: found.get(_pascal(flag), False) for flag in self._flags}

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        if not known.get("skipDestroy"):
            s3.delete_public_access_block(Bucket=bucket)


class BucketOwnershipControls(BucketSetting):
    type_name = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    absent = ("OwnershipControlsNotFoundError",)

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        ownership = checks.known(inputs, "rule", "objectOwnership")
        if ownership is not None:
            reason = checks.one_of(ownership, "BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced")
            yield from checks.refuse("rule.objectOwnership", reason)

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        rule = {"ObjectOwnership": inputs["rule"]["objectOwnership"]}
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [rule]})

    def get(self, s3: Any, bucket: str) -> Properties | None:
        found = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        return {"rule": {"objectOwnership": found[0]["ObjectOwnership"]}} if found else None

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        s3.delete_bucket_ownership_controls(Bucket=bucket)


class BucketPolicy(BucketSetting):
    type_name = "aws:s3/bucketPolicy:BucketPolicy"
    rules = Rules(force_new=frozenset({"bucket"}), policies=frozenset({"policy"}))
    absent = ("NoSuchBucketPolicy",)

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        document = checks.known(inputs, "policy")
        bucket = checks.known(inputs, "bucket")
        if isinstance(document, str):
            reason = checks.policy(document, "bucket")
            if reason is None and bucket is not None:
                reason = checks.outside_resources(document, bucket)
            yield from checks.refuse("policy", reason)

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        s3.put_bucket_policy(Bucket=bucket, Policy=inputs["policy"])

    def get(self, s3: Any, bucket: str) -> Properties | None:
        return {"policy": s3.get_bucket_policy(Bucket=bucket)["Policy"]}

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        s3.delete_bucket_policy(Bucket=bucket)


class BucketLogging(BucketSetting):
    type_name = "aws:s3/bucketLogging:BucketLogging"
    refused = frozenset({"expectedBucketOwner", "targetGrants", "targetObjectKeyFormat"})

    def put(self, s3: Any, bucket: str, inputs: Properties) -> None:
        target = {"TargetBucket": inputs["targetBucket"], "TargetPrefix": inputs["targetPrefix"]}
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": target})

    def get(self, s3: Any, bucket: str) -> Properties | None:
        found = s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled")
        if not found:
            return None
        return {"targetBucket": found["TargetBucket"], "targetPrefix": found.get("TargetPrefix", "")}

    def clear(self, s3: Any, bucket: str, known: Properties) -> None:
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]
