"""Where Velero's two cron libraries part: what a stack file's cron means depends on the Velero that is pinned."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Settings
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.versions import PINNED_VELERO, CronLibrary, cron_library

from tests.support import mapping, settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("tag", "library"),
    [
        ("v1.16.0", "robfig"),
        ("v1.18.2", "robfig"),
        ("1.18.2-debian-12-r3", "robfig"),
        ("v1.18.3", "go-cron"),
        ("v1.18.3-rc.1", "go-cron"),
        ("1.18.10", "go-cron"),
        ("v1.19.0@sha256:0", "go-cron"),
        ("v2.0.0", "go-cron"),
        ("main", cron_library(PINNED_VELERO)),
        ("", cron_library(PINNED_VELERO)),
        (None, cron_library(PINNED_VELERO)),
    ],
)
def test_the_version_of_velero_decides_which_library_reads_a_cron(tag: str | None, library: CronLibrary) -> None:
    assert cron_library(tag) == library


# What one library accepts and the other refuses, with a piece of the refusal.
PARTED = [
    ("0 3 * * 7", "go-cron", "day of week '7': 7 is out of range; the limit is 0-6 or SUN-SAT; write 0 or SUN"),
    ("0 3 * * 1-7", "go-cron", "write 0 or SUN for Sunday"),
    ("0 22-2 * * *", "go-cron", "runs backwards; the limit is 0-23; write 22-23,0-2"),
    ("0 0 * * FRI-MON", "go-cron", "runs backwards"),
    ("0 0 * NOV-FEB *", "go-cron", "write NOV-DEC,JAN-FEB"),
    ("0 0 28-3 * *", "go-cron", "runs backwards"),
    ("@manual", "go-cron", "not a descriptor"),
    ("TZ='UTC' 0 2 * * *", "go-cron", "is unknown"),
    ("59/30 * * * *", "robfig", "a step of 30 over a single value is too long; the limit is 0-59; write a shorter"),
    ("0-59/70 * * * *", "robfig", "a step of 70 over a range of 60 is too long"),
    ("*/90 * * * *", "robfig", "@every 1h30m"),
    ("0 14/19 * * *", "robfig", "a step of 19 over a range of 10 is too long"),
    ("0 0 5-9/5 * *", "robfig", "a step of 5 over a range of 5 is too long"),
    ("@every 300ms", "robfig", "@every is at least one second"),
    ("@every 0", "robfig", "@every is at least one second"),
    ("TZ= 0 2 * * *", "robfig", "time zone '' is not a name"),
    ("0 0 *-W * *", "robfig", "Velero's cron has no L, W or #"),
    ("0 0 * * *-#", "robfig", "Velero's cron has no L, W or #"),
    ("0 2 * * *" + " " * 1_016, "robfig", "longer than 1024 bytes"),
]


@pytest.mark.parametrize(("expression", "accepted_by", "said"), PARTED)
def test_what_one_library_takes_the_other_refuses(expression: str, accepted_by: CronLibrary, said: str) -> None:
    other: CronLibrary = "robfig" if accepted_by == "go-cron" else "go-cron"
    assert Cron.parse(expression, library=accepted_by, allow_never=True).library == accepted_by
    with pytest.raises(ValueError, match=re.escape(said)):
        Cron.parse(expression, library=other, allow_never=True)


@pytest.mark.parametrize(
    ("expression", "robfig", "go_cron"),
    [
        ("0 2 1,15 * 1", 7 * DAY, 413 * DAY),
        ("0 2 1-7 * MON", 7 * DAY, 35 * DAY),
        ("0 0 13 * FRI", 7 * DAY, 427 * DAY),
        ("0 0 25-31 * FRI", 7 * DAY, 63 * DAY),
        ("0 0 */2 * */2", 2 * DAY, 8 * DAY),
        ("0 2 * * 1/2", 3 * DAY, 2 * DAY),
        ("0 2 * * *", DAY, DAY),
    ],
)
def test_with_both_day_fields_the_gaps_are_others(expression: str, robfig: int, go_cron: int) -> None:
    gaps = [Cron.parse(expression, library=library).nominal_interval() for library in ("robfig", "go-cron")]
    assert gaps == [robfig, go_cron]


def test_an_upgrade_leaves_twenty_runs_of_361() -> None:
    def runs(library: CronLibrary) -> int:
        cron = Cron.parse("0 2 1,15 * 1", library=library)
        return sum(run.year < 2032 for run in cron.next_runs(datetime(2027, 1, 1, tzinfo=UTC), 400))

    assert (runs("robfig"), runs("go-cron")) == (361, 20)


@pytest.mark.parametrize(
    ("expression", "zone", "robfig", "go_cron"),
    [
        ("30 2 * * *", "Europe/Berlin", 47 * HOUR, 24 * HOUR),
        ("0 2 * * *", "America/New_York", 47 * HOUR, 25 * HOUR),
        ("15 2 * * SUN", "Europe/Paris", 14 * DAY - HOUR, 7 * DAY),
        # The hour before the skipped one matches as well, and then go-cron leaves it out too.
        ("30 1,2 * * *", "Europe/Berlin", 23 * HOUR, 23 * HOUR),
        ("0 4 * * *", "Europe/Berlin", 25 * HOUR, 25 * HOUR),
    ],
)
def test_a_time_that_the_clocks_skip_is_made_up_for_by_go_cron_alone(
    expression: str, zone: str, robfig: int, go_cron: int
) -> None:
    gaps = [Cron.parse(expression, zone, library=library).longest_gap(NOW) for library in ("robfig", "go-cron")]
    assert gaps == [robfig, go_cron]


@pytest.mark.parametrize(
    ("expression", "library", "why"),
    [
        ("0 0 30 2 *", "robfig", "never runs: none of its months has that day"),
        ("0 0 30 2 *", "go-cron", "never runs: none of its months has that day"),
        ("0 0 31 4 MON", "go-cron", "never runs"),
        ("0 0 29 2 MON", "go-cron", "runs up to 28 years apart, because both day of month and day of week must match"),
        ("0 0 1 1 MON", "go-cron", "runs up to 11 years apart"),
        ("0 0 31 1 7", "go-cron", "years ahead; Velero then backs up in a loop; put '*' in one of the two"),
        ("@manual", "go-cron", "needs a trigger, and Velero has none"),
        ("@triggered", "go-cron", "needs a trigger"),
    ],
)
def test_what_has_no_next_run_would_be_backed_up_without_end(expression: str, library: CronLibrary, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        Cron.parse(expression, library=library)
    endless = Cron.parse(expression, library=library, allow_never=True).endless
    assert endless is not None and endless.code == "cron-never"


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 29 2 MON", "0 0 31 1 MON"])
def test_with_one_match_enough_no_run_is_too_far_away(expression: str) -> None:
    assert Cron.parse(expression, library="robfig").endless is None


@pytest.mark.parametrize(
    "expression", ["61/20 * * * *", "99-5 * * * *", "0 24-2 * * *", "0 0 33-2 * *", "0 0 * 13-2 *"]
)
def test_a_range_from_beyond_its_field_is_refused_though_go_cron_reads_it(expression: str) -> None:
    Cron.parse(expression, library="go-cron", allow_never=True)
    with pytest.raises(ValueError, match="is out of range"):
        Cron.parse(expression, library="go-cron")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 2 1-7 * MON", "the first Monday of every month at 02:00 UTC"),
        ("0 2 22-28 * 7", "the fourth Sunday of every month at 02:00 UTC"),
        ("0 2 1,15 * 1", "Mondays that are day 1 or 15 of a month at 02:00 UTC"),
        ("0 2 25-31 * FRI", "0 2 25-31 * FRI UTC"),
        ("0 3 * * 5-7", "Sundays, Fridays and Saturdays at 03:00 UTC"),
        ("0 2 1-31 * MON", "Mondays at 02:00 UTC"),
    ],
)
def test_go_crons_days_in_a_few_words(expression: str, words: str) -> None:
    assert Cron.parse(expression, library="go-cron").description() == words


@pytest.mark.parametrize("library", ["robfig", "go-cron"])
@pytest.mark.parametrize(
    ("expression", "mend"),
    [
        ("0 2 L * *", "write 28-31: the last day of every month is among them"),
        ("0 2 * * MON#1", "from 1.18.3 on write days 1-7 with the weekday, and bothDaysMatch: true"),
        ("0 2 * * 5#2", "write days 8-14 with the weekday"),
        ("0 2 * * FRI#4", "write days 22-28 with the weekday"),
        ("0 2 15W * *", "write days of the month, such as 1-7 or 28"),
        ("0 2 LW * *", "write days of the month"),
        ("0 2 * * 5#L", "write days of the month"),
    ],
)
def test_what_neither_library_has_is_answered_with_what_comes_closest(
    expression: str, mend: str, library: CronLibrary
) -> None:
    with pytest.raises(ValueError, match="no L, W or #") as refused:
        Cron.parse(expression, library=library)
    assert mend in str(refused.value)


@pytest.mark.parametrize("library", ["robfig", "go-cron"])
def test_the_days_that_are_proposed_have_the_last_of_every_month(library: CronLibrary) -> None:
    runs = Cron.parse("0 2 28-31 * *", library=library).next_runs(NOW, 200)
    months = {(run.year, run.month) for run in runs[:-4]}
    assert {(run.year, run.month) for run in runs if (run + timedelta(days=1)).month != run.month} >= months


def test_a_schedule_that_waits_for_a_trigger_has_no_runs() -> None:
    cron = Cron.parse("@manual", library="go-cron", allow_never=True)
    assert (cron.next_after(NOW), cron.next_runs(NOW, 3), cron.ever_runs) == (None, [], False)
    assert cron.description() == "never: @manual waits for a trigger"


# --- in a stack file ------------------------------------------------------------------------------


def pinned(velero: str, **schedule: Any) -> dict[str, Any]:
    return {
        "release": {"image": {"tag": velero}},
        "schedules": {"daily": {"cron": "0 2 * * *", "keep": "500d"}, "other": {"keep": "500d", **schedule}},
    }


@pytest.mark.parametrize(
    ("velero", "schedule", "code", "said"),
    [
        ("v1.18.2", {"cron": "0 3 * * 7"}, "cron-field", "write 0 or SUN for Sunday"),
        ("v1.18.3", {"cron": "59/30 * * * *"}, "cron-field", "too long"),
        ("v1.18.3", {"cron": "0 0 1 1 MON"}, "cron-never", "in a loop"),
        ("v1.18.2", {"cron": "0 2 1,15 * 1"}, "either-day", "eitherDayMatches: true"),
        ("v1.18.3", {"cron": "0 2 1,15 * 1"}, "both-days", "BOTH match"),
        ("v1.18.3", {"cron": "0 2 1,15 * 1", "eitherDayMatches": True}, "both-days", "eitherDayMatches says otherwise"),
        ("v1.18.2", {"cron": "0 2 1,15 * 1", "bothDaysMatch": True}, "either-day", "bothDaysMatch says otherwise"),
    ],
)
def test_a_cron_is_refused_as_the_pinned_velero_would(
    velero: str, schedule: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(InvalidSettings) as refused:
        settings(**pinned(velero, **schedule))
    (found,) = refused.value.refusals
    assert found.code == code
    assert found.field in ("schedules.other", "schedules.other.cron")
    assert said in f"{found.limit}; {found.remedy}"


@pytest.mark.parametrize(
    ("velero", "schedule"),
    [
        ("v1.18.3", {"cron": "0 3 * * 7"}),
        ("v1.18.3", {"cron": "0 22-2 * * FRI-MON"}),
        ("v1.18.2", {"cron": "0 2 1,15 * 1", "eitherDayMatches": True}),
        ("v1.18.3", {"cron": "0 2 1-7 * MON", "bothDaysMatch": True}),
        ("v1.18.3", {"cron": "0 2 1,15 * *", "eitherDayMatches": True}),
        ("v1.18.2", {"cron": "0 2 * * 1", "bothDaysMatch": True}),
    ],
)
def test_a_cron_is_taken_as_the_pinned_velero_would(velero: str, schedule: dict[str, Any]) -> None:
    found = settings(**pinned(velero, **schedule))
    assert found.schedules["other"].recurrence.library == cron_library(velero)


def test_an_image_tag_that_is_none_is_refused_for_itself_alone() -> None:
    with pytest.raises(InvalidSettings) as refused:
        Settings.from_mapping(mapping(release={"image": {"tag": 5}}))
    assert [found.field for found in refused.value.refusals] == ["release.image.tag"]
