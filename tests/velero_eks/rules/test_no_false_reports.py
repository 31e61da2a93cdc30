"""Sound stacks of other shapes than those of tests/stacks: no rule reports an error of any of them."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings
from velero_on_eks.settings.defaults import NONCURRENT_FLOOR_DAYS

from tests.conftest import ROOT
from tests.support import ACCOUNT, settings
from tests.velero_eks.rules.programs import of_ours, of_program

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
    "values of its own merged over": {
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
    "a context of the kubeconfig": {"cluster": {"context": "shop-admin"}},
    "what exists is adopted": {
        "storage": {"bucket": "backups-of-the-shop"},
        "identity": {"mode": "irsa", "roleName": "backups"},
        "adopt": {
            "bucket": "backups-of-the-shop",
            "bucketSettings": ["encryption", "policy"],
            "key": "1234abcd-12ab-34cd-56ef-1234567890ab",
            "role": "backups",
            "rolePolicy": "velero-backups",
            "namespace": "velero",
            "release": "velero",
            "schedules": ["daily-backup"],
        },
    },
    "a given password": {"repositoryPassword": "a-password-of-another-cluster"},
    "a boundary": {"identity": {"mode": "irsa", "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/bounded"}},
    "several schedules": {
        "schedules": {
            "often": {"cron": "@every 6h", "keep": "30d"},
            "weekly": {"cron": "0 2 * * 0", "keep": "90d", "namespaces": ["shop"], "paused": True},
        }
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sound_stack_of_another_shape_has_no_finding(shape: str):
    assert of_ours(settings(**SHAPES[shape])) == []


def test_the_example_that_makes_its_own_cluster_has_no_finding():
    path = ROOT / "examples" / "new_cluster" / "__main__.py"
    config = {"new-cluster:subnetIds": ["subnet-0a", "subnet-0b"]}
    assert of_program(lambda: runpy.run_path(str(path)), project="new-cluster", config=config) == []


@pytest.mark.parametrize(
    ("environment", "days"),
    [("development", 1), ("development", 3), ("staging", 7), ("staging", 8), ("production", 14), ("production", 400)],
)
def test_the_days_that_settings_take_the_rules_take_too(environment: str, days: int):
    assert of_ours(settings(environment=environment, storage={"noncurrentDays": days})) == []


@pytest.mark.parametrize(
    ("environment", "days"), [("staging", 3), ("staging", 1), ("staging", 6), ("production", 7), ("production", 13)]
)
def test_the_days_that_the_rules_report_no_settings_have(environment: str, days: int):
    with pytest.raises(InvalidSettings) as raised:
        settings(environment=environment, storage={"noncurrentDays": days})
    [refusal] = raised.value.refusals
    assert (refusal.code, refusal.field) == (f"{environment}-noncurrent-days", "storage.noncurrentDays")
    assert f"at least {NONCURRENT_FLOOR_DAYS[environment]}" in refusal.limit
