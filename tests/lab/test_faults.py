"""One process is killed in the middle: a clear error or a recovery, never a hang. Every wait here has its limit."""

from __future__ import annotations

import contextlib

import pytest

from lab.deployment import EngineFailed
from lab.processes import LabError, wait_until
from lab.rehearsal.velero import VeleroFailed
from velero_eks.errors import Unreachable
from velero_eks.kube.objects import Object

pytestmark = pytest.mark.lab

CROWD = "crowd"


def crowd(size: int = 1500) -> list[Object]:
    """Enough objects that a backup is still running when it is interrupted."""
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CROWD}}
    return [namespace] + [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"member-{number:04}", "namespace": CROWD},
            "data": {"text": "x" * 500},
        }
        for number in range(size)
    ]


@pytest.fixture(scope="module")
def crowded(velero):
    path = f"/api/v1/namespaces/{CROWD}/configmaps"
    for body in crowd():
        if body["kind"] == "Namespace":
            velero.api.apply(body)
        else:
            velero.api.request("POST", path, body)
    yield CROWD
    velero.api.delete(f"/api/v1/namespaces/{CROWD}")


def requested(velero, kind: str, name: str, spec: Object) -> str:
    """Ask for a Backup or Restore and leave it running; its path."""
    path = velero.api.path("velero.io/v1", kind, velero.namespace)
    body = {"apiVersion": "velero.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    velero.api.request("POST", path, body)
    return f"{path}/{name}"


def phase(velero, path: str) -> str:
    with contextlib.suppress(Unreachable):
        return (velero.api.find(path) or {}).get("status", {}).get("phase", "")
    return "unreachable"


def wait_for_phase(velero, path: str, *phases: str, seconds: float = 90) -> str:
    wait_until(lambda: phase(velero, path) in phases, seconds=seconds, what=f"{path} was {' or '.join(phases)}")
    return phase(velero, path)


def is_back(lab, velero) -> None:
    wait_until(lambda: (found := lab.cluster.velero()) is not None and found.ready, seconds=60, what="Velero ran again")
    velero.wait_until_location_is_available()


def test_velero_killed_during_a_backup_fails_that_backup_and_the_next_one_completes(lab, velero, crowded):
    spec = {"includedNamespaces": [crowded], "storageLocation": "default", "ttl": "1h0m0s"}
    path = requested(velero, "Backup", "interrupted", spec)
    wait_for_phase(velero, path, "InProgress", seconds=30)
    lab.cluster.kill_velero()
    is_back(lab, velero)
    assert wait_for_phase(velero, path, "Failed", "Completed") == "Failed"
    velero.completed(velero.backup("after-the-kill", {"includedNamespaces": [crowded]}))


def test_the_api_server_killed_during_a_backup_ends_in_a_phase_and_not_in_a_hang(lab, velero, crowded):
    spec = {"includedNamespaces": [crowded], "storageLocation": "default", "ttl": "1h0m0s"}
    path = requested(velero, "Backup", "without-api", spec)
    wait_for_phase(velero, path, "InProgress", seconds=30)
    lab.cluster.control_plane.api_server.kill()
    with pytest.raises(Unreachable, match="no answer from https://127"):
        velero.api.request("GET", "/readyz")
    lab.cluster.control_plane.restart_api_server()
    is_back(lab, velero)
    assert wait_for_phase(velero, path, "Completed", "PartiallyFailed", "Failed", "FailedValidation", seconds=120)
    velero.completed(velero.backup("with-api-again", {"includedNamespaces": [crowded]}))


def test_pulumi_killed_during_an_up_says_what_to_do_and_goes_on_from_there(deployment):
    def one_more(config):
        schedules = config["velero-eks:schedules"]
        schedules["weekly"] = {"cron": "0 3 * * 0", "keep": "30d"}

    deployment.configure(one_more)
    try:
        process, log = deployment.start("up", "--yes", "--skip-preview")
        wait_until(lambda: "Updating" in log.read_text(), seconds=60, what="the update began", process=process)
        process.kill()
        deployment.lab.supervisor.end(process)
        with pytest.raises(EngineFailed, match="locked"):
            deployment.up()
        deployment.run("cancel", "--yes", seconds=60)
        deployment.refresh()
        deployment.up()
        deployment.up("--expect-no-changes")
    finally:
        deployment.configure()
        deployment.up()


def test_a_program_that_never_gets_ready_is_ended_and_its_log_is_shown(lab):
    with pytest.raises(LabError, match="Last lines of") as raised:
        lab.supervisor.start(
            "never-ready", ["/bin/sh", "-c", "echo waiting for nothing; exec sleep 60"], ready=lambda: False, seconds=1
        )
    assert "waiting for nothing" in str(raised.value)
    assert not [process for process in lab.supervisor.processes if process.name == "never-ready"]


@pytest.mark.destructive
def test_the_emulator_killed_makes_the_location_unavailable_and_a_backup_says_so(lab, velero):
    lab.cloud.process.kill()
    path = velero.api.path("velero.io/v1", "BackupStorageLocation", velero.namespace, "default")
    wait_for_phase(velero, path, "Unavailable", seconds=150)
    ended = velero.backup("without-bucket", {"includedNamespaces": ["default"]})
    with pytest.raises(VeleroFailed, match="FailedValidation"):
        velero.completed(ended)
    with pytest.raises(LabError, match=r"Velero says of it: .*connect"):
        velero.wait_until_location_is_available(seconds=1)
