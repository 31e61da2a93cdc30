"""Taking over what exists: the import option on the right resources, nothing on the others, refusals beforehand."""

from __future__ import annotations

import typing

import pytest
from velero_on_eks.adoption import BUCKET_SETTINGS, FIELDS, SCHEDULE
from velero_on_eks.providers import aws_provider, kubernetes_provider
from velero_on_eks.settings import Adopt, InvalidSettings
from velero_on_eks.settings.adopt import BucketSetting

from tests.support import mapping, record, settings
from velero_eks.errors import ProgramError
from velero_eks.plan.recorder import record_program

BUCKET = "velero-shop-111122223333-eu-west-1"
ROLE = "velero-shop-eu-west-1"
PASSWORD = {"repositoryPassword": "the-password-in-the-cluster"}
EVERYTHING = {
    "bucket": BUCKET,
    "bucketSettings": sorted(BUCKET_SETTINGS),
    "key": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "keyAlias": "alias/velero-shop",
    "role": ROLE,
    "rolePolicy": "velero-backups",
    "podIdentityAssociation": "a-1234567890",
    "snapshotController": True,
    "snapshotClass": "velero-ebs",
    "namespace": "velero",
    "repositorySecret": "velero-repo-credentials",
    "release": "velero",
    "schedules": ["daily-backup"],
}
WHOLE = {
    "identity": {"mode": "pod-identity"},
    "volumes": {"mode": "csi-snapshot"},
    "storage": {"accessLogs": {"bucket": "logs-of-the-account"}},
    **PASSWORD,
}


def test_an_adopted_stack_imports_every_resource_that_it_makes():
    recording = record(adopt=EVERYTHING, **WHOLE)
    resources = [r for r in recording if r.custom and not r.type.startswith("pulumi:providers:")]
    assert {r.type.split(":")[-1]: r.options.import_id for r in resources} == {
        "Addon": "shop:snapshot-controller",
        "Alias": "alias/velero-shop",
        "Bucket": BUCKET,
        **{BUCKET_SETTINGS[setting].split(":")[-1]: BUCKET for setting in BUCKET_SETTINGS},
        "Key": "1234abcd-12ab-34cd-56ef-1234567890ab",
        "Namespace": "velero",
        "PodIdentityAssociation": "shop,a-1234567890",
        "Release": "velero/velero",
        "Role": ROLE,
        "RolePolicy": f"{ROLE}:velero-backups",
        "Schedule": "velero/daily-backup",
        "Secret": "velero/velero-repo-credentials",
        "VolumeSnapshotClass": "velero-ebs",
    }


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_an_adopted_namespace_keeps_its_labels_and_stays_when_it_leaves_the_program(environment):
    adopted = record(environment=environment, adopt={"namespace": "velero"}).one(FIELDS["namespace"])
    assert set(adopted.inputs["metadata"]) == {"name", "annotations"}
    assert list(adopted.options.ignore_changes) == ["metadata.labels"]
    assert adopted.options.retain_on_delete is True
    made = record(environment=environment).one(FIELDS["namespace"])
    assert made.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert not made.options.ignore_changes


@pytest.mark.parametrize("cluster", [{}, {"context": "shop"}])
def test_a_cluster_that_is_built_again_under_its_name_replaces_nothing(cluster):
    """The provider's own rule: with an identifier, it is replaced when that changes and never for another endpoint."""
    wanted = settings(cluster=cluster)
    recording = record_program(lambda: kubernetes_provider(wanted, aws=aws_provider(wanted)) and None)
    identifier = recording.one("pulumi:providers:kubernetes").inputs["clusterIdentifier"]
    assert identifier == f"{wanted.cluster.account}/{wanted.region}/{wanted.cluster.name}"


def test_only_while_something_is_adopted_are_fields_taken_from_whoever_set_them():
    def forced(**sections) -> object:
        wanted = settings(cluster={"context": "shop"}, **sections)
        recording = record_program(lambda: kubernetes_provider(wanted, aws=aws_provider(wanted)) and None)
        return recording.one("pulumi:providers:kubernetes").inputs.get("enablePatchForce")

    assert forced(adopt={"schedules": ["daily-backup"]}) in (True, "true")
    assert forced() is None


