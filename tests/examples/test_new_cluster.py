"""The example: a cluster and its backups in one program, ordered so that one `pulumi up` makes both."""

from __future__ import annotations

import json
import runpy

import pytest

from tests.conftest import ROOT
from tests.support import document
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program

PROGRAM = ROOT / "examples" / "new_cluster" / "__main__.py"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_program(
        lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
        stack="new",
        project="new-cluster-with-velero",
        config={"new-cluster-with-velero:subnetIds": ["subnet-0a1b", "subnet-2c3d"]},
    )


def waits_for(recording: Recording, urn: str) -> set[str]:
    """Everything that a resource waits for, directly or through others."""
    seen: set[str] = set()
    waiting = [urn]
    while waiting:
        found = recording[waiting.pop()]
        # A child is registered after its parent, and a parent after what that depends on.
        others = [urn for urn in (found.options.provider, found.parent) if urn]
        for each in (*found.options.depends_on, *others):
            if each not in seen and any(resource.urn == each for resource in recording):
                seen.add(each)
                waiting.append(each)
    return seen


def test_the_role_trusts_the_issuer_of_the_cluster_made_here(recording):
    cluster = recording.one("aws:eks/cluster:Cluster")
    assert cluster.outputs is not None
    issuer = cluster.outputs["identities"][0]["oidcs"][0]["issuer"].removeprefix("https://")
    role = next(role for role in recording.of_type("aws:iam/role:Role") if role.name == "velero")
    [statement] = document(role, "assumeRolePolicy")["Statement"]
    assert statement["Principal"]["Federated"].endswith(issuer)
    assert f"{issuer}:sub" in statement["Condition"]["StringEquals"]


def test_bucket_and_role_carry_the_name_that_the_cluster_gets(recording):
    cluster = recording.one("aws:eks/cluster:Cluster")
    assert cluster.urn in recording.one("aws:s3/bucket:Bucket").options.property_dependencies["bucket"]


def test_what_lies_in_the_cluster_waits_for_the_cluster(recording):
    cluster = recording.one("aws:eks/cluster:Cluster").urn
    inside = [resource for resource in recording if resource.type.startswith("kubernetes:")]
    assert inside
    for resource in inside:
        assert cluster in waits_for(recording, resource.urn), resource.urn


def test_the_release_waits_for_the_issuers_provider_so_that_the_pod_can_become_its_role(recording):
    release = recording.one("kubernetes:helm.sh/v3:Release").urn
    assert recording.one("aws:iam/openIdConnectProvider:OpenIdConnectProvider").urn in waits_for(recording, release)


def test_the_schedules_are_those_that_the_settings_name(recording):
    [schedule] = recording.of_type("kubernetes:velero.io/v1:Schedule")
    assert schedule.inputs["metadata"]["name"] == "every-six-hours"


def test_the_cluster_token_is_signed_at_every_use_and_stands_in_no_state(recording):
    kubeconfig = json.loads(recording.one("pulumi:providers:kubernetes").inputs["kubeconfig"])
    assert "token" not in kubeconfig["users"][0]["user"]
    assert kubeconfig["users"][0]["user"]["exec"]["args"][:2] == ["eks", "get-token"]
