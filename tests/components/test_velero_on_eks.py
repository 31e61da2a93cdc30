"""The whole: order, providers, secrets, type tokens, and use from a program that makes the cluster itself."""

from __future__ import annotations

import pytest

from tests.support import record

CSI = {"volumes": {"mode": "csi-snapshot"}}
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture(scope="module")
def whole():
    return record(**CSI)


def test_component_type_tokens_are_part_of_every_urn_and_do_not_change(whole):
    assert {r.type for r in whole if not r.custom} == {
        "velero-eks:index:VeleroOnEks",
        "velero-eks:index:WorkloadIdentity",
        "velero-eks:index:VeleroRelease",
        "velero-eks:index:BackupSchedules",
        "velero-eks:index:VolumeSnapshots",
        "velero-eks:index:BackupStorage",
    }


def test_every_component_is_found_under_the_token_of_the_first_edition(whole):
    former = {
        "VeleroOnEks": "velero:eks:VeleroOnEks",
        "WorkloadIdentity": "velero:identity:WorkloadIdentity",
        "VeleroRelease": "velero:release:VeleroRelease",
        "BackupSchedules": "velero:schedules:BackupSchedules",
        "VolumeSnapshots": "velero:snapshots:VolumeSnapshots",
        "BackupStorage": "velero:storage:BackupStorage",
    }
    for component, token in former.items():
        found = whole.one(f"velero-eks:index:{component}")
        assert token in str(found.options.aliases), component


def test_every_component_registers_its_outputs(whole):
    assert [r.urn for r in whole if not r.custom and not r.outputs] == []


def test_every_resource_has_an_explicit_provider(whole):
    providers = {"aws": whole.one("pulumi:providers:aws"), "kubernetes": whole.one("pulumi:providers:kubernetes")}
    for resource in whole:
        package = resource.type.split(":")[0]
        if package in providers:
            assert resource.options.provider == providers[package].urn, resource.urn


def test_everything_stands_under_the_whole(whole):
    top = whole.one("velero-eks:index:VeleroOnEks")
    assert {r.type for r in whole.children(None)} == {
        "pulumi:providers:aws",
        "pulumi:providers:kubernetes",
        "velero-eks:index:VeleroOnEks",
    }
    assert {r.type for r in whole.children(top.urn)} == {r.type for r in whole if not r.custom} - {top.type}


def test_the_password_is_there_before_the_server_and_is_secret_everywhere(whole):
    secret = whole.one("kubernetes:core/v1:Secret")
    assert secret.urn in whole.one(RELEASE).options.depends_on
    assert secret.inputs["metadata"]["name"] == "velero-repo-credentials"
    assert secret.inputs["stringData"] in ({"secret": True}, {"repository-password": {"secret": True}})
    assert whole.outputs["repositoryPassword"] == {"secret": True}
    assert secret.options.protect
    assert whole.one("random:index/randomPassword:RandomPassword").options.protect


def test_a_given_password_replaces_the_made_one():
    recording = record(repositoryPassword="the-password-of-the-other-cluster")
    assert recording.of_type("random:index/randomPassword:RandomPassword") == []
    assert "the-password-of-the-other-cluster" not in repr(recording)


def test_the_release_waits_for_storage_permissions_and_snapshots(whole):
    waits_for = set(whole.one(RELEASE).options.depends_on)
    for kind in (
        "velero-eks:index:BackupStorage",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:eks/addon:Addon",
        "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
    ):
        found = whole.one(kind)
        covered = {found.urn} | {child.urn for child in whole.children(found.urn) if child.custom}
        assert waits_for & covered, kind


def test_the_schedules_wait_for_the_release(whole):
    for schedule in whole.of_type("kubernetes:velero.io/v1:Schedule"):
        assert whole.one(RELEASE).urn in schedule.options.depends_on


def test_the_snapshot_class_waits_for_the_controller_and_has_the_clusters_driver(whole):
    found = whole.one("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass")
    assert whole.one("aws:eks/addon:Addon").urn in found.options.depends_on
    assert found.inputs["driver"] == "ebs.csi.aws.com"
    auto = record(cluster={"autoMode": True}, **CSI)
    found = auto.one("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass")
    assert found.inputs["driver"] == "ebs.csi.eks.amazonaws.com"
    assert found.inputs["metadata"]["labels"]["velero.io/csi-volumesnapshot-class"] == "true"
    assert found.inputs["deletionPolicy"] == "Retain"


def test_csi_is_enabled_in_the_csi_mode_only(whole):
    assert whole.one(RELEASE).inputs["values"]["configuration"]["features"] == "EnableCSI"
    plain = record()
    assert "features" not in plain.one(RELEASE).inputs["values"]["configuration"]
    assert plain.of_type("aws:eks/addon:Addon") == []
    assert plain.of_type("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass") == []


def test_an_existing_snapshot_controller_is_left_alone():
    recording = record(volumes={"mode": "csi-snapshot", "snapshotController": "existing"})
    assert recording.of_type("aws:eks/addon:Addon") == []
    assert recording.one("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass")
