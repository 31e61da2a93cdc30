"""Whether the objectives hold: the gap between two runs with the clocks' changes, and how long backups are kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.velero_eks.plan.projects import plan_of, project, stack_text
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
    with pytest.raises(PlanError, match="no Schedule called daily-backup"):
        described(tmp_path, "", program="import pulumi\n")
