"""What the commands share: how a time is read, everywhere alike."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.velero_eks.plan.projects import project, stack_text
from velero_eks import contact
from velero_eks.commands.app import app
from velero_eks.commands.options import moment_of, moment_or_now, run, seconds_of
from velero_eks.errors import BadTarget
from velero_eks.terminal import words
from velero_eks.time_limit import TimeUp, waiting_for

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


# What contradicts itself, or names nothing: typed in a project with the stacks `dev` and `prod`.
REFUSED = {
    ("status", "dev", "--stack", "prod"): "two stacks are given: dev, and --stack prod. Keep one of them",
    ("drill", "dev", "-s", "prod"): "two stacks are given: dev, and --stack prod",
    ("backups", "dev", "-s", "prod"): "two stacks are given: dev, and --stack prod",
    ("preflight", "dev", "-s", "prod"): "two stacks are given: dev, and --stack prod",
    ("adopt", "dev", "-s", "prod"): "two stacks are given: dev, and --stack prod",
    ("init", "dev", "-s", "prod"): "two stacks are given: dev, and --stack prod",
    ("plan", "dev", "prod", "-s", "prod"): "two stacks are given: dev, prod, and --stack prod",
    ("restore", "cluster", "dev", "--from", "b", "-s", "prod"): "two stacks are given: dev, and --stack prod",
    ("status", "dev", "--context", "exam"): "--stack and --context are both given",
    ("show", "b", "--stack", "dev", "--context", "exam"): "--stack and --context are both given",
    ("status",): "which cluster? Give --stack",
    ("preflight",): "which stack? Name it: velero-eks preflight STACK",
    ("adopt",): "which stack? Name it: velero-eks adopt STACK",
    ("init",): "which stack? Name it: velero-eks init STACK",
    ("backup", "--stack", "dev"): "the backup needs a new name",
    ("backup", "a", "--name", "b", "--stack", "dev"): "two names are given: a, and --name b",
    **{
        (*command, "--json", "--markdown"): "--json and --markdown are two forms of the same output"
        for command in (
            ("plan",),
            ("check", "-"),
            ("diff", "HEAD"),
            ("status", "dev"),
            ("coverage", "b", "--stack", "dev"),
            ("preflight", "dev"),
            ("drill", "dev"),
            ("backups", "dev"),
        )
    },
    ("diff", "HEAD", "--markdown", "--properties"): "--markdown shows no properties",
    ("status", "dev", "--timeout", "soon"): "--timeout 'soon': ",
    ("status", "dev", "--timeout", "0"): "--timeout '0': ",
    ("drill", "dev", "--within", "5 minutes"): "--within '5 minutes': ",
    ("status", "--context", "exam", "--kubeconfig", "gone"): "--kubeconfig gone: no such file",
    ("-C", "gone", "status", "dev"): "-C gone: No such file or directory",
    ("-C", "Pulumi.yaml", "status", "dev"): "-C Pulumi.yaml: Not a directory",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project to be typed in, where nothing is asked of anybody."""

    def asked(*_, **__):
        raise AssertionError("something was asked")

    monkeypatch.setattr("velero_eks.kube.client.Cluster.by_name", asked)
    monkeypatch.setattr("velero_eks.kube.client.Cluster.by_context", asked)
    monkeypatch.setattr("velero_eks.aws.client.client", asked)
    root = project(tmp_path / "p", dev=stack_text(), prod=stack_text("prod-cluster"))
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_contradicts_itself_is_refused_in_one_line_before_anything_is_asked(arguments, place):
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert REFUSED[arguments] in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("plan", "dev"), ("plan", "-s", "dev"), ("plan", "dev", "--stack", "dev")])
def test_a_stack_is_the_same_as_argument_and_as_option(arguments, place):
    result = CliRunner().invoke(app, (*arguments, "--json"))
    assert result.exit_code < 2, result.stderr
    assert [stack["stack"] for stack in json.loads(result.stdout)["stacks"]] == ["dev"]


def test_a_folder_is_gone_to_before_the_command_and_a_second_one_from_there(place, monkeypatch):
    (place / "plan.json").write_text("no plan")
    monkeypatch.chdir("/")
    result = CliRunner().invoke(app, ("-C", str(place.parent), "-C", place.name, "check", "plan.json"))
    assert "plan.json:1:1: not JSON" in result.stderr
    assert Path.cwd() == place


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1d", 86_400), (None, None)]
)
def test_a_duration_is_read_and_a_bare_number_is_seconds(text, seconds):
    assert seconds_of("--timeout", text) == seconds


@pytest.mark.parametrize("text", ["", "-5", "1.5h", "٣", "5 m", "0s"])
def test_what_is_no_duration_names_its_option(text):
    with pytest.raises(BadTarget, match="--within"):
        seconds_of("--within", text)


@pytest.mark.parametrize(
    ("begun", "code", "doing"),
    [(False, 2, " It was reading a backup."), (True, 1, " It was reading a backup.")],
)
def test_a_time_that_is_up_is_no_interrupt_and_says_what_was_waited_for(begun, code, doing, capsys):
    def command() -> int:
        with waiting_for("reading a backup", begun=begun):
            raise TimeUp

    with pytest.raises(typer.Exit) as left:
        run(command, "90s")
    assert left.value.exit_code == code
    assert capsys.readouterr().err == f"error: not done within --timeout 90s.{doing}\n"


def test_a_wait_for_somebody_is_named_too(capsys):
    def command() -> int:
        with waiting_for("reading the state of stack dev"), contact.Wait("cluster shop (https://shop.example:443)"):
            raise TimeUp

    with pytest.raises(typer.Exit):
        run(command, "90s")
    assert "It was reading the state of stack dev and waiting for cluster shop (https://" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "limit"), [("5", 5), ("30m", 60), (None, contact.FIRST_SECONDS)])
def test_a_first_contact_has_no_more_time_than_the_command_and_never_half_an_hour(typed, limit):
    seen: list[float] = []
    with pytest.raises(typer.Exit):
        run(lambda: seen.append(contact.limit()) or 0, typed)
    assert seen == [limit]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="nothing ends what blocks here")
def test_the_clock_of_a_command_runs_from_its_start_to_its_end():
    seen: list[float] = []
    with pytest.raises(typer.Exit):
        run(lambda: seen.append(signal.getitimer(signal.ITIMER_REAL)[0]) or 0, "1h")
    assert 0 < seen[0] <= 3600
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
