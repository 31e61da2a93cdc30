"""The words of a plan are true: each is compared with the fact that it tells, and changes with it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console
from velero_on_eks.settings.refusals import Refusal

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.commands.plan_words import render, render_findings, render_summary
from velero_eks.plan import contract
from velero_eks.plan.findings import PlannedFinding
from velero_eks.plan.model import Message
from velero_eks.plan.unknown import Note

AT = datetime(2026, 11, 24, tzinfo=UTC)
MORE = """\
  velero-eks:schedules:
    daily: {cron: "0 2 * * *", timezone: Asia/Kolkata, keep: 14d, excludedNamespaces: [scratch]}
    weekly: {cron: "0 3 * * 0", keep: 60d, namespaces: [shop, till]}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> contract.Described:
    root = project(tmp_path_factory.mktemp("facts") / "p", staging=stack_text(more=MORE))
    return contract.describe(plan_of(root, "staging"), AT)


def said(*stacks: contract.Described, refused: Sequence[str] = ()) -> str:
    written = io.StringIO()
    refusal = Refusal("bad", "text is expected here", "quote it", ("tags",), 7)
    render(Console(file=written, width=400), stacks, {name: [refusal] for name in refused})
    return re.sub(r"[ \n]+", " ", written.getvalue())


def noted(plan: contract.Described, *notes: Note) -> str:
    recording = replace(plan.plan.recording, notes=notes)
    return said(replace(plan, plan=replace(plan.plan, recording=recording)))


def judged(plan: contract.Described, findings: Sequence[PlannedFinding]) -> str:
    return said(replace(plan, findings=list(findings)))


def test_where_it_goes(plan):
    assert "staging · EKS shop 1.35 · eu-west-1 · 111122223333" in said(plan)
    [deployment] = plan.plan.deployments
    auto = deployment.settings.cluster.model_copy(update={"auto_mode": True})
    changed = replace(deployment, settings=deployment.settings.model_copy(update={"cluster": auto}))
    assert "EKS shop 1.35, Auto Mode · " in said(replace(plan, plan=replace(plan.plan, deployments=(changed,))))


def test_one_of_several_is_named(plan):
    several = replace(plan.plan.deployments[0], alone=False)
    assert "velero: staging · EKS shop" in said(replace(plan, plan=replace(plan.plan, deployments=(several,))))


def test_how_many_resources_and_what_keeps_them(plan):
    shown = said(plan)
    assert f"Creates {len(plan.resources)} resources" in shown
    assert re.search(r"Bucket velero-shop-\S+ \[protected, retained\]", shown)
    assert "Helm release velero: chart velero 12.1.0, server v1.18.3" in shown


def test_who_may_do_what(plan):
    shown = said(plan)
    assert "account 111122223333, through its IAM policies" in shown
    assert "OIDC issuer …/EXAMPLE0123456789ABCDEF may become role velero-shop-eu-west-1" in shown
    assert "only with a token for sts.amazonaws.com, only as service account velero/velero-server" in shown
    assert "may read, write and delete objects under s3://velero-shop-111122223333-eu-west-1/" in shown
    assert "may list bucket velero-shop-111122223333-eu-west-1, only in account 111122223333" in shown
    assert "may encrypt and decrypt with key alias/velero-shop, only through s3.eu-west-1.amazonaws.com" in shown
    assert "alone may" not in shown
    assert "no one is granted anything" in said(replace(plan, grants=[]))


def test_who_alone_may_change_what_keeps_the_backups(tmp_path):
    arns = ("role/ci/deploy", "user/anna")
    named = ", ".join(f"arn:aws:iam::111122223333:{name}" for name in arns)
    more = f"  velero-eks:storage: {{breakGlass: [{named}]}}\n"
    root = project(tmp_path / "p", staging=stack_text(more=more))
    shown = said(contract.describe(plan_of(root, "staging"), AT))
    assert "role ci/deploy and user anna alone may delete old versions" in shown
    assert "deploy as one of them" in shown