def test_only_what_is_named_is_imported_and_nothing_else_changes():
    plain, adopted = record(), record(adopt={"bucket": BUCKET, "schedules": []})
    assert {r.urn for r in adopted if r.options.import_id} == {adopted.one("aws:s3/bucket:Bucket").urn}
    assert [r.inputs for r in plain] == [r.inputs for r in adopted]
    assert not [r for r in plain if r.options.import_id]


def test_of_two_schedules_only_the_one_that_is_there_is_imported():
    both = {name: {"cron": "@daily", "keep": "30d"} for name in ("new", "old")}
    recording = record(schedules=both, adopt={"schedules": ["old"]})
    assert {r.name: r.options.import_id for r in recording.of_type(SCHEDULE)} == {
        "velero-new": None,
        "velero-old": "velero/old",
    }


def test_every_field_of_the_section_has_its_resource_type():
    assert set(FIELDS) | {"bucket_settings", "schedules"} == set(Adopt.model_fields)
    assert set(BUCKET_SETTINGS) == set(typing.get_args(BucketSetting))


@pytest.mark.parametrize(
    ("adopt", "said"),
    [
        ({"bucket": "another-bucket"}, f"adopt.bucket = \"another-bucket\": this stack creates '{BUCKET}'"),
        ({"bucket": "another-bucket"}, "set storage.bucket: another-bucket"),
        ({"role": "another-role"}, "set identity.roleName: another-role"),
        ({"keyAlias": "alias/other"}, "adopt.keyAlias = \"alias/other\": this stack creates 'alias/velero-shop'"),
        ({"namespace": "backup"}, "set release.namespace: backup"),
        ({"release": "my-velero"}, "set release.name: my-velero"),
        ({"bucketSettings": ["policy"]}, "adopt.bucketSettings: this belongs to a bucket"),
        ({"rolePolicy": "velero-backups"}, "adopt.rolePolicy: this belongs to a role"),
    ],
)
def test_another_name_than_the_stacks_own_is_refused_before_any_resource(adopt, said):
    with pytest.raises(ProgramError) as raised:
        record(adopt=adopt)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("sections", "field", "mend"),
    [
        ({"adopt": {"schedules": ["gone"]}}, "adopt.schedules", "add it there, or remove it"),
        ({"adopt": {"bucketSettings": ["logging"]}}, "adopt.bucketSettings", "set it, or remove logging"),
        ({"adopt": {"podIdentityAssociation": "a-1"}}, "adopt.podIdentityAssociation", "identity.mode: pod-identity"),
        ({"adopt": {"snapshotController": True}}, "adopt.snapshotController", "remove it"),
        ({"adopt": {"snapshotClass": "velero-ebs"}}, "adopt.snapshotClass", "set the mode"),
        ({"adopt": {"repositorySecret": "velero-repo-credentials"}}, "adopt.repositorySecret", "config set --secret"),
        ({"adopt": {"bucketSettings": ["policy", "policy"]}}, "adopt.bucketSettings", "write each once"),
        (
            {
                "adopt": {"key": "1234"},
                "storage": {"kmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234"},
            },
            "adopt.key",
            "remove one of the two",
        ),
    ],
)
def test_what_is_not_part_of_the_stack_cannot_be_adopted(sections, field, mend):
    with pytest.raises(InvalidSettings) as raised:
        settings(**sections)
    (refusal,) = raised.value.refusals
    assert refusal.field == field
    assert mend in refusal.remedy


def test_a_secret_with_its_own_password_can_be_adopted():
    assert settings(adopt={"repositorySecret": "velero-repo-credentials"}, **PASSWORD).adopt.repository_secret


def test_nothing_is_adopted_unless_the_stack_says_so():
    assert settings().adopt == Adopt()
    assert "adopt" not in mapping()
