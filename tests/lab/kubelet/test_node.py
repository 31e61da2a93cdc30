"""The stand-in node against a real control plane: what a Deployment asks for runs, and only as long as it does.

The server is a small program here; the real one is rehearsed elsewhere.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.cluster import Cluster
from lab.environment import LabEnvironment, running_lab
from lab.kubelet.pod_status import NOT_RUN
from lab.processes import LabError, wait_until
from lab.programs import require_programs
from velero_eks.kube.objects import Object

pytestmark = pytest.mark.lab

LIMIT = 60.0
SERVER = """#!{python}
import http.server, json, os, sys

host, port = [item for item in sys.argv if item.startswith("--metrics-address=")][-1].split("=")[1].split(":")
print(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}), flush=True)
if "CRASH" in os.environ:
    sys.exit("it cannot go on")

class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

http.server.HTTPServer((host, int(port)), Metrics).serve_forever()
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabEnvironment]:
    folder = tmp_path_factory.mktemp("programs")
    server = folder / "velero"
    server.write_text(SERVER.format(python=sys.executable))
    plugins = folder / "plugins"
    plugins.mkdir()
    (plugins / "velero-plugin-for-aws").write_text("#!/bin/sh\n")
    for program in (server, plugins / "velero-plugin-for-aws"):
        program.chmod(0o755)
    programs = replace(require_programs(), velero=server, plugin_dir=plugins)
    with running_lab(programs, tmp_path_factory.mktemp("lab")) as lab:
        api = lab.cluster.api
        for name in ("exam-prod", "velero"):
            api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/velero"}
        metadata = {"name": "velero-server", "namespace": "velero", "annotations": annotations}
        api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        yield lab


@pytest.fixture
def cluster(lab: LabEnvironment) -> Iterator[Cluster]:
    yield lab.cluster
    lab.cluster.api.delete("/apis/apps/v1/namespaces/velero/deployments/velero")
    wait_until(lambda: not pods(lab.cluster, "velero"), seconds=LIMIT, what="the Velero Pods were gone")
    wait_until(lambda: (found := lab.cluster.velero()) is None or found.pid is None, seconds=LIMIT, what="none ran")


def deployment(name: str, namespace: str, container: Object, **pod: Any) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, **container}], **pod}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}, "template": template},
    }


