"""Policy documents of IAM: who may become Velero, and what Velero may do then. One function an intent."""

from __future__ import annotations

from typing import Any

POLICY_VERSION = "2012-10-17"
STS_AUDIENCE = "sts.amazonaws.com"
POD_IDENTITY_PRINCIPAL = "pods.eks.amazonaws.com"
# The inline policy of Velero's role.
POLICY_NAME = "velero-backups"

PolicyDocument = dict[str, Any]
Statement = dict[str, Any]


def policy(*statements: Statement) -> PolicyDocument:
    """A policy document of these statements."""
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def arn(partition: str, service: str, resource: str, *, region: str = "", account: str = "") -> str:
    """An ARN of that partition; region and account are empty where the service has none in its ARNs (S3, IAM)."""
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"


def issuer_host(issuer: str) -> str:
    """An OIDC issuer as IAM writes it, in provider ARNs and condition keys: without `https://`."""
    return issuer.removeprefix("https://")


def irsa_trust(*, partition: str, account: str, issuer: str, namespace: str, service_account: str) -> PolicyDocument:
    """Who may assume the role through the cluster's OIDC provider: this one service account, with a token for STS.

    `aud` alone would trust every pod of the cluster, `sub` alone a token made out for another service.
    """
    host = issuer_host(issuer)
    return policy(
        {
            "Sid": "VeleroServiceAccount",
            "Effect": "Allow",
            "Principal": {"Federated": arn(partition, "iam", f"oidc-provider/{host}", account=account)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{host}:aud": STS_AUDIENCE,
                    f"{host}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                }
            },
        }
    )


def pod_identity_trust(*, account: str, cluster_arn: str, namespace: str, service_account: str) -> PolicyDocument:
    """Who may assume the role through EKS Pod Identity: this one service account of this one cluster.

    EKS passes cluster, namespace and service account as session tags; without conditions on them every association
    that anybody makes for this role in the account would be trusted.
    """
    return policy(
        {
            "Sid": "VeleroServiceAccount",
            "Effect": "Allow",
            "Principal": {"Service": POD_IDENTITY_PRINCIPAL},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": account,
                    "aws:RequestTag/eks-cluster-arn": cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        }
    )


def backup_objects(*, bucket_arn: str, prefix: str | None, account: str) -> Statement:
    """Read, write and delete the objects under the prefix. No `DeleteObjectVersion`: old versions are the undo.

    `s3:ResourceAccount` keeps the grant from reaching a bucket of that name in another account.
    """
    keys = f"{prefix}/*" if prefix else "*"
    return {
        "Sid": "BackupObjects",
        "Effect": "Allow",
        "Action": [
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
        ],
        "Resource": f"{bucket_arn}/{keys}",
        "Condition": {"StringEquals": {"s3:ResourceAccount": account}},
    }


def list_bucket(*, bucket_arn: str, account: str) -> Statement:
    """List the bucket. No condition on `s3:prefix`: with one, asking for a key that is not there answers 403 in place
    of 404, and the plugin takes that for an error."""
    return {
        "Sid": "ListBackups",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": bucket_arn,
        "Condition": {"StringEquals": {"s3:ResourceAccount": account}},
    }


def use_key(*, key_arn: str, region: str, dns_suffix: str) -> Statement:
    """Encrypt and decrypt with the bucket's key, through S3 only."""
    return {
        "Sid": "BackupKey",
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": key_arn,
        "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.{dns_suffix}"}},
    }


def velero_permissions(
    *, bucket_arn: str, prefix: str | None, key_arn: str, account: str, region: str, dns_suffix: str
) -> PolicyDocument:
    """All that Velero may do in the volume modes `none` and `csi-snapshot`.

    Neither touches EC2: CSI snapshots are taken by the cluster's own driver, under the driver's role.
    """
    return policy(
        backup_objects(bucket_arn=bucket_arn, prefix=prefix, account=account),
        list_bucket(bucket_arn=bucket_arn, account=account),
        use_key(key_arn=key_arn, region=region, dns_suffix=dns_suffix),
    )
