"""What `diff` predicts for existing backups, and what then becomes of them: another key, another prefix.

The bucket is emulated. That an object is read only with the right on the key that it was written with is judged by the
gate in front of the emulator (`lab/cloud/gate.py`), by the role's policy and the key's own, as KMS does for S3.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from velero_on_eks.documents.storage import key_policy

from lab.chart import ChosenChart
from lab.deployment import PROJECT, Deployment
from lab.environment import running_lab
from lab.processes import wait_until
from lab.rehearsal.velero import Ended, Velero
from tests.lab.tool import MAIN, SECONDS
from tests.velero_eks.diff.repositories import commit, repository

pytestmark = [pytest.mark.lab, pytest.mark.day2]

BUCKET = "velero-velero-eks-lab-123456789012-ap-south-1"
STACK = "stacks/Pulumi.local.yaml"
# Velero reads the list of its bucket once a minute.
SYNC = 180
Change = Callable[[dict[str, Any]], None]


class Old:
    """The stack with a key of one's own, in a lab of its own, and the repository that its file is written in."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self.deployment = deployment
        self.lab = deployment.lab
        self.api = self.lab.cluster.api
        self.velero = Velero(self.api)
        self.s3, self.kms = self.lab.cloud.client("s3"), self.lab.cloud.client("kms")
        self.keys = [self._key(), self._key()]
        self.root = repository(folder)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROJECT / name, self.root / name)
        (self.root / "stacks").mkdir()

    def _key(self) -> str:
        """A key of the account's, whose policy leaves it to IAM."""
        policy = json.dumps(key_policy(partition="aws", account=self.lab.cloud.account))
        return self.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]

    def set(self, key: str, prefix: str | None = None) -> list[dict[str, Any]]:
        """Write the stack file with a key and a prefix; what `diff` says of the backups that exist."""

        def change(config: dict[str, Any]) -> None:
            config["velero-eks:storage"] |= {"kmsKeyArn": key, **({"prefix": prefix} if prefix else {})}

        self.deployment.configure(change)
        document = yaml.safe_load(self.deployment.stack_file.read_text())
        document.pop("encryptionsalt", None)
        (self.root / STACK).write_text(yaml.safe_dump(document))
        if not (self.root / ".git" / "refs" / "heads" / "main").exists():
            commit(self.root)
            return []
        made = self._tool("diff", "HEAD", "--json")
        commit(self.root)
        [stack] = made["stacks"]
        return [fact for fact in stack["facts"] if fact["backups"]]

    def _tool(self, *arguments: str) -> Any:
        ran = subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def up(self) -> None:
        """Deploy, and wait for the location."""
        self.deployment.up()
        self.lab.cluster.wait_until_available("velero", "velero")
        self.velero.wait_until_location_is_available()

    def backup(self, name: str) -> None:
        self.velero.completed(self.velero.backup(name, {"includedNamespaces": ["default"]}))

    def restore(self, backup: str, name: str) -> Ended:
        """Restore a backup beside what exists."""
        return self.velero.restore(name, {"backupName": backup, "namespaceMapping": {"default": name}})

    def key_of(self, backup: str) -> str:
        """The key that a backup's contents are encrypted with."""
        found = self.s3.head_object(Bucket=BUCKET, Key=f"backups/{backup}/{backup}.tar.gz")
        return found["SSEKMSKeyId"]

    def listed(self) -> set[str]:
        """The backups that Velero knows."""
        return {each["metadata"]["name"] for each in self.api.list("/apis/velero.io/v1/namespaces/velero/backups")}

    def copy(self, under: str, to: str = "", **encryption: str) -> None:
        """What `aws s3 cp --recursive` or `aws s3 sync` does: write objects again, at the same or at another place."""
        for each in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=under)["Contents"]:
            source = {"Bucket": BUCKET, "Key": each["Key"]}
            self.s3.copy_object(Bucket=BUCKET, Key=f"{to}{each['Key']}", CopySource=source, **encryption)


