"""Names and words of a cluster's or a bucket's that were meant for whoever prints them, in every command that does."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.velero_eks.commands.test_drill_report import drilled
from tests.velero_eks.recovery.recorded import ago, backup
from tests.velero_eks.recovery.test_status import SETTINGS, located, schedule, seen
from velero_eks.commands import status as status_command
from velero_eks.commands.drill import junit, markdown
from velero_eks.commands.drill import render as render_drill
from velero_eks.commands.options import complain, told_unread
from velero_eks.kube.objects import Difference, ObjectKey
from velero_eks.project.target import Target
from velero_eks.recovery.drill.verdict import Compared, CopyState, Objectives, checks
from velero_eks.recovery.session import Session
from velero_eks.terminal.fields import field_line
from velero_eks.terminal.output import console
from velero_eks.velero.backup_contents import BadMember, Unread
from velero_eks.velero.records import Repository, Restore
from velero_eks.velero.results import VeleroMessage

HOSTILE = (
    "\x1b[31mred\x1b[2J", "a\nerror: faked", "[/x]", "[bold]x", "\u202etxt.exe", "a\u200bb", "\x9b1m",
    "::error file=a::b", "##[error]x", "<img src=x>", "a | b `c`", "@everyone #1", "a\0b", "\ud800", ":boom:", "![x](http://evil)",
)  # fmt: skip
each_name = pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))


def harmless(text: str) -> None:
    assert text.replace("\n", "").isprintable(), text
    assert not re.search(r"^\s*::[a-z-]+.*::|##\[", text, re.MULTILINE)
    assert "\nerror: faked" not in text


@each_name
def test_status(name, monkeypatch, capsys):
    restore = Restore({"kind": "Restore", "metadata": {"name": name}, "status": {"phase": name}})
    status = {"phase": name, "message": name, "lastMaintenanceTime": ago(days=9)}
    repository = Repository({"metadata": {"name": name}, "spec": {"volumeNamespace": name}, "status": status})
    place = located(objectStorage={"bucket": name, "prefix": name})
    place.body["status"].update({"phase": "Unavailable", "message": name})
    observed = seen(
        locations=(place,), restores=(restore,), repositories=(repository,),
        schedules=(schedule(name, spec={"schedule": name, "template": {"ttl": name}}, status={"phase": name}),),
        backups=(backup("old", phase=name, hours=34), backup("new", hours=10)),
    )  # fmt: skip
    monkeypatch.setattr(status_command, "observe", lambda session: observed)
    for settings in (SETTINGS, None):
        session = Session(Target(name, name, name, settings))
        monkeypatch.setitem(session.target.__dict__, "cluster", SimpleNamespace(name=name))
        for as_json in (False, True):
            status_command.run_status(session, as_json=as_json)
            printed = capsys.readouterr()
            harmless(printed.out)
            harmless(printed.err)
            if as_json:
                assert json.loads(printed.out)["cluster"] == name


@each_name
def test_drill(name, capsys):
    wrong = Compared(ObjectKey(name, name, name, name), CopyState.DIFFERENT, (Difference(name, name, name),), name)
    said = (VeleroMessage("error", name, name),)
    found = drilled(wrong, messages=said, namespaces=(name,), left=(name,), problem=name, backup=backup(name))
    judged = checks(found, Objectives(rpo=1.0))
    out: Any = console()
    render_drill(out, found, judged)
    harmless(capsys.readouterr().out)
    page = markdown(found, judged)
    harmless(page)
    assert "<img" not in page and "@everyone" not in page and not re.search(r"(?<!\\)\]\(", page)
    assert [line.count("|") - line.count("\\|") for line in page.splitlines() if line.startswith("|")].count(4) > 2
    suite = ElementTree.fromstring(junit(found, judged))  # noqa: S314 - made above
    harmless("\n".join(str(text) for each in suite.iter() for text in (each.text or "", *each.attrib.values())))


@each_name
def test_what_every_command_says(name, capsys):
    complain(name)
    unread = Unread()
    unread.add(BadMember(name, name))
    told_unread(name, unread)
    console().print(field_line(Difference(name, name.replace("\n", ""), 1), secret=False))
    printed = capsys.readouterr()
    harmless(printed.out)
    assert all(line.startswith(("error: ", "warning: ")) for line in printed.err.splitlines())
