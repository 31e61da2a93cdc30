"""The chart's values, labels and tags that no setting can change, read where Helm and the AWS provider get them."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes
import pytest
from velero_on_eks import VeleroOnEks

from tests.support import record, settings
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program

CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
MANAGED = {"app.kubernetes.io/managed-by": "pulumi", "app.kubernetes.io/part-of": "velero"}


@pytest.fixture(scope="module")
def made() -> Recording:
    return record(volumes={"mode": "csi-snapshot"}, identity={"mode": "pod-identity"}, tags={"team": "backup"})


@pytest.fixture(scope="module")
def values(made) -> dict[str, Any]:
    return made.one("kubernetes:helm.sh/v3:Release").inputs["values"]


def test_the_pod_runs_as_a_user_that_kubernetes_can_check(values):
    assert values["podSecurityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_no_container_may_write_its_own_files_or_gain_rights(values):
    [plugin] = values["initContainers"]
    assert values["containerSecurityContext"] == plugin["securityContext"] == CONTAINER


def test_the_plugin_is_put_where_the_server_looks_and_its_resources_are_bounded(values):
    [plugin] = values["initContainers"]
    assert plugin["volumeMounts"] == [{"mountPath": "/target", "name": "plugins"}]
    assert plugin["imagePullPolicy"] == "IfNotPresent"
    assert plugin["resources"] == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}


def test_no_node_is_taken_from_under_a_backup(values):
    assert values["podAnnotations"] == {"karpenter.sh/do-not-disrupt": "true"}
    assert values["podDisruptionBudget"] == {"enabled": True, "minAvailable": 1}


def test_an_upgrade_brings_its_crds_within_bounds(values):
    assert values["upgradeCRDs"] is True
    assert values["upgradeJobResources"] == {
        "requests": {"cpu": "50m", "memory": "128Mi"},
        "limits": {"memory": "256Mi"},
    }


def test_backups_are_on_and_the_server_reports_metrics(values):
    assert (values["backupsEnabled"], values["metrics"]) == (True, {"enabled": True})


def test_no_node_agent_and_no_native_snapshot_runs_beside_csi(values):
    assert (values["deployNodeAgent"], values["snapshotsEnabled"]) == (False, False)
    assert values["configuration"]["uploaderType"] == "kopia"


def test_the_one_location_can_be_written(values):
    [location] = values["configuration"]["backupStorageLocation"]
    assert (location["name"], location["provider"], location["accessMode"]) == ("default", "aws", "ReadWrite")


def test_a_log_level_that_is_set_reaches_the_server():
    release = record(release={"logLevel": "debug"}).one("kubernetes:helm.sh/v3:Release")
    assert release.inputs["values"]["configuration"]["logLevel"] == "debug"


@pytest.mark.parametrize(
    "type_", ["kubernetes:core/v1:Namespace", "kubernetes:core/v1:Secret", "kubernetes:velero.io/v1:Schedule"]
)
def test_what_pulumi_keeps_in_the_cluster_says_so(made, type_):
    assert MANAGED.items() <= made.one(type_).inputs["metadata"]["labels"].items()


def test_the_service_account_says_so_as_well(values):
    assert values["serviceAccount"]["server"]["labels"] == MANAGED


def test_the_namespace_admits_only_restricted_pods(made):
    labels = made.one("kubernetes:core/v1:Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_repository_secret_is_opaque(made):
    assert made.one("kubernetes:core/v1:Secret").inputs["type"] == "Opaque"


@pytest.mark.parametrize(
    "type_",
    [
        "aws:s3/bucket:Bucket",
        "aws:kms/key:Key",
        "aws:iam/role:Role",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    ],
)
def test_all_that_can_be_tagged_bears_the_stacks_tags(made, type_):
    tags = made.one(type_).inputs["tags"]
    assert tags == {"team": "backup", "velero-eks/cluster": "shop", "velero-eks/environment": "production"}


def test_the_alias_goes_with_its_key(made):
    assert made.one("aws:kms/alias:Alias").parent == made.one("aws:kms/key:Key").urn


def test_a_key_and_a_password_outlive_the_program_in_production(made):
    for type_ in ("random:index/randomPassword:RandomPassword", "kubernetes:core/v1:Secret", "aws:kms/key:Key"):
        options = made.one(type_).options
        assert (options.protect, options.retain_on_delete) == (True, True), type_
    assert made.one("kubernetes:core/v1:Namespace").options.protect is True


def test_a_boundary_that_is_given_bounds_the_role():
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    role = record(identity={"permissionsBoundary": boundary}).one("aws:iam/role:Role")
    assert role.inputs["permissionsBoundary"] == boundary


@pytest.mark.parametrize(
    "type_",
    [
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketPolicy:BucketPolicy",
    ],
)
def test_nothing_is_written_before_the_bucket_is_closed_versioned_and_encrypted(made, type_):
    assert made.one(type_).urn in made.one("kubernetes:helm.sh/v3:Release").options.depends_on


def test_helm_waits_as_long_as_the_settings_say():
    assert record(release={"timeoutSeconds": 900}).one("kubernetes:helm.sh/v3:Release").inputs["timeout"] == 900


@pytest.mark.parametrize("given", [{}, {"repositoryPassword": "the-password-of-the-other-cluster"}])
def test_the_password_that_a_program_reads_off_the_component_is_a_secret(given):
    def program() -> None:
        aws = pulumi_aws.Provider("aws", region="eu-west-1")
        kubernetes = pulumi_kubernetes.Provider("kubernetes", context="test")
        velero = VeleroOnEks("velero", settings(**given), pulumi.ResourceOptions(providers=[aws, kubernetes]))
        pulumi.export("password", velero.repository_password)

    assert record_program(program).outputs["password"] == {"secret": True}
