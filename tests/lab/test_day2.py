"""The three incidents, undone with the tool's commands alone; previews that come true."""

from __future__ import annotations

import time

import pytest

from lab.processes import wait_until
from lab.rehearsal import application as app
from lab.rehearsal.incidents import deploy
from lab.rehearsal.snapshot import compare, snapshot
from tests.lab.tool import gone, until_blocked

pytestmark = pytest.mark.lab

NAMESPACE = f"/api/v1/namespaces/{app.NAMESPACE}"
JOBS = f"/apis/batch/v1/namespaces/{app.NAMESPACE}/jobs"
CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{app.CRD}"
CARRIER = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/downloadrequests.velero.io"


@pytest.fixture
def application(api):
    """The sample application, whole; what a test did to it is undone for the next one."""
    deploy(api)
    yield lambda: snapshot(api, app.NAMESPACE, names=(app.CRD, app.WEBHOOK))
    api.apply(app.webhook())
    deploy(api)


def fates(document) -> dict[str, str]:
    """Object → fate, of a preview or a report, without what controllers make of others."""
    return {
        f"{each['kind']}/{each['name']}": each["fate"]
        for step in document["steps"]
        for each in step["objects"]
        if not each["derived"]
    }


def test_a_deleted_namespace_comes_back_whole_and_as_the_preview_said(tool, api, application, run):
    before = application()
    name = f"daily-{run}"
    tool("backup", name, "--schedule", "daily-backup", "--count-for-schedule", "--pre-change", app.GROUP, "--yes")
    gone(api, NAMESPACE)
    preview = tool("restore", "namespace", app.NAMESPACE, "--from", "daily-backup", "--preview", "--json").json
    assert api.find(NAMESPACE) is None
    report = tool("restore", "namespace", app.NAMESPACE, "--from", "daily-backup", "--yes", "--json").json
    found = compare(before, application())
    assert (found.lost, found.changed) == ((), {})
    assert report["backup"] == name
    assert fates(report) == fates(preview)
    assert set(fates(report).values()) == {"created"}
    assert report["surprises"] == []
    assert report["compared"] == report["as_foretold"] == len(fates(report)) > 20


def test_a_hotfix_comes_back_by_its_name_and_what_was_released_since_stays(tool, api, application, run):
    api.apply(app.hotfix())
    tool("backup", f"night-{run}", "-n", app.NAMESPACE, "--yes")
    api.apply(app.from_git())
    api.apply(app.release("registry.example.com/exam:1.5.0"))
    released = application()
    # What is lost is found first. The server runs here; that these two work without it is not shown by this test.
    changes = tool("history", f"configmap/{app.HOTFIX}", "-n", app.NAMESPACE, "--json").json["changes"]
    assert changes[-1]["backup"] == f"night-{run}"
    shown = tool("show", f"night-{run}", f"configmap/{app.HOTFIX}", "-n", app.NAMESPACE).out
    assert "question 7 was ambiguous" in shown
    report = tool(
        "restore", "object", f"configmap/{app.HOTFIX}", "-n", app.NAMESPACE, "--from", f"night-{run}", "--yes", "--json"
    ).json
    assert [step["how"] for step in report["steps"]] == ["restore"]
    config_map = api.request("GET", f"{NAMESPACE}/configmaps/{app.HOTFIX}")
    assert config_map["data"] == app.hotfix()["data"]
    now = application()
    changed = compare(released, now).changed
    assert [key.name for key in changed] == [app.HOTFIX]


def test_a_removed_crd_and_a_blocking_webhook_come_back_from_before_the_change(tool, api, application, run):
    before = application()
    name = f"pre-crd-change-{run}"
    tool("backup", name, "--pre-change", app.GROUP, "-n", app.NAMESPACE, "--yes")
    gone(api, CRD)
    api.apply(app.webhook(blocking=True))
    until_blocked(api, app.NAMESPACE)
    objects = [f"crd/{app.CRD}", f"validatingwebhook/{app.WEBHOOK}"]
    report = tool("restore", "object", *objects, "--from", name, "--yes", "--json").json
    # The webhook comes first: while it blocks, nothing can be written.
    assert [step["title"].partition(" ")[0] for step in report["steps"]] == [
        "ValidatingWebhookConfiguration", "CustomResourceDefinition", "12",
    ]  # fmt: skip
    found = compare(before, application())
    assert (found.lost, found.changed) == ((), {})
    assert report["surprises"] == []


