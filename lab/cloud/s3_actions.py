"""From an S3 request to the IAM actions that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, unquote

# Subresources of a bucket, with the part of the action's name behind Get, Put or Delete.
_BUCKET_CONFIGURATION = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
# Deleting these is an action of its own; deleting any other configuration is the Put action.
_DELETED_BY_NAME = {"policy", "website"}
_OBJECT_SUBRESOURCES = {
    "acl": "ObjectAcl",
    "tagging": "ObjectTagging",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
    "attributes": "ObjectAttributes",
}

Need = tuple[str, str, str]
"""(action, bucket, key); the key is empty for the bucket itself."""


def needs(method: str, path: str, query: str, headers: Mapping[str, str]) -> list[Need]:
    """The actions a path-style request needs. Header names are lower-case. Empty for the list of buckets.

    `POST ?delete` names its keys in the body: it comes out as one DeleteObject of every key, `*`.
    """
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    parameters = parse_qs(query, keep_blank_values=True)
    if not bucket:
        return [("s3:ListAllMyBuckets", "", "")]
    if key:
        return _object_needs(method, bucket, key, parameters, headers)
    if method == "POST" and "delete" in parameters:
        return [("s3:DeleteObject", bucket, "*")]
    for name, suffix in _BUCKET_CONFIGURATION.items():
        if name in parameters:
            if method == "DELETE" and name in _DELETED_BY_NAME:
                return [(f"s3:Delete{suffix}", bucket, "")]
            return [(f"s3:{'Get' if method == 'GET' else 'Put'}{suffix}", bucket, "")]
    if method in {"GET", "HEAD"}:
        listings = {
            "versions": "ListBucketVersions",
            "uploads": "ListBucketMultipartUploads",
            "location": "GetBucketLocation",
        }
        action = next((action for name, action in listings.items() if name in parameters), "ListBucket")
        return [(f"s3:{action}", bucket, "")]
    return [({"PUT": "s3:CreateBucket", "DELETE": "s3:DeleteBucket"}.get(method, "s3:Unknown"), bucket, "")]


def _object_needs(
    method: str, bucket: str, key: str, parameters: Mapping[str, list[str]], headers: Mapping[str, str]
) -> list[Need]:
    version = "Version" if "versionId" in parameters else ""
    for name, suffix in _OBJECT_SUBRESOURCES.items():
        if name in parameters:
            verb = {"GET": "Get", "HEAD": "Get", "DELETE": "Delete"}.get(method, "Put")
            return [(f"s3:{verb}{suffix.replace('Object', f'Object{version}', 1)}", bucket, key)]
    if method in {"GET", "HEAD"}:
        action = "s3:ListMultipartUploadParts" if "uploadId" in parameters else f"s3:GetObject{version}"
        return [(action, bucket, key)]
    if method == "DELETE":
        action = "s3:AbortMultipartUpload" if "uploadId" in parameters else f"s3:DeleteObject{version}"
        bypass = headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
        return [(action, bucket, key), *([("s3:BypassGovernanceRetention", bucket, key)] if bypass else [])]
    wanted: list[Need] = [("s3:PutObject", bucket, key)]
    # Plugin 1.14.1 and 1.14.2 always send the header; AWS passes over an empty one.
    if headers.get("x-amz-tagging"):
        wanted.append(("s3:PutObjectTagging", bucket, key))
    if "x-amz-copy-source" in headers:
        source, _, source_key = unquote(headers["x-amz-copy-source"]).lstrip("/").partition("/")
        wanted.append(("s3:GetObject", source, source_key.partition("?")[0]))
    return wanted
