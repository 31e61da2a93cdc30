"""Every policy document, to the letter."""

from __future__ import annotations

import json

from velero_on_eks.documents import iam, storage
from velero_on_eks.settings.sections import BREAK_GLASS_MAX

BUCKET = "arn:aws:s3:::backups"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b"


def test_irsa_trust_names_audience_and_subject():
    document = iam.irsa_trust(
        partition="aws",
        account="111122223333",
        issuer="https://oidc.eks.eu-west-1.amazonaws.com/id/ABC",
        namespace="velero",
        service_account="velero-server",
    )
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "VeleroServiceAccount",
                "Effect": "Allow",
                "Principal": {
                    "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"
                },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        "oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud": "sts.amazonaws.com",
                        "oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:velero:velero-server",
                    }
                },
            }
        ],
    }


def test_pod_identity_trust_names_account_cluster_namespace_and_service_account():
    document = iam.pod_identity_trust(
        account="111122223333",
        cluster_arn="arn:aws:eks:eu-west-1:111122223333:cluster/shop",
        namespace="velero",
        service_account="velero-server",
    )
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "VeleroServiceAccount",
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": "111122223333",
                        "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:eu-west-1:111122223333:cluster/shop",
                        "aws:RequestTag/kubernetes-namespace": "velero",
                        "aws:RequestTag/kubernetes-service-account": "velero-server",
                    }
                },
            }
        ],
    }


def test_velero_may_handle_its_objects_list_its_bucket_and_use_its_key():
    document = iam.velero_permissions(
        bucket_arn=BUCKET,
        prefix="shop",
        key_arn=KEY,
        account="111122223333",
        region="eu-west-1",
        dns_suffix="amazonaws.com",
    )
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "BackupObjects",
                "Effect": "Allow",
                "Action": [
                    "s3:GetObject",
                    "s3:PutObject",
                    "s3:DeleteObject",
                    "s3:AbortMultipartUpload",
                    "s3:ListMultipartUploadParts",
                ],
                "Resource": "arn:aws:s3:::backups/shop/*",
                "Condition": {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
            },
            {
                "Sid": "ListBackups",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::backups",
                "Condition": {"StringEquals": {"s3:ResourceAccount": "111122223333"}},
            },
            {
                "Sid": "BackupKey",
                "Effect": "Allow",
                "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                "Resource": "arn:aws:kms:eu-west-1:111122223333:key/0a1b",
                "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
            },
        ],
    }


def test_without_a_prefix_the_objects_are_all_of_the_bucket():
    statement = iam.backup_objects(bucket_arn=BUCKET, prefix=None, account="111122223333")
    assert statement["Resource"] == "arn:aws:s3:::backups/*"


def refused_upload(sid: str, condition: dict[str, object]) -> dict[str, object]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::backups/*",
        "Condition": condition,
    }


SSE = "s3:x-amz-server-side-encryption"
KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id"
READ_AT_ONCE = ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]
REFUSALS = [
    {
        "Sid": "RefusePlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::backups", "arn:aws:s3:::backups/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
    refused_upload("RefuseOtherEncryption", {"Null": {SSE: "false"}, "StringNotEquals": {SSE: "aws:kms"}}),
    refused_upload("RefuseOtherKey", {"Null": {KEY_ID: "false"}, "StringNotEquals": {KEY_ID: KEY}}),
    refused_upload("RefuseKmsWithoutKey", {"StringEquals": {SSE: "aws:kms"}, "Null": {KEY_ID: "true"}}),
    refused_upload("RefuseCustomerKey", {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}),
    refused_upload(
        "RefuseArchive",
        {"Null": {"s3:x-amz-storage-class": "false"}, "StringNotEquals": {"s3:x-amz-storage-class": READ_AT_ONCE}},
    ),
]


def test_the_bucket_policy_refuses_what_would_make_a_backup_unreadable_but_never_a_missing_header():
    assert storage.bucket_policy(bucket_arn=BUCKET, key_arn=KEY) == {"Version": "2012-10-17", "Statement": REFUSALS}


def test_with_break_glass_what_undoes_the_undo_is_left_to_those_it_names():
    named = ["arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:user/anna"]
    document = storage.bucket_policy(bucket_arn=BUCKET, key_arn=KEY, break_glass=named)
    assert document["Statement"][:-1] == REFUSALS
    assert document["Statement"][-1] == {
        "Sid": "LeaveToBreakGlass",
        "Effect": "Deny",
        "Principal": "*",
        "Action": [
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
        ],
        "Resource": ["arn:aws:s3:::backups", "arn:aws:s3:::backups/*"],
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": named}},
    }


def test_the_longest_break_glass_fits_into_a_bucket_policy():
    # S3 takes 20 kB; a path has at most 512 characters and a name 64.
    arns = [f"arn:aws-us-gov:iam::111122223333:role/{'p' * 510}/{number:064}" for number in range(BREAK_GLASS_MAX)]
    document = storage.bucket_policy(bucket_arn=f"arn:aws-us-gov:s3:::{'b' * 63}", key_arn=KEY, break_glass=arns)
    assert len(json.dumps(document)) < 20_480


def test_the_key_policy_leaves_the_decision_to_the_accounts_iam():
    assert storage.key_policy(partition="aws-us-gov", account="111122223333") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecides",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws-us-gov:iam::111122223333:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
