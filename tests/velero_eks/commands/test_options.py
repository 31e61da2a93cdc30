"""What the commands share: how a time is read, everywhere alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer
from typer.testing import CliRunner

from tests.velero_eks.plan.projects import project, stack_text
from velero_eks.commands.app import app
from velero_eks.commands.options import moment_of, moment_or_now
from velero_eks.errors import BadTarget
from velero_eks.terminal import words

INDIA = timezone(timedelta(hours=5, minutes=30))
# Every command that has `--at`, called so that it would go on.
COMMANDS = {
    "plan": ("plan",),
    "diff": ("diff", "HEAD"),
    "show": ("show", "daily", "--stack", "dev"),
    "restore namespace": ("restore", "namespace", "exam", "--from", "daily", "--stack", "dev"),
    "restore object": ("restore", "object", "cm/x", "--from", "daily", "--stack", "dev"),
    "restore cluster": ("restore", "cluster", "--from", "daily", "--stack", "dev"),
}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T09:00Z", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T09:00:07Z", datetime(2026, 11, 24, 9, 0, 7, tzinfo=UTC)),
        ("2026-11-24 09:00+05:30", datetime(2026, 11, 24, 9, tzinfo=INDIA)),
        ("2026-11-24T09:00:00-0800", datetime(2026, 11, 24, 17, tzinfo=UTC)),
        ("2026-11-24Z", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24+05:30", datetime(2026, 11, 24, tzinfo=INDIA)),
        ("2026-11-24 09:00 UTC", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_read_with_its_zone(text, moment):
    assert moment_of(text) == moment


def test_a_time_is_read_as_the_tool_prints_it():
    when = datetime(2026, 11, 24, 2, 0, 7, tzinfo=UTC)
    assert moment_of(words.stamp(when)) == when
    assert moment_of(words.moment(when)) == when.replace(second=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-24T09:00", "'2026-11-24T09:00' has no time zone; write it as 2026-11-24T09:00Z for UTC"),
        ("2026-11-24 09:00:07", "has no time zone; write it as 2026-11-24T09:00:07Z for UTC"),
        ("2026-11-24", "no time zone; write it as 2026-11-24T00:00Z for UTC, or with an offset: 2026-11-24T00:00+05"),
        ("soon", "'soon' cannot be read as a time; write it as 2026-11-24T09:00Z"),
        ("2026-13-24T09:00Z", "cannot be read as a time"),
        ("2026-11-24T09:00+25:00", "cannot be read as a time"),
        ("", "cannot be read as a time"),
    ],
)
def test_what_is_no_time_or_has_no_zone_is_refused_with_the_right_form(text, message):
    with pytest.raises(BadTarget) as refused:
        moment_of(text)
    assert message in str(refused.value)


def test_without_a_time_it_is_now_to_the_second():
    assert abs((moment_or_now(None) - datetime.now(UTC)).total_seconds()) < 120
    assert moment_or_now(None).microsecond == 0


def test_every_command_with_a_time_is_tested_here():
    def walk(command, name):
        for child, sub in getattr(command, "commands", {}).items():
            yield from walk(sub, f"{name} {child}".strip())
        if any("--at" in option.opts for option in command.params):
            yield name

    assert sorted(walk(typer.main.get_command(app), "")) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-24T09:00", "error: --at '2026-11-24T09:00' has no time zone; write it as 2026-11-24T09:00Z"),
        ("yesterday", "error: --at 'yesterday' cannot be read as a time"),
    ],
)
def test_each_command_refuses_it_before_anything_is_asked(command, text, message, tmp_path, monkeypatch):
    def asked(*_, **__):
        raise AssertionError("something was asked before the time was read")

    monkeypatch.setattr("velero_eks.kube.client.Cluster.by_name", asked)
    monkeypatch.setattr("velero_eks.kube.client.Cluster.by_context", asked)
    monkeypatch.setattr("velero_eks.aws.client.client", asked)
    monkeypatch.chdir(project(tmp_path / "p", dev=stack_text()))
    result = CliRunner().invoke(app, [*command, "--at", text])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
