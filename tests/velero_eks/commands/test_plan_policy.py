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


def test_a_type_whose_actions_are_not_known_is_named_beside_the_policy_of_the_rest(monkeypatch, tmp_path):
    rows = {token: row for token, row in deployer.ROWS.items() if token != "aws:iam/rolePolicy:RolePolicy"}
    monkeypatch.setattr(deployer, "ROWS", rows)
    made = asked(monkeypatch, project(tmp_path / "p", staging=stack_text()), "staging")
    assert made.exit_code == 1
    assert "the policy has nothing for aws:iam/rolePolicy:RolePolicy, whose IAM actions are not known" in made.stderr
    assert json.loads(made.stdout)["Statement"]


def test_what_reaches_beyond_the_stack_is_said(monkeypatch, tmp_path):
    made = asked(monkeypatch, project(tmp_path / "p", staging=stack_text()), "staging")
    assert (made.exit_code, made.stderr) == (0, "")
    monkeypatch.setattr(deployer, "_cluster_tag", lambda resource: "")
    wide = asked(monkeypatch, tmp_path / "p", "staging")
    assert wide.exit_code == 0
    assert "the policy allows arn:aws:kms:eu-west-1:111122223333:key/*." in wide.stderr


def test_a_policy_that_iam_does_not_take_whole_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(deployer, "LONGEST_POLICY", 1000)
    made = asked(monkeypatch, project(tmp_path / "p", staging=stack_text()), "staging")
    assert made.exit_code == 0
    assert " characters, and IAM takes 1,000 in a managed policy." in made.stderr
