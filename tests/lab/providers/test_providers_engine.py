"""The stand-in providers behind the real engine: a small program's whole life, in a state of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.providers.aws import AwsProvider
from lab.providers.random import RandomProvider
from lab.providers.server import serving

pytestmark = pytest.mark.lab

LIMIT = 180
PROGRAM = """
import pulumi, pulumi_aws as aws, pulumi_random as random

config = pulumi.Config()
provider = aws.Provider("aws", region="ap-south-1")
options = pulumi.ResourceOptions(provider=provider)
adopt = pulumi.ResourceOptions(provider=provider, import_=config.get("adopt"))
key = aws.kms.Key("key", description=config.require("description"), deletion_window_in_days=7, opts=options)
bucket = aws.s3.Bucket("bucket", bucket=config.require("bucket"), force_destroy=True, opts=options)
rule = {"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}}
aws.s3.BucketServerSideEncryptionConfiguration("sse", bucket=bucket.id, rules=[rule], opts=options)
if config.get("adopt"):
    aws.s3.Bucket("adopted", bucket=config.get("adopt"), opts=adopt)
password = random.RandomPassword("password", length=40, special=False)
pulumi.export("password", password.result)
pulumi.export("key", key.arn)
"""


class Stack:
    """A project of its own with the program above, and the engine that runs it."""

    def __init__(self, folder: Path, programs: Any, ports: str) -> None:
        self.folder = folder
        self._pulumi = programs.pulumi
        (folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (folder / "__main__.py").write_text(textwrap.dedent(PROGRAM))
        (folder / "state").mkdir()
        path = os.pathsep.join([str(programs.language_python_dir), os.environ["PATH"]])
        self._environment = {
            **os.environ,
            "PATH": path,
            # The language host asks pip for the program's packages, which this environment need not have.
            "PYTHONPATH": sysconfig.get_paths()["purelib"],
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": ports,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._pulumi), *arguments, "--non-interactive", "--color=never"]
        return subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def steps(self) -> dict[str, str]:
        """What a preview would do, by resource."""
        shown = json.loads(self.ok("preview", "--json"))
        return {step["urn"].rpartition("::")[2]: step["op"] for step in shown["steps"] if step["op"] != "same"}


@pytest.fixture
def stack(programs, endpoint, tmp_path) -> Iterator[Stack]:
    with serving(AwsProvider(endpoint)) as aws, serving(RandomProvider()) as random:
        stack = Stack(tmp_path, programs, f"aws:{aws},random:{random}")
        stack.ok("stack", "init", "dev")
        stack.ok("config", "set", "description", "first")
        stack.ok("config", "set", "bucket", "exam-backups")
        yield stack


def test_a_program_lives_from_preview_to_destroy(stack, client):
    preview = json.loads(stack.ok("preview", "--json"))
    assert preview["changeSummary"] == {"create": 6}
    keyed = next(step for step in preview["steps"] if step["urn"].endswith("::sse"))
    encryption = keyed["newState"]["inputs"]["rules"][0]["applyServerSideEncryptionByDefault"]
    assert encryption["kmsMasterKeyId"] != "" and not encryption["kmsMasterKeyId"].startswith("arn:")
    assert client("s3").list_buckets()["Buckets"] == []

    stack.ok("up", "--yes", "--skip-preview")
    stack.ok("up", "--yes", "--skip-preview", "--expect-no-changes")
    password = json.loads(stack.ok("stack", "output", "--json", "--show-secrets"))["password"]
    assert len(password) == 40
    assert not [path for path in stack.folder.rglob("*.json") if password in path.read_text()]

    stack.ok("config", "set", "description", "second")
    assert stack.steps() == {"key": "update"}
    stack.ok("up", "--yes", "--skip-preview")

    client("s3").put_bucket_tagging(Bucket="exam-backups", Tagging={"TagSet": [{"Key": "by", "Value": "hand"}]})
    drifted = stack.run("refresh", "--preview-only", "--expect-no-changes")
    assert drifted.returncode != 0 and "bucket" in drifted.stdout
    stack.ok("up", "--yes", "--skip-preview", "--refresh")
    stack.ok("refresh", "--preview-only", "--expect-no-changes")

    stack.ok("config", "set", "bucket", "other-backups")
    replaced = {name for name, op in stack.steps().items() if op == "replace"}
    assert replaced == {"bucket", "sse"}
    stack.ok("up", "--yes", "--skip-preview")
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["other-backups"]

    place = {"LocationConstraint": "ap-south-1"}
    client("s3").create_bucket(Bucket="made-by-hand", CreateBucketConfiguration=place)
    stack.ok("config", "set", "adopt", "made-by-hand")
    assert stack.steps() == {"adopted": "import"}
    stack.ok("up", "--yes", "--skip-preview")

    stack.ok("destroy", "--yes", "--skip-preview")
    assert client("s3").list_buckets()["Buckets"] == []
    kms = client("kms")
    state = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] for each in kms.list_keys()["Keys"]]
    assert state == ["PendingDeletion"]


def test_a_bad_input_is_refused_in_the_preview_with_its_property(stack):
    stack.ok("config", "set", "bucket", "Exam_Backups")
    done = stack.run("preview")
    assert done.returncode != 0
    assert "a bucket name has 3 to 63 lower-case letters" in done.stdout
