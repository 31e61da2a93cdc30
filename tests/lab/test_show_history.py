"""Objects as they were, out of the bucket alone, while the Velero server is down and the cluster cannot be reached."""

from __future__ import annotations

import pytest
import yaml

from lab.processes import wait_until
from lab.rehearsal import application as app
from lab.rehearsal.incidents import GONE_SECONDS
from lab.rehearsal.snapshot import compare, snapshot
from tests.lab.tool import Tool
from velero_eks.kube.transport import Answer

pytestmark = pytest.mark.lab

DEPLOYMENT = "/apis/apps/v1/namespaces/velero/deployments/velero"
NAMESPACE = f"/api/v1/namespaces/{app.NAMESPACE}"
HOTFIX = f"{NAMESPACE}/configmaps/{app.HOTFIX}"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def lost(deployment, tmp_path_factory) -> Tool:
    """The tool where no cluster can be reached; the bucket can."""
    return Tool(deployment, variables={"KUBECONFIG": str(tmp_path_factory.mktemp("lost") / "kubeconfig")})


@pytest.fixture(scope="module")
def backups(velero, api):
    """Three backups: before the hotfix of the night, with it, and after a sync has overwritten it."""
    # Made again: a Restore of another test would go on owning the fields that it wrote, and no apply remove them.
    api.delete(HOTFIX)
    api.apply_all(app.application())
    for name, change in (("show-1", app.from_git()), ("show-2", app.hotfix()), ("show-3", app.from_git())):
        api.apply(change)
        velero.completed(velero.backup(name, {"includedNamespaces": [app.NAMESPACE], "includeClusterResources": True}))
    return ("show-1", "show-2", "show-3")


@pytest.fixture
def server_down(api, lab, velero):
    """The Velero server, stopped; it is started again."""
    api.request("PATCH", DEPLOYMENT, {"spec": {"replicas": 0}}, content=MERGE)
    wait_until(
        lambda: not (api.find(DEPLOYMENT) or {}).get("status", {}).get("availableReplicas"),
        seconds=60, what="the server had ended",
    )  # fmt: skip
    yield
    api.request("PATCH", DEPLOYMENT, {"spec": {"replicas": 1}}, content=MERGE)
    lab.cluster.wait_until_available("velero", "velero")
    velero.wait_until_location_is_available()


def apply_text(lab, api, text: str) -> None:
    """Apply one YAML document as it stands: the API server itself reads the text."""
    head = yaml.safe_load(text)
    path = api.path(head["apiVersion"], head["kind"], head["metadata"].get("namespace"), head["metadata"]["name"])
    answer = raw(api, path, text)
    assert answer.status < 300, answer.body.decode()


def raw(api, path: str, text: str) -> Answer:
    """Server-side apply of a text."""
    query = [("fieldManager", "someone"), ("force", "true")]
    headers = {"Content-Type": "application/apply-patch+yaml"}
    return api.connection.send("PATCH", path, query, headers, text.encode(), 30.0)


def documents(text: str) -> list[str]:
    return [part for part in text.split("---\n")[1:] if part.strip()]


def test_the_hotfix_of_the_night_is_found_and_brought_back_with_velero_stopped(lost, lab, api, backups, server_down):
    found = lost("history", f"configmap/{app.HOTFIX}", "-n", app.NAMESPACE, "--json").json
    changes = {change["backup"]: change for change in found["changes"]}
    night = changes["show-2"]
    assert night["change"] == "changed"
    assert {(field["path"], field["before"], field["after"]) for field in night["fields"]} >= {
        ("data.mode", "strict", "lenient"), ("data.threshold", "40", "35"),
    }  # fmt: skip
    assert api.find(HOTFIX)["data"]["mode"] == "strict"
    shown = lost("show", night["backup"], f"cm/{app.HOTFIX}", "-n", app.NAMESPACE)
    (document,) = documents(shown.out)
    apply_text(lab, api, document)
    assert api.find(HOTFIX)["data"] == app.hotfix()["data"]
    (document,) = documents(lost("show", "show-3", f"cm/{app.HOTFIX}", "-n", app.NAMESPACE).out)
    apply_text(lab, api, document)
    assert api.find(HOTFIX)["data"] == app.from_git()["data"]


