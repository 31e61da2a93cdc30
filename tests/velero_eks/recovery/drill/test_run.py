"""A drill from its scratch namespaces to its clean-up, which nothing keeps it from, and which touches no one else's."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import NOW, backup
from tests.velero_eks.recovery.restore.api import Api, refused, session
from tests.velero_eks.recovery.restore.made import body, stored
from velero_eks.errors import BadTarget
from velero_eks.kube.objects import Object
from velero_eks.recovery.drill import scratch
from velero_eks.recovery.drill.run import drill
from velero_eks.recovery.drill.scratch import Mark, leftovers, make_namespace, remove_all
from velero_eks.recovery.drill.verdict import CopyState
from velero_eks.recovery.session import Session
from velero_eks.time_limit import TimeUp
from velero_eks.velero.backup_contents import Unread

CONTENTS = [
    stored("ConfigMap", "config", "shop", data={"k": "saved"}),
    stored("ConfigMap", "lost", "shop", data={"k": "saved"}),
    stored("ConfigMap", "held", "shop", finalizers=["example.com/hold"]),
]
ORIGINAL = [body("Namespace", "shop"), body("ConfigMap", "config", "shop", data={"k": "live"})]


class Bucket:
    def restore_messages(self, name: str) -> list[Any]:
        return []


@pytest.fixture(autouse=True)
def bucket(monkeypatch):
    monkeypatch.setattr(Session, "store", lambda *_: Bucket())


class Server(Api):
    """Restores all but `lost` in the moment in which the Restore is made."""

    def put(self, body: Object) -> None:
        super().put(body)
        if body["kind"] != "Restore":
            return
        body["status"] = {"phase": "Completed"}
        (target,) = body["spec"]["namespaceMapping"].values()
        for item in CONTENTS:
            if item.place.name != "lost":
                metadata = {"name": item.place.name, "namespace": target}
                super().put({**item.body, "metadata": metadata})


def drilled(api: Api):
    return drill(
        session(api), backup("b"), CONTENTS, ("shop",), began=NOW, custom_too=False, seconds=5, unread=Unread()
    )  # fmt: skip


def left(api: Api) -> tuple[list[str], list[str]]:
    marked = [
        path for path, each in api.objects.items() if "velero-eks/drill" in (each["metadata"].get("labels") or {})
    ]
    return api.names("Namespace"), [path for path in marked if "resourcequotas" not in path]


def test_a_drill_compares_the_copy_and_leaves_nothing_behind():
    api = Server(*ORIGINAL)
    found = drilled(api)
    assert {each.key.name: each.state for each in found.compared} == {
        "config": CopyState.SAME, "lost": CopyState.MISSING, "held": CopyState.SAME,
    }  # fmt: skip
    assert (found.left, found.problem) == ((), "")
    assert left(api) == (["shop"], [])


def test_another_drill_leaves_one_that_runs_alone_for_as_long_as_it_may_take():
    """A Restore may take all of its `seconds`, and the clean-up comes on top: until then no one else may delete it."""
    seen: list[tuple[dict[str, list[str]], dict[str, list[str]]]] = []

    def on(method: str, path: str, _: Any) -> tuple[int, Any] | None:
        if method == "GET" and "/restores/" in path and not seen:
            other = session(Api(*(each for each in api.objects.values() if each["kind"] in ("Namespace", "Restore"))))
            now = datetime.now(UTC)
            seen.append((leftovers(other, now=now + timedelta(seconds=1800)), leftovers(other, any_age=True)))
        return None

    api = Server(*ORIGINAL, on=on)
    drill(session(api), backup("b"), CONTENTS, ("shop",), began=NOW, custom_too=False, seconds=1800, unread=Unread())
    ((expired, running),) = seen
    assert expired == {}
    assert [len(namespaces) for namespaces in running.values()] == [1]


def test_a_drill_that_may_not_restore_is_a_failed_one_and_cleans_up():
    def on(method: str, path: str, _: Any) -> tuple[int, Any] | None:
        return refused(422, "Invalid", "no restores today") if method == "POST" and "restores" in path else None

    api = Server(*ORIGINAL, on=on)
    found = drilled(api)
    assert "no restores today" in found.problem
    assert left(api) == (["shop"], [])


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_neither_an_interrupt_nor_a_second_signal_keeps_a_drill_from_its_clean_up(second, capfd):
    """CI sends SIGTERM seconds after SIGINT."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    seen: list[str] = []

    def on(method: str, path: str, _: Any) -> tuple[int, Any] | None:
        if method == "GET" and "/restores/" in path and not seen:
            seen.append(path)
            raise KeyboardInterrupt
        if method == "DELETE":
            os.kill(os.getpid(), second)
        return None

    api = Server(*ORIGINAL, on=on)
    with pytest.raises(KeyboardInterrupt):
        drilled(api)
    assert left(api) == (["shop"], [])
    assert "still cleaning up" in capfd.readouterr().err
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


def test_a_time_that_is_up_ends_a_drill_with_its_clean_up_and_its_report():
    seen: list[str] = []

    def on(method: str, path: str, _: Any) -> tuple[int, Any] | None:
        if method == "GET" and "/restores/" in path and not seen:
            seen.append(path)
            raise TimeUp
        return None

    api = Server(*ORIGINAL, on=on)
    found = drilled(api)
    assert found.problem.startswith("not done within the time limit. It was waiting for the end of Restore ")
    assert (found.restored, found.left) == (False, ())
    assert left(api) == (["shop"], [])


def test_a_namespace_that_no_drill_made_is_neither_used_nor_removed():
    mark = Mark.new(60)
    name = mark.namespace("shop")
    api = Api(body("Namespace", name, labels={"team": "a"}))
    with pytest.raises(BadTarget, match="is not from this drill; it is kept"):
        make_namespace(session(api).cluster, mark, name)
    (said,) = remove_all(session(api), mark.drill, [name])
    assert "does not have this drill's label" in said
    assert api.names("Namespace") == [name]


def test_a_namespace_made_anew_under_the_drills_name_is_not_removed():
    """Between the look and the deletion another one takes the name: the deletion names what was looked at."""
    mark = Mark.new(60)
    bodies: list[Any] = []

    def on(method: str, path: str, sent: Any) -> tuple[int, Any] | None:
        if method == "DELETE" and "/namespaces/" in path:
            bodies.append(sent)
        return None

    api = Api(body("Namespace", "drill-x-shop", labels=mark.labels, uid="mine"), on=on)
    assert remove_all(session(api), mark.drill, ["drill-x-shop"]) == []
    assert [each["preconditions"] for each in bodies] == [{"uid": "mine"}]


def test_what_a_killed_drill_left_is_found_by_its_time_and_never_without_one():
    now = datetime(2026, 11, 24, tzinfo=UTC)

    def of(drill: str, expires: datetime | None) -> Object:
        marks = {} if expires is None else {scratch.EXPIRES: expires.isoformat()}
        return body("Namespace", f"drill-{drill}-shop", labels={scratch.LABEL: drill}, annotations=marks)

    old, young = of("old", now - timedelta(hours=1)), of("young", now + timedelta(hours=1))
    renamed = of("old", now - timedelta(hours=1))
    renamed["metadata"]["name"] = "shop"
    api = Api(old, young, of("mine", None), renamed)
    assert leftovers(session(api), now=now) == {"old": ["drill-old-shop"]}
    assert leftovers(session(api), now=now, any_age=True) == {"old": ["drill-old-shop"], "young": ["drill-young-shop"]}
