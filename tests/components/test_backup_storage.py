"""The bucket and its key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import ACCOUNT, document, record
from velero_eks.errors import ProgramError
from velero_eks.plan.computed import INVOKES, Request
from velero_eks.plan.model import Recording

BUCKET = f"velero-shop-{ACCOUNT}-eu-west-1"
PARTS_OF_THE_BUCKET = [
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
]


@pytest.fixture(scope="module")
def production():
    return record()


def test_the_bucket_is_named_after_cluster_account_and_region(production):
    assert production.one("aws:s3/bucket:Bucket").inputs["bucket"] == BUCKET


@pytest.mark.parametrize("part", PARTS_OF_THE_BUCKET)
def test_what_guards_the_bucket_stands_under_it_and_is_of_it(production, part):
    bucket = production.one("aws:s3/bucket:Bucket")
    found = production.one(part)
    assert found.parent == bucket.urn
    assert found.inputs["bucket"] == BUCKET
    assert bucket.urn in found.options.property_dependencies["bucket"]


@pytest.mark.parametrize("kind", ["aws:s3/bucket:Bucket", "aws:kms/key:Key", *PARTS_OF_THE_BUCKET])
def test_production_protects_and_retains_what_holds_data(production, kind):
    options = production.one(kind).options
    assert options.protect
    assert options.retain_on_delete
    assert production.one("aws:s3/bucket:Bucket").inputs["forceDestroy"] is False


def test_development_can_be_destroyed():
    recording = record(environment="development")
    bucket = recording.one("aws:s3/bucket:Bucket")
    assert not bucket.options.protect
    assert not bucket.options.retain_on_delete
    assert bucket.inputs["forceDestroy"] is True


def test_objects_are_encrypted_by_the_stacks_own_key_with_a_bucket_key(production):
    key = production.one("aws:kms/key:Key")
    encryption = production.one(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    )
    assert encryption.inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {
                "sseAlgorithm": "aws:kms",
                "kmsMasterKeyId": key.outputs["arn"],
            },
            "bucketKeyEnabled": True,
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ]
    assert key.urn in encryption.options.property_dependencies["rules"]


def test_the_key_rotates_and_waits_thirty_days_before_it_is_gone(production):
    inputs = production.one("aws:kms/key:Key").inputs
    assert inputs["enableKeyRotation"] is True
    assert inputs["rotationPeriodInDays"] == 365
    assert inputs["deletionWindowInDays"] == 30


def test_a_given_key_is_used_and_none_is_made():
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d"
    recording = record(storage={"kmsKeyArn": arn})
    assert recording.of_type("aws:kms/key:Key") == []
    assert recording.of_type("aws:kms/alias:Alias") == []
    assert recording.outputs["keyArn"] == arn
    statements = document(recording.one("aws:iam/rolePolicy:RolePolicy"))["Statement"]
    assert [s["Resource"] for s in statements if s["Sid"] == "BackupKey"] == [arn]


def test_the_lifecycle_touches_nothing_that_velero_still_sees(production):
    rules = production.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert rules == [
        {
            "id": "abort-unfinished-uploads",
            "status": "Enabled",
            "filter": {},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 3},
        },
        {
            "id": "expire-noncurrent-versions",
            "status": "Enabled",
            "filter": {},
            "noncurrentVersionExpiration": {"noncurrentDays": 30},
        },
        {
            "id": "remove-lone-delete-markers",
            "status": "Enabled",
            "filter": {},
            "expiration": {"expiredObjectDeleteMarker": True},
        },
    ]


def test_the_lifecycle_waits_for_versioning_and_the_policy_for_the_public_access_block(production):
    def waits_for(kind: str) -> tuple[str, ...]:
        return production.one(kind).options.depends_on

    assert production.one("aws:s3/bucketVersioning:BucketVersioning").urn in waits_for(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    )
    assert production.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").urn in waits_for(
        "aws:s3/bucketPolicy:BucketPolicy"
    )


def test_every_way_to_the_public_is_closed(production):
    block = production.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert {key: block[key] for key in block if key != "bucket"} == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    owner = production.one("aws:s3/bucketOwnershipControls:BucketOwnershipControls").inputs
    assert owner["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    versioning = production.one("aws:s3/bucketVersioning:BucketVersioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}


def test_the_policy_names_who_alone_breaks_the_glass_and_without_them_nobody():
    policy = "aws:s3/bucketPolicy:BucketPolicy"
    named = [f"arn:aws:iam::{ACCOUNT}:role/deploy", f"arn:aws:iam::{ACCOUNT}:role/sso/emergency"]

    def left(**sections: Any) -> list[Any]:
        found = document(record(**sections).one(policy))["Statement"]
        return [one["Condition"] for one in found if one["Sid"] == "LeaveToBreakGlass"]

    assert left(storage={"breakGlass": named}) == [{"ArnNotEquals": {"aws:PrincipalArn": named}}]
    assert left() == left(storage={"breakGlass": []}) == []


def test_access_logs_go_to_another_bucket_under_a_folder():
    logs = record(storage={"accessLogs": {"bucket": "all-the-logs", "prefix": "velero"}}).one(
        "aws:s3/bucketLogging:BucketLogging"
    )
    assert logs.inputs == {"bucket": BUCKET, "targetBucket": "all-the-logs", "targetPrefix": "velero/"}


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci"
DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/pipelines/deploy"


def deployed_by(monkeypatch: pytest.MonkeyPatch, caller: str, named: list[Any]) -> Recording:
    """A deployment by someone whom AWS knows: a plan knows no one."""
    of_session = {SESSION: DEPLOYER}

    def identity(r: Request) -> dict[str, Any]:
        return {"id": ACCOUNT, "accountId": ACCOUNT, "arn": caller}

    def session(r: Request) -> dict[str, Any]:
        asked = r.inputs["arn"]
        return {"id": asked, "arn": asked, "issuerArn": of_session.get(asked, asked)}

    monkeypatch.setitem(INVOKES, "aws:index/getCallerIdentity:getCallerIdentity", identity)
    monkeypatch.setitem(INVOKES, "aws:iam/getSessionContext:getSessionContext", session)
    return record(storage={"breakGlass": named})


@pytest.mark.parametrize(
    ("caller", "named"),
    [
        (SESSION, DEPLOYER),
        (f"arn:aws:iam::{ACCOUNT}:user/anna", f"arn:aws:iam::{ACCOUNT}:user/anna"),
        (f"arn:aws:iam::{ACCOUNT}:root", DEPLOYER),
    ],
)
def test_whoever_is_named_deploys_and_root_can_always_come_back(monkeypatch, caller, named):
    policy = document(deployed_by(monkeypatch, caller, [named]).one("aws:s3/bucketPolicy:BucketPolicy"))
    assert policy["Statement"][-1]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [named]}}


@pytest.mark.parametrize(
    ("caller", "named"),
    [
        (SESSION, f"arn:aws:iam::{ACCOUNT}:role/deploy"),
        (SESSION, f"arn:aws:iam::{ACCOUNT}:role/pipelines/deploy-2"),
        (SESSION, f"arn:aws:iam::{ACCOUNT}:user/pipelines/deploy"),
        (f"arn:aws:iam::{ACCOUNT}:user/anna", DEPLOYER),
        (f"arn:aws:iam::{ACCOUNT}:user/anna", f"arn:aws:iam::{ACCOUNT}:user/people/anna"),
    ],
)
def test_whoever_is_not_named_is_stopped_before_the_policy_shuts_it_out(monkeypatch, caller, named):
    who = {SESSION: DEPLOYER}.get(caller, caller)
    with pytest.raises(ProgramError, match=f"{who} deploys and is not in the list") as raised:
        deployed_by(monkeypatch, caller, [named])
    assert "deploy as one of them, or add it" in str(raised.value)


def test_a_stack_without_break_glass_is_anybodys_to_deploy(monkeypatch):
    assert deployed_by(monkeypatch, SESSION, []).one("aws:s3/bucketPolicy:BucketPolicy")


def test_a_plan_with_break_glass_notes_nothing_that_it_could_not_know():
    assert record(storage={"breakGlass": [DEPLOYER]}).notes == record().notes
