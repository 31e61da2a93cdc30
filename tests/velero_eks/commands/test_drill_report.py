"""What a drill is judged by, and its reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.velero_eks.recovery.recorded import NOW, backup
from velero_eks.commands.drill import document, junit, markdown, verdict
from velero_eks.kube.objects import Difference, ObjectKey
from velero_eks.recovery.drill.scratch import Mark
from velero_eks.recovery.drill.verdict import Compared, CopyState, Drilled, Objectives, checks
from velero_eks.velero.records import Restore
from velero_eks.velero.results import VeleroMessage

SAME = Compared(ObjectKey("", "ConfigMap", "shop", "same"), CopyState.SAME)
OTHER = Compared(
    ObjectKey("", "Secret", "shop", "other"), CopyState.DIFFERENT, (Difference("data.key", "hunter2", "hunter3"),)
)


def drilled(*compared: Compared, phase: str = "Completed", **fields: Any) -> Drilled:
    restore = Restore({"kind": "Restore", "metadata": {"name": "r"}, "status": {"phase": phase}})
    arguments: dict[str, Any] = {
        "drill": "4f2a1c", "backup": backup("daily-1", hours=2), "namespaces": ("shop",), "began": NOW,
        "restore": restore, "compared": compared or (SAME,), "seconds": 12.5, **fields,
    }  # fmt: skip
    return Drilled(**arguments)


def failed(found: Drilled, **objectives: float) -> list[str]:
    return [check.name for check in checks(found, Objectives(**objectives)) if not check.good]


def test_a_drill_is_good_when_all_came_back_in_time_and_nothing_is_left():
    found = drilled()
    assert failed(found, rpo=3 * 3600, within=60) == []
    assert verdict(found, checks(found, Objectives())) == (
        "shop can be recovered from daily-1: 12 s, every object as it was."
    )


def test_a_good_drill_claims_no_more_than_it_tried():
    tried = Compared(ObjectKey("exam.example.com", "Question", "shop", "q"), CopyState.ACCEPTED)
    untried = Compared(ObjectKey("exam.example.com", "Question", "shop", "r"), CopyState.UNTRIED)
    for compared, claim in (
        ((SAME, tried, untried), "1 object as in the backup, 1 object accepted by a dry run, 1 object not tried."),
        ((), "and there was no object to compare."),
    ):
        found = drilled(compared=compared)
        assert verdict(found, checks(found, Objectives())).endswith(claim)


@pytest.mark.parametrize(
    ("found", "objectives", "names"),
    [
        (drilled(), {"rpo": 3600.0}, ["data age"]),
        (drilled(), {"within": 10.0}, ["recovery time"]),
        (drilled(SAME, OTHER), {}, ["objects: Secret"]),
        (drilled(phase="PartiallyFailed"), {}, ["restore"]),
        (drilled(restore=None, compared=(), problem="the API server refused it"), {"within": 10.0}, ["restore"]),
        (drilled(left=("namespace drill-1-shop: held",)), {}, ["clean-up"]),
    ],
)
def test_each_thing_that_can_fail_is_one_check(found, objectives, names):
    assert failed(found, **objectives) == names


def test_junit_has_one_case_a_check_and_names_the_objects_that_failed():
    found = drilled(SAME, OTHER, messages=(VeleroMessage("error", "velero", "a \x00 b"),))
    suite = ElementTree.fromstring(junit(found, checks(found, Objectives(rpo=1.0))))  # noqa: S314 - made here
    assert {key: suite.get(key) for key in ("tests", "failures", "time")} == {
        "tests": "5", "failures": "2", "time": "12.500",
    }  # fmt: skip
    cases = {str(case.get("name")): case for case in suite}
    failure = cases["objects: Secret"].find("failure")
    assert failure is not None
    assert failure.text is not None
    assert "Secret/other -n shop: different (data.key)" in failure.text
    assert cases["restore"].get("time") == "12.500"


def test_no_report_shows_what_a_secret_holds():
    found = drilled(OTHER)
    judged = checks(found, Objectives())
    for text in (junit(found, judged), markdown(found, judged), str(document(found, judged))):
        assert "hunter" not in text


def test_markdown_keeps_its_table_whatever_a_message_says():
    found = drilled(restore=None, compared=(), problem="a | b\nc")
    text = markdown(found, checks(found, Objectives()))
    assert "| **failed** | restore | a \\| b c |" in text


def test_the_age_of_the_data_is_that_of_the_backups_begin():
    assert drilled().data_age == timedelta(hours=2).total_seconds()


def test_scratch_namespaces_fit_into_a_name_and_carry_their_drill():
    mark = Mark.new(60, datetime(2026, 11, 24, tzinfo=UTC))
    name = mark.namespace("a" * 63)
    assert len(name) <= 63
    assert name != mark.namespace("a" * 62 + "b")
    assert name.startswith(f"drill-{mark.drill}-aaa")
    assert mark.labels["velero-eks/drill"] == mark.drill
    assert mark.annotations == {"velero-eks/drill-expires": "2026-11-24T00:01:00+00:00"}
