"""How revisions are planned: in processes that end, without credentials, one bad stack at a time."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import ROOT
from tests.limits import HANG
from tests.velero_eks.conftest import Run
from tests.velero_eks.diff.repositories import ONE, TWO, commit, scripted, statuses, write_plans
from velero_eks.commands import app as cli
from velero_eks.diff import planning
from velero_eks.plan import processes

FAILED = {"code": "program-failed", "limit": "the program failed: ValueError: x"}


def test_a_revisions_program_is_not_given_credentials(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names = ("AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "MY_SECRET", "KUBECONFIG")
    for name in names:
        monkeypatch.setenv(name, "value")
    test = f"assert not set(os.environ) & set({names!r}), 'handed over'"
    root = scripted(tmp_path / "p", before=test, prod=ONE)
    commit(root)
    write_plans(root, prod=TWO)
    assert statuses(run(root, "HEAD", "--json")) == {"prod": "changed"}


def test_the_stacks_are_shared_out_once_and_not_again_by_each_recorder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(processes, "STACKS_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    before = (
        f"Path({str(tmp_path / 'asked')!r}).open('a').write(f'{{len(wanted)}} ');"
        " assert os.environ['VELERO_EKS_PROCESSES'] == '1'"
    )
    root = scripted(tmp_path / "p", before=before, dev=ONE, prod=ONE)
    commit(root)
    write_plans(root, dev=TWO, prod=TWO)
    assert statuses(run(root, "HEAD", "--json")) == {"dev": "changed", "prod": "changed"}
    assert (tmp_path / "asked").read_text() == "1 1 1 1 "


def test_a_number_of_processes_that_is_none_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VELERO_EKS_PROCESSES", "all")
    root = scripted(tmp_path / "p", prod=ONE)
    commit(root)
    write_plans(root, prod=TWO)
    result = run(root, "HEAD")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "VELERO_EKS_PROCESSES='all' is not a number of processes" in result.stderr


def test_a_stack_that_only_the_older_revision_cannot_plan_is_reported_and_the_others_are_compared(
    run: Run, tmp_path: Path
):
    bad = {
        "dev": {
            "code": "not-one-of",
            "file": "stacks/Pulumi.dev.yaml",
            "line": 3,
            "field": "velero-eks:environment",
            "value": "x",
            "limit": "one of these",
            "remedy": "write one",
        }
    }
    root = scripted(tmp_path / "p", bad=bad, prod=ONE)
    commit(root)
    write_plans(root, prod=TWO, dev=ONE)
    result = run(root, "HEAD", "--json")
    assert statuses(result) == {"dev": "unplanned", "prod": "changed"}
    dev = json.loads(result.stdout)["stacks"][0]
    (fact,) = dev["facts"]
    assert fact["details"] == ['stacks/Pulumi.dev.yaml:3: velero-eks:environment = "x": one of these; write one']
    assert dev["errors"] == [{"side": "from", **bad["dev"]}]


def test_whoever_mends_the_only_stack_can_compare_it(run: Run, tmp_path: Path):
    root = scripted(tmp_path / "p", bad={"dev": FAILED})
    commit(root)
    write_plans(root, dev=ONE)
    assert statuses(run(root, "HEAD", "--json")) == {"dev": "unplanned"}


def test_a_stack_that_is_gone_is_told_as_gone_even_if_the_older_revision_cannot_plan_it(run: Run, tmp_path: Path):
    root = scripted(tmp_path / "p", bad={"dev": FAILED}, prod=ONE)
    commit(root)
    (root / "stacks" / "Pulumi.dev.yaml").unlink()
    write_plans(root, prod=ONE)
    result = run(root, "HEAD", "--json")
    assert statuses(result) == {"dev": "removed", "prod": "same"}
    (fact,) = json.loads(result.stdout)["stacks"][0]["facts"]
    assert fact["text"] == "Its file is gone: its resources are no longer planned, checked or deployed"


def test_a_stack_that_the_newer_revision_cannot_plan_is_an_error(run: Run, tmp_path: Path):
    root = scripted(tmp_path / "p", prod=ONE, dev=ONE)
    commit(root)
    wrong = {"code": "c", "file": "stacks/Pulumi.dev.yaml", "line": 3, "field": None, "limit": "wrong", "remedy": ""}
    write_plans(root, bad={"dev": wrong}, prod=TWO)
    result = run(root, "HEAD", "--json")
    assert result.exit_code == 2
    assert result.stderr == "error: the work tree: stacks/Pulumi.dev.yaml:3: wrong\n"
    document = json.loads(result.stdout)
    schema = json.loads((ROOT / "docs" / "reference" / "diff.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert {stack["stack"]: stack["status"] for stack in document["stacks"]} == {"dev": "unplanned", "prod": "changed"}
    assert document["stacks"][0]["errors"] == [{"side": "to", **wrong}]
    for form in ((), ("--markdown",)):
        said = run(root, "HEAD", *form)
        assert said.exit_code == 2
        assert "the work tree has no plan of this stack to compare with" in said.stdout
        assert "Pulumi.dev.yaml:3: wrong" in said.stdout.replace("\\", "")
    shown = " ".join(run(root, "HEAD").stdout.split())
    assert "dev bad: 1 error prod " in shown
    assert "dev not planned in the work tree: stacks/Pulumi.dev.yaml:3: wrong" in shown


def test_a_revision_that_tells_what_is_bad_in_words_alone_is_planned_by_this_recorder(run: Run, tmp_path: Path):
    root = scripted(tmp_path / "p", bad={"dev": FAILED}, in_words=True, prod=ONE)
    commit(root)
    write_plans(root, prod=TWO, dev=ONE)
    result = run(root, "HEAD", "--json")
    assert statuses(result) == {"dev": "unplanned", "prod": "unplanned"}
    stacks = json.loads(result.stdout)["stacks"]
    # It is this recorder that finds nothing in the stack files, and says so by stack.
    assert [[each["code"] for each in stack["errors"]] for stack in stacks] == [["no-config"], ["no-config"]]


def test_a_program_that_fails_for_every_stack_is_an_error_of_that_revision(run: Run, tmp_path: Path):
    root = scripted(tmp_path / "p", before="raise ValueError('no such thing')", prod=ONE)
    first = commit(root)
    recorder = root / "velero_eks" / "cli.py"
    recorder.write_text(recorder.read_text().replace("raise ValueError", "ValueError"))
    result = run(root, first)
    assert result.exit_code == 2
    assert result.stderr == f"error: {first[:7]}: its recorder failed: ValueError: no such thing\n"


@pytest.mark.parametrize(
    ("deed", "words"),
    [("os._exit(3)", "ended with exit code 3"), ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL")],
)
def test_a_process_that_dies_is_said_to_have_died_and_with_which_stacks(
    run: Run, tmp_path: Path, deed: str, words: str
):
    root = scripted(tmp_path / "p", before=f"if (Path('plans.json').parent / 'deadly').exists(): {deed}", a=ONE, b=ONE)
    commit(root)
    (root / "deadly").touch()
    result = run(root, "HEAD")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: the work tree: the process that planned a, b {words}" in result.stderr


def test_a_plan_that_does_not_end_is_ended_with_all_that_it_started(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(planning, "TIME_LIMIT_BASE", 2.0)
    monkeypatch.setattr(planning, "TIME_LIMIT_A_STACK", 0.0)
    # Whoever is alive has it open for writing.
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    held = f"import signal; held = open({str(alive)!r}, 'w'); signal.pause()"
    before = f"import subprocess; subprocess.Popen([sys.executable, '-c', {held!r}]); {held}"
    root = scripted(tmp_path / "p", before=before, prod=ONE)
    commit(root)
    write_plans(root, prod=TWO)
    result = run(root, "HEAD")
    assert (result.exit_code, "timed out (2 s)" in result.stderr) == (2, True)
    assert _nobody_has_open(reader)


def test_a_signal_ends_it_and_leaves_nothing_behind(tmp_path: Path):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    before = f"held = open({str(alive)!r}, 'w'); os.kill(os.getppid(), signal.SIGTERM); signal.pause()"
    root = scripted(tmp_path / "p", before=before, prod=ONE)
    commit(root)
    write_plans(root, prod=TWO)
    temporary = tmp_path / "t"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "from velero_eks.commands.app import main; main()", "diff", "HEAD"],
        cwd=root,
        env={
            **os.environ,
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(Path(cli.__file__).parents[1]),
            "PYTHONSAFEPATH": "1",
        },
        capture_output=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert list(temporary.iterdir()) == []
    assert _nobody_has_open(reader)


def test_a_signal_between_the_start_of_a_process_and_its_entry_in_the_list_ends_that_process_as_well(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    root = scripted(tmp_path / "p", before=f"held = open({str(alive)!r}, 'w'); signal.pause()", prod=ONE)
    commit(root)
    write_plans(root, prod=TWO)

    class Started(subprocess.Popen):
        def __init__(self, command: list[str], **named: Any) -> None:
            super().__init__(command, **named)
            if str(planning._SCRIPT) in command:
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(planning.subprocess, "Popen", Started)
    assert run(root, "HEAD").exit_code == 128 + signal.SIGTERM
    assert _nobody_has_open(reader)


def test_a_revision_of_another_contract_is_planned_by_this_recorder(run: Run, tmp_path: Path):
    root = scripted(tmp_path / "p", version=2, prod=ONE)
    commit(root)
    write_plans(root, prod=TWO)
    result = run(root, "HEAD", "--json")
    # It is this recorder that finds nothing in the stack file, and says so.
    assert statuses(result) == {"prod": "unplanned"}
    (fact,) = json.loads(result.stdout)["stacks"][0]["facts"]
    assert "stacks/Pulumi.prod.yaml" in fact["details"][0]


def _nobody_has_open(reader: int) -> bool:
    """Whether a FIFO has no writer, now or within the time that a killed process takes to end."""
    try:
        return os.read(reader, 1) == b""
    except BlockingIOError:
        ready, _, _ = select.select([reader], [], [], HANG)
        return bool(ready) and os.read(reader, 1) == b""