def test_what_velero_cannot_tell_apart_is_written_directly_and_nothing_else_is(tool, api, application, run):
    for name in ("plain-a", "plain-b"):
        api.apply(config_map(name, {"value": "saved"}))
    try:
        tool("backup", f"plain-{run}", "-n", app.NAMESPACE, "--yes")
        for name in ("plain-a", "plain-b"):
            api.apply(config_map(name, {"value": "changed"}))
        arguments = ("restore", "object", "cm/plain-a", "-n", app.NAMESPACE, "--from", f"plain-{run}")
        preview = tool(*arguments, "--preview")
        assert "with your own rights" in preview.out
        report = tool(*arguments, "--yes", "--json").json
        assert [step["how"] for step in report["steps"]] == ["direct"]
        assert api.request("GET", f"{NAMESPACE}/configmaps/plain-a")["data"] == {"value": "saved"}
        assert api.request("GET", f"{NAMESPACE}/configmaps/plain-b")["data"] == {"value": "changed"}
    finally:
        for name in ("plain-a", "plain-b"):
            api.delete(f"{NAMESPACE}/configmaps/{name}")


def test_a_preview_tells_each_fate_and_the_restore_keeps_to_it(tool, api, application, run):
    labels = {"case": run}
    for name in ("deleted", "changed", "immutable"):
        api.apply(config_map(name, {"value": "saved"}, labels))
    node_port = {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"name": "http", "port": 80}]}
    metadata = {"name": "ported", "namespace": app.NAMESPACE}
    api.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": node_port})
    api.apply(service("relabelled", {"label": "saved"}))
    for name in ("job-deleted", "job-relabelled"):
        api.apply(job(name, {"label": "saved"}))
    try:
        tool("backup", f"fates-{run}", "-n", app.NAMESPACE, "--yes")
        api.delete(f"{NAMESPACE}/configmaps/deleted")
        gone(api, f"{JOBS}/job-deleted")
        api.apply(service("relabelled", {"label": "changed"}))
        api.apply(job("job-relabelled", {"label": "changed"}))
        api.apply(config_map("changed", {"value": "changed", "more": "x"}, labels))
        api.apply({**config_map("immutable", {"value": "changed"}, labels), "immutable": True})
        api.apply(config_map("younger", {"value": "new"}, labels))
        arguments = ("restore", "namespace", app.NAMESPACE, "--from", f"fates-{run}")
        kept = fates(tool(*arguments, "--preview", "--json").json)
        assert kept["ConfigMap/deleted"] == "created"
        assert kept["ConfigMap/changed"] == kept["ConfigMap/immutable"] == kept["Service/ported"] == "kept as it is"
        assert kept["ConfigMap/younger"] == "not in the backup"
        # Nothing is changed by looking.
        assert api.find(f"{NAMESPACE}/configmaps/deleted") is None
        updated = tool(*arguments, "--existing", "update", "--preview", "--json", code=1).json
        told = fates(updated)
        assert told["ConfigMap/changed"] == "would change"
        assert told["ConfigMap/immutable"] == "in the way"
        assert told["Service/ported"] == "kept as it is"
        assert (told["Service/relabelled"], told["Job/job-deleted"]) == ("would change", "created")
        # Velero takes the controller's labels off a Job, and sends that, too; no one can change a Job's selector.
        assert told["Job/job-relabelled"] == "in the way"
        (fields,) = [
            each["fields"] for step in updated["steps"] for each in step["objects"] if each["name"] == "changed"
        ]
        assert {each["path"]: (each["before"], each["after"]) for each in fields} == {
            "data.more": ("x", None), "data.value": ("changed", "saved"),
        }  # fmt: skip
        report = tool(*arguments, "--existing", "update", "--yes", "--json", code=1).json
        assert report["surprises"] == []
        assert api.request("GET", f"{NAMESPACE}/configmaps/changed")["data"] == {"value": "saved"}
        assert api.request("GET", f"{NAMESPACE}/configmaps/immutable")["data"] == {"value": "changed"}
    finally:
        for name in ("deleted", "changed", "immutable", "younger"):
            api.delete(f"{NAMESPACE}/configmaps/{name}")
        for name in ("ported", "relabelled"):
            api.delete(f"{NAMESPACE}/services/{name}")
        for name in ("job-deleted", "job-relabelled"):
            api.delete(f"{JOBS}/{name}")


