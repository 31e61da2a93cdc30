"""What is read off an account for preflight: from the emulator where it serves, from recorded answers elsewhere."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws
from velero_on_eks.settings import Settings

from tests.support import settings
from tests.velero_eks.kube.answers import Answers
from velero_eks.aws.account import Account, Bucket, Key
from velero_eks.aws.client import CallerIdentity
from velero_eks.aws.eks import ClusterFacts, Unknown
from velero_eks.bootstrap.preflight.account import account_facts
from velero_eks.bootstrap.preflight.facts import Aws, Contents

REGION, ACCOUNT = "eu-west-1", "123456789012"
NAME = f"velero-shop-{ACCOUNT}-{REGION}"


@pytest.fixture
def account(monkeypatch):
    """The emulated account, empty."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    with mock_aws():
        yield


def client(service: str, region: str = REGION):
    return boto3.client(service, region_name=region)  # pyright: ignore[reportCallIssue, reportArgumentType]


def stack(**sections) -> Settings:
    cluster = {"account": ACCOUNT, **sections.pop("cluster", {})}
    return settings(cluster=cluster, **sections)


def make_cluster() -> None:
    client("eks").create_cluster(
        name="shop",
        version="1.34",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/shop",
        resourcesVpcConfig={"subnetIds": []},
    )


def make_bucket(name: str = NAME, region: str = REGION) -> None:
    client("s3", region).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})


def test_an_empty_account_has_nothing(account):
    found = account_facts(stack())
    assert isinstance(found.caller, CallerIdentity)
    assert (found.caller.account, found.caller.partition) == (ACCOUNT, "aws")
    assert (found.cluster, found.bucket, found.contents, found.alias_target, found.role) == (None,) * 5


def test_a_sessions_role_is_found_with_its_path_and_those_who_break_the_glass_as_iam_has_them(account):
    iam = client("iam")
    role = iam.create_role(RoleName="deploy", Path="/pipelines/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    anna = iam.create_user(UserName="anna", Path="/people/")["User"]["Arn"]
    arn = f"arn:aws:iam::{ACCOUNT}"
    session = client("sts").assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]

    def signed_in(service: str, *, region: str | None = None, **options):
        keys = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"]}
        return boto3.client(service, region_name=region, aws_session_token=session["SessionToken"], **keys, **options)  # pyright: ignore[reportCallIssue, reportArgumentType]

    named = [role, f"{arn}:user/anna", f"{arn}:role/nobody"]
    found = account_facts(stack(storage={"breakGlass": named}), client=signed_in)
    assert found.deployer == role == f"{arn}:role/pipelines/deploy"
    assert found.principals == {role: role, f"{arn}:user/anna": anna, f"{arn}:role/nobody": None}
    assert account_facts(stack()).deployer is None


def test_credentials_of_another_account_are_not_used_for_anything_else(account):
    make_bucket(f"velero-shop-111122223333-{REGION}")
    found = account_facts(settings())
    assert isinstance(found.caller, CallerIdentity)
    assert found.bucket == Unknown("the AWS credentials are for another account")


def test_what_is_there_is_found_under_the_names_that_the_stack_gives(account):
    make_cluster()
    make_bucket()
    client("s3").put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": [{"Key": "velero-eks/cluster", "Value": "shop"}]})
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/velero-shop", TargetKeyId=key)
    client("iam").create_role(RoleName=f"velero-shop-{REGION}", AssumeRolePolicyDocument="{}")
    found = account_facts(stack())
    assert isinstance(found.cluster, ClusterFacts)
    assert found.bucket == Bucket(name=NAME, owned=True, region=REGION, tags={"velero-eks/cluster": "shop"})
    assert found.contents == Contents()
    assert found.alias_target == key
    assert found.role == f"arn:aws:iam::{ACCOUNT}:role/velero-shop-{REGION}"


def test_a_bucket_elsewhere_is_found_with_its_region(account):
    make_bucket(region="eu-central-1")
    found = account_facts(stack()).bucket
    assert isinstance(found, Bucket)
    assert (found.owned, found.region) == (True, "eu-central-1")


