"""`drill`: what it reads of a backup, and where its reports go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.velero_eks.commands.test_drill_report import drilled
from tests.velero_eks.recovery.recorded import backup
from tests.velero_eks.recovery.restore.api import Api, session
from tests.velero_eks.recovery.restore.made import stored
from velero_eks.commands import drill as command
from velero_eks.commands.drill import DrillRequest, run_drill
from velero_eks.errors import BadTarget
from velero_eks.recovery.drill.verdict import Objectives
from velero_eks.recovery.session import Session
from velero_eks.velero.backup_contents import BadMember, Place


class Bucket:
    items = (stored("ConfigMap", "a", "shop"), stored("ConfigMap", "b", "other"), stored("Namespace", "shop"))
    damaged = (Place("secrets", "other", "c"),)

    def contents(self, name: str, wanted: Any, *, unread: Any) -> Any:
        for place in self.damaged:
            unread.add(BadMember(f"resources/{place}", "cannot be read: it is not JSON", place))
        return (item for item in self.items if wanted(item.place))

    def places(self, name: str, *, unread: Any) -> Any:
        return (item.place for item in self.items)


def test_only_what_is_drilled_is_read_and_a_namespace_that_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(Session, "store", lambda *_: Bucket())
    made = session(Api())
    found, unread = command._contents(made, backup("b"), ("shop",))
    assert [str(item.place) for item in found] == ["configmaps/a -n shop"]
    # What is damaged in another namespace is none of this drill's concern.
    assert unread.count == 0
    with pytest.raises(BadTarget, match="backup b has nothing of shpo; it has: other, shop"):
        command._contents(made, backup("b"), ("shop", "shpo"))


@pytest.mark.parametrize(("path", "why"), [("there/drill.xml", "does not exist; create it"), (".", "is a folder")])
def test_a_report_that_cannot_be_written_is_said_before_anything_is_made(tmp_path, path, why):
    api = Api()
    with pytest.raises(BadTarget, match=why):
        run_drill(session(api), DrillRequest(junit=tmp_path / path), yes=True, seconds=5)
    assert api.asked == []


def test_a_report_that_fails_at_the_end_takes_the_others_not_away(tmp_path, capsys):
    asked = DrillRequest(junit=tmp_path / "gone" / "drill.xml")
    with pytest.raises(BadTarget, match=r"drill\.xml cannot be written: No such file"):
        command._reported(drilled(), asked, Objectives(), form="json")
    assert json.loads(capsys.readouterr().out)["version"] == 1


@pytest.mark.parametrize("place", [Place("secrets", "shop", "c"), None])
def test_what_of_a_drilled_namespace_cannot_be_read_fails_the_drill(monkeypatch, capsys, place):
    bucket = Bucket()
    monkeypatch.setattr(Session, "store", lambda *_: bucket)
    monkeypatch.setattr(Bucket, "damaged", (place,))
    if place is None:
        monkeypatch.setattr(
            Bucket, "contents", lambda self, name, wanted, *, unread: unread.add(BadMember("../x", "is outside")) or
            (item for item in self.items if wanted(item.place)),
        )  # fmt: skip
    _, unread = command._contents(session(Api()), backup("b"), ("shop",))
    assert command._reported(drilled(unread=unread), DrillRequest(), Objectives(), form="json") == 1
    found = json.loads(capsys.readouterr().out)
    (failed,) = (check for check in found["checks"] if not check["good"])
    assert (failed["name"], found["good"]) == ("backup", False)
    assert failed["found"].startswith("1 member cannot be read")
    assert found["unread"] == [str(unread.some[0])]


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("text", ""),
        ("json", '{"version":1,"good":true,"left_behind":[]}'),
        ("markdown", "Drills left nothing behind."),
    ],
)
def test_a_clean_up_says_how_it_went_in_the_form_that_was_asked_for(form, out, monkeypatch, capsys):
    monkeypatch.setattr(command, "leftovers", lambda *_, **__: {})
    assert command.run_clean_up(session(Api()), yes=True, form=form) == 0
    said = capsys.readouterr()
    assert "".join(said.out.split()) == "".join(out.split())
    assert said.err == "no drill left anything behind\n"


def test_what_a_clean_up_left_is_in_every_form(monkeypatch, capsys):
    monkeypatch.setattr(command, "leftovers", lambda *_, **__: {"d": ["drill-d-shop"]})
    monkeypatch.setattr(command, "remove_all", lambda *_: ["Namespace drill-d-shop"])
    assert command.run_clean_up(session(Api()), yes=True, form="json") == 1
    assert json.loads(capsys.readouterr().out)["left_behind"] == ["Namespace drill-d-shop"]
    assert command.run_clean_up(session(Api()), yes=True, form="markdown") == 1
    assert capsys.readouterr().out == "- left behind: Namespace drill-d-shop\n"


def test_markdown_is_the_report_itself_on_standard_output(capsys):
    code = command._reported(drilled(), DrillRequest(), Objectives(), form="markdown")
    assert capsys.readouterr().out.startswith("## ❌ " if code else "## ✅ ")
