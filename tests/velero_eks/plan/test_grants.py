"""Who may do what: read out of every kind of policy, and said in words."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws
import pytest

from velero_eks.aws import grants as words
from velero_eks.aws.grants import Grant
from velero_eks.errors import PlanError
from velero_eks.plan.grants import grants
from velero_eks.plan.recorder import record_program

KEY = "arn:aws:kms:x:1:key/7"
OBJECTS = "arn:aws:s3:::b/p/*"
ROLE_ARN = "arn:aws:iam::111122223333:role/velero"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def of(program) -> list[Grant]:
    return grants(record_program(program))


def role(trust: str = "{}", **arguments) -> pulumi_aws.iam.Role:
    return pulumi_aws.iam.Role("r", name="velero", assume_role_policy=trust, **arguments)


def test_a_roles_own_policy_grants_to_the_role():
    def program() -> None:
        text = policy({"Sid": "Read", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b/*"]})
        pulumi_aws.iam.RolePolicy("p", role=role().name, policy=text)

    (grant,) = of(program)
    assert (grant.principal, grant.actions, grant.resources) == (ROLE_ARN, ("s3:GetObject",), ("arn:aws:s3:::b/*",))
    assert (grant.sid, grant.conditions) == ("Read", {})
    assert grant.source.endswith("RolePolicy::p")


def test_a_trust_grants_the_role_itself_to_each_principal():
    trust = policy(
        {"Principal": {"Service": "pods.eks.amazonaws.com", "AWS": ["111122223333"]}, "Action": ["sts:AssumeRole"]}
    )
    found = of(lambda: role(trust) and None)
    assert [(grant.principal, grant.resources) for grant in found] == [
        ("111122223333", (ROLE_ARN,)),
        ("pods.eks.amazonaws.com", (ROLE_ARN,)),
    ]


def test_a_key_policy_grants_the_key_where_it_says_everything():
    def program() -> None:
        text = policy({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"})
        pulumi.export("arn", pulumi_aws.kms.Key("k", policy=text).arn)

    made = record_program(program)
    (grant,) = grants(made)
    assert grant.resources == (made.outputs["arn"],)


def test_a_bucket_policys_denials_are_no_grants():
    def program() -> None:
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
        allow = {"Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
        pulumi_aws.s3.BucketPolicy("p", bucket="b", policy=policy(deny, allow))

    (grant,) = of(program)
    assert (grant.principal, grant.actions) == ("*", ("s3:GetObject",))


def test_what_a_statement_leaves_out_is_kept():
    def program() -> None:
        text = policy({"NotAction": "iam:*", "NotResource": ["arn:aws:s3:::secret"]})
        pulumi_aws.iam.RolePolicy("p", role=role().name, policy=text)

    (grant,) = of(program)
    assert (grant.actions, grant.not_actions) == (("*",), ("iam:*",))
    assert (grant.resources, grant.not_resources) == (("*",), ("arn:aws:s3:::secret",))
    assert words.what(grant, {}) == "may do anything but iam:* with everything but bucket secret"


def test_an_attached_policy_that_the_stack_makes_is_read():
    def program() -> None:
        made = pulumi_aws.iam.Policy("m", policy=policy({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"}))
        pulumi_aws.iam.RolePolicyAttachment("a", role=role().name, policy_arn=made.arn)

    (grant,) = of(program)
    assert (grant.principal, grant.actions) == (ROLE_ARN, ("s3:ListBucket",))


def test_an_attached_policy_that_nobody_can_read_here_counts_as_everything():
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    for program in (
        lambda: pulumi_aws.iam.RolePolicyAttachment("a", role=role().name, policy_arn=admin) and None,
        lambda: role(managed_policy_arns=[admin]) and None,
    ):
        (grant,) = of(program)
        assert (grant.principal, grant.actions, grant.resources) == (ROLE_ARN, ("*",), ("*",))
        assert admin in words.what(grant, {})


def test_a_policy_that_is_not_json_is_an_error_that_names_it():
    with pytest.raises(PlanError, match="RolePolicy p: policy is not JSON"):
        of(lambda: pulumi_aws.iam.RolePolicy("p", role="r", policy="{") and None)


def grant(*actions: str, resource: str = "*", conditions: dict | None = None) -> Grant:
    return Grant(ROLE_ARN, actions, (resource,), conditions or {}, "urn:pulumi:a::b::c::d")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            grant("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", resource=OBJECTS),
            "may read, write and delete objects under s3://b/p/",
        ),
        (grant("s3:AbortMultipartUpload", resource=OBJECTS), "may call s3:AbortMultipartUpload on objects under s3://b/p/"),
        (grant("s3:ListBucket", resource="arn:aws:s3:::b"), "may list bucket b"),
        (grant("s3:GetObject", "ec2:CreateTags"), "may read and call ec2:CreateTags on everything"),
        (grant("kms:GenerateDataKey", "kms:Decrypt", resource=KEY), "may encrypt and decrypt with key 7"),
        (grant("kms:Decrypt", resource=KEY), "may decrypt with key 7"),
        (grant("kms:*", resource=KEY), "may do anything with key 7"),
        (grant("*"), "may do anything with everything"),
        (grant("sts:AssumeRole", "sts:TagSession", resource=ROLE_ARN), "may become role velero"),
    ],
)  # fmt: skip
def test_a_grant_is_said_in_words(given, said):
    assert words.what(given, {}) == said


@pytest.mark.parametrize(
    ("principal", "said"),
    [
        ("*", "everyone"),
        (ROLE_ARN, "role velero"),
        ("arn:aws:iam::111122223333:root", "account 111122223333, through its IAM policies"),
        ("pods.eks.amazonaws.com", "service pods.eks.amazonaws.com"),
        ("arn:aws:iam::1:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC", "OIDC issuer …/ABC"),
    ],
)
def test_a_principal_is_called_as_a_person_calls_it(principal, said):
    assert words.who(principal) == said


def test_conditions_are_said_and_an_unknown_one_is_said_as_it_is():
    host = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
    given = grant(
        "sts:AssumeRole",
        conditions={
            "StringEquals": {
                f"{host}:sub": "system:serviceaccount:velero:server",
                "kms:ViaService": "s3.x.amazonaws.com",
            },
            "Bool": {"aws:SecureTransport": "true"},
        },
    )
    assert words.conditions(given) == [
        "only when aws:SecureTransport Bool true",
        "only through s3.x.amazonaws.com",
        "only as service account velero/server",
    ]
