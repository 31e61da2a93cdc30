"""What `status` says of a real installation: green when all is well, red for each thing that is not."""

from __future__ import annotations

import base64
import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
import yaml

from lab.processes import wait_until
from tests.lab.tool import Tool, deny_bucket
from tests.lab.users import user_with
from velero_eks.kube.objects import Object

pytestmark = pytest.mark.lab

LOCATION = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default"
DEPLOYMENT = "/apis/apps/v1/namespaces/velero/deployments/velero"
SCHEDULES = "/apis/velero.io/v1/namespaces/velero/schedules"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def covered(velero):
    """A fresh backup of what the stack's objectives are about."""
    velero.completed(velero.backup("status-good", {"includedNamespaces": ["exam-prod"]}))


@pytest.fixture
def schedule(api):
    """Makes a Schedule; it is removed again."""
    made: list[str] = []

    def make(name: str, *, cron: str = "0 2 * * *", ttl: str = "24h0m0s", **spec: Any) -> None:
        made.append(name)
        template = {"ttl": ttl, "includedNamespaces": ["kube-public"], "storageLocation": "default"}
        body: Object = {
            "apiVersion": "velero.io/v1",
            "kind": "Schedule",
            "metadata": {"name": name, "namespace": "velero"},
            "spec": {"schedule": cron, "template": template, **spec},
        }
        api.apply(body)

    yield make
    for name in made:
        api.delete(f"{SCHEDULES}/{name}")


def problems(document: dict[str, Any], subject: str) -> list[dict[str, Any]]:
    return [problem for problem in document["problems"] if problem["subject"] == subject]


def the(document: dict[str, Any], subject: str) -> dict[str, Any]:
    (found,) = problems(document, subject)
    return found


def phase_of(api, name: str) -> str | None:
    return (api.find(f"{SCHEDULES}/{name}") or {}).get("status", {}).get("phase")


def test_all_is_well_after_a_backup(tool, covered):
    document = tool("status", "--json").json
    assert (document["version"], document["well"], document["server_ready"]) == (1, True, True)
    (objective,) = document["objectives"]
    assert (objective["namespace"], objective["met"]) == ("exam-prod", True)
    (daily,) = [schedule for schedule in document["schedules"] if schedule["name"] == "daily-backup"]
    assert daily["next"].endswith("T02:00:00+05:30")
    words = tool("status").out
    assert "OK: every objective is met." in words


def test_a_context_is_enough(tool, covered, lab):
    document = tool("status", "--json", where=("--context", lab.cluster.name)).json
    assert (document["stack"], document["objectives"]) == (None, [])
    assert document["locations"][0]["available"]


def test_a_missed_objective_turns_red(deployment, tool, api, tmp_path):
    stack = yaml.safe_load(deployment.stack_file.read_text())
    stack["config"]["velero-eks:recovery"]["namespaces"] = ["exam-prod", "long-ago", "never"]
    path = tmp_path / "Pulumi.local.yaml"
    path.write_text(yaml.safe_dump(stack))
    # A namespace of its own, in which the backups of other tests do not count and no server changes anything.
    place = "status-objectives"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}})
    location = {
        "apiVersion": "velero.io/v1",
        "kind": "BackupStorageLocation",
        "metadata": {"name": "default", "namespace": place},
        "spec": {**api.find(LOCATION)["spec"], "default": True},
        "status": {"phase": "Available"},
    }
    api.apply(location)
    now = datetime.now(UTC).replace(microsecond=0)
    for name, begun in (("long-ago", now - timedelta(days=2)), ("exam-prod", now - timedelta(hours=2))):
        body = {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": {"name": name, "namespace": place},
            "spec": {"includedNamespaces": [name], "storageLocation": "default", "ttl": "720h0m0s"},
            "status": {"phase": "Completed", "startTimestamp": begun.isoformat().replace("+00:00", "Z")},
        }
        api.apply(body)
    try:
        where = ("--stack", str(path), "--velero-namespace", place)
        document = tool("status", "--json", where=where, code=1).json
    finally:
        api.delete(f"/api/v1/namespaces/{place}")
    missed = the(document, "namespace long-ago")
    assert "its newest Completed backup, long-ago, started 2 days ago; the RPO is 24 h" in missed["message"]
    assert datetime.fromisoformat(missed["since"]) == now - timedelta(days=1)
    assert "it has no Completed backup" in the(document, "namespace never")["message"]
    assert problems(document, "namespace exam-prod") == []
    assert [objective["met"] for objective in document["objectives"]] == [True, False, False]


