"""Requests to an API server: pages, refusals in words, and what is asked again."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from tests.velero_eks.kube.api_server import Request, api_server, kubeconfig, status
from velero_eks.errors import ApiError, BadTarget, Conflict, Forbidden, NotAllowed, NotFound, Unreachable
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import named_context

CONFIG_MAPS = "/api/v1/namespaces/exam-prod/configmaps"
DISCOVERY = json.loads((Path(__file__).parents[1] / "recovery" / "data" / "discovery.json").read_text(encoding="utf-8"))
# As an API server words it for a user without rights.
FORBIDDEN = (
    'backups.velero.io is forbidden: User "oncall" cannot list resource "backups" in API group "velero.io" in the'
    ' namespace "velero"'
)


@pytest.fixture
def connect(tmp_path, monkeypatch):
    """A cluster whose API server answers with the given function, and what it was asked."""
    stack = []

    def make(answer):
        server = api_server(answer)
        answering = server.__enter__()
        stack.append(server)
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", {"exam": answering.url})))
        return Cluster.by_context("exam"), answering

    yield make
    for server in stack:
        server.__exit__(None, None, None)


def config_maps(first: int, last: int, token: str = "") -> dict:
    items = [{"metadata": {"name": f"c{number}", "namespace": "exam-prod"}} for number in range(first, last)]
    return {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"continue": token}, "items": items}


def test_a_list_goes_on_to_the_last_page_and_says_each_objects_kind(connect):
    def answer(asked: Request):
        return 200, config_maps(2, 3) if asked.query.get("continue") == "more" else config_maps(0, 2, "more")

    cluster, answering = connect(answer)
    found = list(cluster.list(CONFIG_MAPS, labels="app=grader"))
    assert [item["metadata"]["name"] for item in found] == ["c0", "c1", "c2"]
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}
    assert [asked.query["labelSelector"] for asked in answering.asked] == ["app=grader", "app=grader"]


def test_a_list_that_became_too_old_goes_on_with_the_token_that_the_server_gives(connect):
    def answer(asked: Request):
        token = asked.query.get("continue")
        if token == "old":
            code, body = status(410, "Expired", "The provided continue parameter is too old")
            return code, {**body, "metadata": {"continue": "fresh"}}
        return 200, config_maps(1, 2) if token == "fresh" else config_maps(0, 1, "old")

    cluster, _ = connect(answer)
    assert [item["metadata"]["name"] for item in cluster.list(CONFIG_MAPS)] == ["c0", "c1"]


def test_metadata_alone_is_asked_for_by_the_accept_header(connect):
    cluster, answering = connect(lambda asked: (200, config_maps(0, 1)))
    list(cluster.list(CONFIG_MAPS, metadata_only=True))
    assert "as=PartialObjectMetadataList" in answering.asked[0].headers["Accept"]


def test_the_token_of_the_kubeconfig_goes_with_every_request(connect):
    cluster, answering = connect(lambda asked: (200, {"gitVersion": "v1.34.1"}))
    assert cluster.version() == "v1.34.1"
    headers = {name.lower(): value for name, value in answering.asked[0].headers.items()}
    assert headers["authorization"] == "Bearer a-token"


def test_who_may_not_is_told_which_verb_on_what(connect):
    cluster, _ = connect(lambda asked: status(403, "Forbidden", FORBIDDEN))
    with pytest.raises(Forbidden, match=r'cannot list resource "backups" in API group "velero\.io"') as error:
        list(cluster.list("/apis/velero.io/v1/namespaces/velero/backups"))
    assert error.value.exit_code == 2


def test_a_webhook_that_refuses_is_no_missing_right(connect):
    text = 'admission webhook "check.exam.example.com" denied the request: no questions today'
    cluster, _ = connect(lambda asked: status(403, "Forbidden", text))
    with pytest.raises(ApiError, match="no questions today") as error:
        cluster.create(CONFIG_MAPS, {"metadata": {"name": "x"}})
    assert not isinstance(error.value, NotAllowed)


def test_credentials_that_the_server_does_not_know_are_called_so(connect):
    cluster, _ = connect(lambda asked: status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(NotAllowed, match="does not know these credentials"):
        cluster.version()


def test_what_is_not_there_is_none_to_find_and_false_to_delete(connect):
    cluster, _ = connect(lambda asked: status(404, "NotFound", 'configmaps "x" not found'))
    assert cluster.find(f"{CONFIG_MAPS}/x") is None
    assert cluster.delete(f"{CONFIG_MAPS}/x") is False
    with pytest.raises(NotFound):
        cluster.get(f"{CONFIG_MAPS}/x")


def test_what_exists_already_is_a_conflict(connect):
    cluster, _ = connect(lambda asked: status(409, "AlreadyExists", 'configmaps "x" already exists'))
    with pytest.raises(Conflict):
        cluster.create(CONFIG_MAPS, {"metadata": {"name": "x"}})


@pytest.mark.parametrize(
    ("send", "content", "query"),
    [
        (lambda cluster: cluster.patch(f"{CONFIG_MAPS}/x", {"data": {}}), "application/merge-patch+json", {}),
        (
            lambda cluster: cluster.apply(f"{CONFIG_MAPS}/x", {"kind": "ConfigMap"}, force=True, dry_run=True),
            "application/apply-patch+yaml",
            {"fieldManager": "velero-eks", "force": "true", "dryRun": "All"},
        ),
    ],
)
def test_a_patch_says_what_kind_of_patch_it_is(connect, send, content, query):
    cluster, answering = connect(lambda asked: (200, {}))
    send(cluster)
    asked = answering.asked[0]
    assert (asked.method, asked.headers["Content-Type"], asked.query) == ("PATCH", content, query)


def test_a_delete_of_one_very_object_names_its_uid(connect):
    cluster, answering = connect(lambda asked: (200, {}))
    assert cluster.delete(f"{CONFIG_MAPS}/x", uid="1-2-3")
    assert answering.asked[0].body["preconditions"] == {"uid": "1-2-3"}


def test_a_server_that_sheds_load_is_asked_again_after_the_time_that_it_says(connect):
    busy = iter([status(429, "TooManyRequests", "too many requests")] * 2)
    cluster, answering = connect(lambda asked: next(busy, (200, {"gitVersion": "v1.34.1"})))
    answering.retry_after = "3"
    waited: list[float] = []
    patient = Cluster(cluster._connection, sleep=waited.append)
    assert patient.version() == "v1.34.1"
    assert waited == [3.0, 3.0]


def test_nobody_waits_an_hour_for_one_request(connect):
    cluster, answering = connect(lambda asked: status(429, "TooManyRequests", "too many requests"))
    answering.retry_after = "3600"
    waited: list[float] = []
    with pytest.raises(ApiError, match="too many requests"):
        Cluster(cluster._connection, sleep=waited.append).version()
    assert sum(waited) <= 15


def test_an_answer_that_is_no_json_comes_from_something_else(connect):
    cluster, _ = connect(lambda asked: (200, "<html>Sign in</html>"))
    with pytest.raises(Unreachable, match="is this the address of an API server"):
        cluster.version()


def test_a_refused_connection_names_the_address_and_the_context(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", {"exam": url})))
    with pytest.raises(Unreachable, match=f"exam: no answer from {url}: it refused the connection"):
        Cluster.by_context("exam").version()


def test_a_server_that_says_nothing_is_given_up(tmp_path, monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", {"exam": url})))
        with pytest.raises(Unreachable, match="it accepted the connection but sent no complete answer"):
            Cluster.by_context("exam").request("POST", CONFIG_MAPS, {}, seconds=0.1)


def test_a_connection_that_is_closed_without_an_answer_is_told_in_words(tmp_path, monkeypatch):
    with socket.socket() as rude:
        rude.bind(("127.0.0.1", 0))
        rude.listen()
        url = f"http://127.0.0.1:{rude.getsockname()[1]}"

        def hang_up() -> None:
            with rude.accept()[0] as connection:
                connection.recv(4096)

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", {"exam": url})))
        with pytest.raises(Unreachable, match="it closed the connection without an answer"):
            Cluster.by_context("exam").request("POST", CONFIG_MAPS, {}, seconds=120)
        thread.join(120)


def test_an_unknown_context_lists_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", {"exam": "http://a", "dr": "http://b"})))
    with pytest.raises(BadTarget, match="no context 'prod'; there are: dr, exam"):
        Cluster.by_context("prod")


def test_contexts_of_several_kubeconfigs_are_all_known(tmp_path, monkeypatch):
    paths = [kubeconfig(tmp_path / name, {name: f"http://{name}"}) for name in ("one", "two")]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, paths)))
    assert named_context("two").server == "http://two"


@pytest.mark.parametrize("content", ["", "contexts: {a: b}", "[1", "clusters: 3"])
def test_a_broken_kubeconfig_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "config").write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(BadTarget, match="kubeconfig"):
        Cluster.by_context("exam")


def test_no_kubeconfig_says_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(BadTarget, match=r"give a --stack without cluster\.context"):
        Cluster.by_context("exam")


def served(asked: Request):
    return 200, DISCOVERY[0 if asked.path == "/api" else 1]


def test_discovery_is_asked_once_until_it_is_wanted_afresh(connect):
    cluster, answering = connect(served)
    assert cluster.kind("apps", "Deployment") and cluster.kind("exam.example.com", "Question")
    assert cluster.kind("apps", "Question") is None
    assert len(answering.asked) == 2
    cluster.kinds(afresh=True)
    assert len(answering.asked) == 4


def test_an_object_of_a_kind_that_is_not_served_asks_for_its_crd(connect):
    cluster, _ = connect(served)
    assert cluster.kind_of({"apiVersion": "apps/v1", "kind": "Deployment"}).plural == "deployments"
    with pytest.raises(BadTarget, match=r"no kind Widget in new\.example\.com; install its CRD"):
        cluster.kind_of({"apiVersion": "new.example.com/v1", "kind": "Widget"})


def test_a_server_without_aggregated_discovery_is_too_old(connect):
    cluster, _ = connect(lambda asked: (200, {"kind": "APIGroupList", "groups": []}))
    with pytest.raises(BadTarget, match=r"Kubernetes 1\.30"):
        cluster.kinds()
