"""What exists is found, compared and written down; what cannot be adopted is reported with what to do first."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import boto3
import pytest
from moto import mock_aws
from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS
from velero_on_eks.settings import Settings
from velero_on_eks.settings.settings import PUBLIC_PASSWORD

from tests.support import mapping, record_settings
from tests.velero_eks.bootstrap.api_server import SNAPSHOT_KINDS, VELERO_KINDS, ApiServer
from tests.velero_eks.kube.answers import Answers
from velero_eks.aws import client as aws
from velero_eks.aws.account import Account
from velero_eks.bootstrap.adopt.existing_aws import ExistingAws
from velero_eks.bootstrap.adopt.existing_cluster import ExistingCluster
from velero_eks.bootstrap.adopt.survey import Adoption, survey
from velero_eks.errors import OperationError
from velero_eks.project.engine import StackState

REGION, ACCOUNT = "eu-west-1", "123456789012"
BUCKET, ROLE = f"velero-shop-{ACCOUNT}-{REGION}", f"velero-shop-{REGION}"
EMPTY = StackState({})
# S3 keeps it; the emulator reads and forgets it.
NOT_KEPT = "rules.blockedEncryptionTypes"
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
)


@pytest.fixture(autouse=True)
def account(monkeypatch):
    """The emulated account, empty."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    with mock_aws():
        yield


@pytest.fixture
def server() -> ApiServer:
    """A cluster with Velero's and the snapshots' CRDs, and nothing else."""
    return ApiServer(*VELERO_KINDS, *SNAPSHOT_KINDS)


def client(service: str, region: str = REGION) -> Any:
    return boto3.client(service, region_name=region)  # pyright: ignore[reportCallIssue, reportArgumentType]


def stack(**sections: Any) -> Settings:
    return Settings.from_mapping(mapping(cluster={"account": ACCOUNT}, **sections))


def look(server: ApiServer, wanted: Settings | None = None, state: StackState = EMPTY, asking=aws.client) -> Adoption:
    settings = wanted or stack()
    recording = record_settings(settings)
    return survey(recording, settings, state, ExistingAws(settings, asking), ExistingCluster(settings, server.cluster))


def make_bucket(region: str = REGION) -> None:
    client("s3", region).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})


def make_key(alias: bool = True) -> str:
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    if alias:
        client("kms").create_alias(AliasName="alias/velero-shop", TargetKeyId=key)
    return key


def encrypt(key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    client("s3").put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})


def make_role(path: str = "/") -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust, Path=path)


