"""Findings: errors first, each waived only by a reason in the stack file, and no waiver without a finding."""

from __future__ import annotations

import ast
from datetime import UTC, datetime

import pytest
from velero_on_eks.settings.rules import WARNINGS

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.plan import contract, findings
from velero_eks.rules import Finding

AT = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def found(monkeypatch, tmp_path):
    """Findings of a stack with `more` in its file, where the policies say `said`."""

    def describe(said: list[Finding], more: str = "") -> contract.Described:
        monkeypatch.setattr(findings.rules, "check", lambda *_, **__: said)
        return contract.describe(plan_of(project(tmp_path / "p", dev=stack_text(more=more)), "dev"), AT)

    return describe


URN = "urn:pulumi:dev::velero-eks::aws:s3/bucket:Bucket::velero"
BAD = Finding("bucket-open", "error", URN, "is open; close it")
ODD = Finding("bucket-odd", "warning", URN, "is odd")


def test_an_error_fails_the_plan_and_a_warning_does_not(found):
    assert found([BAD, ODD]).fails


def test_a_warning_alone_does_not_fail_the_plan(found):
    assert not found([ODD]).fails


def test_a_waived_error_stays_in_the_plan_with_its_reason_and_no_longer_fails_it(found):
    stack = found([ODD, BAD], "  velero-eks:waivers: {bucket-open: a public demo}\n")
    assert [(one.rule, one.waived) for one in stack.findings] == [
        ("bucket-open", "a public demo"),
        ("bucket-odd", None),
    ]
    assert not stack.fails


def test_a_waiver_that_waives_nothing_is_a_warning_of_its_own(found):
    stack = found([], "  velero-eks:waivers: {bucket-open: a public demo}\n")
    (finding,) = stack.findings
    assert (finding.rule, finding.severity, finding.waived) == ("unused-waiver", "warning", None)
    assert "bucket-open" in finding.message
    assert finding.resource.endswith("VeleroOnEks::velero")


@pytest.mark.parametrize(
    ("waived", "said"),
    [
        ("bucket-replicaton", "waivers.bucket-replicaton: unknown rule; did you mean bucket-replication"),
        ("bucket_force_destroy", "did you mean bucket-force-destroy"),
        ("unmeant-grants", "did you mean unmeant-grant"),
        ("untested-kubernets", "did you mean untested-kubernetes"),
        ("rpo-clock", "did you mean rpo-clock-change?"),
        ("zzz", "unknown rule; there are: "),
        (
            "release-keeps-crds",
            "waivers.release-keeps-crds waives nothing: rule release-keeps-crds has no finding",
        ),
        ("excluded-namespaces", "waivers.excluded-namespaces waives nothing"),
    ],
)
def test_a_waiver_of_a_rule_that_is_not_there_is_told_which_there_are(found, waived, said):
    (finding,) = found([], f"  velero-eks:waivers: {{{waived}: a public demo}}\n").findings
    assert said in finding.message


def test_every_warning_of_the_settings_can_be_waived_by_a_name_that_is_known(root):
    """By the source: a warning that no one entered would be called unknown in the waiver that it asks for."""
    folder = root / "components/velero_on_eks/settings"
    trees = [ast.parse((folder / name).read_text(encoding="utf-8")) for name in ("rules.py", "objectives.py")]
    calls = [
        one
        for tree in trees
        for one in ast.walk(tree)
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "SettingsWarning"
    ]
    named = {one.args[0].value for one in calls if isinstance(one.args[0], ast.Constant)}
    assert named - set(WARNINGS) == set(), "add it to WARNINGS in settings/rules.py"
    assert len(named) >= len(WARNINGS) - 1
