"""Drills in the lab: what a good one proves, what a bad one finds, and that neither leaves anything behind."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from lab.processes import wait_until
from lab.rehearsal import application as app
from lab.rehearsal.incidents import deploy
from tests.lab.tool import refusal

pytestmark = pytest.mark.lab

NAMESPACE = f"/api/v1/namespaces/{app.NAMESPACE}"


@pytest.fixture
def application(api):
    """The sample application, whole."""
    deploy(api)


def test_a_drill_proves_the_newest_backup_and_leaves_nothing_behind(tool, api, deployment, application, run):
    held = {"name": "held", "namespace": app.NAMESPACE, "finalizers": ["example.com/hold"]}
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held, "data": {"value": "x"}})
    balanced = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "balanced", "namespace": app.NAMESPACE},
        "spec": {"type": "LoadBalancer", "selector": {"a": "b"}, "externalTrafficPolicy": "Local",
                 "ports": [{"port": 80, "nodePort": 30080}]},
    }  # fmt: skip
    api.apply(balanced)
    ported = {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80, "nodePort": 30090}]}
    metadata = {"name": "ported", "namespace": app.NAMESPACE}
    api.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ported})
    api.apply(stateful_set("queue"))
    try:
        arguments = ("--schedule", "daily-backup", "--count-for-schedule", "--pre-change", app.GROUP, "--yes")
        tool("backup", f"drilled-{run}", *arguments)
        junit, markdown = deployment.workspace / "drill.xml", deployment.workspace / "drill.md"
        reports = ("--junit", str(junit), "--markdown-file", str(markdown))
        found = tool("drill", "--schedule", "daily-backup", "--yes", "--json", *reports).json
        assert found["good"]
        assert (found["backup"], found["phase"], found["wrong"]) == (f"drilled-{run}", "Completed", [])
        told = {check["name"]: check["found"] for check in found["checks"]}
        assert told["objects: Question.exam.example.com"] == "12 accepted by a dry run"
        assert told["objects: Service"] == "4 as in the backup"
        assert told["objects: StatefulSet.apps"] == "1 as in the backup"
        suite = ElementTree.fromstring(junit.read_text())  # noqa: S314 - the tool wrote it
        assert (suite.get("failures"), suite.get("tests")) == ("0", str(len(found["checks"])))
        assert f" drilled-{run}: " in markdown.read_text()
        really = tool("drill", "--custom-resources", "--yes", "--json").json
        told = {check["name"]: check["found"] for check in really["checks"]}
        assert told["objects: Question.exam.example.com"] == "12 as in the backup"
        late = tool("drill", "--within", "1s", "--yes", "--json", code=1).json
        assert [check["name"] for check in late["checks"] if not check["good"]] == ["recovery time"]
        assert nothing_of_drills(api) == []
    finally:
        api.request("PATCH", f"{NAMESPACE}/configmaps/held", {"metadata": {"finalizers": None}},
                    content="application/merge-patch+json")  # fmt: skip
        api.delete(f"{NAMESPACE}/configmaps/held")
        api.delete(f"{NAMESPACE}/services/balanced")
        api.delete(f"{NAMESPACE}/services/ported")
        api.delete(f"/apis/apps/v1/namespaces/{app.NAMESPACE}/statefulsets/queue")


def test_a_drill_finds_what_would_not_come_back(tool, api, application, run):
    path = f"{NAMESPACE}/resourcequotas/limits"
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "limits", "namespace": app.NAMESPACE}}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-quotas"},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["resourcequotas"],
                 "resourceNames": ["limits"]}]},
            "validations": [{"expression": "false", "message": "no quotas any more"}],
        },
    }  # fmt: skip
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-quotas"}, "spec": {"policyName": "no-quotas", "validationActions": ["Deny"]},
    }  # fmt: skip
    root = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    api.apply({**quota, "spec": {"hard": {"configmaps": "100"}}})
    tool("backup", f"limits-{run}", "--schedule", "daily-backup", "--count-for-schedule", "-n", app.NAMESPACE, "--yes")
    try:
        api.apply(policy)
        api.apply(binding)
        probe = {**quota, "metadata": {**quota["metadata"], "name": "limits", "namespace": "default"}}
        wait_until(lambda: _refused(api, probe), seconds=30, what="the policy refused quotas")
        found = tool("drill", "--namespace", app.NAMESPACE, "--yes", "--json", code=1).json
    finally:
        api.delete(f"{root}ybindings/no-quotas")
        api.delete(f"{root}ies/no-quotas")
        api.delete(path)
    assert found["phase"] == "PartiallyFailed"
    assert [(each["kind"], each["name"], each["state"]) for each in found["wrong"]] == [
        ("ResourceQuota", "limits", "missing")
    ]
    assert "no quotas any more" in json.dumps(found["messages"])
    assert nothing_of_drills(api) == []


def stateful_set(name: str):
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": name, "image": "example.com/q:1"}]},
    }
    spec = {"replicas": 2, "serviceName": name, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    metadata = {"name": name, "namespace": app.NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def nothing_of_drills(api) -> list[str]:
    """What is left of drills, which must be nothing."""
    paths = (
        "/api/v1/namespaces",
        "/apis/velero.io/v1/namespaces/velero/restores",
        "/api/v1/namespaces/velero/configmaps",
    )
    return [
        body["metadata"]["name"]
        for path in paths
        for body in api.list(path)
        if "velero-eks/drill" in (body["metadata"].get("labels") or {})
    ]


def _refused(api, body) -> bool:
    return "no quotas any more" in refusal(api, "/api/v1/namespaces/default/resourcequotas", body)
