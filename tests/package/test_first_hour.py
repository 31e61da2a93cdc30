"""The six commands of the first hour, typed on a bare machine up to where AWS is needed; and every way to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.package.bare import Machine, Ran, cache, report

pytestmark = pytest.mark.package

INSTALL = "uv tool install velero-eks"
INIT = "velero-eks init prod --cluster exam-prod --region ap-south-1"
PLAN = "velero-eks plan prod"
PREFLIGHT = "velero-eks preflight prod"
UP = "pulumi stack init prod && pulumi up"
BACKUP = "velero-eks backup first --stack prod --schedule daily-backup"
STATUS = "velero-eks status prod"
NO_CREDENTIALS = "no AWS credentials were found. Run 'aws sso login', or set AWS_PROFILE or AWS_ACCESS_KEY_ID"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A bare machine with uv."""
    made = Machine.make(tmp_path_factory.mktemp("machine"), cache=cache())
    made.install_uv()
    return made


@pytest.fixture(scope="module")
def typed(machine: Machine, built: Path, request: pytest.FixtureRequest) -> dict[str, Ran]:
    """The six commands, each typed in a new shell of an empty folder. The stack's file is put in where AWS would be
    asked for it: `before` is what a plan says without it."""
    folder = machine.home / "backups"
    folder.mkdir()
    ran = {INSTALL: machine.type(INSTALL, cwd=folder, variables={"UV_FIND_LINKS": str(built)})}
    ran[INIT] = machine.type(INIT, cwd=folder, answers="y\n")
    ran["before"] = machine.type(PLAN, cwd=folder)
    (folder / "stacks").mkdir(exist_ok=True)
    (folder / "stacks/Pulumi.prod.yaml").write_bytes((ROOT / "tests/stacks/Pulumi.prod.yaml").read_bytes())
    ran |= {command: machine.type(command, cwd=folder) for command in (PLAN, PREFLIGHT, UP, BACKUP, STATUS)}
    report(request, "The six commands on a bare machine", ran.values())
    return ran


def said(ran: Ran) -> str:
    """Both streams in one line, wherever the terminal's width broke them."""
    return " ".join(f"{ran.out} {ran.err}".split())


def test_the_tool_is_installed_and_on_path(typed, machine):
    assert typed[INSTALL].code == 0
    assert "Installed 1 executable: velero-eks" in typed[INSTALL].err
    assert machine.type("velero-eks --version", cwd=machine.home).out.startswith("velero-eks 0.")


def test_init_writes_the_project_and_says_that_aws_is_needed(typed, machine):
    assert typed[INIT].code == 2
    assert "Wrote Pulumi.yaml, __main__.py, pyproject.toml, .gitignore." in said(typed[INIT])
    assert f"looking up the EKS cluster exam-prod in ap-south-1: {NO_CREDENTIALS}" in said(typed[INIT])
    folder = machine.home / "backups"
    written = {path.name for path in folder.iterdir() if path.is_file()}
    assert {"Pulumi.yaml", "__main__.py", "pyproject.toml", ".gitignore"} <= written


def test_a_plan_before_init_is_done_names_the_command(typed):
    assert typed["before"].code == 2
    assert "write one: velero-eks init prod --cluster NAME --region REGION" in said(typed["before"])


def test_a_plan_needs_no_credentials(typed):
    assert (typed[PLAN].code, typed[PLAN].err) == (0, "")
    assert "1 stack planned: 0 errors" in typed[PLAN].out


def test_preflight_names_everything_that_is_missing(typed):
    text = said(typed[PREFLIGHT])
    assert typed[PREFLIGHT].code == 1
    for missing in ("no AWS credentials were found", "the AWS CLI is not on PATH", "the Pulumi CLI is not on PATH"):
        assert missing in text
    assert "→ install it where 'pulumi up' runs: curl -fsSL https://get.pulumi.com | sh" in text
    # uv is there, and nothing is said of what only AWS knows.
    assert "uv is not on PATH" not in text
    assert "IAM has no such" not in text


def test_up_needs_the_pulumi_cli(typed):
    assert (typed[UP].code, "pulumi: command not found" in typed[UP].err) == (127, True)


@pytest.mark.parametrize("command", [BACKUP, STATUS])
def test_what_asks_the_cluster_says_that_aws_is_needed(typed, command):
    assert (typed[command].code, typed[command].out) == (2, "")
    assert NO_CREDENTIALS in said(typed[command])


@pytest.mark.usefixtures("typed")
def test_the_project_that_init_wrote_has_the_tool_of_its_own(machine, built):
    folder = machine.home / "backups"
    synced = machine.type("uv sync", cwd=folder, variables={"UV_FIND_LINKS": str(built)})
    assert synced.code == 0, synced.err
    planned = machine.type("uv run --no-sync velero-eks plan prod", cwd=folder)
    assert planned.code == 0, planned.err
    assert "1 stack planned: 0 errors" in planned.out


@pytest.mark.parametrize(
    ("install", "tool"),
    [
        ("true", "uvx velero-eks"),
        (
            "uv venv --quiet --seed own && own/bin/pip install --quiet --no-compile --find-links $UV_FIND_LINKS"
            " velero-eks",
            "own/bin/velero-eks",
        ),
        (
            "uv venv --quiet own && uv pip install --quiet --python own/bin/python --no-binary velero-eks"
            " --no-binary velero-on-eks velero-eks",
            "own/bin/velero-eks",
        ),
        ("uv init --quiet --bare --name shop && uv add --quiet velero-on-eks && uv add --quiet --dev velero-eks",
         "uv run velero-eks"),
    ],
    ids=["uvx", "pip", "sdist", "project"],
)  # fmt: skip
def test_each_way_to_install_gives_the_same_tool(built, tmp_path, install, tool):
    machine = Machine.make(tmp_path, cache=cache())
    machine.install_uv()
    folder = tmp_path / "folder"
    folder.mkdir()
    installed = machine.type(install, cwd=folder, variables={"UV_FIND_LINKS": str(built)})
    assert installed.code == 0, installed.err
    ran = machine.type(f"{tool} --version && {tool} init --help", cwd=folder, variables={"UV_FIND_LINKS": str(built)})
    assert ran.code == 0, ran.err
    assert ran.out.startswith("velero-eks 0.")
    assert "Pulumi.yaml, __main__.py, pyproject.toml" in " ".join(ran.out.split())
