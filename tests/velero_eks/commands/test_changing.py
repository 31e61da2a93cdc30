"""The commands that change, from the command line: what is typed is what they are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from velero_eks.commands import app as cli
from velero_eks.commands import restore as command
from velero_eks.commands.restore import How

TYPED = (
    "--from", "daily-backup", "--at", "2026-11-24T09:00Z", "--existing", "update", "--preview", "--yes", "--all",
    "--timeout", "60", "--json", "--context", "exam",
)  # fmt: skip
HOW = How(source="daily-backup", at=datetime(2026, 11, 24, 9, tzinfo=UTC), existing="update", preview=True, yes=True,
          everything=True, as_json=True, seconds=60)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "called", "what"),
    [
        ("namespace", ("exam-prod", "--into", "copy"), "run_namespace", ("exam-prod", {"into": "copy"})),
        ("object", ("cm/a", "cm/b", "-n", "exam"), "run_objects", (["cm/a", "cm/b"], {"namespace": "exam"})),
        ("cluster", ("--system",), "run_cluster", ({"system": True},)),
    ],
)
def test_a_restore_is_told_all_that_was_typed(monkeypatch, name, arguments, called, what):
    told = []

    def restore(session, *positional, how, **named):
        told.append((session.target.context, (*positional, named), how))
        return 1

    monkeypatch.setattr(command, called, restore)
    result = CliRunner().invoke(cli.app, ("restore", name, *arguments, *TYPED))
    assert result.exit_code == 1, result.output
    assert told == [("exam", what, HOW)]


def test_without_options_objects_are_updated_and_all_else_is_kept(monkeypatch):
    told = []
    for called in ("run_namespace", "run_objects", "run_cluster"):
        monkeypatch.setattr(command, called, lambda *_, how, **__: told.append(how) or 0)
    for arguments in (("namespace", "exam"), ("object", "cm/a"), ("cluster",)):
        CliRunner().invoke(cli.app, ("restore", *arguments, "--from", "b", "--context", "exam"))
    assert told == [How(source="b", existing=existing) for existing in ("keep", "update", "keep")]
