"""What a real Velero server does, pinned: the day an upgrade changes one of these, a test says so."""

from __future__ import annotations

import time

import pytest

from lab.processes import wait_until
from velero_eks.kube.objects import Object

pytestmark = pytest.mark.lab

CRD_WITHOUT_INSTANCES: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "lonelies.trap.example.com"},
    "spec": {
        "group": "trap.example.com",
        "scope": "Namespaced",
        "names": {"plural": "lonelies", "singular": "lonely", "kind": "Lonely"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


def schedule(name: str, cron: str, ttl: str = "1h0m0s") -> Object:
    return {
        "apiVersion": "velero.io/v1",
        "kind": "Schedule",
        "metadata": {"name": name, "namespace": "velero"},
        "spec": {
            "schedule": cron,
            "template": {"ttl": ttl, "includedNamespaces": ["kube-public"], "storageLocation": "default"},
        },
    }


def phase(velero, name: str) -> str | None:
    return (velero.schedule(name) or {}).get("status", {}).get("phase")


def remove(velero, kind: str, name: str) -> None:
    velero.api.delete(velero.api.path("velero.io/v1", kind, velero.namespace, name))


def backups_of(velero, name: str) -> list[Object]:
    path = velero.api.path("velero.io/v1", "Backup", velero.namespace)
    return [
        body
        for body in velero.api.list(path)
        if (body["metadata"].get("labels") or {}).get("velero.io/schedule-name") == name
    ]


@pytest.fixture
def server_restarts(lab):
    """Waits until the Velero server has been started again and is ready; informers begin afresh then."""

    def restart() -> None:
        before = lab.cluster.velero().restarts
        lab.cluster.kill_velero()
        wait_until(
            lambda: (found := lab.cluster.velero()) is not None and found.ready and found.restarts > before,
            seconds=60,
            what="the Velero server was ready again",
        )

    return restart


def test_one_ttl_in_days_stops_every_schedule_until_it_is_removed(velero, server_restarts):
    # Trap 11. The API server takes `30d`, and the server cannot decode the list that it is in.
    velero.api.apply(schedule("ttl-in-days", "0 2 * * *", ttl="30d"))
    try:
        server_restarts()
        velero.api.apply(schedule("sound", "0 2 * * *"))
        deadline = time.monotonic() + 10
        wait_until(
            lambda: time.monotonic() > deadline or bool(phase(velero, "sound")), seconds=15, what="the time passed"
        )
        assert phase(velero, "sound") is None
    finally:
        remove(velero, "Schedule", "ttl-in-days")
    try:
        wait_until(lambda: phase(velero, "sound") == "Enabled", seconds=90, what="the sound schedule was taken up")
    finally:
        remove(velero, "Schedule", "sound")


def test_a_cron_that_never_fires_backs_up_continuously(velero):
    # Trap 3. The next run is Go's zero time, which is always in the past.
    velero.api.apply(schedule("never", "0 0 30 2 *"))
    try:
        wait_until(lambda: len(backups_of(velero, "never")) >= 1, seconds=150, what="a backup was made anyway")
    finally:
        remove(velero, "Schedule", "never")
        for backup in backups_of(velero, "never"):
            remove(velero, "Backup", backup["metadata"]["name"])


def test_a_definition_without_instances_is_in_a_backup_only_when_cluster_resources_are_asked_for(velero, lab, tmp_path):
    # Trap 13.
    from lab.rehearsal.contents import resource_list

    velero.api.apply_all([CRD_WITHOUT_INSTANCES])
    kind = "apiextensions.k8s.io/v1/CustomResourceDefinition"
    name = CRD_WITHOUT_INSTANCES["metadata"]["name"]
    try:
        for backup, spec in (("crd-unset", {}), ("crd-asked", {"includeClusterResources": True})):
            velero.completed(velero.backup(backup, {"includedNamespaces": ["kube-public", "default"], **spec}))
        assert name not in resource_list(lab.cloud, "crd-unset").get(kind, [])
        assert name in resource_list(lab.cloud, "crd-asked")[kind]
    finally:
        velero.api.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")


def test_csi_without_its_definitions_makes_every_backup_fail_in_part(velero, lab):
    # Trap 12. The server is given the feature by hand; settings turn it on behind the snapshot controller alone.
    path = "/apis/apps/v1/namespaces/velero/deployments/velero"
    deployment = velero.api.request("GET", path)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    json_patch = "application/json-patch+json"
    at = "/spec/template/spec/containers/0/args/-"
    velero.api.request("PATCH", path, [{"op": "add", "path": at, "value": "--features=EnableCSI"}], content=json_patch)
    try:
        lab.cluster.wait_until_available("velero", "velero")
        velero.wait_until_location_is_available()
        assert velero.backup("with-csi", {"includedNamespaces": ["kube-public"]}).phase == "PartiallyFailed"
    finally:
        back = [{"op": "replace", "path": at.removesuffix("/-"), "value": container["args"]}]
        velero.api.request("PATCH", path, back, content=json_patch)
        lab.cluster.wait_until_available("velero", "velero")
        velero.wait_until_location_is_available()


def test_a_restore_leaves_a_changed_object_unless_told_to_update(velero):
    # Trap 15.
    path = "/api/v1/namespaces/default/configmaps/trap"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "trap", "namespace": "default"}}
    velero.api.apply({**body, "data": {"value": "backed up"}})
    spec = {"includedNamespaces": ["default"], "includedResources": ["configmaps"]}
    velero.completed(velero.backup("trap", spec))
    velero.api.apply({**body, "data": {"value": "changed"}})
    try:
        kept = velero.restore("trap-kept", {"backupName": "trap", **spec})
        assert kept.phase == "Completed"
        assert velero.api.request("GET", path)["data"] == {"value": "changed"}
        velero.completed(
            velero.restore("trap-updated", {"backupName": "trap", "existingResourcePolicy": "update", **spec})
        )
        assert velero.api.request("GET", path)["data"] == {"value": "backed up"}
    finally:
        velero.api.delete(path)
