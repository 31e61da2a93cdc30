"""`velero-eks plan --deployer-policy`: one stack's IAM policy, and what it says where there is none."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from tests.velero_eks.plan.projects import project, stack_text
from velero_eks.commands.app import app
from velero_eks.plan import deployer


def asked(monkeypatch, root, *arguments: str):
    monkeypatch.chdir(root)
    return CliRunner().invoke(app, ["plan", *arguments, "--deployer-policy"])


def test_the_policy_names_the_stacks_bucket_and_stands_alone_on_stdout(monkeypatch, tmp_path):
    root = project(tmp_path / "p", staging=stack_text())
    made = asked(monkeypatch, root, "staging")
    assert made.exit_code == 0
    resources = [one["Resource"] for one in json.loads(made.stdout)["Statement"]]
    assert [one for one in resources if isinstance(one, str) and one.startswith("arn:aws:s3:::velero-")]


def test_several_stacks_have_no_policy_together(monkeypatch, tmp_path):
    root = project(tmp_path / "p", staging=stack_text(), other=stack_text())
    refused = asked(monkeypatch, root)
    assert refused.exit_code == 2
    assert "for one stack at a time, and other, staging match" in refused.stderr


def test_a_bad_stack_is_refused_as_by_a_plan(monkeypatch, tmp_path):
    root = project(tmp_path / "p", staging="config: {}\n")
    refused = asked(monkeypatch, root, "staging")
    assert refused.exit_code == 2
    assert "Pulumi.staging.yaml" in refused.stderr
    assert refused.stdout == ""


def test_a_type_that_nobody_knows_the_actions_of_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(deployer, "ROWS", {})
    refused = asked(monkeypatch, project(tmp_path / "p", staging=stack_text()), "staging")
    assert refused.exit_code == 2
    assert "stack staging has resources whose IAM actions are not known here: aws:iam/role:Role" in refused.stderr
