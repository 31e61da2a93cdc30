"""What breaks while someone recovers: a clear message, the right exit code, and nothing left behind."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.kubernetes_api import kubeconfig
from lab.processes import wait_until
from lab.rehearsal import application as app
from lab.rehearsal.incidents import deploy
from tests.lab.tool import Running, ServerRun, Tool, gone, server_is_back

# Some of them empty the bucket or stop servers: after the tests that need these.
pytestmark = [pytest.mark.lab, pytest.mark.destructive]

MANY = 1500
"""So many objects that a backup and a restore last long enough to break something meanwhile."""
BIG = "big"
BACKUPS, RESTORES = (f"/apis/velero.io/v1/namespaces/velero/{kind}" for kind in ("backups", "restores"))
NAMESPACE = f"/api/v1/namespaces/{app.NAMESPACE}"


@pytest.fixture(scope="module")
def big_backup(lab, api, velero):
    """A good backup of a namespace with many objects."""
    make_big(lab, api)
    velero.completed(velero.backup("big", {"includedNamespaces": [BIG]}))
    yield
    gone(api, f"/api/v1/namespaces/{BIG}", seconds=180)


@pytest.fixture
def big(lab, api, big_backup):
    """That namespace, whole, whatever the test before did."""
    make_big(lab, api)
    return BIG


def make_big(lab, api) -> None:
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": BIG}})
    there = {body["metadata"]["name"] for body in api.list(f"/api/v1/namespaces/{BIG}/configmaps")}
    fill(lab, BIG, [number for number in range(MANY) if f"object-{number:05}" not in there])


def fill(lab, namespace: str, numbers: list[int]) -> None:
    """Make many ConfigMaps, over several connections."""
    local = threading.local()

    def post(number: int) -> None:
        if not hasattr(local, "api"):
            local.api = lab.cluster.api
        metadata = {"name": f"object-{number:05}", "labels": {"number": str(number)}}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": str(number) * 20}}
        local.api.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, numbers))


def restore_runs(api) -> bool:
    return any((body.get("status") or {}).get("phase") == "InProgress" for body in api.list(RESTORES))


def backup_runs(api, name: str) -> bool:
    body = api.find(f"{BACKUPS}/{name}") or {}
    return (body.get("status") or {}).get("phase") == "InProgress"


def left_of_drills(api) -> list[str]:
    paths = ("/api/v1/namespaces", RESTORES, "/api/v1/namespaces/velero/configmaps")
    return [
        body["metadata"]["name"]
        for path in paths
        for body in api.list(path)
        if "velero-eks/drill" in (body["metadata"].get("labels") or {})
    ]


def namespaces(api) -> list[str]:
    return [body["metadata"]["name"] for body in api.list("/api/v1/namespaces")]


def until(check, running: Running, what: str) -> None:
    """Wait for something while a command runs; the command's end ends the wait."""
    wait_until(lambda: running.process.poll() is not None or check(), seconds=120, what=f"{what}; {running.err_so_far}")


def test_velero_killed_during_a_restore_is_said_and_a_second_restore_completes_it(tool, api, lab, big):
    gone(api, f"/api/v1/namespaces/{big}", seconds=180)
    before = ServerRun.of(lab)
    arguments = ("restore", "namespace", big, "--from", "big", "--yes", "--json")
    with tool.start(*arguments) as running:
        until(lambda: restore_runs(api), running, "the restore ran")
        lab.cluster.kill_velero()
        said = running.wait()
    assert said.code == 1
    assert "Traceback" not in said.err
    report = said.json
    assert report["results"][0]["phase"] == "Failed"
    assert "during the server starting" in report["results"][0]["why"]
    assert report["surprises"]
    server_is_back(lab, before)
    again = tool(*arguments).json
    assert (again["good"], again["surprises"]) == (True, [])
    assert len(api.list(f"/api/v1/namespaces/{big}/configmaps")) == MANY + 1


def test_velero_killed_during_a_backup_is_said_with_its_reason(tool, api, lab, big, run):
    before = ServerRun.of(lab)
    name = f"killed-{run}"
    with tool.start("backup", name, "-n", big, "--yes", "--json") as running:
        until(lambda: backup_runs(api, name), running, "the backup ran")
        lab.cluster.kill_velero()
        said = running.wait()
    assert said.code == 1
    assert said.json["phase"] == "Failed"
    assert "during the server starting" in " ".join(said.json["why"])
    server_is_back(lab, before)
    # A failed backup is not a source of a restore, and the refusal says why.
    refused = tool("restore", "namespace", big, "--from", name, "--preview", code=2)
    assert "is Failed" in refused.err


