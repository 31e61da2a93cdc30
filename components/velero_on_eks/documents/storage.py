"""Documents of the bucket and its key: who is refused, who may use the key, what S3 clears away by itself."""

from __future__ import annotations

from typing import Any

from velero_on_eks.documents.iam import PolicyDocument, Statement, arn, policy


def bucket_policy(*, bucket_arn: str, key_arn: str) -> PolicyDocument:
    """Refuse plain HTTP, and uploads that ask for another encryption than the bucket's own.

    A *missing* encryption header is never refused: kopia sends none and relies on the bucket's default.
    """
    everything = [bucket_arn, f"{bucket_arn}/*"]
    return policy(
        {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        _refuse_upload("RefuseOtherEncryption", bucket_arn, "s3:x-amz-server-side-encryption", "aws:kms"),
        _refuse_upload("RefuseOtherKey", bucket_arn, "s3:x-amz-server-side-encryption-aws-kms-key-id", key_arn),
    )


def _refuse_upload(sid: str, bucket_arn: str, header: str, expected: str) -> Statement:
    # `Null: false` is what keeps a missing header allowed: a negated operator by itself, with `IfExists` too, also
    # matches where the key is absent.
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{bucket_arn}/*",
        "Condition": {"Null": {header: "false"}, "StringNotEquals": {header: expected}},
    }


def key_policy(*, partition: str, account: str) -> PolicyDocument:
    """Let IAM policies of the account decide about the key. Without it they are ignored, and with fewer rights the key
    could end up with nobody who may change its policy."""
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
    """What S3 clears away by itself, in the shape of the bucket lifecycle configuration's rules.

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
