"""Rules of the bucket policy: TLS only, never public, and never in Velero's own way."""

from __future__ import annotations

from collections.abc import Iterator

from velero_eks.aws.iam import Statement, named_actions, statements
from velero_eks.aws.iam_conditions import matches
from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, rule
from velero_eks.rules.plan import Plan

_TLS_KEY = "aws:SecureTransport"
_SSE_KEYS = "s3:x-amz-server-side-encryption*"
_VELERO_NEEDS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")


@rule(
    "bucket-policy-tls",
    on=kinds.BUCKET,
    scope="stack",
    what="The bucket policy denies every request without TLS, to the bucket and to its objects.",
    source="FSBP S3.5, CKV_AWS_379",
)
def bucket_policy_tls(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    denials = [
        (policy, statement)
        for policy in plan.of_bucket(bucket, kinds.BUCKET_POLICY)
        for statement in statements(policy.get("policy"))
        if statement.effect == "Deny" and statement.on_key(_TLS_KEY)
    ]
    for _, statement in denials:
        if any("true" in condition.values for condition in statement.on_key(_TLS_KEY)):
            yield (
                f"{statement} of the bucket policy denies requests where {_TLS_KEY} is true, so every HTTPS"
                " request:"
                ' it is the wrong way round. Write "false".'
            )
            return
    partition = plan.partition(bucket) or "aws"
    if not any(_denies_plain_http(statement, policy, partition) for policy, statement in denials):
        yield (
            "no statement of a bucket policy denies everyone every action on bucket and objects without TLS."
            f" Add a Deny of s3:* on both, with Bool {_TLS_KEY} false as its only condition."
        )


def _denies_plain_http(statement: Statement, policy: PolicyResource, partition: str) -> bool:
    conditions = statement.on_key(_TLS_KEY)
    if len(conditions) != len(statement.conditions) or statement.not_principals or not statement.for_everyone:
        return False
    arn = f"arn:{partition}:s3:::{policy.get('bucket')}"
    return (
        all(condition.base == "bool" and condition.values == ("false",) for condition in conditions)
        and len(named_actions(statement, _VELERO_NEEDS)) == len(_VELERO_NEEDS)
        and statement.covers_resource(arn)
        and statement.covers_resource(f"{arn}/an/object")
    )


@rule(
    "bucket-policy-missing-sse",
    on=kinds.BUCKET_POLICY,
    what="The bucket policy never denies an upload that says nothing of encryption: kopia says nothing, the"
    " default serves.",
    source="Velero 1.18 kopialib/backend/s3.go; IAM condition operators",
)
def bucket_policy_missing_sse(policy: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.get("policy")):
        about = [entry for entry in statement.conditions if matches(_SSE_KEYS, entry.key, ignore_case=True)]
        if statement.effect != "Deny" or not about or not statement.covers_action("s3:PutObject"):
            continue
        if all(condition.holds_without_key for condition in about):
            condition = about[0]
            yield (
                f"{statement} also denies an upload without {condition.key} ({condition.operator} holds where"
                " the key is"
                ' absent), and kopia sends none. Add the condition Null on that key with "false".'
            )


@rule(
    "bucket-policy-public",
    on=kinds.BUCKET_POLICY,
    what="The bucket policy allows nothing to everyone.",
    source="FSBP S3.2, S3.3, CKV_AWS_70",
)
def bucket_policy_public(policy: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.get("policy")):
        if statement.allows and statement.for_everyone:
            yield (
                f"{statement} allows {', '.join(statement.actions)} to everyone; name the principals, or take it away."
            )


@rule(
    "bucket-policy-lockout",
    on=kinds.BUCKET_POLICY,
    what="The bucket policy does not deny everyone, Velero included, what Velero does all day.",
    source="AWS re:Post, bucket locked by its own policy",
)
def bucket_policy_lockout(policy: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.get("policy")):
        denied = named_actions(statement, _VELERO_NEEDS)
        if statement.effect == "Deny" and statement.for_everyone and not statement.conditions and denied:
            if statement.not_principals:
                continue
            yield (
                f"{statement} denies {', '.join(denied)} to everyone without a condition; give it one, or take it away."
            )
