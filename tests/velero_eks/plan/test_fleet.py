"""Many stacks in several processes: the same plans as in one, whatever becomes of a process."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.velero_eks.plan.projects import LIGHT, project, stack_text
from velero_eks.commands import app as cli
from velero_eks.errors import PlanError, TimeLimitError
from velero_eks.plan import contract, fleet, processes
from velero_eks.plan.contract import Described
from velero_eks.plan.runner import load_files
from velero_eks.plan.worker import Made
from velero_eks.project.project import Project

AT = datetime(2026, 11, 24, tzinfo=UTC)
# What it does in a stack whose name ends in `bad` is filled in.
PROGRAM = f"""
{LIGHT.replace("{", "{{").replace("}", "}}")}
import os, signal
pulumi.export("process", os.getpid())
if pulumi.get_stack().endswith("bad"):
    {{}}
"""
# With `bad` in it, the stacks of one process of two.
FIRST = ("a", "bad", "e")


def fleet_of(folder: Path, *stacks: str, bad: str = "pass") -> Path:
    files = {stack: stack_text(stack) for stack in stacks}
    return project(folder, program=PROGRAM.format(bad), **files)


def described(root: Path, count: int) -> dict[str, Made]:
    found = Project.find(root)
    files, errors = load_files(found.stack_files())
    assert not errors
    return dict(fleet.describe(found, files, AT, count))


def error(made: Made) -> str:
    assert isinstance(made, PlanError), made
    return str(made)


def test_the_real_program_gives_the_same_plans_in_one_process_and_in_two(tmp_path):
    root = project(tmp_path / "p", one=stack_text("one"), two=stack_text("two", environment="production"))
    alone, shared = ([described(root, count)[name] for name in ("one", "two")] for count in (1, 2))
    texts = [contract.text(made for made in plans if isinstance(made, Described)) for plans in (alone, shared)]
    assert texts[0] == texts[1]
    assert len(json.loads(texts[0])["stacks"]) == 2


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("raise ValueError('no such thing')", "stack bad: the program failed: ValueError: no such thing"),
        ("raise ValueError('one\\n\\ttwo')", "stack bad: the program failed: ValueError: one two"),
        (
            "pulumi.Config().require('x')",
            "stack bad: Missing required configuration variable 'velero-eks:x'; please set a value using the command",
        ),
        ("os._exit(3)", "stack bad: the process that planned it ended with exit code 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "stack bad: the process that planned it was ended by SIGKILL; with"),
    ],
)
def test_a_stack_that_fails_or_takes_its_process_along_is_named_and_all_others_are_planned(tmp_path, deed, words):
    root = fleet_of(tmp_path / "p", *FIRST, "b", "d", bad=deed)
    made = described(root, 2)
    assert words in error(made.pop("bad"))
    assert {name: type(plan) for name, plan in made.items()} == dict.fromkeys(("a", "b", "d", "e"), Described)


def test_processes_that_cannot_even_begin_are_not_started_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "_START", f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); raise SystemExit(4)")
    made = described(fleet_of(tmp_path / "p", "a", "b", "c", "d"), 2)
    assert {name: "ended with exit code 4" in error(plan) for name, plan in made.items()} == dict.fromkeys("abcd", True)
    assert (tmp_path / "starts").read_text() == "xx"


def test_a_process_that_says_nothing_any_more_is_ended_and_the_others_go_on(tmp_path, monkeypatch):
    deaf = tmp_path / "deaf"
    os.mkfifo(deaf)
    bad = f"signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); held = open({str(deaf)!r}, 'w'); signal.pause()"
    root = fleet_of(tmp_path / "p", *FIRST, "b", bad=bad)
    project_, made = Project.find(root), {}
    for name, plan in fleet.describe(project_, load_files(project_.stack_files())[0], AT, 2):
        made[name] = plan
        if made.keys() == {"a", "b", "e"}:
            # Opens once the other end is held, which is when that process falls silent. The others are all done by
            # now, in whatever order.
            deaf.open().close()
            monkeypatch.setattr(fleet, "SILENCE", 1.0)
        elif "bad" in made:
            monkeypatch.undo()
    assert isinstance(made["bad"], TimeLimitError)
    assert [type(made[name]) for name in ("a", "b", "e")] == [Described] * 3


def test_an_error_of_the_tool_itself_is_not_taken_for_the_stacks(tmp_path, monkeypatch):
    broken = "import velero_eks.plan.contract as c; c.describe = lambda *_: {}['nothing']; "
    monkeypatch.setattr(fleet, "_START", fleet._START.replace("from velero", f"{broken}from velero"))
    with pytest.raises(fleet.WorkerError, match="KeyError: 'nothing'"):
        described(fleet_of(tmp_path / "p", "a", "b"), 2)


def test_whoever_stops_listening_leaves_no_process_behind(tmp_path):
    root = fleet_of(tmp_path / "p", *FIRST, "b", bad="signal.pause()")
    found = Project.find(root)
    files, _ = load_files(found.stack_files())
    running = fleet.describe(found, files, AT, 2)
    seen = [made.plan.recording.outputs["process"] for _, made in (next(running), next(running), next(running))
            if isinstance(made, Described)]  # fmt: skip
    running.close()
    assert len(seen) == 3
    for process in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_plan_shares_its_stacks_out_in_the_order_of_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STACKS_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    stacks = ("team-a-bad", "team-b", "team-c", "other")
    # The first is the last to be done: it waits for the second, in the other process.
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    bad = f"open({str(begun)!r}).close()\nelif pulumi.get_stack() == 'team-b':\n    open({str(begun)!r}, 'w').close()"
    monkeypatch.chdir(fleet_of(tmp_path / "p", *stacks, bad=bad))
    result = CliRunner().invoke(cli.app, ["plan", "team-*", "--json"])
    # 1 is what the rules say of a program that makes no bucket.
    assert result.exit_code in (0, 1), result.stderr
    planned = json.loads(result.stdout)["stacks"]
    assert [stack["stack"] for stack in planned] == ["team-a-bad", "team-b", "team-c"]
    used = {stack["outputs"]["process"] for stack in planned}
    assert len(used) == 2
    assert os.getpid() not in used


def test_one_bad_file_does_not_keep_the_others_from_people(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STACKS_A_PROCESS", 1)
    root = fleet_of(tmp_path / "p", "a", "b", "c")
    (root / "stacks" / "Pulumi.b.yaml").write_text("config: []\n")
    monkeypatch.chdir(root)
    result = CliRunner().invoke(cli.app, ["plan"])
    assert result.exit_code == 2
    assert "stacks/Pulumi.b.yaml" in result.stderr
    assert "2 stacks planned" in result.stdout


@pytest.mark.parametrize(
    ("each", "deed"), [(1, "print('hello')"), (100, "print('hello')"), (1, "os.system('echo hello')")]
)
def test_what_the_program_prints_is_in_no_document(tmp_path, monkeypatch, capfd, each, deed):
    monkeypatch.setattr(processes, "STACKS_A_PROCESS", each)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.chdir(fleet_of(tmp_path / "p", "a", "bad", bad=deed))
    result = CliRunner().invoke(cli.app, ["plan", "--json"])
    assert len(json.loads(result.stdout)["stacks"]) == 2
    # A process writes to the terminal's own stderr.
    assert "hello" in result.stderr + capfd.readouterr().err


@pytest.mark.parametrize(
    ("cores", "limit", "stacks", "among", "count"),
    [
        (2, "", 1, 1, 1),
        (2, "", 25, 1, 1),
        (2, "", 26, 1, 2),
        (8, "", 1000, 1, 8),
        (8, "3", 1000, 1, 3),
        (2, "16", 1000, 1, 2),
        (8, "", 1000, 2, 4),
        (1, "", 1000, 2, 1),
        (8, "", 0, 1, 1),
    ],
)
def test_the_processes_are_as_many_as_pay_off_and_the_cores_and_the_limit_allow(
    monkeypatch, cores, limit, stacks, among, count
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setenv(processes.LIMIT, limit)
    assert processes.wanted(stacks, among=among) == count


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_no_number_is_refused(tmp_path, monkeypatch, given):
    monkeypatch.setenv(processes.LIMIT, given)
    monkeypatch.chdir(fleet_of(tmp_path / "p", "a"))
    result = CliRunner().invoke(cli.app, ["plan"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"VELERO_EKS_PROCESSES='{given}' is not a number of processes; write 1 or more" in result.stderr