def test_a_paused_schedule_turns_red_and_the_proposed_command_mends_it(tool, covered, schedule, api, lab):
    schedule("paused")
    wait_until(lambda: phase_of(api, "paused") == "Enabled", seconds=30, what="the schedule was taken up")
    api.request("PATCH", f"{SCHEDULES}/paused", {"spec": {"paused": True}}, content=MERGE)
    found = the(tool("status", "--json", code=1).json, "schedule paused")
    assert found["since"] and found["message"].startswith("paused, by ")
    mend(api, lab, found["mend"])
    assert tool("status", "--json").json["well"]


def test_a_ttl_in_days_turns_red_and_the_proposed_command_mends_it(tool, covered, schedule, api, lab):
    schedule("in-days", ttl="30d")
    schedule("sound")
    found = the(tool("status", "--json", code=1).json, "schedule in-days")
    assert "none of the schedules of this cluster" in found["message"]
    assert found["since"]
    mend(api, lab, found["mend"])
    for name in ("in-days", "sound"):
        wait_until(lambda name=name: phase_of(api, name) == "Enabled", seconds=120, what=f"{name} was taken up")
    assert tool("status", "--json").json["well"]


def mend(api, lab, command: str) -> None:
    """Do what a proposed kubectl command would."""
    match = re.fullmatch(
        rf"kubectl --context {lab.cluster.name} -n velero patch schedule\.velero\.io (\S+) --type merge -p '(.*)'",
        command,
    )
    assert match, command
    api.request("PATCH", f"{SCHEDULES}/{match[1]}", json.loads(match[2]), content=MERGE)


def test_a_schedule_that_fails_its_validation_turns_red(tool, covered, schedule, api):
    schedule("invalid", cron="0 25 * * *")
    wait_until(lambda: phase_of(api, "invalid") == "FailedValidation", seconds=30, what="the schedule was refused")
    found = the(tool("status", "--json", code=1).json, "schedule invalid")
    assert "fails validation: invalid schedule" in found["message"]
    assert found["since"]


def test_a_schedule_whose_backup_fails_its_validation_turns_red(tool, covered, schedule, velero):
    schedule("misled")
    velero.api.request(
        "POST",
        "/apis/velero.io/v1/namespaces/velero/backups",
        {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": {"name": "misled-1", "labels": {"velero.io/schedule-name": "misled"}},
            "spec": {"storageLocation": "nowhere", "includedNamespaces": ["kube-public"]},
        },
    )
    path = "/apis/velero.io/v1/namespaces/velero/backups/misled-1"
    wait_until(
        lambda: (velero.api.find(path) or {}).get("status", {}).get("phase") == "FailedValidation",
        seconds=60, what="the backup was refused",
    )  # fmt: skip
    try:
        found = the(tool("status", "--json", code=1).json, "schedule misled")
        assert "its newest backup, misled-1, is FailedValidation" in found["message"]
        assert "nowhere" in found["message"]
    finally:
        velero.api.delete(path)


def test_a_bucket_that_refuses_turns_red_with_what_the_server_said(tool, covered, api, lab, deployment):
    spec = api.find(LOCATION)["spec"]
    wait_until(lambda: api.find(LOCATION)["status"].get("lastSyncedTime"), seconds=90, what="backups had been read")
    allow = deny_bucket(deployment)
    # The server looks every minute; here it must see it sooner.
    api.request("PATCH", LOCATION, {"spec": {"validationFrequency": "3s"}}, content=MERGE)
    try:
        wait_until(lambda: location_phase(api) == "Unavailable", seconds=120, what="the location was Unavailable")
        found = the(tool("status", "--json", code=1).json, "location default")
        assert found["message"].startswith("Unavailable, last seen available ")
        assert "AccessDenied" in found["message"]
        assert found["since"]
    finally:
        allow()
        wait_until(lambda: location_phase(api) == "Available", seconds=120, what="the location was Available again")
        before = {"validationFrequency": spec.get("validationFrequency")}
        api.request("PATCH", LOCATION, {"spec": before}, content=MERGE)
    assert tool("status", "--json").json["well"]


