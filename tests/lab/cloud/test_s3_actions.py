"""Every S3 request needs the actions that the service authorisation reference names."""

from __future__ import annotations

import pytest

from lab.cloud.s3_actions import needs


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("GET", "/", {}, [("s3:ListAllMyBuckets", "", "")]),
        ("GET", "/b?list-type=2&prefix=x", {}, [("s3:ListBucket", "b", "")]),
        ("HEAD", "/b", {}, [("s3:ListBucket", "b", "")]),
        ("GET", "/b?versions", {}, [("s3:ListBucketVersions", "b", "")]),
        ("GET", "/b?location", {}, [("s3:GetBucketLocation", "b", "")]),
        ("PUT", "/b", {}, [("s3:CreateBucket", "b", "")]),
        ("DELETE", "/b", {}, [("s3:DeleteBucket", "b", "")]),
        ("PUT", "/b?policy", {}, [("s3:PutBucketPolicy", "b", "")]),
        ("DELETE", "/b?policy", {}, [("s3:DeleteBucketPolicy", "b", "")]),
        ("DELETE", "/b?lifecycle", {}, [("s3:PutLifecycleConfiguration", "b", "")]),
        ("GET", "/b?encryption", {}, [("s3:GetEncryptionConfiguration", "b", "")]),
        ("POST", "/b?delete", {}, [("s3:DeleteObject", "b", "*")]),
        ("GET", "/b/k/1", {}, [("s3:GetObject", "b", "k/1")]),
        ("GET", "/b/k%20%2B", {}, [("s3:GetObject", "b", "k +")]),
        ("HEAD", "/b/k?versionId=1", {}, [("s3:GetObjectVersion", "b", "k")]),
        ("GET", "/b/k?uploadId=1", {}, [("s3:ListMultipartUploadParts", "b", "k")]),
        ("PUT", "/b/k", {}, [("s3:PutObject", "b", "k")]),
        ("PUT", "/b/k", {"x-amz-tagging": ""}, [("s3:PutObject", "b", "k")]),
        ("PUT", "/b/k", {"x-amz-tagging": "a=b"}, [("s3:PutObject", "b", "k"), ("s3:PutObjectTagging", "b", "k")]),
        (
            "PUT",
            "/b/k",
            {"x-amz-copy-source": "/c/d%2Fe?versionId=3"},
            [("s3:PutObject", "b", "k"), ("s3:GetObject", "c", "d/e")],
        ),
        ("POST", "/b/k?uploads", {}, [("s3:PutObject", "b", "k")]),
        ("PUT", "/b/k?partNumber=1&uploadId=1", {}, [("s3:PutObject", "b", "k")]),
        ("DELETE", "/b/k", {}, [("s3:DeleteObject", "b", "k")]),
        ("DELETE", "/b/k?versionId=1", {}, [("s3:DeleteObjectVersion", "b", "k")]),
        ("DELETE", "/b/k?uploadId=1", {}, [("s3:AbortMultipartUpload", "b", "k")]),
        (
            "DELETE",
            "/b/k?versionId=1",
            {"x-amz-bypass-governance-retention": "true"},
            [("s3:DeleteObjectVersion", "b", "k"), ("s3:BypassGovernanceRetention", "b", "k")],
        ),
        ("PUT", "/b/k?retention", {}, [("s3:PutObjectRetention", "b", "k")]),
        ("GET", "/b/k?tagging&versionId=1", {}, [("s3:GetObjectVersionTagging", "b", "k")]),
    ],
)
def test_a_request_needs_these_actions(
    method: str, target: str, headers: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    path, _, query = target.partition("?")
    assert needs(method, path, query, headers) == expected
