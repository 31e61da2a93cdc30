"""One life story for each aws resource type: what it is made of, what changes it in place, what replaces it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::exam-backups/*"}],
}
TLS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Tls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::exam-backups", "arn:aws:s3:::exam-backups/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
ROLE_ARN = "arn:aws:iam::123456789012:role/eks"


def text(document: dict[str, Any]) -> str:
    return json.dumps(document)


def more(document: dict[str, Any]) -> str:
    """The policy with one statement more."""
    first = {**document["Statement"][0], "Effect": "Allow", "Sid": "More"}
    return text({**document, "Statement": [*document["Statement"], first]})


@dataclass(frozen=True)
class Case:
    """`update` is merged over `inputs` and must show as `changed`; `replace` likewise must replace at `replaced`."""

    token: str
    inputs: dict[str, Any]
    update: dict[str, Any] | None = None
    changed: set[str] = field(default_factory=set)
    replace: dict[str, Any] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    deletes_first: bool = False
    import_id: str = "{id}"
    equal: dict[str, Any] = field(default_factory=dict)
    """Another way to write the same."""
    write_only: tuple[str, ...] = ()
    """Inputs that no API returns, so that an import lacks them; this is so for the real provider too."""

    def __str__(self) -> str:
        return self.token.rpartition(":")[2]


BUCKET = {"bucket": "exam-backups"}
ELSEWHERE = {"replace": {"bucket": "other-backups"}, "replaced": ["bucket"]}

CASES = [
    Case(
        "aws:s3/bucket:Bucket",
        {"bucket": "made-here", "tags": {"k": "v"}, "forceDestroy": True},
        {"tags": {"k": "w"}, "forceDestroy": False},
        {"forceDestroy", "tags.k", "tagsAll.k"},
        {"bucket": "other-name"},
        ["bucket"],
        equal={"objectLockEnabled": False},
        write_only=("forceDestroy",),
    ),
    Case(
        "aws:s3/bucketVersioning:BucketVersioning",
        {**BUCKET, "versioningConfiguration": {"status": "Enabled"}},
        {"versioningConfiguration": {"status": "Suspended"}},
        {"versioningConfiguration.status"},
        **ELSEWHERE,
    ),
    Case(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {
            **BUCKET,
            "rules": [
                {
                    "applyServerSideEncryptionByDefault": {
                        "sseAlgorithm": "aws:kms",
                        "kmsMasterKeyId": "arn:aws:kms:x",
                    },
                    "bucketKeyEnabled": True,
                }
            ],
        },
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {
            "rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId",
            "rules[0].applyServerSideEncryptionByDefault.sseAlgorithm",
            "rules[0].bucketKeyEnabled",
        },
        **ELSEWHERE,
    ),
    Case(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        {**BUCKET, "blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True},
        {"ignorePublicAcls": False, "restrictPublicBuckets": True},
        {"ignorePublicAcls", "restrictPublicBuckets"},
        equal={"restrictPublicBuckets": False},
        **ELSEWHERE,
    ),
    Case(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        {**BUCKET, "rule": {"objectOwnership": "BucketOwnerEnforced"}},
        {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        {"rule.objectOwnership"},
        **ELSEWHERE,
    ),
    Case(
        "aws:s3/bucketPolicy:BucketPolicy",
        {**BUCKET, "policy": text(TLS)},
        {"policy": more(TLS)},
        {"policy"},
        {"bucket": "other-backups", "policy": text(TLS).replace("exam-backups", "other-backups")},
        ["bucket"],
        equal={"policy": json.dumps(TLS, indent=2, sort_keys=True)},
    ),
    Case(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {
            **BUCKET,
            "rules": [
                {
                    "id": "abort",
                    "status": "Enabled",
                    "filter": {},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                },
                {
                    "id": "old",
                    "status": "Enabled",
                    "filter": {"and": {"prefix": "backups/", "tags": {"k": "v"}}},
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "expiration": {"expiredObjectDeleteMarker": True},
                    "transitions": [{"days": 90, "storageClass": "GLACIER_IR"}],
                },
            ],
        },
        {
            "rules": [
                {"id": "abort", "status": "Disabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}
            ]
        },
        {"rules[0].status", "rules[1]"},
        **ELSEWHERE,
    ),
    Case(
        "aws:s3/bucketLogging:BucketLogging",
        {**BUCKET, "targetBucket": "exam-logs", "targetPrefix": "velero/"},
        {"targetPrefix": "backups/"},
        {"targetPrefix"},
        **ELSEWHERE,
    ),
    Case(
        "aws:kms/key:Key",
        {
            "description": "backups",
            "deletionWindowInDays": 30,
            "enableKeyRotation": True,
            "rotationPeriodInDays": 365,
            "tags": {"k": "v"},
        },
        {"description": "Velero backups", "rotationPeriodInDays": 180, "isEnabled": False, "tags": {}},
        {"description", "rotationPeriodInDays", "isEnabled", "tags.k", "tagsAll.k"},
        {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048"},
        ["customerMasterKeySpec", "keyUsage"],
        equal={"isEnabled": True, "keyUsage": "ENCRYPT_DECRYPT"},
        write_only=("deletionWindowInDays", "rotationPeriodInDays"),
    ),
    Case(
        "aws:kms/alias:Alias",
        {"name": "alias/velero", "targetKeyId": "{key}"},
        {"targetKeyId": "{other-key}"},
        {"targetKeyId"},
        {"name": "alias/backups"},
        ["name"],
    ),
    Case(
        "aws:iam/role:Role",
        {"name": "velero", "assumeRolePolicy": text(TRUST), "tags": {"k": "v"}},
        {"description": "for Velero", "maxSessionDuration": 7200, "assumeRolePolicy": more(TRUST)},
        {"assumeRolePolicy", "description", "maxSessionDuration"},
        {"path": "/backups/"},
        ["path"],
        deletes_first=True,
        equal={"path": "/", "maxSessionDuration": 3600},
    ),
    Case(
        "aws:iam/rolePolicy:RolePolicy",
        {"name": "storage", "role": "eks", "policy": text(READ)},
        {"policy": more(READ)},
        {"policy"},
        {"name": "backups"},
        ["name"],
        equal={"policy": text(READ).replace('"s3:GetObject"', '["s3:GetObject"]')},
    ),
    Case(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "eks", "policyArn": "arn:aws:iam::123456789012:policy/boundary"},
        replace={"policyArn": "arn:aws:iam::123456789012:policy/other"},
        replaced=["policyArn"],
    ),
    Case(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        {"url": "https://oidc.example.com/id/1", "clientIdLists": ["sts.amazonaws.com", "a"], "tags": {"k": "v"}},
        {"clientIdLists": ["sts.amazonaws.com"], "tags": {"k": "w"}},
        {"clientIdLists", "tags.k", "tagsAll.k"},
        {"url": "https://oidc.example.com/id/2"},
        ["url"],
        equal={"clientIdLists": ["a", "sts.amazonaws.com"]},
    ),
    Case(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        {
            "clusterName": "exam",
            "namespace": "velero",
            "serviceAccount": "velero-server",
            "roleArn": ROLE_ARN,
            "tags": {"k": "v"},
        },
        {"disableSessionTags": True, "tags": {"k": "v", "l": "w"}},
        {"disableSessionTags", "tags.l", "tagsAll.l"},
        {"serviceAccount": "velero"},
        ["serviceAccount"],
        import_id="exam,{id}",
        equal={"disableSessionTags": False},
    ),
    Case(
        "aws:eks/addon:Addon",
        {
            "clusterName": "exam",
            "addonName": "snapshot-controller",
            "configurationValues": '{"replicas": 2}',
            "resolveConflictsOnCreate": "OVERWRITE",
        },
        {"addonVersion": "v8.3.0-eksbuild.1", "configurationValues": '{"replicas": 1}'},
        {"addonVersion", "configurationValues"},
        {"addonName": "aws-ebs-csi-driver"},
        ["addonName"],
        equal={"configurationValues": '{"replicas":2}'},
        write_only=("resolveConflictsOnCreate",),
    ),
    Case(
        "aws:eks/cluster:Cluster",
        {
            "name": "made-here",
            "roleArn": ROLE_ARN,
            "version": "1.34",
            "vpcConfig": {"subnetIds": ["subnet-0a", "subnet-0b"]},
            "computeConfig": {"enabled": True},
            "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}},
            "storageConfig": {"blockStorage": {"enabled": True}},
        },
        {"version": "1.35", "tags": {"k": "v"}},
        {"version", "tags", "tagsAll.k"},
        {"name": "other"},
        ["name"],
        equal={"vpcConfig": {"subnetIds": ["subnet-0b", "subnet-0a"]}},
        write_only=("bootstrapSelfManagedAddons",),
    ),
]