def test_a_schedule_that_keeps_a_restarted_server_from_beginning_is_named(tool, api, lab, run):
    name, schedule = f"kept-{run}", "/apis/velero.io/v1/namespaces/velero/schedules/in-days"
    body = {"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": {"name": "in-days", "namespace": "velero"},
            "spec": {"schedule": "0 3 * * 0", "template": {"ttl": "30d"}}}  # fmt: skip
    api.apply(body)
    try:
        before = ServerRun.of(lab)
        lab.cluster.kill_velero()
        server_is_back(lab, before, synced=False)
        said = tool("backup", name, "-n", app.NAMESPACE, "--yes", code=1)
        assert f"Backup {name} does not start" in said.err
        assert "cannot decode Schedule in-days, spec.template.ttl" in " ".join(said.err.split())
    finally:
        api.delete(schedule)
    wait_until(
        lambda: (api.find(f"{BACKUPS}/{name}") or {}).get("status", {}).get("phase") == "Completed",
        seconds=120,
        what="the backup was made after the schedule had gone",
    )


def test_velero_killed_during_a_drill_leaves_nothing_behind(tool, api, lab, big):
    before = ServerRun.of(lab)
    labelled = {"metadata": {"labels": {"velero.io/schedule-name": "daily-backup"}}}
    api.request("PATCH", f"{BACKUPS}/big", labelled, content="application/merge-patch+json")
    with tool.start("drill", "-n", big, "--yes", "--json") as running:
        until(lambda: restore_runs(api), running, "the drill's restore ran")
        lab.cluster.kill_velero()
        said = running.wait()
    assert said.code == 1
    assert said.json["phase"] == "Failed"
    assert next(check["name"] for check in said.json["checks"] if not check["good"]) == "restore"
    server_is_back(lab, before)
    assert left_of_drills(api) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_cleans_up(tool, api, big, number):
    with tool.start("drill", "-n", big, "--schedule", "daily-backup", "--yes") as running:
        until(lambda: restore_runs(api), running, "the drill's restore ran")
        running.interrupt(number)
        said = running.wait()
    assert said.code == 130
    assert "cleaning up drill" in said.err
    assert left_of_drills(api) == []
    # Velero makes a namespace again when it is deleted under a running Restore.
    assert not [name for name in namespaces(api) if name.startswith("drill-")]


def test_what_a_killed_drill_left_is_removed_by_the_next_clean_up_and_nothing_else_is(tool, api, big):
    mine = {"name": "drill-mine-big", "labels": {"velero-eks/drill": "mine"}}
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": mine})
    with tool.start("drill", "-n", big, "--schedule", "daily-backup", "--yes") as running:
        until(lambda: restore_runs(api), running, "the drill's restore ran")
        running.process.kill()
        running.wait()
    assert len(left_of_drills(api)) > 1
    try:
        said = tool("drill", "--clean-up", "--yes")
        assert "left something behind" in said.err
        # It has the label, but no drill's time: another owner's.
        assert left_of_drills(api) == ["drill-mine-big"]
        assert [name for name in namespaces(api) if name.startswith("drill-")] == ["drill-mine-big"]
        assert api.find(f"/api/v1/namespaces/{big}") is not None
    finally:
        gone(api, "/api/v1/namespaces/drill-mine-big")


def test_a_restore_outlives_a_restart_of_the_api_server(tool, api, lab, big):
    gone(api, f"/api/v1/namespaces/{big}", seconds=180)
    arguments = ("restore", "namespace", big, "--from", "big", "--yes", "--json")
    with tool.start(*arguments) as running:
        until(lambda: restore_runs(api), running, "the restore ran")
        lab.cluster.control_plane.restart_api_server()
        said = running.wait()
    assert "Traceback" not in said.err
    # Velero may get through or fail in part; either way it is reported, and so is everything that is missing.
    assert said.code in (0, 1)
    missing = MANY + 1 - len(api.list(f"/api/v1/namespaces/{big}/configmaps"))
    assert (said.code == 0) == (missing == 0 and said.json["good"])
    lab.cluster.wait_until_available("velero", "velero", seconds=120)
    assert tool(*arguments).json["good"]


def test_a_namespace_that_hangs_on_a_finalizer_is_in_the_way_before_anything_is_waited_for(tool, api, velero, run):
    deploy(api)
    name = f"finalizer-{run}"
    velero.completed(velero.backup(name, {"includedNamespaces": [app.NAMESPACE]}))
    held = {"name": "held", "namespace": app.NAMESPACE, "finalizers": ["example.com/hold"]}
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    api.delete(NAMESPACE)
    try:
        wait_until(
            lambda: "finalizers" in str((api.find(NAMESPACE) or {}).get("status", {}).get("conditions")),
            seconds=60,
            what="the namespace said what holds it",
        )
        began = time.monotonic()
        said = tool("restore", "namespace", app.NAMESPACE, "--from", name, "--yes", code=1)
        # Velero itself would wait ten minutes for the namespace to go.
        assert time.monotonic() - began < 60
        assert "is being deleted" in said.out
        assert "example.com/hold" in said.out
    finally:
        api.request("PATCH", f"{NAMESPACE}/configmaps/held", {"metadata": {"finalizers": None}},
                    content="application/merge-patch+json")  # fmt: skip
    wait_until(lambda: api.find(NAMESPACE) is None, seconds=60, what="the namespace was gone")
    tool("restore", "namespace", app.NAMESPACE, "--from", name, "--yes")


