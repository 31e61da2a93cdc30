"""Policies are judged as IAM judges them, and what cannot be judged is refused."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cloud.access import Question, decide
from velero_eks.aws.iam import Caller
from velero_eks.aws.iam_conditions import UnknownOperator, matches

ROLE = "arn:aws:iam::123456789012:role/velero"
BUCKET = "arn:aws:s3:::backups"
KEY = "arn:aws:kms:ap-south-1:123456789012:key/1"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, "Principal": "*", **more}


def ask(action: str = "s3:GetObject", resource: str = f"{BUCKET}/x", **context: str) -> Question:
    keys = {name.replace("__", ":").replace("_", "-"): value for name, value in context.items()}
    return Question(action=action, resource=resource, caller=Caller(arn=ROLE), context=keys)


def test_nothing_is_allowed_without_a_policy() -> None:
    decision = decide(ask(), [])
    assert not decision.allowed
    assert "no policy allows it" in decision.reason


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("s3:Get*", "s3:GetObject", True),
        ("s3:GetObject", "s3:GetObjectVersion", False),
        ("arn:aws:s3:::backups/*", "arn:aws:s3:::backups/a/b\nc", True),
        ("arn:aws:s3:::backup?", "arn:aws:s3:::backups", True),
        ("arn:aws:s3:::backups", "arn:aws:s3:::backups/x", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
    ],
)
def test_wildcards_mean_what_iam_says(pattern: str, value: str, expected: bool) -> None:
    assert matches(pattern, value) is expected


def test_an_allow_covers_its_actions_and_resources_and_no_others() -> None:
    identity = [policy(allow(["s3:getobject", "s3:PutObject"], f"{BUCKET}/backups/*"))]
    assert decide(ask(resource=f"{BUCKET}/backups/a"), identity).allowed
    assert not decide(ask(resource=f"{BUCKET}/kopia/a"), identity).allowed
    assert not decide(ask("s3:DeleteObject", f"{BUCKET}/backups/a"), identity).allowed


def test_not_action_and_not_resource_cover_the_rest() -> None:
    identity = [policy({"Effect": "Allow", "NotAction": "s3:Delete*", "NotResource": f"{BUCKET}/secret/*"})]
    assert decide(ask(), identity).allowed
    assert not decide(ask("s3:DeleteObject"), identity).allowed
    assert not decide(ask(resource=f"{BUCKET}/secret/x"), identity).allowed


def test_a_deny_of_the_bucket_wins_over_an_allow_and_is_named() -> None:
    bucket = policy(deny("s3:DeleteObjectVersion", f"{BUCKET}/*", Sid="KeepVersions"))
    decision = decide(ask("s3:DeleteObjectVersion"), [policy(allow("s3:*", "*"))], bucket)
    assert not decision.allowed
    assert "KeepVersions" in decision.reason


@pytest.mark.parametrize(("transport", "allowed"), [("true", True), ("false", False)])
def test_a_deny_of_plain_http_leaves_https_alone(transport: str, allowed: bool) -> None:
    bucket = policy(deny("s3:*", [BUCKET, f"{BUCKET}/*"], Condition={"Bool": {"aws:SecureTransport": False}}))
    assert decide(ask(aws__SecureTransport=transport), [policy(allow("*", "*"))], bucket).allowed is allowed


def test_a_deny_of_all_but_one_principal_leaves_that_one_alone() -> None:
    condition = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/break-glass*"}}
    bucket = policy(deny("s3:PutBucketPolicy", BUCKET, Condition=condition))
    everything = [policy(allow("*", "*"))]
    question = ask("s3:PutBucketPolicy", BUCKET, aws__PrincipalArn="arn:aws:iam::123456789012:role/break-glass-1")
    assert decide(question, everything, bucket).allowed
    assert not decide(ask("s3:PutBucketPolicy", BUCKET, aws__PrincipalArn=ROLE), everything, bucket).allowed


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "false"}}, {}, False),
        ({"StringLike": {"k": "a*"}, "StringEquals": {"j": "1"}}, {"k": "ab", "j": "2"}, False),
        ({"StringLike": {"k": "a*"}, "StringEquals": {"j": "1"}}, {"k": "ab", "J": "1"}, True),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"NumericLessThan": {"k": "1.2"}}, {"k": "1.1"}, True),
        ({"StringEquals": {"k": "${aws:PrincipalAccount}"}}, {"k": "1", "aws:PrincipalAccount": "1"}, True),
    ],
)
def test_conditions_hold_as_iam_evaluates_them(condition: Any, context: dict[str, str], holds: bool) -> None:
    question = Question(action="s3:GetObject", resource=BUCKET, caller=Caller(arn=ROLE), context=context)
    assert decide(question, [policy(allow("*", "*", Condition=condition))]).allowed is holds


def test_a_condition_that_iam_does_not_have_is_never_passed_over() -> None:
    identity = [policy(allow("*", "*", Condition={"StringMatches": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}))]
    with pytest.raises(UnknownOperator, match="StringMatches"):
        decide(ask(aws__CurrentTime="2027-01-01T00:00:00Z"), identity)


def test_a_boundary_limits_what_a_role_allows() -> None:
    identity = [policy(allow("s3:*", "*"))]
    boundary = policy(allow("s3:Get*", "*"))
    assert decide(ask(), identity, boundary=boundary).allowed
    assert not decide(ask("s3:PutObject"), identity, boundary=boundary).allowed


@pytest.mark.parametrize(
    ("key_principal", "identity", "allowed"),
    [
        # The account's root in the key policy hands the decision to IAM.
        ({"AWS": "arn:aws:iam::123456789012:root"}, [policy(allow("kms:Decrypt", KEY))], True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, [], False),
        # A role that the key policy names needs no policy of its own.
        ({"AWS": ROLE}, [], True),
        ({"AWS": "arn:aws:iam::123456789012:role/other"}, [policy(allow("kms:Decrypt", KEY))], False),
    ],
)
def test_a_kms_key_is_used_only_when_its_own_policy_agrees(key_principal: Any, identity: Any, allowed: bool) -> None:
    key = policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": key_principal})
    assert decide(ask("kms:Decrypt", KEY), identity, key, resource_must_agree=True).allowed is allowed


@pytest.mark.parametrize(
    ("subject", "allowed"),
    [("system:serviceaccount:velero:velero-server", True), ("system:serviceaccount:velero:default", False)],
)
def test_a_trust_policy_admits_only_its_service_account(subject: str, allowed: bool) -> None:
    issuer = "oidc.eks.ap-south-1.amazonaws.com/id/ABC"
    provider = f"arn:aws:iam::123456789012:oidc-provider/{issuer}"
    trust = policy(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
            "Condition": {
                "StringEquals": {
                    f"{issuer}:aud": "sts.amazonaws.com",
                    f"{issuer}:sub": "system:serviceaccount:velero:velero-server",
                }
            },
        }
    )
    question = Question(
        action="sts:AssumeRoleWithWebIdentity",
        resource=ROLE,
        caller=Caller(federated=provider),
        context={f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject},
    )
    assert decide(question, [], trust).allowed is allowed
