"""The whole: order, providers, secrets, type tokens, and use from a program that makes the cluster itself."""

from __future__ import annotations

import pulumi
import pytest
from velero_on_eks.velero_on_eks import VeleroOnEksArgs

from tests.support import document, record, record_settings, settings
from velero_eks.plan.model import ProgramError

CSI = {"volumes": {"mode": "csi-snapshot"}}
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture(scope="module")
def whole():
    return record(**CSI)


def test_component_type_tokens_are_part_of_every_urn_and_do_not_change(whole):
    assert {r.type for r in whole if not r.custom} == {
        "velero:eks:VeleroOnEks",
        "velero:identity:WorkloadIdentity",
        "velero:release:VeleroRelease",
        "velero:schedules:BackupSchedules",
        "velero:snapshots:VolumeSnapshots",
        "velero:storage:BackupStorage",
    }


def test_every_component_registers_its_outputs(whole):
    assert [r.urn for r in whole if not r.custom and not r.outputs] == []


def test_every_resource_has_an_explicit_provider(whole):
    providers = {"aws": whole.one("pulumi:providers:aws"), "kubernetes": whole.one("pulumi:providers:kubernetes")}
    for resource in whole:
        package = resource.type.split(":")[0]
        if package in providers:
            assert resource.options.provider == providers[package].urn, resource.urn


def test_everything_stands_under_the_whole(whole):
    top = whole.one("velero:eks:VeleroOnEks")
    assert {r.type for r in whole.children(None)} == {
        "pulumi:providers:aws",
        "pulumi:providers:kubernetes",
        "velero:eks:VeleroOnEks",
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
        "velero:storage:BackupStorage",
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


def test_a_cluster_made_in_the_same_program_may_be_known_late():
    issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/LATE"
    recording = record_settings(
        settings(cluster={"oidcIssuer": None}),
        cluster_name=lambda: pulumi.Output.from_input("Made_Late"),
        oidc_issuer=lambda: pulumi.Output.from_input(issuer),
    )
    trust = document(recording.one("aws:iam/role:Role"), "assumeRolePolicy")
    assert trust["Statement"][0]["Principal"]["Federated"].endswith("/id/LATE")
    assert recording.one("aws:iam/role:Role").inputs["name"] == "velero-Made_Late-eu-west-1"
    assert recording.one("aws:s3/bucket:Bucket").inputs["bucket"].startswith("velero-made-late-111122223333-eu-west-1")


def test_irsa_without_an_issuer_stops_before_any_resource():
    with pytest.raises(ProgramError, match=r"cluster\.oidcIssuer"):
        record_settings(settings(cluster={"oidcIssuer": None}))


def test_arguments_cannot_be_changed_after_they_are_made():
    args = VeleroOnEksArgs(settings=settings())
    with pytest.raises(AttributeError):
        args.cluster_name = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_failing_apply_fails_the_recording():
    def late(_: str) -> str:
        raise ValueError("no such cluster")

    with pytest.raises(ProgramError, match="no such cluster"):
        record_settings(settings(), cluster_name=lambda: pulumi.Output.from_input("x").apply(late))
