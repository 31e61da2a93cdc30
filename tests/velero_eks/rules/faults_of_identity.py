"""Faults of the role: who may assume it, and what it may do."""

from __future__ import annotations

from typing import Any

from tests.velero_eks.rules.faults import Injected
from tests.velero_eks.rules.plans import Draft, good_resources_with_pod_identity
from velero_eks.rules import kinds

_ISSUER = "oidc.eks.ap-south-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
_SUBJECT = "system:serviceaccount:velero:velero-server"
_BUCKET = "arn:aws:s3:::velero-exam-prod-777788889999-ap-south-1"
_KEY = "arn:aws:kms:ap-south-1:777788889999:key/35ef2004-6731-eb42-f890-991059137719"


def _trust(**changes: Any):
    def change(plan: Draft) -> None:
        plan.statement(kinds.ROLE, "VeleroServiceAccount", "assumeRolePolicy", **changes)

    return change


def _condition(**operators: dict[str, Any]):
    return _trust(Condition=operators)


def _allow(*actions: str, resource: str | list[str] = _BUCKET, condition: Any = None):
    def change(plan: Draft) -> None:
        extra = {} if condition is None else {"Condition": condition}
        plan.add_statement(kinds.ROLE_POLICY, Action=list(actions), Resource=resource, **extra)

    return change


def _grant(sid: str, **changes: Any):
    def change(plan: Draft) -> None:
        plan.statement(kinds.ROLE_POLICY, sid, **changes)

    return change


def _pod_identity_without(key: str):
    def change(plan: Draft) -> None:
        pinned = {
            "aws:SourceAccount": "777788889999",
            "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:ap-south-1:777788889999:cluster/exam-prod",
            "aws:RequestTag/kubernetes-namespace": "velero",
            "aws:RequestTag/kubernetes-service-account": "velero-server",
        }
        del pinned[key]
        plan.statement(kinds.ROLE, "VeleroServiceAccount", "assumeRolePolicy", Condition={"StringEquals": pinned})

    return change


_AUD = {f"{_ISSUER}:aud": "sts.amazonaws.com"}
_SUB = {f"{_ISSUER}:sub": _SUBJECT}
_BOTH = {**_AUD, **_SUB}
_VIA = {"StringEquals": {"kms:ViaService": "s3.ap-south-1.amazonaws.com"}}
_OURS = {"StringEquals": {"s3:ResourceAccount": "777788889999"}}

