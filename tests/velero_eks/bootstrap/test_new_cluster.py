"""A new cluster, as its owner starts: `init`, `plan`, `preflight`, on an emulated account.

What the emulator lacks of EKS (add-ons, Pod Identity, Auto Mode) is answered from records, and the API server is one in
memory.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.eks.models import eks_backends
from typer.testing import CliRunner, Result
from velero_on_eks.adoption import FIELDS
from velero_on_eks.settings import Settings, load_stack_file

from tests.velero_eks.bootstrap.api_server import SNAPSHOT_KINDS, VELERO_KINDS, ApiServer
from tests.velero_eks.bootstrap.pulumi import Pulumi
from tests.velero_eks.kube.answers import RECORDED, Answers
from tests.velero_eks.plan.projects import project
from velero_eks.commands import app as cli
from velero_eks.kube import client as access
from velero_eks.kube import connection

ACCOUNT, REGION = "123456789012", "eu-west-1"
BUCKET, ROLE = f"velero-shop-{ACCOUNT}-{REGION}", f"velero-shop-{REGION}"
INIT = ("init", "prod", "--cluster", "shop", "--region", REGION, "--environment", "production")
EBS, AGENT = "aws-ebs-csi-driver", "eks-pod-identity-agent"
AUTHORITY = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()


class Eks:
    """A client of EKS: clusters are the emulator's, the rest is recorded again for every call."""

    def __init__(self, emulated: Any, account: Account) -> None:
        self._emulated = emulated
        self._account = account

    def describe_cluster(self, name: str) -> dict[str, Any]:
        answer = self._emulated.describe_cluster(name=name)
        answer["cluster"]["computeConfig"] = {"enabled": self._account.auto_mode}
        return answer

    def describe_addon(self, clusterName: str, addonName: str) -> dict[str, Any]:
        described = {"addonName": addonName, "addonVersion": "v1", "status": self._account.addons[addonName]}
        recorded = Answers(REGION)
        recorded.add("eks", "describe_addon", {"addon": described}, {"clusterName": "shop", "addonName": addonName})
        return recorded.client("eks").describe_addon(clusterName=clusterName, addonName=addonName)

    def get_paginator(self, operation: str) -> Any:
        recorded = Answers(REGION)
        recorded.add("eks", operation, {"addons": sorted(self._account.addons)}, {"clusterName": "shop"})
        return recorded.client("eks").get_paginator(operation)

    def list_pod_identity_associations(self, **parameters: Any) -> dict[str, Any]:
        recorded = Answers(REGION)
        recorded.add("eks", "list_pod_identity_associations", {"associations": []}, parameters)
        return recorded.client("eks").list_pod_identity_associations(**parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._emulated, name)


