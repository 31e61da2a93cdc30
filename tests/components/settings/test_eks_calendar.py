"""What a plan says of a Kubernetes version that leaves EKS's support."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from velero_on_eks.settings.eks_calendar import CALENDAR, NOTICE, READ_ON, support_ends
from velero_on_eks.settings.versions import TABLE

from tests.support import settings


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "day", "stage", "days"),
    [
        ("1.34", "2026-09-02", None, None),
        ("1.34", "2026-09-03", "ending", 90),
        ("1.34", "2026-11-27", "ending", 5),
        ("1.34", "2026-12-01T23:59", "ending", 1),
        ("1.34", "2026-12-02", "extended", 365),
        ("1.34", "2027-12-01", "extended", 1),
        ("1.34", "2027-12-02", "over", 0),
        ("1.33", "2026-11-27", "extended", 244),
        ("1.33", "2027-07-29", "over", 0),
        ("1.35", "2026-11-27", None, None),
        ("1.35", "2026-12-27", "ending", 90),
        ("1.35", "2027-03-27", "extended", 366),
        ("1.31", "2026-11-27", "over", 0),
        ("1.36", "2026-11-27", None, None),
        ("1.37", "2026-11-27", None, None),
        ("1.99", "2026-11-27", None, None),
    ],
)
def test_a_version_has_a_stage_from_ninety_days_before_its_end_on(version, day, stage, days):
    found = support_ends(version, at(day))
    assert (found and found.stage, found and found.days) == (stage, days)


def test_days_are_those_of_utc():
    tokyo = timezone(timedelta(hours=9))
    assert getattr(support_ends("1.34", datetime(2026, 12, 2, 8, tzinfo=tokyo)), "stage", None) == "ending"
    assert getattr(support_ends("1.34", datetime(2026, 12, 2, 9, tzinfo=tokyo)), "stage", None) == "extended"


def test_the_calendar_is_in_order_and_has_every_version_of_the_table():
    assert [each.standard_until for each in CALENDAR] == sorted(
        (each.standard_until for each in CALENDAR), reverse=True
    )
    for each in CALENDAR:
        assert (each.extended_until.year - each.standard_until.year, each.extended_until.month) == (
            1, each.standard_until.month,
        )  # fmt: skip
    known = {each.kubernetes for each in CALENDAR}
    assert {version for row in TABLE for version in row.kubernetes} <= known
    assert date(2026, 1, 1) < READ_ON


def said(version: str, day: str, **release: object) -> list[tuple[str, str]]:
    allowed = {"allowUntestedKubernetes": True} if version not in TABLE[0].kubernetes else {}
    given = settings(cluster={"kubernetesVersion": version}, release={**allowed, **release})
    return [(one.severity, one.message) for one in given.warnings(at(day)) if one.rule == "eks-support"]


def test_a_stack_is_told_the_date_the_price_and_the_mend():
    assert said("1.34", "2026-11-27") == [
        (
            "warning",
            "standard support of Kubernetes 1.34 ends on 2026-12-02, in 5 days: from then on the cluster costs 0.60 USD"
            " an hour and not 0.10, 4,380 USD a year more; upgrade it to 1.35, one minor version at a time",
        )
    ]
    [(severity, message)] = said("1.33", "2026-11-27")
    assert severity == "warning"
    assert "ended on 2026-07-29: the cluster costs 0.60 USD" in message
    assert "on 2027-07-29 extended support ends" in message
    [(severity, message)] = said("1.33", "2027-08-01")
    assert severity == "error"
    assert "extended support of Kubernetes 1.33 ended on 2027-07-29" in message
    [(_, message)] = said("1.35", "2027-01-15")
    assert "1.35 is the newest that Velero 1.18.3 was tested on" in message
    [(severity, _)] = said("1.30", "2026-11-27")
    assert severity == "error"
    assert said("1.35", "2026-11-27") == said("1.37", "2026-11-27") == []


def test_the_moment_is_the_plans_and_the_notice_is_ninety_days():
    assert timedelta(days=90) == NOTICE
    assert said("1.34", "2026-01-01") == []
    assert len(said("1.34", "2026-12-25")) == 1