def test_two_backups_at_once_both_complete_and_the_same_name_is_given_once(tool, big, run):
    with (
        tool.start("backup", f"one-{run}", "-n", big, "--yes", "--json") as one,
        tool.start("backup", f"two-{run}", "-n", app.NAMESPACE, "--yes", "--json") as two,
        tool.start("backup", f"one-{run}", "-n", big, "--yes", "--json") as same,
    ):
        said = [running.wait() for running in (one, two, same)]
    assert said[1].code == 0
    assert sorted([said[0].code, said[2].code]) == [0, 2]
    assert "already exists" in said[0].err + said[2].err


def test_a_wrong_context_is_said_with_those_there_are(tool):
    for command in (("backup", "x"), ("restore", "namespace", "x", "--from", "y"), ("drill", "-n", "x")):
        said = tool(*command, "--yes", where=("--context", "production"), code=2)
        assert "no context 'production'; there is: velero-eks-lab" in said.err


def test_no_cluster_at_all_is_never_the_current_one(tool):
    assert "the current context is never used" in tool("drill", "-n", "x", "--yes", where=(), code=2).err


@pytest.fixture
def no_one(lab, deployment, tmp_path):
    """A tool whose user has no rights, and a function that gives it some."""
    api = lab.cluster.api
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": "default"}})
    plane = lab.cluster.control_plane
    config = tmp_path / "nobody"
    user = {"token": api.token("default", "nobody")}
    config.write_bytes(kubeconfig(context="nobody", server=plane.server, ca=plane.certificate_authority, user=user))
    rbac = "/apis/rbac.authorization.k8s.io/v1"

    def allow(rules: list[dict]) -> None:
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "nobody"}}
        api.apply({**kind, "kind": "ClusterRole", "rules": rules})
        subject = {"kind": "ServiceAccount", "name": "nobody", "namespace": "default"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nobody"}
        api.apply({**kind, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]})

    yield Tool(deployment, ("--context", "nobody"), {"KUBECONFIG": str(config)}), allow
    api.delete(f"{rbac}/clusterrolebindings/nobody")
    api.delete(f"{rbac}/clusterroles/nobody")
    api.delete("/api/v1/namespaces/default/serviceaccounts/nobody")


def test_a_user_without_rights_is_told_which_one_is_missing(no_one, api, big):
    tool, allow = no_one
    before = {body["metadata"]["name"] for path in (BACKUPS, RESTORES) for body in api.list(path)}
    for command in (("backup", "x"), ("restore", "namespace", big, "--from", "big"), ("drill", "-n", big)):
        assert "not allowed" in tool(*command, "--yes", code=2).err
    velero = {"apiGroups": ["velero.io"], "resources": ["*"], "verbs": ["get", "list", "create"]}
    deployments = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    allow([velero, deployments])
    said = tool("restore", "namespace", big, "--from", "big", "--yes", code=2)
    # A preview that cannot see would be a guess, so that nothing is restored.
    assert "cannot list resource" in said.err
    allow([velero, deployments, {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}])
    looked = tool("restore", "namespace", big, "--from", "big", "--preview")
    assert "kept as it is" in looked.out
    assert {body["metadata"]["name"] for path in (BACKUPS, RESTORES) for body in api.list(path)} == before


@pytest.fixture
def emptied(lab):
    """Empties the stack's bucket; afterwards every object is back, since the bucket keeps versions."""
    s3 = lab.cloud.client("s3")
    names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    (bucket,) = [name for name in names if name.startswith("velero-velero-eks-lab")]

    def empty() -> None:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=each["Key"])

    yield empty
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for marker in page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])


def test_an_emptied_bucket_is_said_and_nothing_is_restored_from_it(tool, api, emptied, big):
    emptied()
    before = len(api.list(RESTORES))
    drill = ("drill", "-n", big, "--schedule", "daily-backup")
    for command in (("restore", "namespace", big, "--from", "big"), drill):
        said = tool(*command, "--yes", code=2)
        assert "big" in said.err
        assert "s3://" in said.err
    assert len(api.list(RESTORES)) == before
    assert left_of_drills(api) == []
    assert tool("backup", "after-the-loss", "-n", big, "--yes", "--json").json["good"]
