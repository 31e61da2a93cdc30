"""A plan of one stack without errors ends with the next command, where a person watches."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tests.velero_eks.plan.projects import LIGHT, project, stack_text
from velero_eks.commands import app as cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a plan in a project with two stacks, at a terminal."""

    def invoke(*arguments: str, program: str | None = None) -> str:
        root = tmp_path / "p"
        if not root.exists():
            project(root, program=program, staging=stack_text(), dr=stack_text("other"))
        monkeypatch.chdir(root)
        return CliRunner().invoke(cli.app, ["plan", *arguments]).stdout

    monkeypatch.setattr("velero_eks.terminal.output.watched", lambda: True)
    return invoke


def test_one_clean_stack_leads_to_preflight(run):
    assert run("staging").endswith("\n\nNext: velero-eks preflight staging\n")


def test_several_stacks_json_and_a_pipe_lead_nowhere(run, monkeypatch):
    assert "Next:" not in run()
    assert "Next:" not in run("staging", "--json")
    monkeypatch.setattr("velero_eks.terminal.output.watched", lambda: False)
    assert "Next:" not in run("staging")


def test_an_error_is_fixed_before_anything_follows(run):
    said = run("staging", program=LIGHT)
    assert "error" in said
    assert "Next:" not in said
