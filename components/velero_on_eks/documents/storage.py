"""Documents of the bucket and its key: who is refused, who may use the key, what S3 deletes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velero_on_eks.documents.iam import PolicyDocument, Statement, arn, policy

SSE_C = "SSE-C"
"""Encryption with a key that the caller brings and keeps: whoever has the caller's rights could hold backups to ransom,
and kopia and the plugin, which send no such key, could not read them."""

# Classes that S3 reads from at once. The others (GLACIER, DEEP_ARCHIVE) want a restore of hours first, which Velero
# does not ask for. INTELLIGENT_TIERING is one as long as the bucket has no archive tiers, which rules refuse.
READABLE_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")

# What undoes the undo: old versions, and whatever keeps them. S3's own lifecycle is not subject to bucket policies.
LEFT_TO_BREAK_GLASS = (
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObjectVersion",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutReplicationConfiguration",
)

_ENCRYPTION = "s3:x-amz-server-side-encryption"
_KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_CUSTOMER_ALGORITHM = "s3:x-amz-server-side-encryption-customer-algorithm"
_STORAGE_CLASS = "s3:x-amz-storage-class"


def bucket_policy(*, bucket_arn: str, key_arn: str, break_glass: Sequence[str] = ()) -> PolicyDocument:
    """Refuse plain HTTP, uploads that ask for another encryption than the bucket's own, and uploads into an archive.

    A *missing* header is never refused: kopia sends none and relies on the bucket's default. Whoever names the key
    names it by its ARN: IAM compares what was sent, and an alias may point at another key tomorrow.

    `break_glass` are ARNs of roles and users. Where there are any, only they may delete versions and change what keeps
    them, `LEFT_TO_BREAK_GLASS`; without one, IAM decides as it does without this policy.
    """
    everything = [bucket_arn, f"{bucket_arn}/*"]
    refusals: list[Statement] = [
        {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        # `Null: false` is what keeps a missing header allowed: a negated operator by itself, with `IfExists` too, also
        # matches where the key is absent.
        _refuse_upload(
            "RefuseOtherEncryption", bucket_arn, Null={_ENCRYPTION: "false"}, StringNotEquals={_ENCRYPTION: "aws:kms"}
        ),
        _refuse_upload("RefuseOtherKey", bucket_arn, Null={_KEY_ID: "false"}, StringNotEquals={_KEY_ID: key_arn}),
        # Without a key's id S3 takes the account's aws/s3, and not the bucket's default.
        _refuse_upload(
            "RefuseKmsWithoutKey", bucket_arn, StringEquals={_ENCRYPTION: "aws:kms"}, Null={_KEY_ID: "true"}
        ),
        _refuse_upload("RefuseCustomerKey", bucket_arn, Null={_CUSTOMER_ALGORITHM: "false"}),
        _refuse_upload(
            "RefuseArchive",
            bucket_arn,
            Null={_STORAGE_CLASS: "false"},
            StringNotEquals={_STORAGE_CLASS: list(READABLE_CLASSES)},
        ),
    ]
    if break_glass:
        refusals.append(
            {
                "Sid": "LeaveToBreakGlass",
                "Effect": "Deny",
                "Principal": "*",
                "Action": list(LEFT_TO_BREAK_GLASS),
                "Resource": everything,
                # For a role's session the key holds the role's ARN, path included; for AWS's own services, nothing.
                "Condition": {"ArnNotEquals": {"aws:PrincipalArn": list(break_glass)}},
            }
        )
    return policy(*refusals)


def _refuse_upload(sid: str, bucket_arn: str, **condition: dict[str, Any]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{bucket_arn}/*",
        "Condition": condition,
    }


def key_policy(*, partition: str, account: str) -> PolicyDocument:
    """Let IAM policies of the account decide about the key. Without it they are ignored, and with fewer rights the key
    could end up with no one who may change its policy."""
    return policy(
        {
            "Sid": "AccountDecides",
            "Effect": "Allow",
            "Principal": {"AWS": arn(partition, "iam", "root", account=account)},
            "Action": "kms:*",
            "Resource": "*",
        }
    )


def lifecycle_rules(*, noncurrent_days: int, abort_multipart_days: int) -> list[dict[str, Any]]:
    """What S3 deletes by itself, in the shape of the bucket lifecycle configuration's rules.

    Only what Velero no longer sees: unfinished uploads, versions that were replaced or deleted `noncurrent_days` ago
    and delete markers with nothing behind them. Current objects are Velero's to remove, at their backup's end; an
    expiry by age has destroyed kopia repositories, whose oldest objects are still in use.
    """
    return [
        {
            "id": "abort-unfinished-uploads",
            "status": "Enabled",
            "filter": {},
            "abort_incomplete_multipart_upload": {"days_after_initiation": abort_multipart_days},
        },
        {
            "id": "expire-noncurrent-versions",
            "status": "Enabled",
            "filter": {},
            "noncurrent_version_expiration": {"noncurrent_days": noncurrent_days},
        },
        {
            "id": "remove-lone-delete-markers",
            "status": "Enabled",
            "filter": {},
            "expiration": {"expired_object_delete_marker": True},
        },
    ]