def test_when_backups_run_and_what_they_take(plan):
    shown = said(plan)
    assert "daily every day at 02:00 Asia/Kolkata every but scratch 14 days Wed 25 Nov 02:00" in shown
    assert "weekly Sundays at 03:00 UTC shop, till 60 days Sun 29 Nov 03:00" in shown
    paused = [replace(schedule, paused=True) for schedule in plan.schedules]
    assert "every but scratch 14 days paused" in said(replace(plan, schedules=paused))
    assert "none: nothing is ever backed up" in said(replace(plan, schedules=[]))


def test_whether_objectives_hold(plan):
    assert "every namespace 24 h 24 h 14 days 14 days daily met" in said(plan)
    [objective] = plan.objectives
    hour, month = 3600, 30 * 86_400
    late = said(replace(plan, objectives=[replace(objective, rpo=hour)]))
    assert "every namespace 24 h 1 h 14 days 14 days daily missed" in late
    short = said(replace(plan, objectives=[replace(objective, retention=month, namespace="shop")]))
    assert "shop 24 h 24 h 14 days 30 days daily missed" in short
    nothing = replace(objective, schedule=None, worst_case_rpo=None, kept=None)
    assert "every namespace everything 24 h nowhere 14 days no schedule missed" in said(
        replace(plan, objectives=[nothing])
    )
    assert "Loss is the longest gap between two runs in the coming year, clock changes included" in said(plan)
    assert "Limit is recovery.rpo, wanted is recovery.retention." in said(plan)


FINDING = PlannedFinding("bucket-open", "error", "urn:pulumi:a::b::c::d", "is open; close it")


@pytest.mark.parametrize(
    ("findings", "shown", "verdict"),
    [
        ([], "Findings none", "1 stack planned: 0 errors, 0 warnings."),
        ([FINDING], "error bucket-open is open; close it", "1 error, 0 warnings. Fix the errors of staging"),
        ([replace(FINDING, severity="warning")], "warning bucket-open is open", "0 errors, 1 warning."),
        ([replace(FINDING, waived="a demonstration")], "waived bucket-open is open; close it because a demonstration",
         "0 errors, 0 warnings."),
    ],
)  # fmt: skip
def test_what_was_found_and_the_verdict(plan, findings, shown, verdict):
    text = judged(plan, findings)
    assert shown in text
    assert verdict in text
    assert ("or waive them: velero-eks:waivers: {RULE: REASON}." in text) == any(one.fails for one in findings)


def test_stacks_that_could_not_be_planned_are_counted(plan):
    shown = said(plan, refused=("a", "b"))
    assert "1 stack planned, 2 not: 0 errors" in shown
    assert shown.count("not planned: ") == 2


def test_a_summary_has_every_stacks_figures(plan):
    failing = replace(plan, findings=[FINDING, replace(FINDING, severity="warning")])
    shown = said(replace(plan, findings=[]), failing)
    count = len(plan.resources)
    runs = "in 20 h"
    assert f"staging staging shop eu-west-1 {count} 24 h met none {runs} " in shown
    assert f"staging staging shop eu-west-1 {count} 24 h met 1 error, 1 warning {runs} " in shown
    unmet = replace(plan.objectives[0], worst_case_rpo=None)
    assert f"{count} everything 1 of 1 missed none {runs}" in said(plan, replace(plan, findings=[], objectives=[unmet]))
    paused = [replace(schedule, paused=True) for schedule in plan.schedules]
    assert f"{count} 24 h met none never " in said(plan, replace(plan, findings=[], schedules=paused))


def overview(*stacks: contract.Described, bad: dict[str, list[Refusal]], width: int = 400, reasons: bool = True) -> str:
    written = io.StringIO()
    render_summary(Console(file=written, width=width), stacks, bad, reasons=reasons)
    return written.getvalue()


