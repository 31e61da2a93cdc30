"""The example for GitOps: what Velero needs on AWS, and the Helm values for whoever installs it."""

from __future__ import annotations

import runpy

import pytest

from tests.conftest import ROOT
from tests.support import document
from velero_eks.plan.computed import Estate
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program

PROGRAM = ROOT / "examples" / "gitops" / "__main__.py"
CONFIG = {"velero-for-argo-cd:cluster": "shop", "aws:region": "eu-west-1"}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_program(
        lambda: runpy.run_path(str(PROGRAM), run_name="__main__"),
        stack="shop",
        project="velero-for-argo-cd",
        config=CONFIG,
        estate=Estate("111122223333", "eu-west-1"),
    )


def test_it_makes_the_aws_side_and_nothing_in_the_cluster(recording):
    kinds = {resource.type.split(":")[0] for resource in recording if resource.custom}
    assert kinds == {"aws"}
    assert recording.one("aws:s3/bucket:Bucket").inputs["bucket"] == "velero-shop-111122223333"


def test_the_values_lead_to_what_was_made(recording):
    values = recording.outputs["helmValues"]
    [location] = values["configuration"]["backupStorageLocation"]
    role = recording.one("aws:iam/role:Role")
    assert role.outputs is not None
    assert location["bucket"] == "velero-shop-111122223333"
    assert location["config"]["region"] == "eu-west-1"
    server = values["serviceAccount"]["server"]
    assert server["annotations"]["eks.amazonaws.com/role-arn"] == role.outputs["arn"]
    [statement] = document(role, "assumeRolePolicy")["Statement"]
    [subject] = [value for key, value in statement["Condition"]["StringEquals"].items() if key.endswith(":sub")]
    assert subject == f"system:serviceaccount:velero:{server['name']}"
