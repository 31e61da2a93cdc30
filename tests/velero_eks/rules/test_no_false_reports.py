"""Sound stacks of other shapes than those of tests/stacks: no rule reports an error of any of them."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support import ACCOUNT, record, settings
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program
from velero_eks.rules import PolicyResource, check

# Advice about a production stack that names no log bucket, no replica and no break-glass: no fault of these shapes.
ADVICE = {"bucket-access-logs", "bucket-break-glass", "bucket-replication"}
SHAPES: dict[str, dict[str, Any]] = {
    "a prefix": {"storage": {"prefix": "clusters/shop"}},
    "a given key": {"storage": {"kmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"}},
    "break-glass": {
        "storage": {"breakGlass": [f"arn:aws:iam::{ACCOUNT}:role/deploy", f"arn:aws:iam::{ACCOUNT}:user/team/anna"]}
    },
    "Pod Identity": {"identity": {"mode": "pod-identity"}, "cluster": {"oidcIssuer": None}},
    "snapshots with the cluster's own controller": {
        "volumes": {"mode": "csi-snapshot", "snapshotController": "existing"}
    },
    "an OCI chart": {"release": {"chart": {"repository": "oci://ghcr.io/vmware-tanzu/charts"}}},
    "China": {
        "region": "cn-north-1",
        "cluster": {"oidcIssuer": "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/EXAMPLE0123456789"},
    },
    "GovCloud": {
        "region": "us-gov-west-1",
        "cluster": {"oidcIssuer": None},
        "identity": {"mode": "pod-identity"},
    },
    "an emulator over plain HTTP in development": {
        "environment": "development",
        "storage": {"s3Url": "http://127.0.0.1:5000", "s3ForcePathStyle": True},
    },
    "names of its own": {
        "release": {"namespace": "backup", "name": "nightly", "serviceAccount": "backups"},
        "identity": {"mode": "irsa", "roleName": "backup-role"},
    },
    "values of its own laid over": {
        "release": {"helmValuesOverrides": {"metrics": {"serviceMonitor": {"enabled": True}}}}
    },
    "another S3 and no limit on CPU": {
        "environment": "staging",
        "storage": {"s3Url": "https://s3.example.com", "bucket": "backups-of-the-shop", "protect": True},
        "release": {"resources": {"cpuLimit": "2"}, "priorityClass": None, "logLevel": "debug"},
    },
    "everything about retention said": {
        "storage": {"noncurrentDays": 45, "abortMultipartDays": 7, "keyRotationDays": 90}
    },
    "several schedules": {
        "schedules": {
            "often": {"cron": "@every 6h", "keep": "30d"},
            "weekly": {"cron": "0 2 * * 0", "keep": "90d", "namespaces": ["shop"], "paused": True},
        }
    },
}


def resources(recording: Recording) -> list[PolicyResource]:
    return [
        PolicyResource(
            urn=one.urn,
            type=one.type,
            name=one.name,
            inputs=one.inputs,
            protect=one.options.protect,
            retain_on_delete=one.options.retain_on_delete,
            parent=one.parent,
            provider=one.options.provider,
            depends_on=one.options.depends_on,
            custom=one.custom,
        )
        for one in recording
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sound_stack_of_another_shape_has_no_finding(shape: str):
    sections = SHAPES[shape]
    meant = settings(**sections)
    findings = check(resources(record(**sections)), meant.environment, settings=meant)
    assert [finding for finding in findings if finding.rule not in ADVICE] == []


def test_the_example_that_makes_its_own_cluster_has_no_finding():
    path = ROOT / "examples" / "new_cluster" / "__main__.py"
    recording = record_program(
        lambda: runpy.run_path(str(path)),
        project="new-cluster",
        config={"new-cluster:subnetIds": ["subnet-0a", "subnet-0b"]},
    )
    assert check(resources(recording), "staging") == []