def install(
    server: ApiServer, chart: str = "12.1.0", *, status: str = "deployed", name: str = "velero", **config
) -> None:
    """A release as Helm stores it."""
    release = {
        "chart": {"metadata": {"name": config.pop("chart_name", "velero"), "version": chart}},
        "config": config,
        "info": {"status": status},
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    labels = {"owner": "helm", "name": name, "version": "1"}
    server.add("Secret", f"sh.helm.release.v1.{name}.v1", "velero", labels=labels, data={"release": packed})


def add_secret(server: ApiServer, content: bytes = b"the-password-in-the-cluster") -> None:
    data = {"repository-password": base64.b64encode(content).decode()}
    server.add("Secret", "velero-repo-credentials", "velero", data=data)


def named(found: Adoption) -> dict[str, str]:
    return {each.resource.type.rpartition(":")[2]: each.live.id for each in found.found}


def test_where_nothing_exists_nothing_is_adopted(server):
    found = look(server)
    assert (found.found, found.blocked, found.notes, found.section()) == ((), (), (), {})
    assert {resource.type for resource in found.made} >= {FIELDS["bucket"], FIELDS["release"]}


def test_everything_that_exists_is_found_under_the_names_of_the_plan(server):
    make_bucket()
    key = make_key()
    encrypt(key)
    s3 = client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    make_role()
    client("iam").put_role_policy(RoleName=ROLE, PolicyName="velero-backups", PolicyDocument=ALLOW)
    server.add("Namespace", "velero")
    add_secret(server)
    install(server)
    server.add("Schedule", "daily-backup", "velero", spec={"schedule": "0 3 * * *"})
    server.add("VolumeSnapshotClass", "velero-ebs", driver="ebs.csi.aws.com", deletionPolicy="Delete")
    found = look(server, stack(volumes={"mode": "csi-snapshot", "snapshotController": "existing"}))
    assert found.section() == {
        "bucket": BUCKET,
        "bucketSettings": ["encryption", "policy", "versioning"],
        "key": key,
        "keyAlias": "alias/velero-shop",
        "role": ROLE,
        "rolePolicy": "velero-backups",
        "snapshotClass": "velero-ebs",
        "namespace": "velero",
        "repositorySecret": "velero-repo-credentials",
        "release": "velero",
        "schedules": ["daily-backup"],
    }
    assert found.password
    assert found.blocked == ()
    changed = {each.resource.type: each.differences for each in found.found}
    (deletion,) = [each for each in changed[FIELDS["snapshot_class"]] if each.path == "deletionPolicy"]
    assert (deletion.before, deletion.after) == ("Delete", "Retain")
    assert [each.path for each in changed[BUCKET_SETTINGS["encryption"]]] == [NOT_KEPT]
    made = {resource.type for resource in found.made}
    assert made == {BUCKET_SETTINGS[name] for name in ("lifecycle", "ownership", "publicAccess")}


def test_the_section_is_one_that_the_program_takes(server):
    make_bucket()
    make_role()
    install(server)
    found = look(server)
    wanted = stack(adopt=found.section())
    imported = {r.type: r.options.import_id for r in record_settings(wanted) if r.options.import_id}
    assert imported == {FIELDS["bucket"]: BUCKET, FIELDS["role"]: ROLE, FIELDS["release"]: "velero/velero"}


def test_what_the_state_has_is_not_adopted_again(server):
    make_bucket()
    make_role()
    found = look(server, state=StackState({(FIELDS["bucket"], "velero"): BUCKET}))
    assert named(found) == {"Role": ROLE}


def test_a_setting_of_a_bucket_that_the_state_has_is_written_and_not_imported(server):
    make_bucket()
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    found = look(server, state=StackState({(FIELDS["bucket"], "velero"): BUCKET}))
    assert found.section() == {}
    assert BUCKET_SETTINGS["versioning"] in {resource.type for resource in found.made}


def test_pod_identity_and_the_controllers_add_on_are_found_through_eks(server):
    answers = Answers()
    described = {"association": {"roleArn": "arn:other", "associationId": "a-1"}}
    answers.add("eks", "list_pod_identity_associations", {"associations": [{"associationId": "a-1"}]})
    answers.add("eks", "describe_pod_identity_association", described, {"clusterName": "shop", "associationId": "a-1"})
    answers.add("eks", "describe_addon", {"addon": {"addonName": "snapshot-controller", "addonVersion": "v8"}})

    def asking(service: str, *, region: str | None = None, **options: Any) -> Any:
        return answers.client(service) if service == "eks" else aws.client(service, region=region, **options)

    wanted = stack(identity={"mode": "pod-identity"}, volumes={"mode": "csi-snapshot"})
    found = look(server, wanted, asking=asking)
    assert found.section() == {"podIdentityAssociation": "a-1", "snapshotController": True}
    (difference,) = found.found[0].differences
    assert (difference.path, difference.before) == ("roleArn", "arn:other")


def blocked(found: Adoption) -> tuple[str, str]:
    (only,) = found.blocked
    return f"{only.what}: {only.why}", only.remedy


def test_a_bucket_of_another_region_cannot_be(server):
    make_bucket("eu-central-1")
    said, remedy = blocked(look(server))
    assert "is in eu-central-1, and the stack in eu-west-1" in said
    assert "storage.bucket" in remedy


def test_a_role_with_a_path_cannot_be_without_a_replacement(server):
    make_role("/service/")
    said, remedy = blocked(look(server))
    assert "its path is /service/" in said
    assert "identity.roleName" in remedy


def test_a_bucket_under_another_key_than_the_role_would_get_keeps_its_own(server):
    make_bucket()
    make_key()
    other = make_key(alias=False)
    encrypt(other)
    said, remedy = blocked(look(server))
    assert "could no longer be read" in said
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{other}"
    assert remedy == f"set storage.kmsKeyArn: {arn}"
    assert look(server, stack(storage={"kmsKeyArn": arn})).blocked == ()


def test_a_bucket_that_s3_encrypts_by_itself_may_get_a_key(server):
    make_bucket()
    assert look(server).blocked == ()


def test_a_disabled_key_cannot_be(server):
    client("kms").disable_key(KeyId=make_key())
    said, remedy = blocked(look(server))
    assert "it is Disabled" in said
    assert "aws kms enable-key" in remedy


def test_a_key_that_is_to_be_deleted_is_saved_before_it_is_enabled(server):
    client("kms").schedule_key_deletion(KeyId=make_key(), PendingWindowInDays=7)
    assert blocked(look(server))[1].startswith("aws kms cancel-key-deletion --region eu-west-1 --key-id ")


def test_a_disabled_key_is_still_the_buckets_own_and_the_aliases(server):
    make_bucket()
    key = make_key()
    encrypt(key)
    client("kms").disable_key(KeyId=key)
    found = look(server)
    assert [each.what for each in found.blocked] == [f"Key {key}"]
    alias = next(each for each in found.found if each.resource.type == FIELDS["key_alias"])
    assert alias.differences == ()


def test_a_bucket_that_the_state_lost_is_encrypted_with_the_key_that_it_still_has(server):
    make_bucket()
    key = make_key()
    encrypt(key)
    held = StackState({(FIELDS["key"], "velero"): key, (FIELDS["key_alias"], "velero"): "alias/velero-shop"})
    found = look(server, state=held)
    assert found.blocked == ()
    assert found.section()["bucket"] == BUCKET
    encryption = next(each for each in found.found if each.resource.type == BUCKET_SETTINGS["encryption"])
    assert [each.path for each in encryption.differences] == [NOT_KEPT]


@pytest.mark.parametrize(("blocked", "differs"), [("SSE-C", []), ("NONE", ["rules.blockedEncryptionTypes"])])
def test_what_a_bucket_blocks_is_read(server, monkeypatch, blocked, differs):
    make_bucket()
    encrypt(make_key())
    asked = Account.bucket_setting

    def with_blocked(self: Account, operation: str, name: str) -> Any:
        found = asked(self, operation, name)
        if operation == "encryption" and found:
            [rule] = found["ServerSideEncryptionConfiguration"]["Rules"]
            rule["BlockedEncryptionTypes"] = {"EncryptionType": [blocked]}
        return found

    monkeypatch.setattr(Account, "bucket_setting", with_blocked)
    encryption = next(each for each in look(server).found if each.resource.type == BUCKET_SETTINGS["encryption"])
    assert [each.path for each in encryption.differences] == differs


@pytest.mark.parametrize(
    ("release", "said", "remedy"),
    [
        ({"chart": "13.0.0"}, "its chart is 13.0.0, and the stack's 12.1.0 is older", "release.chart.version: 13.0.0"),
        ({"image": {"tag": "v1.19.1"}}, "its server is v1.19.1, and the stack's", "set release.image.tag: v1.19.1"),
        ({"status": "pending-upgrade"}, "is pending-upgrade, not deployed", "helm -n velero history velero"),
        ({"chart_name": "other"}, "uses the chart other", "set release.name"),
    ],
)
def test_a_release_that_would_go_back_or_is_not_velero_cannot_be(server, release, said, remedy):
    install(server, **release)
    found = blocked(look(server))
    assert said in found[0]
    assert remedy in found[1]


@pytest.mark.parametrize(
    "image",
    [{"digest": f"sha256:{'0' * 64}", "version": "1.18.2"}, {"tag": "prod-2026-11", "version": "1.18.2"}],
)
def test_an_image_that_does_not_show_its_release_goes_back_all_the_same(server, image):
    install(server, image={"tag": "v1.18.3"})
    found = blocked(look(server, stack(release={"image": image})))
    assert "its server is v1.18.3, and the stack's 1.18.2 is older" in found[0]


@pytest.mark.parametrize(
    ("metadata", "said", "remedy"),
    [
        ({}, "Helm did not create it", "kubectl -n velero delete deployment/velero"),
        ({"annotations": {"meta.helm.sh/release-name": "backup"}}, "another Helm release", "release.name: backup"),
        ({"labels": {"olm.owner": "oadp"}}, "an operator manages it", "remove the operator's subscription"),
    ],
)
def test_a_velero_that_is_no_release_of_this_name_cannot_be(server, metadata, said, remedy):
    server.add("Deployment", "velero", "velero", spec={}, **metadata)
    found = blocked(look(server))
    assert said in found[0]
    assert remedy in found[1]


def test_a_namespace_that_is_going_cannot_be(server):
    server.add("Namespace", "velero", status={"phase": "Terminating"})
    assert "Namespace velero: it is Terminating" in blocked(look(server))[0]


def test_a_secret_without_the_password_cannot_be(server):
    server.add("Secret", "velero-repo-credentials", "velero", data={"other": ""})
    assert "it has no key repository-password" in blocked(look(server))[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [(PUBLIC_PASSWORD.encode(), "its password is Velero's public default"), (b"short", "shorter than 20 characters")],
)
def test_a_password_that_everybody_knows_cannot_be_kept(server, content, said):
    add_secret(server, content)
    found = blocked(look(server))
    assert said in found[0]
    assert "existing file-system backups can only be restored with it" in found[0]
    assert "kubectl -n velero delete secret velero-repo-credentials" in found[1]


def test_a_release_that_cannot_be_read_is_an_error_that_names_it(server):
    labels = {"owner": "helm", "name": "velero", "version": "1"}
    server.add("Secret", "sh.helm.release.v1.velero.v1", "velero", labels=labels, data={"release": "bm8="})
    with pytest.raises(OperationError, match=r"sh\.helm\.release\.v1\.velero\.v1 has no readable release"):
        look(server)


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("iam", "get_role", "iam:GetRole"),
        ("iam", "list_attached_role_policies", "iam:ListAttachedRolePolicies"),
        ("kms", "describe_key", "kms:DescribeKey"),
        ("kms", "list_resource_tags", "kms:ListResourceTags"),
        ("s3", "get_bucket_encryption", "s3:GetEncryptionConfiguration"),
    ],
)
def test_what_may_not_be_read_stops_the_whole(server, service, operation, action):
    make_bucket()
    encrypt(make_key())
    make_role()
    answers = Answers()
    answers.refuse(service, operation, "AccessDenied", f"not authorized to perform {action}", 403)
    refused = getattr(answers.client(service), operation)

    def asking(wanted: str, *, region: str | None = None, **options: Any) -> Any:
        made = aws.client(wanted, region=region, **options)
        if wanted == service:
            setattr(made, operation, refused)
        return made

    with pytest.raises(OperationError, match=action):
        look(server, asking=asking)


def test_what_stays_ends_or_is_missing_is_told(server):
    make_bucket()
    make_role()
    client("iam").put_role_policy(RoleName=ROLE, PolicyName="by-hand", PolicyDocument=ALLOW)
    install(server, schedules={"nightly": {"schedule": "@daily"}})
    notes = "\n".join(look(server).notes)
    assert f"the role {ROLE} keeps other policies: by-hand" in notes
    assert "its own Schedules (nightly), which are removed" in notes
    assert "the cluster has no repository password" in notes


def test_with_a_password_in_the_file_none_is_missed(server):
    make_bucket()
    found = look(server, stack(repositoryPassword="the-password-that-was-escrowed"))
    assert found.notes == ()