def test_a_namespace_is_restored_beside_itself(tool, api, application, run):
    before = application()
    beside = f"{app.NAMESPACE}-copy"
    tool("backup", f"beside-{run}", "-n", app.NAMESPACE, "--yes")
    try:
        report = tool(
            "restore", "namespace", app.NAMESPACE, "--into", beside, "--from", f"beside-{run}", "--yes", "--json"
        ).json
        assert report["good"]
        binding = api.request("GET", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{beside}/rolebindings/grader")
        assert binding["subjects"][0]["namespace"] == beside
        assert compare(before, application()).whole
    finally:
        gone(api, f"/api/v1/namespaces/{beside}")


def test_missing_crds_come_back_before_the_namespace_that_needs_them(tool, api, application, run):
    before = application()
    tool("backup", f"both-{run}", "--pre-change", app.GROUP, "-n", app.NAMESPACE, "--yes")
    gone(api, NAMESPACE)
    gone(api, CRD)
    report = tool("restore", "namespace", app.NAMESPACE, "--from", f"both-{run}", "--yes", "--json").json
    assert len(report["steps"]) == 2
    assert compare(before, application()).whole


def test_a_cluster_comes_back_with_its_crds_first_and_its_webhooks_last(tool, api, application, run):
    by_hand = {"name": "database", "namespace": app.NAMESPACE}
    api.apply({"apiVersion": "v1", "kind": "Service", "metadata": by_hand, "spec": {"ports": [{"port": 5432}]}})
    subsets = [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 5432, "protocol": "TCP"}]}]
    api.apply({"apiVersion": "v1", "kind": "Endpoints", "metadata": by_hand, "subsets": subsets})
    before = application()
    name = f"cluster-{run}"
    webhook = f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{app.WEBHOOK}"
    try:
        made = tool("backup", name, "--pre-change", app.GROUP, "--yes", "--json", code=None).json
        assert made["phase"] == "Completed"
        for path in (NAMESPACE, CRD, webhook):
            gone(api, path)
        arguments = ("restore", "cluster", "--from", name)
        preview = tool(*arguments, "--preview", "--json").json
        assert api.find(NAMESPACE) is None
        report = tool(*arguments, "--yes", "--json").json
        assert [step["title"] for step in report["steps"]] == [
            "the whole cluster but its webhooks", f"Endpoints database -n {app.NAMESPACE}", "the webhooks",
        ]  # fmt: skip
        assert (report["good"], report["surprises"], fates(report)) == (True, [], fates(preview))
        found = compare(before, application())
        assert (found.lost, found.changed) == ((), {})
        assert api.request("GET", f"{NAMESPACE}/endpoints/database")["subsets"] == subsets
    finally:
        api.delete(f"{NAMESPACE}/services/database")
        api.delete(f"{NAMESPACE}/endpoints/database")


def test_a_restore_without_anybody_to_ask_changes_nothing(tool, api, application, run):
    tool("backup", f"asked-{run}", "-n", app.NAMESPACE, "--yes")
    api.delete(f"{NAMESPACE}/configmaps/portal")
    said = tool("restore", "object", "cm/portal", "-n", app.NAMESPACE, "--from", f"asked-{run}", code=2)
    assert "give --yes" in said.err
    assert api.find(f"{NAMESPACE}/configmaps/portal") is None