def test_a_bad_stack_has_its_row_among_the_others_and_every_reason_stands_at_the_end(plan):
    refusals = [Refusal("bad", "text is expected here", f"quote {name}", (name,), 7) for name in ("tags", "keys")]
    shown = overview(plan, bad={"acme": refusals, "prod": refusals[:1]})
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert [line.split()[0] for line in lines[3:6]] == ["acme", "prod", "staging"]
    assert (lines[3], lines[4]) == ("acme bad: 2 errors", "prod bad: 1 error")
    assert lines[6] == "acme not planned:"
    assert "quote tags" in lines[7] and "quote keys" in lines[8]
    assert lines[9].startswith("prod not planned: ") and "quote tags" in lines[9]
    assert lines[10].startswith("1 stack planned, 2 not: ")
    assert "quote" not in overview(plan, bad={"acme": refusals}, reasons=False)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_summary_has_one_line_a_stack_at_any_width(plan, width):
    refusals = [Refusal("bad", "text is expected here", "quote it", ("tags",), 7)]
    lines = overview(plan, bad={"acme": refusals}, width=width, reasons=False).splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["acme", "staging"]
    assert "met" in lines[4]
    assert all(len(line) <= width for line in lines)


def test_what_the_program_says_is_shown(plan):
    recording = replace(plan.plan.recording, messages=(Message("warning", "mind the gap"),))
    shown = said(replace(plan, plan=replace(plan.plan, recording=recording)))
    assert "What the program says warning mind the gap" in shown
    assert "What the program says" not in said(plan)


NOTES: list[tuple[Note, str]] = [
    (Note("account", "aws"), "the account: no provider names one in allowedAccountIds"),
    (Note("apply", "stand-in", "KeyError: 'a'"), "does not accept a stand-in: KeyError: 'a'"),
    (Note("call", "eks:index:Cluster/getKubeconfig"), "what eks:index:Cluster/getKubeconfig answers"),
    (Note("component", "eks:index:Cluster", "shop"), "what the component eks:index:Cluster makes and outputs (shop)"),
    (Note("hook", "resource hook", "tell"), "what a resource hook does at the deployment (tell)"),
    (Note("invoke", "aws:index/getIp:getIp"), "what aws:index/getIp:getIp answers"),
    (Note("read", "aws:ec2/vpc:Vpc", "main"), "what aws:ec2/vpc:Vpc holds that exists already (main)"),
    (Note("reference", "pulumi:pulumi:StackReference", "net"), "the outputs of the stack net"),
    (Note("region", "aws", "us-east-1"), "the region: none is named, and this plan uses us-east-1"),
    (Note("resource", "aws:sns/topic:Topic", "alerts"), "what aws:sns/topic:Topic outputs (alerts)"),
]


@pytest.mark.parametrize(("note", "words"), NOTES, ids=lambda value: getattr(value, "kind", ""))
def test_what_is_not_known_is_said(plan, note, words):
    shown = noted(plan, note)
    assert words in shown[shown.index("Not known before the deployment") :]
    assert "Not known before the deployment" not in said(plan)


def test_things_of_a_kind_are_told_together(plan):
    topics = [Note("resource", "aws:sns/topic:Topic", name) for name in ("alerts", "bills")]
    assert "what aws:sns/topic:Topic outputs (alerts, bills)" in noted(plan, *topics)


def test_a_program_without_the_component_is_said_not_to_be_judged(plan):
    shown = said(replace(plan, findings=[], plan=replace(plan.plan, deployments=())))
    assert "not checked: this program has no VeleroOnEks" in shown


def test_a_checked_plan_says_the_same_of_its_findings():
    written = io.StringIO()
    render_findings(Console(file=written, width=400), [("staging", [FINDING], True), ("dev", [], True)])
    shown = re.sub(r"[ \n]+", " ", written.getvalue())
    assert "error bucket-open is open; close it" in shown
    assert "none 2 stacks checked: 1 error, 0 warnings. Fix the errors of staging" in shown
