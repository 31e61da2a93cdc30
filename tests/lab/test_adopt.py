"""From nothing to a stack, and from that to a second, empty state, through the real engine: nothing is made twice."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from velero_on_eks.settings import load_stack_file

from lab.deployment import PROJECT, Deployment
from lab.environment import LabEnvironment, running_lab
from lab.rehearsal.velero import Velero

pytestmark = pytest.mark.lab

SECONDS = 180
BUCKET = "velero-velero-eks-lab-123456789012-ap-south-1"
ROLE = "velero-velero-eks-lab-ap-south-1"
SECRET = "/api/v1/namespaces/velero/secrets/velero-repo-credentials"
MAIN = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from velero_eks.commands.app import main; main()"


@pytest.fixture(scope="module")
def empty_lab(programs, tmp_path_factory) -> Iterator[LabEnvironment]:
    """A lab of its own, in which nothing was deployed yet."""
    with running_lab(programs, tmp_path_factory.mktemp("adopt") / "lab", keep=True) as running:
        yield running


def tool(lab: LabEnvironment, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command-line tool in a project's folder, with the lab's account, cluster and engine."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env={**lab.environment, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def written(empty_lab, tmp_path_factory) -> Path:
    """The stack file that `init` writes for the lab's cluster."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "stacks").mkdir()
    (folder / "Pulumi.yaml").write_text((PROJECT / "Pulumi.yaml").read_text())
    ran = tool(
        empty_lab,
        folder,
        *("init", "first", "--cluster", "velero-eks-lab", "--region", empty_lab.cloud.region),
        *("--environment", "production", "--context", "velero-eks-lab", "--namespace", "exam-prod"),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return folder / "stacks" / "Pulumi.first.yaml"


def checks(lab: LabEnvironment, deployment: Deployment) -> tuple[int, dict[str, dict]]:
    """Preflight's exit code and its checks by name."""
    ran = tool(lab, deployment.workspace, "preflight", deployment.stack, "--json")
    assert ran.stderr == ""
    return ran.returncode, {each["check"]: each for each in json.loads(ran.stdout)["checks"]}


@pytest.fixture(scope="module")
def first(empty_lab, written, chart) -> Deployment:
    """The stack that `init` wrote, initialised and not deployed."""
    made = Deployment(
        empty_lab, stack="first", stack_file=written, workspace=empty_lab.directory / "first", chart=chart
    )
    made.prepare()
    return made


@pytest.fixture(scope="module")
def deployed(empty_lab, first) -> Deployment:
    """The same, deployed, after preflight found nothing in the way."""
    code, found = checks(empty_lab, first)
    assert {name: each["findings"] for name, each in found.items() if each["findings"]} == {}
    assert code == 0
    first.up()
    empty_lab.cluster.wait_until_available("velero", "velero")
    velero = Velero(empty_lab.cluster.api)
    velero.wait_until_location_is_available()
    velero.completed(velero.backup("before", {"includedNamespaces": ["default"]}))
    return first


@pytest.fixture(scope="module")
def second(empty_lab, written, deployed, chart) -> Deployment:
    """Another stack of the same settings and cluster, with an empty state."""
    folder = empty_lab.directory / "second"
    made = Deployment(empty_lab, stack="second", stack_file=written, workspace=folder, chart=chart)
    made.share_providers(deployed)
    made.prepare()
    return made


def marks(lab: LabEnvironment) -> dict[str, object]:
    """What would be another if anything were recreated."""
    api, cloud = lab.cluster.api, lab.cloud
    schedule = "/apis/velero.io/v1/namespaces/velero/schedules/daily-backup"
    backup = "/apis/velero.io/v1/namespaces/velero/backups/before"
    objects = {path: api.find(path) for path in ("/api/v1/namespaces/velero", SECRET, schedule, backup)}
    buckets = cloud.client("s3").list_buckets()["Buckets"]
    return {
        "uids": {path: found and found["metadata"]["uid"] for path, found in objects.items()},
        "password": (objects[SECRET] or {}).get("data"),
        "buckets": {each["Name"]: each["CreationDate"] for each in buckets},
        "keys": sorted(each["KeyId"] for each in cloud.client("kms").list_keys()["Keys"]),
        "role": cloud.client("iam").get_role(RoleName=ROLE)["Role"]["RoleId"],
    }


def operations(deployment: Deployment) -> dict[str, list[str]]:
    """What a preview would do to each resource of AWS and Kubernetes, in order; providers and components aside."""
    found: dict[str, list[str]] = {}
    for step in deployment.preview().document["steps"]:
        _, _, types, name = step["urn"].split("::")
        kind = types.rpartition("$")[2]
        if kind.startswith(("aws:", "kubernetes:", "random:")) and "pulumi:providers" not in kind:
            found.setdefault(f"{kind} {name}", []).append(step["op"])
    return found


def test_the_file_that_init_writes_has_the_clusters_own_facts(empty_lab, written):
    settings = load_stack_file(written).settings
    assert settings.cluster.oidc_issuer == empty_lab.cluster.control_plane.issuer
    assert settings.cluster.account == empty_lab.cloud.account
    assert settings.identity.mode == "irsa"


def test_preflight_has_nothing_to_say_of_what_the_stack_made_itself(empty_lab, deployed):
    code, found = checks(empty_lab, deployed)
    assert [each for each in found.values() if each["outcome"] == "failed"] == []
    assert code == 0


def test_an_empty_state_is_led_to_adopt_and_adopts_everything_without_making_anything(empty_lab, second):
    code, found = checks(empty_lab, second)
    assert code == 1
    failed = {name: each for name, each in found.items() if each["outcome"] == "failed"}
    assert set(failed) == {"bucket", "identity", "installed", "key", "namespace"}
    for each in failed.values():
        assert {finding["remedy"] for finding in each["findings"]} == {"run: velero-eks adopt second"}
    before = marks(empty_lab)

    ran = tool(empty_lab, second.workspace, "adopt", "second", "--yes")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "none replaced" in ran.stdout
    password = base64.b64decode(before["password"]["repository-password"]).decode()  # pyright: ignore[reportIndexIssue]
    assert password not in ran.stdout + second.stack_file.read_text()
    code, found = checks(empty_lab, second)
    assert code == 0, found

    planned = operations(second)
    assert len(planned) == 15
    assert {tuple(each) for each in planned.values()} <= {("import",), ("import", "update")}, planned
    second.up()
    assert marks(empty_lab) == before
    Velero(empty_lab.cluster.api).wait_until_location_is_available()
    state = second.state()
    assert password not in state
    assert base64.b64encode(password.encode()).decode() not in state


def test_once_it_is_done_the_section_goes_and_nothing_changes(empty_lab, second):
    ran = tool(empty_lab, second.workspace, "adopt", "second", "--done", "--yes")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "velero-eks:adopt" not in second.stack_file.read_text()
    assert operations(second) == {}
    # The provider alone is another: it no longer takes fields from others.
    second.up()
    second.up("--expect-no-changes")
    ran = tool(empty_lab, second.workspace, "adopt", "second")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Nothing to take over: the state has everything that exists under the stack's names." in ran.stdout