def test_a_schedules_backup_before_a_moment_is_the_one_that_is_meant(tool, velero, application, run):
    tool("backup", f"first-{run}", "--schedule", "daily-backup", "--count-for-schedule", "-n", app.NAMESPACE, "--yes")
    body = velero.api.request("GET", f"/apis/velero.io/v1/namespaces/velero/backups/first-{run}")
    moment = body["status"]["completionTimestamp"]
    # Velero's time stamps are whole seconds.
    wait_until(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > moment, seconds=5, what="a second passed")
    tool("backup", f"second-{run}", "--schedule", "daily-backup", "--count-for-schedule", "-n", app.NAMESPACE, "--yes")
    arguments = ("restore", "namespace", app.NAMESPACE, "--from", "daily-backup", "--preview", "--json")
    assert tool(*arguments).json["backup"] == f"second-{run}"
    assert tool(*arguments, "--at", moment).json["backup"] == f"first-{run}"
    unasked = tool("backup", f"third-{run}", "--schedule", "daily-backup", "-n", app.NAMESPACE, "--yes")
    assert "does not count for it" in unasked.all
    assert tool(*arguments).json["backup"] == f"second-{run}"


def test_a_backup_before_a_change_has_what_was_installed_a_second_ago(tool, api, application, run):
    kind = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    definition = {**app.definition(), "metadata": {"name": "widgets.young.example.com"}}
    definition["spec"] = {**definition["spec"], "group": "young.example.com", "names": kind}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.young.example.com"
    api.apply_all([definition])
    widget = {"apiVersion": "young.example.com/v1", "kind": "Widget", "spec": {"text": "a", "points": 1}}
    collection = f"/apis/young.example.com/v1/namespaces/{app.NAMESPACE}/widgets"
    wait_until(lambda: api.find(collection) is not None, seconds=30, what="widgets were served")
    api.request("POST", collection, {**widget, "metadata": {"name": "one"}})
    labels = api.request("GET", CARRIER)["metadata"]["labels"]
    try:
        plain = tool("backup", f"plain-young-{run}", "-n", app.NAMESPACE, "--cluster-resources", "--yes", code=1)
        assert "did not know the kind yet" in plain.out
        made = tool(
            "backup", f"young-{run}", "--pre-change", "young.example.com", "-n", app.NAMESPACE, "--yes", "--json"
        ).json
        assert made["discovery"]["nudged"]
        assert made["discovery"]["seconds"] < 60
        (widgets,) = [each for each in made["coverage"]["kinds"] if each["kind"] == "Widget"]
        assert (widgets["live"], widgets["saved"]) == (1, 1)
        unknown = tool("backup", f"unknown-{run}", "--pre-change", "nobody.example.com", "-n", app.NAMESPACE, "--yes",
                       code=1)  # fmt: skip
        assert "nobody.example.com" in unknown.out
    finally:
        gone(api, path)
    # The nudge leaves nothing behind.
    assert api.request("GET", CARRIER)["metadata"]["labels"] == labels
    for plural in ("backups", "restores", "deletebackuprequests"):
        names = [each["metadata"]["name"] for each in api.list(f"/apis/velero.io/v1/namespaces/velero/{plural}")]
        assert not [name for name in names if name.startswith("velero-eks-discovery")], plural
    # A kind that went is in the server's cache too, and makes backups fail in part; the nudge fixes that as well.
    after = tool("backup", f"after-{run}", "--pre-change", app.GROUP, "-n", app.NAMESPACE, "--yes", "--json").json
    assert after["phase"] == "Completed"


def service(name: str, labels: dict[str, str]):
    metadata = {"name": name, "namespace": app.NAMESPACE, "labels": labels}
    spec = {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"name": "http", "port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def job(name: str, labels: dict[str, str]):
    pod = {"restartPolicy": "Never", "containers": [{"name": "job", "image": "registry.example.com/job:1"}]}
    metadata = {"name": name, "namespace": app.NAMESPACE, "labels": labels}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def config_map(name: str, data: dict[str, str], labels: dict[str, str] | None = None):
    metadata = {"name": name, "namespace": app.NAMESPACE, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