def test_the_backups_in_a_bucket_bear_the_uid_of_the_cluster_that_made_them(account):
    make_bucket()
    s3 = client("s3")
    for name, uid in (("daily-20261122020000", "one"), ("daily-20261123020000", "two")):
        body = {"metadata": {"name": name, "uid": uid}, "status": {"completionTimestamp": "2026-11-23T02:00:07Z"}}
        s3.put_object(Bucket=NAME, Key=f"shop/backups/{name}/velero-backup.json", Body=json.dumps(body))
    s3.put_object(Bucket=NAME, Key="shop/stray/file", Body=b"")
    s3.put_object(Bucket=NAME, Key="other/backups/x/velero-backup.json", Body=b"{}")
    found = account_facts(stack(storage={"prefix": "shop"})).contents
    assert isinstance(found, Contents)
    assert found.folders == ("backups", "stray")
    assert found.count == 2
    assert found.backups == (
        ("daily-20261123020000", "two", 1795399207.0),
        ("daily-20261122020000", "one", 1795399207.0),
    )


def test_a_given_key_is_read_with_its_policy(account):
    made = client("kms").create_key()["KeyMetadata"]
    found = account_facts(stack(storage={"kmsKeyArn": made["Arn"]})).key
    assert isinstance(found, Key)
    assert (found.arn, found.state, found.manager) == (made["Arn"], "Enabled", "CUSTOMER")
    assert (found.usage, found.spec) == ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    assert found.policy["Statement"]
    client("kms").schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    again = Account(ACCOUNT, REGION).key(made["Arn"])
    assert again is not None
    assert again.state == "PendingDeletion"


def test_a_key_a_boundary_or_a_bucket_for_logs_that_is_not_there_is_none(account):
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/bounds"
    found = account_facts(
        stack(
            storage={"kmsKeyArn": arn, "accessLogs": {"bucket": "logs-of-shop"}},
            identity={"permissionsBoundary": boundary},
        )
    )
    assert (found.key, found.boundary, found.logs) == (None, None, None)
    make_bucket("logs-of-shop")
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
    )
    client("iam").create_policy(PolicyName="bounds", PolicyDocument=policy)
    found = account_facts(
        stack(storage={"accessLogs": {"bucket": "logs-of-shop"}}, identity={"permissionsBoundary": boundary})
    )
    assert found.boundary == boundary
    assert isinstance(found.logs, Bucket)
    assert found.logs.owned


def test_a_bucket_that_refuses_is_another_accounts_unless_it_is_in_our_list():
    for listed, owned in (([], False), ([{"Name": NAME}], True)):
        answers = Answers()
        answers.refuse("s3", "head_bucket", "403", "Forbidden", 403)
        answers.add("s3", "list_buckets", {"Buckets": listed})
        found = Account(ACCOUNT, REGION, client=answers.client).bucket(NAME)
        assert found is not None
        assert found.owned is owned


def test_a_bucket_that_answers_to_everybody_is_still_not_ours():
    answers = Answers()
    answers.add("s3", "head_bucket", {"BucketRegion": "eu-west-1"}, {"Bucket": NAME})
    answers.refuse("s3", "head_bucket", "403", "Forbidden", 403)
    assert Account(ACCOUNT, REGION, client=answers.client).bucket(NAME) == Bucket(
        name=NAME, owned=False, region="eu-west-1"
    )


def test_an_association_is_looked_up_for_the_stacks_own_service_account():
    wanted = {"clusterName": "shop", "namespace": "velero", "serviceAccount": "velero-server"}
    answers = Answers()
    answers.add("eks", "list_pod_identity_associations", {"associations": [{"associationId": "a-1"}]}, wanted)
    answers.add("eks", "list_pod_identity_associations", {"associations": []}, wanted)
    account = Account(ACCOUNT, REGION, client=answers.client)
    assert account.association("shop", "velero", "velero-server") == "a-1"
    assert account.association("shop", "velero", "velero-server") is None


def test_an_alias_that_is_not_there_has_no_target():
    answers = Answers()
    answers.refuse("kms", "describe_key", "NotFoundException")
    assert Account(ACCOUNT, REGION, client=answers.client).alias_target("alias/velero-shop") is None


def test_a_refusal_is_unknown_and_not_absent(account, monkeypatch):
    answers = Answers()
    answers.refuse("iam", "get_role", "AccessDenied", "not authorized to perform iam:GetRole", 403)

    def mixed(service: str, *, region: str | None = None, **options):
        if service == "iam":
            return answers.client(service)
        return boto3.client(service, region_name=region, **options)  # pyright: ignore[reportCallIssue, reportArgumentType]

    found = account_facts(stack(), client=mixed)
    assert isinstance(found, Aws)
    assert isinstance(found.role, Unknown)
    assert "iam:GetRole" in found.role.why
    assert found.bucket is None