FAULTS = [
    # Who may assume the role.
    Injected("a role for everyone", "unmeant-grant",
             _trust(Principal={"AWS": "*"}, Action="sts:AssumeRole", Condition=None), implied=("missing-grant",)),
    Injected("a role for everyone but one", "unmeant-grant",
             _trust(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::777788889999:user/eve"})),
    Injected("IRSA without conditions", "unmeant-grant", _trust(Condition=None)),
    Injected("IRSA without aud", "unmeant-grant", _condition(StringEquals=_SUB)),
    Injected("IRSA without sub", "unmeant-grant", _condition(StringEquals=_AUD)),
    Injected("IRSA for any audience", "unmeant-grant",
             _condition(StringEquals={**_SUB, f"{_ISSUER}:aud": "example.com"}), implied=("missing-grant",)),
    Injected("IRSA for a wildcard sub", "unmeant-grant",
             _condition(StringEquals=_AUD, StringLike={f"{_ISSUER}:sub": "system:serviceaccount:velero:*"}),
             implied=("missing-grant",)),
    Injected("IRSA for every service account", "unmeant-grant",
             _condition(StringEquals=_AUD, StringLike={f"{_ISSUER}:sub": "*"}), implied=("missing-grant",)),
    Injected("IRSA only if the claim exists", "unmeant-grant", _condition(StringEqualsIfExists=_BOTH),
             implied=("missing-grant",)),
    Injected("IRSA with https:// in the condition key", "unmeant-grant",
             _condition(StringEquals={f"https://{key}": value for key, value in _BOTH.items()}),
             implied=("missing-grant",)),
    Injected("IRSA conditions of another cluster's issuer", "unmeant-grant",
             _condition(StringEquals={key.replace("ap-south-1", "eu-west-1"): value for key, value in _BOTH.items()}),
             implied=("missing-grant",)),
    Injected("Pod Identity without conditions", "unmeant-grant", _trust(Condition=None),
             base=good_resources_with_pod_identity),
    *[
        Injected(f"Pod Identity without {key}", "unmeant-grant", _pod_identity_without(key),
                 base=good_resources_with_pod_identity)
        for key in ("aws:SourceAccount", "aws:RequestTag/eks-cluster-arn", "aws:RequestTag/kubernetes-namespace",
                    "aws:RequestTag/kubernetes-service-account")
    ],
    Injected("Pod Identity without TagSession", "missing-grant", _trust(Action="sts:AssumeRole"),
             base=good_resources_with_pod_identity),
    Injected("a role name of 70 characters", "unmeant-name", lambda p: p.set(kinds.ROLE, ["name"], "v" * 70)),
    Injected("AdministratorAccess attached", "iam-managed-policy",
             lambda p: p.add(kinds.ROLE_ATTACHMENT, "admin",
                             {"role": p.one(kinds.ROLE)["inputs"]["name"],
                              "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})),
    Injected("AdministratorAccess attached to another role", "iam-managed-policy",
             lambda p: p.add(kinds.ROLE_ATTACHMENT, "admin",
                             {"role": "other", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})),
    Injected("AmazonS3FullAccess in the role itself", "iam-managed-policy",
             lambda p: p.set(kinds.ROLE, ["managedPolicyArns"], ["arn:aws:iam::aws:policy/AmazonS3FullAccess"])),
    Injected("a policy of the account attached", "iam-managed-policy",
             lambda p: p.add(kinds.POLICY_ATTACHMENT, "shared",
                             {"roles": [p.one(kinds.ROLE)["inputs"]["name"]],
                              "policyArn": "arn:aws:iam::777788889999:policy/shared"})),
    Injected("an IAM user", "iam-static-credentials", lambda p: p.add(kinds.IAM_USER, "velero", {"name": "velero"})),
    Injected("an access key", "iam-static-credentials",
             lambda p: p.add(kinds.ACCESS_KEY, "velero", {"user": "velero"})),
    # What the role may do.
    Injected("everything allowed", "unmeant-grant", _allow("*", resource="*"),
             implied=("unmeant-grant", "unmeant-grant", "unmeant-grant", "unmeant-grant",
                      "unmeant-grant", "unmeant-grant")),
    Injected("s3:* on the bucket", "unmeant-grant",
             _allow("s3:*", resource=[_BUCKET, f"{_BUCKET}/*"], condition=_OURS), implied=("unmeant-grant",)),
    Injected("kms:* on the key", "unmeant-grant", _allow("kms:*", resource=_KEY, condition=_VIA),
             implied=("unmeant-grant", "unmeant-grant")),
    Injected("a wildcard inside an action", "unmeant-grant", _allow("s3:List*")),
    Injected("backups on every bucket", "unmeant-grant", _grant("BackupObjects", Resource="*")),
    Injected("backups on every bucket of a name", "unmeant-grant",
             _grant("BackupObjects", Resource="arn:aws:s3:::velero-*/*")),
    Injected("every key of the account", "unmeant-grant",
             _grant("BackupKey", Resource="arn:aws:kms:ap-south-1:777788889999:key/*")),
    Injected("NotAction", "unmeant-grant",
             lambda p: p.add_statement(kinds.ROLE_POLICY, NotAction=["s3:DeleteBucket"], Resource=f"{_BUCKET}-x"),
             implied=("unmeant-grant", "unmeant-grant", "unmeant-grant", "unmeant-grant",
                      "unmeant-grant")),
    Injected("NotResource", "unmeant-grant", _grant("ListBackups", Resource=None, NotResource=f"{_BUCKET}-other")),
    Injected("NotPrincipal in the bucket policy", "unmeant-grant",
             lambda p: p.add_statement(kinds.BUCKET_POLICY, NotPrincipal={"AWS": "777788889999"}, Action="s3:GetObject",
                                       Resource=f"{_BUCKET}/*"), implied=("unmeant-grant",)),
    *[
        Injected(f"{action} allowed", "unmeant-grant", _allow(action))
        for action in ("s3:PutBucketPolicy", "s3:DeleteBucket", "s3:DeleteObjectVersion",
                       "s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration",
                       "s3:BypassGovernanceRetention", "s3:PutBucketVersioning")
    ],
    *[
        Injected(f"{action} allowed", "unmeant-grant", _allow(action, resource=_KEY))
        for action in ("kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy")
    ],
    Injected("actions written in capitals", "unmeant-grant", _allow("S3:PUTBUCKETPOLICY")),
    Injected("a policy inline on the role", "unmeant-grant",
             lambda p: p.set(kinds.ROLE, ["inlinePolicies"], [{"name": "more", "policy": {
                 "Statement": {"Effect": "Allow", "Action": "s3:DeleteBucket", "Resource": _BUCKET}}}])),
    Injected("grants on the key for anybody", "unmeant-grant", _allow("kms:CreateGrant", resource=_KEY)),
    Injected("the key from anywhere", "unmeant-grant", _grant("BackupKey", Condition=None)),
    Injected("the key through any service", "unmeant-grant",
             _grant("BackupKey", Condition={"StringLike": {"kms:ViaService": "*.amazonaws.com"}}),
             implied=("missing-grant",)),
    Injected("objects in anybody's account", "unmeant-grant", _grant("BackupObjects", Condition=None)),
    Injected("a way to more rights", "unmeant-grant",
             _allow("iam:PassRole", resource="arn:aws:iam::777788889999:role/admin")),
    Injected("the role for another bucket", "missing-grant",
             _grant("BackupObjects", Resource="arn:aws:s3:::another-bucket/*"), implied=("unmeant-grant",)),
    Injected("the role for another key", "missing-grant",
             _grant("BackupKey", Resource="arn:aws:kms:ap-south-1:777788889999:key/another"),
             implied=("unmeant-grant",)),
    Injected("no policy at all", "missing-grant",
             lambda p: p.set(kinds.ROLE_POLICY, ["policy"],
                             '{"Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]}'),
                             implied=("unmeant-refusal",)),
    Injected("ARNs of another partition", "unmeant-grant",
             _grant("ListBackups", Resource=[_BUCKET, _BUCKET.replace("arn:aws:", "arn:aws-cn:")])),
]  # fmt: skip
