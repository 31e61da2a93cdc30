"""Whether the objectives hold: the gap between two runs with the clocks' changes, and how long backups are kept."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.commands import plan_words
from velero_eks.errors import PlanError
from velero_eks.plan import contract
from velero_eks.plan.contract import Described

AT = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = 3600, 86400


def described(folder, more: str, program: str | None = None) -> Described:
    return contract.describe(plan_of(project(folder / "p", dev=stack_text(more=more), program=program), "dev"), AT)


def test_a_namespace_is_held_by_the_schedule_that_meets_both_objectives(tmp_path):
    stack = described(
        tmp_path,
        """\
  velero-eks:recovery: {rpo: 24h, retention: 30d, namespaces: [shop]}
  velero-eks:schedules:
    often: {cron: "0 * * * *", keep: 3d, namespaces: [shop]}
    long: {cron: "0 2 * * *", keep: 30d}
    elsewhere: {cron: "0 * * * *", keep: 90d, namespaces: [other]}
""",
    )
    (objective,) = stack.objectives
    assert (objective.namespace, objective.schedule, objective.met) == ("shop", "long", True)
    assert (objective.worst_case_rpo, objective.kept) == (DAY, 30 * DAY)


def test_the_night_on_which_the_clocks_change_counts(tmp_path):
    stack = described(
        tmp_path,
        """\
  velero-eks:recovery: {rpo: 24h, retention: 7d}
  velero-eks:release: {image: {tag: v1.18.2}}
  velero-eks:schedules:
    nightly: {cron: "30 2 * * *", timezone: Europe/Berlin, keep: 7d}
""",
    )
    (schedule,) = stack.schedules
    (objective,) = stack.objectives
    # 02:30 does not exist on 29 March: from the 28th at 02:30 to the 30th at 02:30 summer time.
    assert schedule.worst_case_rpo_seconds == 47 * HOUR
    assert (objective.rpo_met, objective.retention_met, objective.met) == (False, True, False)
    warning = next(finding for finding in stack.findings if finding.rule == "rpo-clock-change")
    assert (warning.severity, warning.resource) == ("warning", schedule.resource)
    assert not stack.fails


def test_a_program_that_makes_another_schedule_than_the_file_says_is_an_error(tmp_path):
    with pytest.raises(PlanError, match="no Schedule daily-backup"):
        described(tmp_path, "", program="import pulumi\n")


TIERED = """\
  velero-eks:recovery:
    - {rpo: 1h, retention: 3d}
    - {retention: 14d}
    - {namespaces: ["pay-*"], rpo: 24h, retention: 14d, excludedResources: [secrets]}
  velero-eks:schedules:
    hourly: {cron: "0 * * * *", keep: 3d}
    daily: {cron: "10 2 * * *", keep: 14d}
    weekly: {cron: "20 2 * * 0", keep: 60d}
    again: {cron: "30 2 * * *", keep: 14d}
    pay: {cron: "40 2 * * *", keep: 30d, namespaces: ["pay-*"], excludedResources: [secrets]}
    still: {cron: "50 2 * * *", keep: 90d, paused: true}
"""


def test_a_schedule_says_what_it_is_for(tmp_path):
    found = described(tmp_path, TIERED)
    tiers = {each.name: [(one.begins, one.ends, one.every) for one in each.tiers] for each in found.schedules}
    assert tiers == {
        "hourly": [(0, 3 * DAY, HOUR)],
        "daily": [(3 * DAY, 14 * DAY, DAY)],
        "weekly": [(14 * DAY, 60 * DAY, 7 * DAY)],
        # Of two that do the same one is enough.
        "again": [],
        "pay": [(3 * DAY, 30 * DAY, DAY)],
        "still": [],
    }
    assert {each.name: each.copies for each in found.schedules}["weekly"] == 8


def test_each_objective_says_which_schedule_serves_which_age(tmp_path):
    found = described(tmp_path, TIERED)
    served = [(one.number, one.namespace, one.schedule, one.met) for one in found.objectives]
    assert served == [(0, "*", "hourly", True), (1, "*", "daily", True), (2, "pay-*", "daily", True)]
    assert [[(one.schedule, one.begins, one.ends) for one in each.tiers] for each in found.objectives] == [
        [("hourly", 0, 3 * DAY)],
        [("hourly", 0, 3 * DAY), ("daily", 3 * DAY, 14 * DAY)],
        [("hourly", 0, 3 * DAY), ("pay", 3 * DAY, 14 * DAY)],
    ]


def test_the_plan_tells_it_in_words_and_as_json(tmp_path):
    found = described(tmp_path, TIERED)
    written = contract.document([found])["stacks"][0]
    hourly = next(each for each in written["schedules"] if each["name"] == "hourly")
    assert hourly["tiers"] == [{"schedule": "hourly", "from_seconds": 0, "to_seconds": 3 * DAY, "every_seconds": HOUR}]
    last = written["objectives"][-1]
    assert (last["objective"], last["namespace"], last["lacking"], last["volumes"]) == (2, "pay-*", [], False)
    console = Console(width=220, file=io.StringIO())
    plan_words.render(console, [found])
    said = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    for part in (
        "hourly covers the last 3 days, every 1 h",
        "14 days to 60 days, every 7 days",
        "adds nothing to the others",
        "hourly last 3 days",
        "pay 3 days to 14 days",
    ):
        assert part in said
