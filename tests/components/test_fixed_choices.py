"""Choices that no setting can change: each is a value in a component, and has a reason to stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from velero_on_eks.providers import aws_provider, kubernetes_provider

from tests.support import ACCOUNT, document, record, settings
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program

CSI = {"volumes": {"mode": "csi-snapshot"}}


@pytest.fixture(scope="module")
def made() -> Recording:
    return record(**CSI)


def inputs(made: Recording, type_: str) -> dict[str, Any]:
    return made.one(type_).inputs


def providers(**sections: Any) -> Recording:
    def program() -> None:
        wanted = settings(**sections)
        kubernetes_provider(wanted, aws=aws_provider(wanted))

    return record_program(program)


def test_credentials_of_another_account_are_refused():
    provider = providers().one("pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == [ACCOUNT]
    assert provider.inputs["region"] == "eu-west-1"


def test_a_cluster_that_is_built_again_keeps_its_provider():
    assert providers().one("pulumi:providers:kubernetes").inputs["clusterIdentifier"] == f"{ACCOUNT}/eu-west-1/shop"


def test_a_session_of_the_role_lasts_twelve_hours(made):
    assert inputs(made, "aws:iam/role:Role")["maxSessionDuration"] == 12 * 3600


def test_a_release_that_fails_stays_for_whoever_looks_at_it(made):
    release = inputs(made, "kubernetes:helm.sh/v3:Release")
    assert {key: release[key] for key in ("atomic", "cleanupOnFail")} == {"atomic": False, "cleanupOnFail": False}


def test_a_release_is_waited_for_and_makes_no_namespace(made):
    release = inputs(made, "kubernetes:helm.sh/v3:Release")
    assert {key: release[key] for key in ("skipAwait", "createNamespace")} == {
        "skipAwait": False,
        "createNamespace": False,
    }


def test_the_add_on_takes_over_what_is_there_and_keeps_what_was_changed_since(made):
    addon = inputs(made, "aws:eks/addon:Addon")
    assert addon["addonName"] == "snapshot-controller"
    assert (addon["resolveConflictsOnCreate"], addon["resolveConflictsOnUpdate"]) == ("OVERWRITE", "PRESERVE")


def test_the_bucket_key_is_on(made):
    [rule] = inputs(made, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")[
        "rules"
    ]
    assert rule["bucketKeyEnabled"] is True


def test_the_bucket_encrypts_with_its_own_key_by_default(made):
    [rule] = inputs(made, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")[
        "rules"
    ]
    default = rule["applyServerSideEncryptionByDefault"]
    assert default["sseAlgorithm"] == "aws:kms"
    assert default["kmsMasterKeyId"] == (made.one("aws:kms/key:Key").outputs or {})["arn"]


def test_the_bucket_keeps_versions(made):
    versioning = inputs(made, "aws:s3/bucketVersioning:BucketVersioning")
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}


def test_all_four_public_access_blocks_are_on(made):
    blocks = inputs(made, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert {name: blocks[name] for name in names} == dict.fromkeys(names, True)


def test_acls_are_off(made):
    ownership = inputs(made, "aws:s3/bucketOwnershipControls:BucketOwnershipControls")
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert made.of_type("aws:s3/bucketAcl:BucketAcl") == []


def test_nothing_of_the_bucket_is_set_on_the_bucket_itself(made):
    assert set(inputs(made, "aws:s3/bucket:Bucket")) == {"bucket", "forceDestroy", "tags"}


def test_no_current_object_expires_and_none_moves_to_another_class(made):
    rules = inputs(made, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")["rules"]
    assert [rule.get("expiration") for rule in rules if rule.get("expiration")] == [{"expiredObjectDeleteMarker": True}]
    assert not [key for rule in rules for key in rule if "transition" in key.lower()]
    assert all(rule["filter"] == {} and rule["status"] == "Enabled" for rule in rules)


def test_the_key_rotates(made):
    assert inputs(made, "aws:kms/key:Key")["enableKeyRotation"] is True
    assert "isEnabled" not in inputs(made, "aws:kms/key:Key")


def test_iam_policies_of_the_account_decide_about_the_key(made):
    [statement] = document(made.one("aws:kms/key:Key"))["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert (statement["Effect"], statement["Action"]) == ("Allow", "kms:*")


def test_the_role_has_one_inline_policy_and_nothing_attached(made):
    assert len(made.of_type("aws:iam/rolePolicy:RolePolicy")) == 1
    role = inputs(made, "aws:iam/role:Role")
    assert not {"managedPolicyArns", "inlinePolicies"} & set(role)
    assert not [one for one in made if "ttachment" in one.type]


def test_snapshots_outlive_their_namespace_and_velero_picks_the_class(made):
    snapshots = inputs(made, "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass")
    assert snapshots["deletionPolicy"] == "Retain"
    assert snapshots["metadata"]["labels"]["velero.io/csi-volumesnapshot-class"] == "true"


@pytest.mark.parametrize(("auto_mode", "driver"), [(True, "ebs.csi.eks.amazonaws.com"), (False, "ebs.csi.aws.com")])
def test_the_class_is_of_the_driver_that_makes_the_clusters_volumes(auto_mode, driver):
    made = record(cluster={"autoMode": auto_mode}, **CSI)
    assert inputs(made, "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass")["driver"] == driver


def test_the_password_has_forty_characters_that_can_be_typed(made):
    password = inputs(made, "random:index/randomPassword:RandomPassword")
    assert (password["length"], password["special"]) == (40, False)


def test_the_server_has_no_credentials_of_its_own_and_leaves_its_crds(made):
    values = inputs(made, "kubernetes:helm.sh/v3:Release")["values"]
    assert values["credentials"] == {"useSecret": False}
    assert values["cleanUpCRDs"] is False
    assert "schedules" not in values


def test_every_version_is_exact(made):
    release = inputs(made, "kubernetes:helm.sh/v3:Release")
    [plugin] = release["values"]["initContainers"]
    versions = (release["version"], release["values"]["image"]["tag"], plugin["image"].rsplit(":", 1)[1])
    assert all(version.lstrip("v").replace(".", "").isdigit() and version.count(".") == 2 for version in versions)


def test_the_one_location_is_the_default_and_no_snapshot_location_is_made(made):
    values = inputs(made, "kubernetes:helm.sh/v3:Release")["values"]
    [location] = values["configuration"]["backupStorageLocation"]
    assert (location["default"], location["config"]) == (True, {"region": "eu-west-1"})
    assert values["configuration"]["volumeSnapshotLocation"] == []
    assert values["snapshotsEnabled"] is False


def test_enable_csi_goes_with_the_snapshot_class(made):
    assert inputs(made, "kubernetes:helm.sh/v3:Release")["values"]["configuration"]["features"] == "EnableCSI"
    without = record()
    assert "features" not in inputs(without, "kubernetes:helm.sh/v3:Release")["values"]["configuration"]
    assert without.of_type("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass") == []


def test_a_schedule_declares_what_the_server_writes_back_and_leaves_its_backups_be(made):
    spec = inputs(made, "kubernetes:velero.io/v1:Schedule")["spec"]
    assert (spec["skipImmediately"], spec["useOwnerReferencesInBackup"]) == (False, False)


def test_a_schedule_of_all_namespaces_leaves_out_veleros_own(made):
    template = inputs(made, "kubernetes:velero.io/v1:Schedule")["spec"]["template"]
    assert (template["includedNamespaces"], template["excludedNamespaces"]) == (["*"], ["velero"])


def test_every_resource_has_a_provider_of_the_programs_own(made):
    assert all(one.options.provider for one in made if one.custom and not one.type.startswith(("pulumi:", "random:")))