class Account:
    """An emulated account with the cluster `shop`, and the command-line tool in a project's folder."""

    def __init__(self, root: Path, pulumi: Pulumi) -> None:
        self.root = root
        self.pulumi = pulumi
        self.auto_mode = False
        self.addons: dict[str, str] = {}
        self.server = ApiServer(*VELERO_KINDS, *SNAPSHOT_KINDS)
        self.client("eks").create_cluster(
            name="shop",
            version="1.34",
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/shop",
            resourcesVpcConfig={"subnetIds": []},
        )
        self.cluster = eks_backends[ACCOUNT][REGION].clusters["shop"]
        # The emulator's own certificate authority is not text.
        self.cluster.certificate_authority = {"data": AUTHORITY}
        self.pulumi.answer("version", "v3.259.0")
        self.holds({})

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(service, region_name=region)  # pyright: ignore[reportCallIssue, reportArgumentType]

    def holds(self, resources: dict[str, str]) -> None:
        """What the stack's state has: ids by resource type."""
        urns = [{"urn": f"urn:pulumi:prod::velero-eks::{t}::velero", "type": t, "id": i} for t, i in resources.items()]
        self.pulumi.forget("stack export")
        self.pulumi.answer("stack export --stack prod", {"deployment": {"resources": urns}})

    def oidc_provider(self) -> None:
        issuer = self.client("eks").describe_cluster(name="shop")["cluster"]["identity"]["oidc"]["issuer"]
        self.client("iam").create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli.app, list(arguments))

    def preflight(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and the checks that did not pass by their names."""
        ran = self.run("preflight", "prod", "--json")
        assert ran.stderr == ""
        checks = json.loads(ran.stdout)["checks"]
        return ran.exit_code, {each["check"]: each for each in checks if each["outcome"] != "passed"}

    def settings(self) -> Settings:
        return load_stack_file(self.root / "stacks" / "Pulumi.prod.yaml").settings


@pytest.fixture
def account(tmp_path, monkeypatch, pulumi):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    # Whoever runs the tests may have logged in to another backend, or to none.
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct horse")
    # Preflight looks for the AWS CLI on PATH and does not start it.
    stand_in = Path(os.environ["PATH"].split(os.pathsep)[0]) / "aws"
    stand_in.write_text("")
    stand_in.chmod(0o755)
    root = project(tmp_path / "p")
    monkeypatch.chdir(root)
    with mock_aws():
        made = Account(root, pulumi)
        plain = boto3.Session.client

        def client(session: boto3.Session, service: str, **options: Any) -> Any:
            found = plain(session, service, **options)  # pyright: ignore[reportCallIssue, reportArgumentType]
            # What is recorded is not to be answered from records again.
            return Eks(found, made) if service == "eks" and options.get("aws_access_key_id") != RECORDED else found

        def reached(name: str, region: str, wanted: str) -> ApiServer:
            # The account is compared, the endpoint looked up and the token signed before anything is sent.
            assert connection.eks_cluster(name, region, wanted).server == made.cluster.endpoint
            return made.server

        monkeypatch.setattr(boto3.Session, "client", client)
        monkeypatch.setattr(access, "eks_cluster", reached)
        yield made


def with_irsa(account: Account) -> None:
    account.addons = {EBS: "ACTIVE"}
    account.server.add("CSIDriver", "ebs.csi.aws.com")
    account.oidc_provider()


def with_the_agent(account: Account) -> None:
    account.addons = {EBS: "ACTIVE", AGENT: "ACTIVE"}
    account.server.add("CSIDriver", "ebs.csi.aws.com")


def with_auto_mode(account: Account) -> None:
    account.auto_mode = True


def without_volumes(account: Account) -> None:
    account.oidc_provider()


@pytest.mark.parametrize(
    ("prepare", "identity", "volumes"),
    [
        (with_irsa, "irsa", "csi-snapshot"),
        (with_the_agent, "pod-identity", "csi-snapshot"),
        (with_auto_mode, "pod-identity", "csi-snapshot"),
        (without_volumes, "irsa", "none"),
    ],
)
def test_what_init_writes_is_valid_at_once_and_nothing_is_in_its_way(account, prepare, identity, volumes):
    prepare(account)
    wrote = account.run(*INIT)
    assert (wrote.exit_code, wrote.stderr) == (0, "")
    settings = account.settings()
    assert (settings.identity.mode, settings.volumes.mode) == (identity, volumes)
    assert (settings.cluster.account, settings.cluster.auto_mode) == (ACCOUNT, account.auto_mode)
    planned = account.run("plan", "prod")
    assert (planned.exit_code, planned.stderr) == (0, "")
    assert "1 stack planned: 0 errors" in planned.stdout
    assert account.preflight() == (0, {})
    assert "Nothing was found." in account.run("preflight", "prod").stdout
    again = account.run(*INIT)
    assert (again.exit_code, again.stderr) == (0, "")
    assert "nothing to change" in again.stdout


@dataclass
class Trouble:
    """Something that is put in the way of a stack in the account or the cluster, and how it is taken away."""

    check: str
    said: str
    provoke: Callable[[Account], object]
    clear: Callable[[Account], object]

    def __str__(self) -> str:
        return f"{self.check}: {self.said}"


def bucket_in(region: str) -> Callable[[Account], object]:
    def make(account: Account) -> None:
        where = {"LocationConstraint": region}
        account.client("s3", region).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)

    return make


def key_of_the_stack(account: Account) -> None:
    kms = account.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/velero-shop", TargetKeyId=key)
    kms.disable_key(KeyId=key)
    account.holds({FIELDS["key_alias"]: "alias/velero-shop"})


def enabled(account: Account) -> None:
    kms = account.client("kms")
    kms.enable_key(KeyId=kms.describe_key(KeyId="alias/velero-shop")["KeyMetadata"]["KeyId"])


def no_provider(account: Account) -> None:
    iam = account.client("iam")
    for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])


def role(account: Account) -> None:
    account.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")


def version(number: str) -> Callable[[Account], object]:
    return lambda account: setattr(account.cluster, "version", number)


def status(word: str) -> Callable[[Account], object]:
    return lambda account: setattr(account.cluster, "status", word)


def schedule(account: Account) -> None:
    account.server.add("Schedule", "old", "velero", spec={"schedule": "@daily", "template": {"ttl": "30d"}})


TROUBLES = [
    Trouble("cluster", "the cluster is DELETING, not ACTIVE", status("DELETING"), status("ACTIVE")),
    Trouble(
        "cluster",
        "cluster.kubernetesVersion says 1.34, and EKS says 1.35",
        version("1.35"),
        lambda account: account.run("init", "prod", "--cluster", "shop", "--region", REGION, "--yes"),
    ),
    Trouble("identity", "IAM has no OIDC provider", no_provider, Account.oidc_provider),
    Trouble("identity", f"the role {ROLE} already exists", role, lambda a: a.holds({FIELDS["role"]: ROLE})),
    Trouble(
        "bucket",
        f"the bucket {BUCKET} already exists",
        bucket_in(REGION),
        lambda account: account.client("s3").delete_bucket(Bucket=BUCKET),
    ),
    Trouble(
        "bucket",
        f"the bucket {BUCKET} is in eu-central-1",
        bucket_in("eu-central-1"),
        lambda account: account.client("s3", "eu-central-1").delete_bucket(Bucket=BUCKET),
    ),
    Trouble("key", "is Disabled, not Enabled", key_of_the_stack, enabled),
    Trouble(
        "snapshots",
        "the add-on snapshot-controller already exists",
        lambda account: account.addons.update({"snapshot-controller": "ACTIVE"}),
        lambda account: account.holds({FIELDS["snapshot_controller"]: "shop:snapshot-controller"}),
    ),
    Trouble(
        "namespace",
        "the namespace velero already exists",
        lambda account: account.server.add("Namespace", "velero"),
        lambda account: account.holds({FIELDS["namespace"]: "velero"}),
    ),
    Trouble(
        "schedules", "stops every Schedule of the cluster", schedule, lambda account: account.server.remove("Schedule")
    ),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_trouble_is_found_where_it_lies_and_gone_once_it_is_mended(account, trouble):
    with_irsa(account)
    assert account.run(*INIT).exit_code == 0
    trouble.provoke(account)
    code, found = account.preflight()
    assert code == 1
    assert trouble.said in found[trouble.check]["findings"][0]["message"]
    trouble.clear(account)
    assert account.preflight() == (0, {})


def test_a_right_that_is_missing_in_the_account_is_told_and_the_rest_is_looked_at(account, monkeypatch):
    with_irsa(account)
    assert account.run(*INIT).exit_code == 0
    refused = Answers(REGION)
    refused.refuse("iam", "get_role", "AccessDenied", "not authorized to perform: iam:GetRole", 403)
    plain = boto3.Session.client
    role = refused.client("iam").get_role

    def client(session: boto3.Session, service: str, **options: Any) -> Any:
        found = plain(session, service, **options)  # pyright: ignore[reportCallIssue, reportArgumentType]
        if service == "iam":
            monkeypatch.setattr(found, "get_role", role)
        return found

    monkeypatch.setattr(boto3.Session, "client", client)
    code, found = account.preflight()
    assert (code, list(found)) == (0, ["identity"])
    assert found["identity"]["outcome"] == "not asked"
    assert "iam:GetRole" in found["identity"]["why"]


def test_without_credentials_each_command_says_how_to_come_by_some(account, monkeypatch):
    with_irsa(account)
    assert account.run(*INIT).exit_code == 0
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, found = account.preflight()
    assert code == 1
    assert [name for name, each in found.items() if each["outcome"] == "failed"] == ["credentials"]
    assert "no AWS credentials were found" in found["credentials"]["findings"][0]["message"]
    for command in (("adopt", "prod"), INIT):
        ran = account.run(*command)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "no AWS credentials were found. Run 'aws sso login'" in ran.stderr


def test_nothing_of_another_account_is_taken_over(account):
    with_irsa(account)
    assert account.run(*INIT, "--context", "shop-admin").exit_code == 0
    path = account.root / "stacks" / "Pulumi.prod.yaml"
    path.write_text(path.read_text().replace(ACCOUNT, "111122223333"))
    key = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    account.client("kms").create_alias(AliasName="alias/velero-shop", TargetKeyId=key)
    ran = account.run("adopt", "prod", "--yes")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert f"the AWS credentials belong to account {ACCOUNT}" in ran.stderr
    assert "velero-eks:adopt" not in path.read_text()