def test_a_whole_namespace_applies_as_it_is_shown(lost, lab, api, backups):
    before = snapshot(api, app.NAMESPACE)
    shown = lost("show", "show-3", "-n", app.NAMESPACE, "--show-secrets")
    assert "left out; --derived shows them" in shown.err
    api.delete(NAMESPACE)
    wait_until(lambda: api.find(NAMESPACE) is None, seconds=GONE_SECONDS, what="the namespace was gone")
    for document in documents(shown.out):
        apply_text(lab, api, document)
    found = compare(before, snapshot(api, app.NAMESPACE))
    assert (found.lost, found.changed) == ((), {})
    assert found.compared > 20


def test_a_masked_secret_is_refused_by_the_cluster_and_overwrites_nothing(lost, lab, api, backups):
    path = f"{NAMESPACE}/secrets/portal-session"
    before = api.find(path)["data"]
    (document,) = documents(lost("show", "show-3", "secret/portal-session", "-n", app.NAMESPACE).out)
    refused = raw(api, path, document)
    assert refused.status >= 400
    assert "illegal base64 data" in refused.body.decode()
    assert api.find(path)["data"] == before


def test_a_definition_and_a_webhook_are_shown_as_the_cluster_takes_them(lost, lab, api, backups):
    shown = lost("show", "show-3", f"crd/{app.CRD}", f"validatingwebhookconfiguration/{app.WEBHOOK}")
    first, second = documents(shown.out)
    assert yaml.safe_load(first)["kind"] == "CustomResourceDefinition"
    for document in (first, second):
        apply_text(lab, api, document)


def test_what_never_was_in_a_backup_is_said(lost, backups):
    said = lost("show", "show-1", "cm/gradings", "-n", app.NAMESPACE, code=1)
    assert "did you mean grading?" in said.err
    assert "has configmaps/never" in lost("history", "cm/never", code=1).err


def test_the_log_of_a_restore_is_read_without_the_cluster(lost, velero, backups):
    velero.restore("show-restore", {"backupName": "show-3", "includedNamespaces": [app.NAMESPACE]})
    document = lost("logs", "show-restore", "--level", "info", "--json").json
    assert (document["kind"], document["phase"]) == ("Restore", "Completed")
    assert any("restore" in line["message"].lower() for line in document["log"])


def test_without_a_stack_the_bucket_is_that_of_the_clusters_location(lost, deployment, lab, backups):
    tool = Tool(deployment, ("--context", lab.cluster.name))
    shown = tool("show", "show-2", f"cm/{app.HOTFIX}", "-n", app.NAMESPACE)
    assert yaml.safe_load(documents(shown.out)[0])["data"] == app.hotfix()["data"]


def test_the_backups_are_listed_with_the_cluster_gone_and_the_server_stopped(
    lost, deployment, api, backups, server_down
):
    said = lost("backups", "--full", "--json")
    found = {each["name"]: each for each in said.json["backups"]}
    assert "the cluster was not asked; this is what the bucket has" in said.err
    assert [name for name in found if name in backups] == ["show-3", "show-2", "show-1"]
    assert all(found[name]["good"] and found[name]["objects"] > 20 for name in backups)
    assert found["show-1"]["in_cluster"] is None
    # The cluster is there again, and its server still stopped: a file that someone deletes meanwhile is missed.
    s3, bucket = deployment.lab.cloud.client("s3"), deployment.outputs()["bucket"]
    key = next(
        each["Key"]
        for each in s3.list_objects_v2(Bucket=bucket)["Contents"]
        if each["Key"].endswith("/show-1/show-1.tar.gz")
    )
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    try:
        both = Tool(deployment)("backups", "--full", "--json").json
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    found = {each["name"]: each for each in both["backups"]}
    assert both["cluster_read"] is True
    assert (found["show-1"]["flaws"], found["show-1"]["good"]) == (["no-contents"], False)
    assert (found["show-3"]["in_cluster"], found["show-3"]["flaws"], both["newest_good"]) == (True, [], "show-3")
    # An object that someone deletes by itself comes back from the bucket, which takes its time.
    api.delete("/apis/velero.io/v1/namespaces/velero/backups/show-2")
    shown = Tool(deployment)("backups", "--full").all
    assert "show-2: in the bucket and not in the cluster The Velero server takes over finished backups" in shown
