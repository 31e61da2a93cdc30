"""What differs between what exists and what the program would set, and what does not though it is written otherwise."""

from __future__ import annotations

import json

import pytest
from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS, SCHEDULE

from velero_eks.bootstrap.adopt.compare import HIDDEN, differences, with_key
from velero_eks.trees import ABSENT, Difference

BUCKET, ROLE, RELEASE, NAMESPACE = FIELDS["bucket"], FIELDS["role"], FIELDS["release"], FIELDS["namespace"]
LIFECYCLE, ENCRYPTION = BUCKET_SETTINGS["lifecycle"], BUCKET_SETTINGS["encryption"]
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ALLOW = {"Sid": "One", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}


@pytest.mark.parametrize(
    ("type_", "planned", "live"),
    [
        (BUCKET, {"tags": {"a": "1"}}, {"tags": {"a": "1"}}),
        # IAM gives one action as a text or as a list, in any order.
        (
            ROLE,
            {"assumeRolePolicy": policy(ALLOW)},
            {"assumeRolePolicy": policy({**ALLOW, "Action": ["s3:PutObject", "s3:GetObject"], "Resource": ["*"]})},
        ),
        (ROLE, {"assumeRolePolicy": policy(ALLOW)}, {"assumeRolePolicy": json.dumps({"Statement": ALLOW})}),
        (ROLE, {"description": "x"}, {"description": "x", "tags": {}}),
        (
            LIFECYCLE,
            {"rules": [{"id": "a", "status": "Enabled", "filter": {}}, {"id": "b", "status": "Enabled"}]},
            {"rules": [{"id": "b", "status": "Enabled"}, {"id": "a", "status": "Enabled", "filter": {"prefix": ""}}]},
        ),
        (
            ENCRYPTION,
            {"rules": [{"applyServerSideEncryptionByDefault": {"kmsMasterKeyId": KEY_ARN}, "bucketKeyEnabled": True}]},
            {"rules": [{"applyServerSideEncryptionByDefault": {"kmsMasterKeyId": "1234"}, "bucketKeyEnabled": True}]},
        ),
        # Kubernetes and its controllers add labels and defaults that count for nothing.
        (
            NAMESPACE,
            {"metadata": {"name": "velero", "labels": {"a": "1"}}},
            {"metadata": {"name": "velero", "labels": {"a": "1", "kubernetes.io/metadata.name": "velero"}}},
        ),
        (SCHEDULE, {"spec": {"schedule": "@daily"}}, {"spec": {"schedule": "@daily", "template": {"hooks": {}}}}),
    ],
)
def test_the_same_in_other_words_is_no_difference(type_, planned, live):
    assert differences(type_, planned, live) == []


@pytest.mark.parametrize(
    ("type_", "planned", "live", "expected"),
    [
        (
            BUCKET,
            {"tags": {"a": "1", "b": "2"}},
            {"tags": {"a": "0", "team": "x"}},
            [
                Difference("tags.a", "0", "1"),
                Difference("tags.b", ABSENT, "2"),
                Difference("tags.team", "x", ABSENT),
            ],
        ),
        (
            ROLE,
            {"assumeRolePolicy": policy(ALLOW)},
            {"assumeRolePolicy": policy({**ALLOW, "Action": "s3:*"})},
            [Difference("assumeRolePolicy.One.Action", ["s3:*"], ["s3:GetObject", "s3:PutObject"])],
        ),
        (
            ROLE,
            {"permissionsBoundary": "arn:x"},
            {"description": ""},
            [Difference("permissionsBoundary", ABSENT, "arn:x")],
        ),
        (ROLE, {}, {"permissionsBoundary": "arn:x"}, [Difference("permissionsBoundary", "arn:x", ABSENT)]),
        (
            LIFECYCLE,
            {"rules": [{"id": "a", "status": "Enabled"}]},
            {"rules": [{"id": "a", "status": "Enabled"}, {"id": "old", "expiration": {"days": 7}}]},
            [Difference("rules.old", {"expiration": {"days": 7}}, ABSENT)],
        ),
        (
            SCHEDULE,
            {"spec": {"schedule": "@daily", "paused": False}},
            {"spec": {"schedule": "@weekly", "paused": False}},
            [Difference("spec.schedule", "@weekly", "@daily")],
        ),
        (
            RELEASE,
            {"version": "12.1.0", "values": {"image": {"tag": "v1.18.2"}}},
            {"version": "11.0.0", "values": {"image": {"tag": "v1.17.0"}, "nodeSelector": {"a": "b"}}},
            [
                Difference("values.image.tag", "v1.17.0", "v1.18.2"),
                Difference("values.nodeSelector", {"a": "b"}, ABSENT),
                Difference("version", "11.0.0", "12.1.0"),
            ],
        ),
    ],
)
def test_a_difference_is_told_by_its_path_and_both_values(type_, planned, live, expected):
    assert differences(type_, planned, live) == expected


def test_credentials_in_a_releases_values_are_never_shown():
    live = {
        "values": {"credentials": {"secretContents": {"cloud": "aws_secret_access_key=abc"}}, "pat": {"Token": "x"}}
    }
    found = differences(RELEASE, {"values": {"credentials": {"useSecret": False}}}, live)
    assert "abc" not in repr(found)
    assert "'x'" not in repr(found)
    assert repr(found).count(HIDDEN) == 3


def test_the_key_that_the_offline_plan_made_up_is_replaced_by_the_real_one_everywhere():
    planned = {"policy": policy({"Resource": "arn:aws:kms:eu-west-1:1:key/made-up"}), "targetKeyId": "made-up"}
    assert "made-up" not in repr(with_key(planned, "made-up", "real"))
    assert with_key(planned, "made-up", None) == planned
    assert with_key(planned, None, "real") == planned
