"""How long a cluster is without a new backup: the gaps between runs, over every year and over clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.versions import CronLibrary

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("expression", "shortest", "longest"),
    [
        ("* * * * *", 60, 60),
        ("*/7 * * * *", 4 * 60, 7 * 60),
        ("0 */6 * * *", 6 * HOUR, 6 * HOUR),
        ("0 */5 * * *", 4 * HOUR, 5 * HOUR),
        ("0 2 * * *", DAY, DAY),
        ("0 2,14 * * *", 12 * HOUR, 12 * HOUR),
        ("0 9-17 * * MON-FRI", HOUR, 2 * DAY + 16 * HOUR),
        ("0 3 * * SUN", 7 * DAY, 7 * DAY),
        ("0 3 * * MON,THU", 3 * DAY, 4 * DAY),
        ("0 0 1 * *", 28 * DAY, 31 * DAY),
        ("0 0 31 * *", 31 * DAY, 61 * DAY),
        ("0 0 1 1,7 *", 181 * DAY, 184 * DAY),
        ("0 0 1 1 *", 365 * DAY, 366 * DAY),
        ("0 0 29 2 *", 1_461 * DAY, 2_921 * DAY),
        ("0 0 28,29 2 *", DAY, 365 * DAY),
        ("0 0 13 * FRI", DAY, 7 * DAY),
        ("0 0 1-31 * *", DAY, DAY),
        ("0 0 * 2 MON", 7 * DAY, 350 * DAY),
        ("@every 90m", 5_400, 5_400),
        ("@every 300ms", 1, 1),
    ],
)
def test_gaps_hold_for_every_year_of_the_calendar(expression: str, shortest: int, longest: int) -> None:
    cron = Cron.parse(expression, library="robfig")
    assert (cron.shortest_gap(), cron.nominal_interval()) == (shortest, longest)
    assert cron.longest_gap(NOW) == longest


@pytest.mark.parametrize(
    ("expression", "zone", "after", "longest"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-11-23", 47 * HOUR),
        ("0 4 * * *", "Europe/Berlin", "2026-11-23", 25 * HOUR),
        ("0 2 * * *", "Asia/Kolkata", "2026-11-23", 24 * HOUR),
        ("0 */6 * * *", "America/New_York", "2026-11-23", 7 * HOUR),
        ("*/5 * * * *", "Europe/Berlin", "2026-11-23", 5 * 60),
        ("0 0 1 * *", "Europe/Berlin", "2026-11-23", 31 * DAY + HOUR),
        ("0 0 * * *", "America/Sao_Paulo", "2018-10-01", 47 * HOUR),
        ("0 0 * * *", "Asia/Beirut", "2025-01-01", 47 * HOUR),
        ("0 3 * * SUN", "Europe/Berlin", "2026-11-23", 7 * DAY + HOUR),
    ],
)
def test_a_clock_change_can_lengthen_a_gap(expression: str, zone: str, after: str, longest: int) -> None:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert Cron.parse(expression, zone, library="robfig").longest_gap(start) == longest


def test_a_clock_change_beyond_the_horizon_lengthens_nothing() -> None:
    cron, february = Cron.parse("30 2 * * *", "Europe/Berlin", library="robfig"), datetime(2026, 2, 1, tzinfo=UTC)
    assert cron.longest_gap(february, timedelta(days=30)) == DAY
    assert cron.longest_gap(february, timedelta(days=60)) == 47 * HOUR
    assert cron.longest_gap(february + timedelta(days=60), timedelta(days=60)) == DAY


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["0 2 * * *", "30 2 * * *", "0 0 * * *", "30 */8 * * *", "45 1 * * SUN", "0 1 1,15 * *"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Gaza"]),
    st.integers(1990, 2030),
    st.sampled_from(["robfig", "go-cron"]),
)
def test_the_longest_gap_is_the_longest_found_by_counting(
    expression: str, zone: str, year: int, library: CronLibrary
) -> None:
    cron = Cron.parse(expression, zone, library=library)
    start = datetime(year, 1, 1, tzinfo=UTC)
    run = cron.next_after(start - timedelta(days=40))
    gaps = {cron.nominal_interval()}
    while run is not None and run < start + timedelta(days=366):
        following = cron.next_after(run)
        assert following is not None
        changes = run.utcoffset() != following.utcoffset()
        if changes and following > start:
            gaps.add(int((following - run).total_seconds()))
        run = following
    assert cron.longest_gap(start, timedelta(days=366)) == max(gaps)