@pytest.fixture(scope="module")
def old(programs, chart, tmp_path_factory) -> Iterator[Old]:
    """The stack, deployed with the first key, and two backups under it."""
    folder = tmp_path_factory.mktemp("old-backups")
    with running_lab(programs, folder / "lab", keep=True) as lab:
        chosen = ChosenChart("the pinned chart", path=chart)
        made = Old(Deployment(lab, chart=chosen.path), folder / "repository")
        made.deployment.prepare()
        made.set(made.keys[0])
        made.up()
        lab.cluster.api.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "kept", "namespace": "default"},
                "data": {"a": "b"},
            }
        )
        made.backup("one")
        made.backup("two")
        yield made


def test_another_key_makes_the_backups_so_far_unreadable_as_diff_foretells_and_the_ways_out_hold(old: Old) -> None:
    first, second = old.keys
    assert old.key_of("one") == first
    old.velero.completed(old.restore("one", "before"))

    [fact] = old.set(second)
    assert (fact["backups"], fact["effect"]) == ("unreadable", "risk")
    assert f"stays encrypted with key {first}, and new ones use key {second}" in fact["text"]
    old.up()

    # The old ones, which Velero still lists, cannot be restored; what it has written since can.
    assert {"one", "two"} <= old.listed()
    refused = old.restore("one", "with-another-key")
    assert refused.phase == "Failed", refused.body["status"]
    assert "AccessDenied" in refused.body["status"]["failureReason"], refused.body["status"]
    old.backup("three")
    assert old.key_of("three") == second
    old.velero.completed(old.restore("three", "with-its-own-key"))

    # The first way out: the old key's own policy lets the role in.
    policy = json.loads(old.kms.get_key_policy(KeyId=first, PolicyName="default")["Policy"])
    role = old.deployment.outputs()["roleArn"]
    allowed = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:Decrypt", "Resource": "*"}
    opened = {**policy, "Statement": [*policy["Statement"], allowed]}
    old.kms.put_key_policy(KeyId=first, PolicyName="default", Policy=json.dumps(opened))
    old.velero.completed(old.restore("one", "let-in"))
    old.kms.put_key_policy(KeyId=first, PolicyName="default", Policy=json.dumps(policy))
    assert old.restore("one", "let-in-no-more").phase == "Failed"

    # The second: the objects are written again under the new key.
    old.copy("backups/two/", ServerSideEncryption="aws:kms", SSEKMSKeyId=second)
    old.velero.completed(old.restore("two", "written-again"))

    # Back again, it is the other way round.
    [fact] = old.set(first)
    assert fact["backups"] == "unreadable"
    assert f"stays encrypted with key {second}, and new ones use key {first}" in fact["text"]
    old.up()
    old.velero.completed(old.restore("one", "first-key-again"))
    assert old.restore("three", "without-its-key").phase == "Failed"


def test_another_prefix_hides_the_backups_so_far_as_diff_foretells_and_a_copy_brings_them_back(old: Old) -> None:
    before = old.listed()
    assert "one" in before
    [fact] = old.set(old.keys[0], prefix="moved")
    assert (fact["backups"], fact["effect"]) == ("not-found", "risk")
    assert f"under s3://{BUCKET}/moved, was s3://{BUCKET}/" in fact["text"]
    assert f"'aws s3 sync s3://{BUCKET} s3://{BUCKET}/moved --exclude \"moved/*\"'" in "".join(fact["details"])
    old.up()
    wait_until(lambda: "one" not in old.listed(), seconds=SYNC, what="the list had no backup of the old place")
    assert old.s3.head_object(Bucket=BUCKET, Key="backups/one/velero-backup.json")

    old.copy("backups/one/", to="moved/")
    wait_until(lambda: "one" in old.listed(), seconds=SYNC, what="the list had the copied backup")
    old.velero.completed(old.restore("one", "from-the-copy"))

    # Back at the top, the folder in the way is predicted too.
    [fact] = old.set(old.keys[0])
    assert fact["backups"] == "not-found"
    assert f"until moved/ is gone from s3://{BUCKET}/ the location stays Unavailable" in fact["details"][-1]
    old.deployment.up()
    location = old.api.path("velero.io/v1", "BackupStorageLocation", "velero", "default")

    def status() -> dict[str, Any]:
        return (old.api.find(location) or {}).get("status", {})

    wait_until(lambda: status().get("phase") == "Unavailable", seconds=SYNC, what="the location was Unavailable")
    assert "moved" in status()["message"]
