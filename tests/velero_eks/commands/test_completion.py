"""Completion, asked of the real shells with the script that the tool prints."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner
from velero_on_eks.settings.defaults import BY_ENVIRONMENT

from tests.limits import HANG
from tests.velero_eks.plan.projects import LIGHT, project, stack_text
from velero_eks.commands.app import app, main
from velero_eks.commands.completion import DEFAULT_SCHEDULE

QUESTIONS = [
    ("velero-eks stat", ["status"]),
    ("velero-eks --ver", ["--version"]),
    ("velero-eks restore na", ["namespace"]),
    ("velero-eks status --stack pro", ["prod"]),
    ("velero-eks plan ", ["dev", "prod"]),
    ("velero-eks restore cluster --fr", ["--from"]),
    ("velero-eks restore cluster --stack prod --from h", ["hourly"]),
    ("velero-eks restore cluster --from ", ["daily-backup", "hourly", "nightly"]),
    ("velero-eks completion ", ["bash", "zsh", "fish"]),
]
SCHEDULES = "  velero-eks:schedules: {hourly: {cron: 15 * * * *, keep: 7d}, nightly: {cron: 15 2 * * *, keep: 30d}}\n"
# What is asked in each shell: it costs two starts of the tool.
IN_A_SHELL = "velero-eks status --stack pro"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A project with two stacks, and the tool on PATH."""
    root = project(tmp_path / "p", program=LIGHT, dev=stack_text(), prod=f"{stack_text()}{SCHEDULES}")
    tool = tmp_path / "bin" / "velero-eks"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m velero_eks "$@"\n')
    tool.chmod(0o755)
    return root


def environment(root: Path) -> dict[str, str]:
    """A new shell's, in which the tool is this one."""
    source = Path(__file__).resolve().parents[3]
    return {
        "PATH": f"{root.parent / 'bin'}:{os.environ['PATH']}",
        "HOME": str(root),
        "TERM": "xterm",
        "PYTHONPATH": f"{source}:{source / 'components'}",
    }


def asked(root: Path, *command: str) -> list[str]:
    """What a shell answers, line by line."""
    done = subprocess.run(
        command, cwd=root, env=environment(root), capture_output=True, text=True, timeout=HANG, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(("typed", "answers"), QUESTIONS, ids=[typed for typed, _ in QUESTIONS])
def test_the_tool_answers_a_shell(here, monkeypatch, capsys, typed, answers):
    (here / "stacks" / "Pulumi.bad.yaml").write_text("a: [")
    monkeypatch.chdir(here / "stacks")
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_VELERO_EKS_COMPLETE": "complete_bash"}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["velero-eks"])
    with pytest.raises(SystemExit):
        main()
    assert [answer for answer in capsys.readouterr().out.split() if answer != "bad"] == answers


def test_nothing_is_loaded_for_a_name_and_no_sdk_for_a_stack(here):
    code = (
        "import sys; sys.argv = ['velero-eks']; from velero_eks.commands.app import main\n"
        "try: main()\n"
        "except SystemExit: print(*(n for n in ('pulumi', 'boto3') if n in sys.modules), 'loaded')"
    )
    for typed, answer in (("velero-eks sta", "status"), (IN_A_SHELL, "prod")):
        asking = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_VELERO_EKS_COMPLETE": "complete_bash"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=here,
            env={**environment(here), **asking},
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )
        assert done.stdout.split("\n")[:2] == [answer, "loaded"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(here):
    script = (
        'eval "$(velero-eks completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        ' _velero_eks_completion velero-eks; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert asked(here, "bash", "--norc", "-c", script, "bash", *IN_A_SHELL.split()) == ["prod"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes(here):
    script = f"velero-eks completion fish | source; complete -C '{IN_A_SHELL}'"
    assert asked(here, "fish", "--no-config", "-c", script) == ["prod"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_completes(here):
    """zsh completes in its line editor alone: so it is typed to, and a tab is pressed."""
    ours, theirs = pty.openpty()
    command = ["zsh", "-f", "-i"]
    process = subprocess.Popen(
        command, cwd=here, env=environment(here), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        os.write(ours, b"PS1=; autoload -U compinit; compinit -u -D; . =(velero-eks completion zsh); echo rea''dy\n")
        read_until(ours, "ready")
        # What was completed is shown by a function in the tool's place; the script calls the program.
        os.write(ours, f'velero-eks() {{ print "<$*>" }}\n{IN_A_SHELL}\t\n'.encode())
        read_until(ours, "<status --stack prod>")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, wanted: str) -> None:
    """Read what a terminal shows until it shows this."""
    seen, end = "", time.monotonic() + HANG
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, f"{wanted!r} does not come; there is {seen!r}"
        seen += os.read(terminal, 4096).decode(errors="replace")


def test_the_schedule_of_a_file_without_one_is_the_settings():
    assert {name for each in BY_ENVIRONMENT.values() for name in each["schedules"]} == {DEFAULT_SCHEDULE}


@pytest.mark.parametrize("shell", ["tcsh", ""])
def test_another_shell_is_refused(shell):
    done = CliRunner().invoke(app, ["completion", shell])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"SHELL {shell!r}: expected one of bash, zsh, fish" in done.stderr
