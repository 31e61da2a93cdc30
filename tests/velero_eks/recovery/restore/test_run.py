"""The steps of a restore one after another, and the report when one of them fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import backup
from tests.velero_eks.recovery.restore.api import Api, refused, session
from tests.velero_eks.recovery.restore.made import body, definition, stored
from velero_eks.errors import OperationError
from velero_eks.recovery.restore import run as running
from velero_eks.recovery.restore.duration import PREDICTED, Work
from velero_eks.recovery.restore.plan import plan_cluster, plan_objects
from velero_eks.recovery.restore.preview import make_preview
from velero_eks.recovery.session import Session
from velero_eks.velero.results import VeleroMessage

HOOK = stored("ValidatingWebhookConfiguration", "hook", webhooks=[])
CLUSTER = [definition(), stored("Namespace", "shop"), stored("ConfigMap", "a", "shop"), HOOK]


class Server(Api):
    """Ends every Restore at once, with these phases in turn; a Completed one makes the webhook."""

    def __init__(self, *phases: str) -> None:
        super().__init__()
        self._phases = iter(phases)

    def put(self, body: dict[str, Any]) -> None:
        super().put(body)
        if body["kind"] == "Restore":
            body["status"] = {"phase": next(self._phases)}
            if body["status"]["phase"] == "Completed":
                super().put({**HOOK.body, "metadata": {"name": "hook"}})


class Bucket:
    """One that cannot be read."""

    def restore_messages(self, name: str) -> list[VeleroMessage]:
        raise OperationError("no credentials")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(running, "_PAUSE", 0.0)
    monkeypatch.setattr(Session, "store", lambda *_: Bucket())


def restored(api: Api):
    made = session(api)
    plan = plan_cluster("b", CLUSTER, velero_namespace="velero", system=False, existing="keep")
    return running.run(made, make_preview(made.cluster, backup("b"), plan, CLUSTER, None), seconds=5)


def test_a_clusters_webhooks_are_restored_though_something_before_failed_in_part():
    report = restored(Server("PartiallyFailed", "Completed"))
    assert [result.restore.phase for result in report.results if result.restore] == ["PartiallyFailed", "Completed"]
    assert not report.good
    # What the first did not bring is named, object by object; the namespace that both write into once.
    assert {each.key.name: each.found for each in report.outcome.surprises} == {
        "shop": "is missing", "a": "is missing", "questions.exam.example.com": "is missing",
    }  # fmt: skip
    assert (report.outcome.compared, report.outcome.as_foretold) == (4, 1)


def test_a_restore_says_what_it_was_foretold_to_do_so_that_the_next_one_knows_the_pace():
    api = Server("Completed", "Completed")
    report = restored(api)
    noted = [body["metadata"]["annotations"][PREDICTED] for body in api.objects.values() if body["kind"] == "Restore"]
    assert [Work.parse(text) for text in noted] == [
        Work.of(step.predictions, updating=False) for step in report.preview.steps
    ]
    assert sum(work.created for text in noted if (work := Work.parse(text))) > 0


def test_a_namespace_is_made_by_the_first_step_that_writes_into_it_and_there_for_the_others():
    contents = [stored("Namespace", "shop"), stored("ConfigMap", "a", "shop"), stored("Secret", "b", "shop")]
    made = session(Api())
    plan = plan_objects("b", contents, contents[1:], is_live=lambda _: False, namespace=None, existing="update")
    preview = make_preview(made.cluster, backup("b"), plan, contents, None)
    told = [{each.key.kind: each.fate.value for each in step.predictions} for step in preview.steps]
    assert told == [
        {"Namespace": "created", "ConfigMap": "created"}, {"Namespace": "kept as it is", "Secret": "created"},
    ]  # fmt: skip


def test_what_is_not_begun_when_a_restore_is_interrupted_is_said(capsys):
    def on(method: str, path: str, _: Any) -> None:
        if method == "GET" and "/restores/" in path:
            raise KeyboardInterrupt

    api = Server("New")
    api.on = on
    with pytest.raises(KeyboardInterrupt):
        restored(api)
    said = capsys.readouterr().err
    assert "continues in the server" in said
    assert "not started: the webhooks" in said


def test_a_step_that_failed_altogether_ends_the_restore():
    report = restored(Server("Failed", "Completed"))
    assert len(report.results) == 1


def test_a_bucket_that_cannot_be_read_takes_no_report_away():
    (message,) = restored(Server("Failed")).results[0].messages
    assert message.text == "Velero's result cannot be read: no credentials"


def test_an_object_that_somebody_wrote_meanwhile_is_left_alone():
    contents = [stored("ConfigMap", name, "shop", data={"k": "saved"}) for name in ("a", "b")]
    there = [body("Namespace", "shop"), body("ConfigMap", "a", "shop", data={"k": "live"})]
    there[1]["metadata"]["resourceVersion"] = "7"
    sent = []

    def on(method: str, path: str, patch: Any) -> tuple[int, Any] | None:
        if method != "PATCH":
            return None
        sent.append(patch)
        taken = {**there[1], "data": {"k": "saved"}}
        return (200, taken) if len(sent) == 1 else refused(409, "Conflict", "modified")

    made = session(Api(*there, on=on))
    plan = plan_objects("b", contents, contents[:1], is_live=lambda _: True, namespace=None, existing="update")
    preview = make_preview(made.cluster, backup("b"), plan, contents, None)
    report = running.run(made, preview, seconds=5)
    assert sent[1] == {"metadata": {"resourceVersion": "7"}, "data": {"k": "saved"}}
    assert report.results[0].written[0].problem == "it was changed meanwhile; run the command again"
    assert not report.good


def test_an_object_written_directly_gets_its_namespace_as_it_was():
    contents = [
        stored("Namespace", "shop", labels={"team": "a"}),
        *(stored("ConfigMap", name, "shop") for name in "ab"),
    ]
    api = Api()
    made = session(api)
    plan = plan_objects("b", contents, contents[1:2], is_live=lambda _: False, namespace=None, existing="update")
    report = running.run(made, make_preview(made.cluster, backup("b"), plan, contents, None), seconds=5)
    assert report.good
    assert (api.names("Namespace"), api.names("ConfigMap")) == (["shop"], ["a"])
    assert api.objects["/api/v1/namespaces/shop"]["metadata"]["labels"] == {"team": "a"}


def test_what_cannot_be_written_directly_does_not_keep_the_others_from_it():
    contents = [stored("ConfigMap", name, "shop") for name in "abc"]

    def on(method: str, path: str, sent: Any) -> tuple[int, Any] | None:
        write = method == "POST" and path.endswith("/configmaps")
        return refused(422, "Invalid", "bad name") if write and sent["metadata"]["name"] == "a" else None

    api = Api(body("Namespace", "shop"))
    made = session(api)
    plan = plan_objects("b", contents, contents[:2], is_live=lambda _: False, namespace=None, existing="update")
    preview = make_preview(made.cluster, backup("b"), plan, contents, None)
    api.on = on
    report = running.run(made, preview, seconds=5)
    assert [each.action for each in report.results[0].written] == ["failed", "created"]
    assert [(each.key.name, each.found) for each in report.outcome.surprises] == [("a", "is missing")]
