"""The whole lab: it leads its clients to itself, survives losses of its parts, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from lab.cluster import Cluster
from lab.control_plane import CONTEXT
from lab.environment import LabEnvironment, running_lab
from lab.kubelet.node import CONTROLLER_PORT
from lab.kubernetes_api import KubernetesApi
from lab.processes import LabError, wait_until
from lab.programs import Programs, require_programs
from lab.watchdog import MARK
from tests.limits import HANG
from velero_eks.kube.connection import eks_cluster

pytestmark = pytest.mark.lab

LIMIT = HANG
LAB = """
import json, signal, sys
from pathlib import Path
from lab.environment import running_lab
from lab.programs import Programs

programs = Programs(**{name: Path(path) for name, path in json.loads(sys.argv[2]).items()})
with running_lab(programs, Path(sys.argv[1])) as lab:
    print(*(process.pid for process in lab.supervisor.processes), flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def programs() -> Programs:
    return require_programs()


@pytest.fixture(scope="module")
def lab(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabEnvironment]:
    with running_lab(programs, tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def named(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def inside(lab: LabEnvironment, monkeypatch: pytest.MonkeyPatch) -> LabEnvironment:
    """The lab, with this process's environment as its children have it."""
    monkeypatch.setenv("AWS_PROFILE", "a-real-account")
    environment = lab.environment
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lab


def test_the_environment_leads_to_the_lab_and_nowhere_else(inside: LabEnvironment) -> None:
    lab = inside
    identity = boto3.Session().client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert KubernetesApi.from_kubeconfig(Path(lab.variables["KUBECONFIG"]), CONTEXT).is_ready()
    assert Path(lab.variables["PULUMI_BACKEND_URL"].removeprefix("file://")).is_dir()
    assert MARK not in lab.variables


def test_an_aws_identity_gets_into_the_cluster_as_it_does_on_eks(inside: LabEnvironment) -> None:
    connection = eks_cluster(CONTEXT, inside.cloud.region, inside.cloud.account)
    answer = connection.send("GET", "/api/v1/namespaces/kube-system", [], {}, None, LIMIT)
    assert answer.status == 200


def test_the_cluster_is_in_the_account_again_after_the_emulator_was_lost(lab: LabEnvironment) -> None:
    assert lab.cloud.process is not None
    lab.cloud.process.kill()
    lab.cloud.start()
    assert lab.cloud.client("eks").list_clusters()["clusters"] == []
    lab.cluster.register()
    described = lab.cloud.client("eks").describe_cluster(name=lab.cluster.name)["cluster"]
    assert described["endpoint"] == lab.cluster.control_plane.server


def test_a_server_waits_while_its_port_is_taken_and_says_so(lab: LabEnvironment) -> None:
    container = {"name": "velero", "image": "velero/velero:v1", "command": ["/velero"], "args": ["server"]}
    labels = {"app": "velero"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "velero", "namespace": "waiting"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    with socket.create_server(("", CONTROLLER_PORT)):
        lab.cluster.api.apply_all([named("waiting"), deployment])

        def waits() -> bool:
            pods = lab.cluster.api.list("/api/v1/namespaces/waiting/pods")
            return any(pod["status"].get("containerStatuses") for pod in pods)

        wait_until(waits, seconds=LIMIT, what="the Pod had a status")
        with pytest.raises(LabError, match=f"port {CONTROLLER_PORT} of this machine is taken"):
            lab.cluster.wait_until_available("waiting", "velero", seconds=0)
        lab.cluster.api.delete("/apis/apps/v1/namespaces/waiting/deployments/velero")


def test_a_second_cluster_takes_over_when_the_first_is_lost(
    programs: Programs, tmp_path: Path, lab: LabEnvironment
) -> None:
    second = lab.add_cluster("recovery")
    try:
        second.api.apply(named("only-here"))
        assert lab.cluster.api.find("/api/v1/namespaces/only-here") is None
        issuers = {
            lab.cloud.client("eks").describe_cluster(name=name)["cluster"]["identity"]["oidc"]["issuer"]
            for name in (CONTEXT, "recovery")
        }
        assert len(issuers) == 2
        lab.cluster.lose()
        assert not lab.cluster.api.is_ready()
        assert second.api.is_ready()
        lab.cluster.control_plane.start()
        lab.cluster.start_node()
        assert lab.cluster.api.is_ready()
    finally:
        second.lose()


def test_a_kept_lab_goes_on_with_its_objects(programs: Programs, tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    with running_lab(programs, directory, keep=True) as lab:
        lab.cluster.api.apply(named("kept"))
    with running_lab(programs, directory) as lab:
        assert lab.cluster.api.find("/api/v1/namespaces/kept") is not None
        namespaced: Cluster = lab.cluster
        assert namespaced.api.token("kept", "default").count(".") == 2
    assert directory.exists()


def test_a_new_directory_is_removed_after_success_and_kept_after_a_failure(programs: Programs, tmp_path: Path) -> None:
    with running_lab(programs, tmp_path / "fine"):
        pass
    assert not (tmp_path / "fine").exists()
    with pytest.raises(ZeroDivisionError), running_lab(programs, tmp_path / "failed"):
        raise ZeroDivisionError
    assert (tmp_path / "failed" / "logs" / "kube-apiserver.log").stat().st_size > 0


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_lab_that_is_killed_leaves_no_process_behind(
    programs: Programs, tmp_path: Path, ending: signal.Signals
) -> None:
    paths = {name: str(path) for name, path in vars(programs).items() if isinstance(path, Path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", LAB, str(tmp_path / "lab"), json.dumps(paths)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        try:
            assert parent.stdout is not None
            pids = [int(word) for word in parent.stdout.readline().split()]
            assert len(pids) == 5
            assert all(runs(pid) for pid in pids)
            parent.send_signal(ending)
            wait_until(lambda: not any(runs(pid) for pid in pids), seconds=LIMIT, what="all processes had ended")
            parent.wait(timeout=LIMIT)
        finally:
            parent.kill()
