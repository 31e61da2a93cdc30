"""What a person reads: complete, within the terminal's width, and without colours where no one can see them."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.commands.plan_words import render
from velero_eks.plan import contract, findings
from velero_eks.rules import Finding

AT = datetime(2026, 11, 24, tzinfo=UTC)
MORE = """\
  velero-eks:volumes: {mode: csi-snapshot}
  velero-eks:storage:
    prefix: a/rather/long/prefix-that-does-not-fit-into-any-column-of-eighty
    accessLogs: {bucket: the-longest-name-of-a-bucket-that-s3-would-ever-take-is-this-x, prefix: logs}
  velero-eks:schedules:
    a-schedule-with-quite-a-long-name: {cron: "0 2 * * *", timezone: America/Argentina/Buenos_Aires, keep: 14d}
    resting: {cron: "0 3 * * 0", keep: 60d, namespaces: [some, other], paused: true}
  velero-eks:waivers: {bucket-open: a public demonstration}
  velero-eks:release:
    helmValuesOverrides:
      configuration: {backupSyncPeriod: 10m, extraEnvVars: [{name: LICENSE, value: {secure: v1:abc}}]}
      nodeSelector: {kubernetes.io/arch: arm64}
"""


@pytest.fixture(scope="module")
def stacks(tmp_path_factory) -> list[contract.Described]:
    said = [
        Finding("bucket-open", "error", "urn:pulumi:a::b::c::d", "is open; close it"),
        Finding("key-short", "error", "urn:pulumi:a::b::c::d", "is short; lengthen it " * 10),
    ]
    root = project(
        tmp_path_factory.mktemp("render") / "p",
        **{
            "a-stack-of-a-long-name": stack_text("a-cluster-with-a-name-of-some-length", more=MORE),
            "dev": stack_text(),
        },
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(findings.rules, "check", lambda *_, **__: said)
        return [contract.describe(plan_of(root, stack), AT) for stack in ("a-stack-of-a-long-name", "dev")]


def text(stacks: list[contract.Described], width: int = 80, **console) -> str:
    written = io.StringIO()
    render(Console(file=written, width=width, **console), stacks)
    return written.getvalue()


def test_every_value_laid_over_the_charts_is_told_and_no_secret(stacks):
    shown = re.sub(r"\s+", " ", text(stacks[:1], 200))
    for part in (
        "Overrides of the chart's values",
        'configuration.backupSyncPeriod "10m" it sets how often the server reads the bucket for backups',
        "configuration.extraEnvVars[0]",
        "it gives the server the variable LICENSE",
        'nodeSelector {"kubernetes.io/arch": "arm64"} harmless',
    ):
        assert part in shown
    assert "v1:abc" not in shown
    assert "Overrides of the chart" not in text(stacks[1:], 200)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_value_is_cut(stacks, width):
    shown = text(stacks, width)
    assert max(len(line) for line in shown.splitlines()) <= width
    assert "…/" in shown
    assert "…" not in shown.replace("…/", "")


def test_every_resource_grant_run_objective_and_finding_is_there(stacks):
    shown = re.sub(r"\s+", " ", text(stacks[1:], 200))
    plan = stacks[1].plan
    for resource in plan.recording:
        if resource.type == "aws:s3/bucket:Bucket":
            assert f"Bucket {resource.inputs['bucket']} [protected, retained]" in shown
    assert f"Creates {len(plan.recording.resources)} resources" in shown
    for part in (
        "versioning: enabled",
        "lifecycle:",
        "encryption: aws:kms with a bucket key",
        "Helm release velero: chart",
    ):
        assert part in shown
    assert "may read, write and delete objects under s3://velero-shop-111122223333-eu-west-1/" in shown
    assert "only as service account velero/velero-server" in shown
    assert "every day at 02:00 UTC" in shown
    assert "Tue 24 Nov 02:00" in shown
    assert "24 h 24 h 14 days 14 days daily-backup met" in shown
    assert "error key-short" in shown
    assert "2 errors, 0 warnings. Fix the errors of dev" in shown


def test_what_is_protected_with_its_parent_is_said_once(stacks):
    shown = text(stacks[1:], 200)
    assert "alias alias/velero-shop\n" in re.sub(r" +\n", "\n", shown)


def test_a_paused_schedule_and_a_waiver_are_said(stacks):
    shown = re.sub(r"\s+", " ", text(stacks[:1], 200))
    assert "Sundays at 03:00 UTC some, other 60 days paused" in shown
    assert "waived bucket-open" in shown
    assert "because a public demonstration" in shown
    assert "1 stack planned: 1 error, 0 warnings." in shown


def test_several_stacks_end_in_a_summary_and_one_does_not(stacks):
    assert "All stacks" in text(stacks)
    assert "2 stacks planned: 3 errors" in text(stacks)
    assert "All stacks" not in text(stacks[:1])


def test_colours_are_for_terminals_that_want_them(stacks, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[3" in text(stacks, force_terminal=True)
    assert "\x1b" not in text(stacks, force_terminal=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in text(stacks, force_terminal=True)