def location_phase(api) -> str | None:
    return (api.find(LOCATION) or {}).get("status", {}).get("phase")


def test_a_server_that_is_down_turns_red(tool, covered, api, lab, velero):
    api.request("PATCH", DEPLOYMENT, {"spec": {"replicas": 0}}, content=MERGE)
    try:
        wait_until(
            lambda: not (api.find(DEPLOYMENT) or {}).get("status", {}).get("availableReplicas"),
            seconds=60, what="the server had ended",
        )  # fmt: skip
        document = tool("status", "--json", code=1).json
        assert document["server_ready"] is False
        assert "the Deployment velero has no available replica" in the(document, "Velero server")["message"]
    finally:
        api.request("PATCH", DEPLOYMENT, {"spec": {"replicas": 1}}, content=MERGE)
        lab.cluster.wait_until_available("velero", "velero")
        velero.wait_until_location_is_available()


def test_the_wrong_context_lists_those_there_are(tool, lab):
    said = tool("status", where=("--context", "production"), code=2)
    assert f"no context 'production'; there is: {lab.cluster.name}" in said.err
    assert said.out == ""


def test_a_user_without_rights_is_told_which_verb_on_what(tool, lab, tmp_path):
    with user_with(lab, [], tmp_path / "kubeconfig") as kubeconfig:
        limited = Tool(tool.deployment, ("--context", "limited"), {"KUBECONFIG": str(kubeconfig)})
        said = limited("status", code=2)
    assert (
        'cannot list resource "backupstoragelocations" in API group "velero.io" in the namespace "velero"' in said.err
    )


def test_a_user_who_may_not_see_the_server_is_told_so_and_all_else(tool, covered, lab, tmp_path):
    rules = [{"apiGroups": ["velero.io"], "resources": ["*"], "verbs": ["get", "list"]}]
    with user_with(lab, rules, tmp_path / "kubeconfig") as kubeconfig:
        limited = Tool(tool.deployment, ("--context", "limited"), {"KUBECONFIG": str(kubeconfig)})
        document = limited("status", "--json").json
    assert document["server_ready"] is None
    assert document["locations"][0]["available"]


def test_without_a_context_the_cluster_is_found_in_eks_and_asked_with_a_signed_token(
    deployment, tool, covered, lab, tmp_path
):
    stack = yaml.safe_load(deployment.stack_file.read_text())
    del stack["config"]["velero-eks:cluster"]["context"]
    path = tmp_path / "Pulumi.local.yaml"
    path.write_text(yaml.safe_dump(stack))
    document = tool("status", "--json", where=("--stack", str(path))).json
    assert (document["cluster"], document["well"]) == (lab.cluster.name, True)
    stack["config"]["velero-eks:cluster"]["account"] = "999999999999"
    path.write_text(yaml.safe_dump(stack))
    said = tool("status", where=("--stack", str(path)), code=2)
    assert "belong to account 123456789012" in said.err and "and the stack to 999999999999" in said.err


def test_the_signed_token_is_a_question_that_sts_answers(deployment, lab, monkeypatch):
    from velero_eks.aws.client import eks_token

    for name, value in deployment.variables.items():
        monkeypatch.setenv(name, value)
    token = eks_token(lab.cluster.name, lab.cloud.region).removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    tls = ssl.create_default_context(cafile=str(lab.cloud.bundle))
    with urllib3.PoolManager(ssl_context=tls) as pool:
        answer = pool.request("GET", url, headers={"x-k8s-aws-id": lab.cluster.name}, timeout=10, retries=False)
    assert (answer.status, urlsplit(url).query.count("X-Amz-Signature")) == (200, 1)
    assert lab.cloud.account in answer.data.decode()
