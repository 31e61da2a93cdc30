"""Every policy document, to the letter."""

from __future__ import annotations

from velero_on_eks.documents import iam, storage

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


def test_the_bucket_policy_refuses_plain_http_and_a_wrong_encryption_but_never_a_missing_one():
    assert storage.bucket_policy(bucket_arn=BUCKET, key_arn=KEY) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RefusePlainHttp",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::backups", "arn:aws:s3:::backups/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "RefuseOtherEncryption",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::backups/*",
                "Condition": {
                    "Null": {"s3:x-amz-server-side-encryption": "false"},
                    "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
                },
            },
            {
                "Sid": "RefuseOtherKey",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::backups/*",
                "Condition": {
                    "Null": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "false"},
                    "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY},
                },
            },
        ],
    }


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
