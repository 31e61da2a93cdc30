"""A Velero that someone installed by hand, with Helm and kubectl, moves into a stack without loss."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.deployment import Deployment
from lab.environment import LabEnvironment, running_lab
from lab.processes import wait_until
from tests.lab.test_adopt import SECRET, operations, tool

pytestmark = pytest.mark.lab

BUCKET = "backups-of-long-ago"
SCHEDULE = "/apis/velero.io/v1/namespaces/velero/schedules/daily-backup"


@pytest.fixture(scope="module")
def by_hand(programs, chart, tmp_path_factory) -> Iterator[LabEnvironment]:
    """A lab with a bucket, a release and a Schedule that no stack made."""
    with running_lab(programs, tmp_path_factory.mktemp("by-hand") / "lab", keep=True) as lab:
        s3, api = lab.cloud.client("s3"), lab.cluster.api
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": lab.cloud.region})
        s3.put_object(Bucket=BUCKET, Key="backups/old/velero-backup.json", Body=b"{}")
        install(lab, chart)
        spec = {"schedule": "0 4 * * 0", "template": {"ttl": "240h0m0s", "includedNamespaces": ["exam-prod"]}}
        body = {"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": {"name": "daily-backup"}, "spec": spec}
        # As `velero schedule create` makes it: another field manager than the provider's.
        api.request("POST", SCHEDULE.rpartition("/")[0], body, query={"fieldManager": "velero"})
        yield lab


def install(lab: LabEnvironment, chart: Path) -> None:
    """What a page in a wiki says: `helm install` with a few values."""
    values = {
        "configuration": {
            "backupStorageLocation": [
                {"name": "default", "provider": "aws", "bucket": BUCKET, "config": {"region": lab.cloud.region}}
            ]
        },
        "credentials": {"useSecret": False},
        "snapshotsEnabled": False,
        "upgradeCRDs": False,
        "nodeSelector": {"pool": "tools"},
    }
    path = lab.directory / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    command = [
        str(lab.programs.helm),
        *("install", "velero", str(chart), "--namespace", "velero", "--create-namespace", "--no-hooks"),
        *("--kube-context", "velero-eks-lab", "--values", str(path)),
    ]
    ran = subprocess.run(command, env=lab.environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr


def configured(lab: LabEnvironment, bucket: str | None) -> dict[str, Any]:
    storage = {"bucket": bucket} if bucket else {}
    return {
        "config": {
            "aws:region": lab.cloud.region,
            "velero-eks:environment": "staging",
            "velero-eks:cluster": {
                "name": "velero-eks-lab",
                "account": lab.cloud.account,
                "kubernetesVersion": "1.34",
                "oidcIssuer": lab.cluster.control_plane.issuer,
                "context": "velero-eks-lab",
            },
            "velero-eks:storage": storage,
        }
    }


@pytest.fixture(scope="module")
def stack(by_hand, chart) -> Deployment:
    """A stack for that cluster, initialised and not deployed."""
    source = by_hand.directory / "Pulumi.moved.yaml"
    source.write_text(yaml.safe_dump(configured(by_hand, BUCKET)))
    made = Deployment(by_hand, stack="moved", stack_file=source, workspace=by_hand.directory / "moved", chart=chart)
    made.prepare()
    return made


def test_a_velero_made_by_hand_moves_in_and_keeps_its_bucket_and_its_objects(by_hand, stack):
    api, s3 = by_hand.cluster.api, by_hand.cloud.client("s3")
    before = api.find(SCHEDULE)
    namespace = api.find("/api/v1/namespaces/velero")
    # The server made this Secret at its first start, with the password that everyone can read in its source.
    wait_until(lambda: api.find(SECRET) is not None, seconds=60, what="the hand-made Velero had its Secret")
    ran = tool(by_hand, stack.workspace, "adopt", "moved", "--yes")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "its password is Velero's public default" in ran.stdout
    api.request("DELETE", SECRET)
    ran = tool(by_hand, stack.workspace, "adopt", "moved", "--yes")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "- values.nodeSelector" in ran.stdout
    assert "~ spec.schedule: 0 4 * * 0 → 0 2 * * *" in ran.stdout

    planned = operations(stack)
    changed = {name: each for name, each in planned.items() if each != ["create"]}
    assert {name.split(":")[-1].split()[0] for name in changed} == {"Bucket", "Namespace", "Release", "Schedule"}
    assert {tuple(each) for each in changed.values()} == {("import", "update")}
    stack.up()

    after = api.find(SCHEDULE)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["schedule"] == "0 2 * * *"
    assert api.find("/api/v1/namespaces/velero")["metadata"]["uid"] == namespace["metadata"]["uid"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert "backups/old/velero-backup.json" in keys
    location = api.find("/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default")
    assert location["spec"]["objectStorage"]["bucket"] == BUCKET
    ran = tool(by_hand, stack.workspace, "adopt", "moved", "--done", "--yes")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    stack.up()
    stack.up("--expect-no-changes")
