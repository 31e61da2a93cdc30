"""aws:s3/bucket:Bucket: the bucket itself; its settings are resource types of their own (s3_settings.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.providers.aws import checks
from lab.providers.aws.cloud import Cloud, none_if_missing
from lab.providers.aws.resource import Resource, given, tag_list, tag_map
from lab.providers.base import Properties, Refusal
from lab.providers.diff import Rules

_GONE = ("404", "NoSuchBucket")
_PAGE = 1000


class Bucket(Resource):
    """A general purpose bucket. forceDestroy empties it, versions and delete markers too, before it is deleted."""

    type_name = "aws:s3/bucket:Bucket"
    # ForceNew in terraform-provider-aws internal/service/s3/bucket.go: bucket, bucket_prefix, object_lock_enabled.
    rules = Rules(
        force_new=frozenset({"bucket", "objectLockEnabled"}),
        defaults={"forceDestroy": False, "objectLockEnabled": False},
        computed=frozenset({"requestPayer", "bucketNamespace"}),
        local=frozenset({"forceDestroy"}),
        name="bucket",
    )
    # Deprecated inside the bucket in favour of a resource type each, or of no use to this project.
    refused = frozenset(
        {
            "accelerationStatus",
            "acl",
            "bucketNamespace",
            "bucketPrefix",
            "corsRules",
            "grants",
            "lifecycleRules",
            "logging",
            "objectLockConfiguration",
            "policy",
            "replicationConfiguration",
            "requestPayer",
            "serverSideEncryptionConfiguration",
            "versioning",
            "website",
        }
    )

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        name = checks.known(inputs, "bucket")
        if name is not None:
            yield from checks.refuse("bucket", checks.bucket_name(name))

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        s3, name = cloud.client("s3"), inputs["bucket"]
        # us-east-1 is the one region that S3 refuses as a location constraint.
        constraint = None if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
        s3.create_bucket(
            Bucket=name,
            **given(
                CreateBucketConfiguration=constraint,
                ObjectLockEnabledForBucket=inputs.get("objectLockEnabled") or None,
            ),
        )
        if inputs.get("tagsAll"):
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(inputs["tagsAll"])})
        return name

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        s3 = cloud.client("s3")
        head = none_if_missing(s3.head_bucket, *_GONE, Bucket=identifier)
        if head is None:
            return None
        region = head.get("BucketRegion", cloud.region)
        tags = none_if_missing(s3.get_bucket_tagging, "NoSuchTagSet", Bucket=identifier) or {}
        lock = none_if_missing(
            s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError", Bucket=identifier
        )
        suffix = "amazonaws.com.cn" if cloud.partition == "aws-cn" else "amazonaws.com"
        return {
            "arn": f"arn:{cloud.partition}:s3:::{identifier}",
            "bucket": identifier,
            "bucketDomainName": f"{identifier}.s3.{suffix}",
            "bucketRegion": region,
            "bucketRegionalDomainName": f"{identifier}.s3.{region}.{suffix}",
            "objectLockEnabled": lock is not None,
            "region": region,
            "requestPayer": "BucketOwner",
            "tagsAll": tag_map(tags.get("TagSet")),
        }

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        """Only tags and forceDestroy can change in place; the first are set by `retag`, the second is only recorded."""

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        s3 = cloud.client("s3")
        current = none_if_missing(s3.get_bucket_tagging, "NoSuchTagSet", Bucket=identifier) or {}
        tags = {**tag_map(current.get("TagSet")), **put}
        wanted = {key: value for key, value in tags.items() if key not in drop}
        if wanted:
            s3.put_bucket_tagging(Bucket=identifier, Tagging={"TagSet": tag_list(wanted)})
        else:
            s3.delete_bucket_tagging(Bucket=identifier)

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        s3 = cloud.client("s3")
        if known.get("forceDestroy") and none_if_missing(s3.head_bucket, *_GONE, Bucket=identifier) is not None:
            _empty(s3, identifier)
        none_if_missing(s3.delete_bucket, *_GONE, Bucket=identifier)


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": _PAGE}):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if found:
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
