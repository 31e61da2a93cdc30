"""What the API server says of a preview by dry runs, and what is made of it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.velero_eks.recovery.restore.made import body, fates, live, stored
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Answer
from velero_eks.recovery.restore.prediction import Fate, predict
from velero_eks.recovery.restore.preview import ask
from velero_eks.velero.restore_spec import RestoreSpec

SHOP = body("Namespace", "shop")
DISCOVERY = {
    "kind": "APIGroupDiscoveryList",
    "items": [{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
        {"resource": plural, "scope": "Namespaced", "responseKind": {"kind": kind},
         "verbs": ["create", "get", "list", "patch"]}
        for plural, kind in (("configmaps", "ConfigMap"), ("persistentvolumeclaims", "PersistentVolumeClaim"))
    ]}]}],
}  # fmt: skip
NO_GROUPS = {"kind": "APIGroupDiscoveryList", "items": []}


class Server:
    """An API server that answers a write with `answer(method, path, body)`: a status and a document."""

    name = "test"
    server = "https://api.example.com"

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.writes: list[tuple[str, str, Any]] = []
        self._lock = threading.Lock()

    def send(self, method: str, path: str, query: Any, headers: Any, body: Any, seconds: float) -> Answer:
        if method == "GET":
            return Answer(200, {}, json.dumps(DISCOVERY if path == "/api" else NO_GROUPS).encode())
        with self._lock:
            self.writes.append((method, path, body))
        # A preview that wrote anything would be none.
        assert ("dryRun", "All") in query
        status, document = self.answer(method, path, body)
        return Answer(status, {}, json.dumps(document).encode())


def accept(method: str, path: str, body: Any) -> tuple[int, Any]:
    return 200, body


def refusing(status: int, reason: str, message: str, *names: str):
    """Refuses objects by name, all without names."""

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if names and body["metadata"].get("name") not in names:
            return 200, body
        return status, {"kind": "Status", "reason": reason, "message": message, "code": status}

    return answer


def asked(answer: Any, count: int = 3, *, limit: int = 200, existing: Any = "keep", there: Any = (), **more: Any):
    contents = [stored("ConfigMap", f"c{number:03}", "shop", data={"k": "saved"}) for number in range(count)]
    spec = RestoreSpec(backup="b", existing=existing, namespaces=("shop",))
    state = live([SHOP, *there])
    server = Server(answer)
    return ask(Cluster(server), predict(spec, contents, state), state, limit=limit, **more), server


def test_what_the_server_takes_is_created_as_foretold():
    found, server = asked(accept)
    assert set(fates(found.predictions).values()) == {"created", "kept as it is"}
    assert len(server.writes) == 3
    assert found.silent == {}


def test_what_the_server_refuses_is_in_the_way_with_its_own_words():
    found, _ = asked(refusing(403, "Forbidden", 'admission webhook "check" denied the request: no', "c001"))
    (blocked,) = [each for each in found.predictions if each.fate is Fate.BLOCKED]
    assert (blocked.key.name, blocked.reason) == ("c001", 'admission webhook "check" denied the request: no')


def test_of_thousands_one_of_a_kind_is_asked_about_and_its_refusal_leads_to_more():
    _, server = asked(accept, 500, limit=50)
    assert len(server.writes) == 1
    refused, server = asked(refusing(500, "InternalError", "failed calling webhook"), 500, limit=50)
    assert len(server.writes) == 50
    blocked = [each for each in refused.predictions if each.fate is Fate.BLOCKED]
    assert len(blocked) == 500
    assert blocked[-1].reason == "as for others of its kind: failed calling webhook"


def test_a_refusal_of_one_object_does_not_stand_for_its_kind():
    found, _ = asked(refusing(422, "Invalid", "bad value", "c000"), 500, limit=50)
    assert [each.key.name for each in found.predictions if each.fate is Fate.BLOCKED] == ["c000"]


def test_a_right_that_is_missing_is_said_and_blocks_nothing():
    message = 'configmaps is forbidden: User "nobody" cannot create resource "configmaps"'
    found, _ = asked(refusing(403, "Forbidden", message))
    assert set(found.silent) == {"configmaps"}
    assert Fate.BLOCKED not in {each.fate for each in found.predictions}


def test_a_webhook_that_knows_no_dry_run_is_said_and_blocks_nothing():
    found, _ = asked(refusing(400, "BadRequest", 'admission webhook "w" does not support dry run'))
    assert "does not support dry run" in found.silent["configmaps"]
    assert Fate.BLOCKED not in {each.fate for each in found.predictions}


def test_a_webhook_that_an_earlier_step_mends_blocks_nothing():
    answer = refusing(500, "InternalError", 'failed calling webhook "check.example.com": no endpoints')
    found, _ = asked(answer, mended={"check.example.com"})
    assert Fate.BLOCKED not in {each.fate for each in found.predictions}


@pytest.mark.parametrize(("result", "fate"), [("saved", Fate.CHANGED), ("live", Fate.KEPT)])
def test_a_change_is_what_the_server_makes_of_it(result, fate):
    there = [body("ConfigMap", "c000", "shop", data={"k": "live"}, uid="1")]

    def answer(method: str, path: str, patch: Any) -> tuple[int, Any]:
        assert (method, patch) == ("PATCH", {"data": {"k": "saved"}})
        return 200, body("ConfigMap", "c000", "shop", data={"k": result}, uid="1")

    found, _ = asked(answer, 1, existing="update", there=there)
    (told,) = [each for each in found.predictions if each.key.name == "c000"]
    assert told.fate is fate


def test_a_claim_is_asked_about_as_velero_sends_it_without_the_volume_that_it_makes_anew():
    spec = {"volumeName": "pv-1", "resources": {}}
    volume = stored("PersistentVolume", "pv-1", spec={"persistentVolumeReclaimPolicy": "Delete"})
    claim = stored("PersistentVolumeClaim", "data", "shop", spec=spec, labels={"l": "saved"}, status={"phase": "Bound"})
    state = live([SHOP, body("PersistentVolumeClaim", "data", "shop", spec=spec, labels={"l": "live"})])
    server = Server(refusing(422, "Invalid", "spec is immutable after creation"))
    wanted = RestoreSpec(backup="b", existing="update", namespaces=("shop",))
    found = ask(Cluster(server), predict(wanted, [claim, volume], state), state)
    assert [sent for _, _, sent in server.writes] == [
        {"metadata": {"labels": {"l": "saved"}}, "spec": {"volumeName": None}}
    ]
    assert [each.key.name for each in found.predictions if each.fate is Fate.BLOCKED] == ["data"]


def test_nothing_is_asked_about_a_namespace_that_is_not_there():
    contents = [stored("ConfigMap", "c", "shop")]
    state = live([])
    server = Server(accept)
    spec = RestoreSpec(backup="b", existing="keep", namespaces=("shop",))
    ask(Cluster(server), predict(spec, contents, state), state)
    assert server.writes == []