def velero(**environment: str) -> Object:
    container = {
        "image": "velero/velero:v1.18.2",
        "command": ["/velero"],
        "args": ["server"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "volumeMounts": [{"name": "plugins", "mountPath": "/plugins"}],
    }
    plugin = {
        "name": "aws",
        "image": "velero/velero-plugin-for-aws:v1.14.2",
        "volumeMounts": [{"name": "plugins", "mountPath": "/target"}],
    }
    return deployment(
        "velero",
        "velero",
        container,
        serviceAccountName="velero-server",
        initContainers=[plugin],
        volumes=[{"name": "plugins", "emptyDir": {}}],
    )


def pods(cluster: Cluster, namespace: str) -> list[Object]:
    return cluster.api.list(f"/api/v1/namespaces/{namespace}/pods")


def deployed(cluster: Cluster, **environment: str) -> int:
    """The process id of the server, once its Deployment is available."""
    cluster.api.apply(velero(**environment))
    cluster.wait_until_available("velero", "velero", LIMIT)
    server = cluster.velero()
    assert server is not None
    assert server.pid is not None
    return server.pid


def last_start(cluster: Cluster) -> dict[str, Any]:
    server = cluster.velero()
    assert server is not None
    return json.loads([line for line in server.log.read_text().splitlines() if line.startswith("{")][-1])


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def wait_for_another(cluster: Cluster, pid: int) -> int:
    def another() -> bool:
        server = cluster.velero()
        return server is not None and server.pid not in {None, pid} and server.ready

    wait_until(another, seconds=LIMIT, what="another server was ready")
    server = cluster.velero()
    assert server is not None
    assert server.pid is not None
    return server.pid


def test_an_application_becomes_available_and_says_that_nothing_runs(cluster: Cluster) -> None:
    cluster.api.apply(deployment("web", "exam-prod", {"image": "registry.example/web:1"}))
    cluster.wait_until_available("exam-prod", "web", LIMIT)
    assert [pod["status"]["message"] for pod in pods(cluster, "exam-prod")] == [NOT_RUN]


def test_a_server_gets_its_role_its_token_and_none_of_the_labs_own_credentials(
    lab: LabEnvironment, cluster: Cluster
) -> None:
    deployed(cluster)
    environment = last_start(cluster)["environment"]
    assert environment["AWS_ROLE_ARN"] == "arn:aws:iam::123456789012:role/velero"
    assert Path(environment["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text().count(".") == 2
    assert environment["AWS_ENDPOINT_URL_STS"] == lab.cloud.endpoint
    assert not {"AWS_ACCESS_KEY_ID", "KUBECONFIG", "AWS_ENDPOINT_URL"} & environment.keys()


def test_a_killed_server_is_started_again_in_the_same_pod(cluster: Cluster) -> None:
    deployed(cluster)
    before = pods(cluster, "velero")[0]["metadata"]["uid"]
    wait_for_another(cluster, cluster.kill_velero())
    pod = pods(cluster, "velero")[0]
    status = pod["status"]["containerStatuses"][0]
    assert pod["metadata"]["uid"] == before
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 137


def test_a_changed_deployment_gets_a_new_server_and_the_old_one_ends(cluster: Cluster) -> None:
    first = deployed(cluster, LEVEL="info")
    second = deployed(cluster, LEVEL="debug")
    assert second != first
    assert not runs(first)
    assert last_start(cluster)["environment"]["LEVEL"] == "debug"


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(cluster: Cluster) -> None:
    cluster.api.apply(velero(CRASH="yes"))

    def crashed_twice() -> bool:
        server = cluster.velero()
        return server is not None and server.restarts >= 2

    wait_until(crashed_twice, seconds=LIMIT, what="the server had crashed twice")
    with pytest.raises(LabError, match=r"exit code 1.*\n.*\n?.*it cannot go on"):
        cluster.wait_until_available("velero", "velero", seconds=0)


def test_a_server_that_cannot_be_started_says_what_is_missing(cluster: Cluster) -> None:
    document = velero()
    source = {"secretKeyRef": {"name": "nowhere", "key": "password"}}
    document["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "PASSWORD", "valueFrom": source}]
    cluster.api.apply(document)

    def waits() -> bool:
        return any("containerStatuses" in pod["status"] for pod in pods(cluster, "velero"))

    wait_until(waits, seconds=LIMIT, what="the Pod had a status")
    with pytest.raises(LabError, match="CreateContainerConfigError: secret 'nowhere' not found"):
        cluster.wait_until_available("velero", "velero", seconds=0)


def test_a_pod_that_admission_refuses_is_explained(cluster: Cluster) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": labels}})
    cluster.api.apply(deployment("web", "strict", {"image": "web:1"}))

    def refused() -> bool:
        sets = cluster.api.list("/apis/apps/v1/namespaces/strict/replicasets")
        return any(item["status"].get("conditions") for item in sets)

    wait_until(refused, seconds=LIMIT, what="the Pod was refused")
    with pytest.raises(LabError, match="violates PodSecurity"):
        cluster.wait_until_available("strict", "web", seconds=0)


def test_a_killed_node_takes_the_server_along_and_a_new_one_starts_it_again(cluster: Cluster) -> None:
    first = deployed(cluster)
    assert cluster.node is not None
    cluster.node.kill()
    wait_until(lambda: not runs(first), seconds=LIMIT, what="the server had ended with its node")
    cluster.start_node()
    assert wait_for_another(cluster, first) != first


def test_the_server_stays_while_the_api_server_is_away(cluster: Cluster) -> None:
    first = deployed(cluster)
    plane = cluster.control_plane
    assert plane.api_server is not None
    plane.api_server.kill()
    assert runs(first)
    plane.restart_api_server()
    cluster.wait_until_available("velero", "velero", LIMIT)
    server = cluster.velero()
    assert server is not None
    assert server.pid == first
    os.kill(first, 0)
