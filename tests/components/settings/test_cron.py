"""Cron against tables of the libraries' own answers (tests/oracles/cron), and what holds of any schedule.

A `Cron` without a library named is robfig/cron's here; what go-cron takes otherwise stands in test_cron_libraries.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.timezones import _BROKEN_HOURS, _MEANT, _names, check_timezone
from velero_on_eks.settings.versions import CronLibrary

LIBRARIES: tuple[CronLibrary, ...] = ("robfig", "go-cron")
DATA = Path(__file__).parent / "data"
TABLES = {
    library: json.loads((DATA / f"cron_runs_{library.replace('-', '_')}.json").read_text("utf-8"))["cases"]
    for library in LIBRARIES
}
RUNS = 5
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def _the_zone_rules_of_the_table() -> Iterator[None]:
    """The machine's own rules may be older or newer than those the table was made with."""
    zoneinfo.reset_tzpath(to=[])
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


def utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse(expression: str, zone: str | None = None, *, allow_never: bool = False) -> Cron:
    return Cron.parse(expression, zone, library="robfig", allow_never=allow_never)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_library_and_this_code_accept_the_same_expressions(library: CronLibrary) -> None:
    differences = []
    for case in TABLES[library]:
        try:
            Cron.parse(case["expression"], library=library, allow_never=True)
        except ValueError:
            accepted = False
        else:
            accepted = True
        if accepted != case["accepted"]:
            differences.append(case)
    assert differences == []
    assert sum(case["accepted"] for case in TABLES[library]) > 500
    assert sum(not case["accepted"] for case in TABLES[library]) > 90


@pytest.mark.parametrize("library", LIBRARIES)
def test_next_runs_are_the_librarys(library: CronLibrary) -> None:
    differences = []
    for case in TABLES[library]:
        if case["accepted"]:
            cron = Cron.parse(case["expression"], library=library, allow_never=True)
            runs = [utc(run) for run in cron.next_runs(datetime.fromisoformat(case["after"]), RUNS)]
            if runs != case.get("runs", []):
                differences.append((case, runs))
    assert differences == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "empty; write five fields"),
        ("60 * * * *", "minute '60': 60 is out of range; the limit is 0-59; write 0"),
        ("90 * * * *", "@every 1h30m"),
        ("0 24 * * *", "hour '24': 24 is out of range; the limit is 0-23; write 0 for midnight"),
        ("0 0 0 * *", "day of month '0': 0 is out of range; the limit is 1-31"),
        ("0 0 1,32 * *", "day of month '1,32': 32 is out of range"),
        ("0 0 * 13 *", "month '13': 13 is out of range; the limit is 1-12 or JAN-DEC"),
        (
            "0 0 * * 7",
            "day of week '7': 7 is out of range; the limit is 0-6 or SUN-SAT; write 0 or SUN for Sunday",
        ),
        ("0 0 * * 1-7", "write 0 or SUN for Sunday"),
        ("0 0 * * MONDAY", "write MON"),
        ("0 0 * January *", "write JAN"),
        ("0 0 * * FRI-MON", "write FRI-SAT,SUN-MON"),
        ("0 0 * NOV-FEB *", "write NOV-DEC,JAN-FEB"),
        ("0 22-4 * * *", "write 22-23,0-4"),
        ("0 0 * * 5-0", "write FRI-SAT,SUN"),
        ("0 0 L * *", "no L, W or #"),
        ("0 0 15W * *", "no L, W or #"),
        ("0 0 * * 5#2", "no L, W or #"),
        ("0 0 * * FRIL", "no L, W or #"),
        ("H 2 * * *", "no H"),
        ("*/0 * * * *", "the step '0' is below 1"),
        ("*/x * * * *", "the step 'x' is not a number"),
        ("1/2/3 * * * *", "more than one '/'"),
        ("1-2-3 * * * *", "more than one '-'"),
        ("1- * * * *", "both sides of '-'"),
        ("1.5 * * * *", "whole numbers"),
        ("30 0 2 * * *", "no seconds field; drop the first: '0 2 * * *'"),
        ("0 2 * *", "has 4 fields, and the limit is exactly 5"),
        ("0 0 30 2 *", "never runs: none of its months has that day"),
        (", * * * *", "never runs: it has no minute"),
        ("0 0 * * ,", "never runs: it has no day of week"),
        ("@Daily", "write @daily"),
        (" @daily", "remove the spaces around '@daily'"),
        ("@reboot", "write one of these"),
        ("@every 1d", "write days as hours"),
        ("@every 6 hours", "@every 6 hours"),
        ("TZ=UTC", "a zone and no fields"),
        ("TZ=Local 0 2 * * *", "'Local' depends on the server's machine"),
        ("TZ=Europe/Berln 0 2 * * *", "Europe/Berlin"),
        ("x" * 5_000 + " * * * *", "minute"),
    ],
)
def test_a_refused_expression_names_field_value_limit_and_mend(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        parse(expression)
    assert len(str(refused.value)) < 330


@pytest.mark.parametrize("expression", [5, None, ["0 2 * * *"]])
def test_an_expression_that_is_no_text_is_refused(expression: object) -> None:
    with pytest.raises(ValueError, match="is not text"):
        parse(expression)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("asia/kolkata", "write Asia/Kolkata"),
        ("Kolkata", "did you mean Asia/Kolkata?"),
        ("New York", "did you mean America/New_York?"),
        ("Europe/Berln", "Europe/Berlin"),
        ("Local", "write an IANA name"),
        ("+05:30", "write an IANA name"),
        ("", "write an IANA name"),
        ("../etc/passwd", "is unknown"),
        ("/etc/localtime", "is unknown"),
        (5, "write an IANA name"),
        ("IST", "did you mean Asia/Kolkata, Europe/Dublin or Asia/Jerusalem?"),
        ("ist", "did you mean Asia/Kolkata"),
        ("PST", "write America/Los_Angeles"),
        ("EDT", "write America/New_York"),
        ("CST", "America/Chicago, Asia/Shanghai"),
        ("BST", "did you mean Europe/London or Asia/Dhaka?"),
        ("CEST", "did you mean Europe/Berlin or Europe/Paris?"),
        ("JST", "write Asia/Tokyo"),
        ("AEST", "Australia/Sydney"),
        ("India Standard Time", "write Asia/Kolkata"),
        ("Mumbai", "write Asia/Kolkata"),
        ("Asia/Beijing", "write Asia/Shanghai"),
        ("UTC+0", "write UTC"),
        ("+05:30", "+05:30 all year round is Asia/Kolkata"),
        ("UTC+5:45", "+05:45 all year round is Asia/Kathmandu"),
        ("GMT-3", "-03:00 all year round is Etc/GMT+3"),
        ("+02", "+02:00 all year round is Etc/GMT-2"),
        ("XST", "is unknown; write an IANA name"),
        ("Z", "write UTC"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_closest_names(zone: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_timezone(zone)
    with pytest.raises(ValueError, match=re.escape(said)):
        parse("0 2 * * *", zone)


@pytest.mark.parametrize("zone", ["CET", "EST", "MST", "GMT", "Asia/Calcutta", "US/Pacific", "Etc/GMT-2"])
def test_what_is_a_name_of_a_zone_is_taken(zone: str) -> None:
    assert check_timezone(zone) == zone


def test_every_zone_that_is_proposed_is_one() -> None:
    assert {zone for zones in _MEANT.values() for zone in zones} | set(_BROKEN_HOURS.values()) <= _names()


def test_a_zone_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="keep only the timezone field"):
        parse("CRON_TZ=Asia/Kolkata 0 2 * * *", "Asia/Kolkata")


@pytest.mark.parametrize(
    ("expression", "zone", "velero"),
    [
        ("0 2 * * *", "Asia/Kolkata", "CRON_TZ=Asia/Kolkata 0 2 * * *"),
        ("TZ=Asia/Kolkata  0 2 * * *", None, "CRON_TZ=Asia/Kolkata 0 2 * * *"),
        ("0 2 * * *", "UTC", "0 2 * * *"),
        ("0 2 * * *", None, "0 2 * * *"),
        ("TZ= 0 2 * * *", None, "0 2 * * *"),
        ("@daily", "Asia/Kolkata", "CRON_TZ=Asia/Kolkata @daily"),
        ("@every 6h", "Asia/Kolkata", "@every 6h"),
    ],
)
def test_velero_gets_the_zone_in_front_of_the_expression(expression: str, zone: str | None, velero: str) -> None:
    cron = parse(expression, zone)
    assert cron.velero_expression == velero
    again = parse(cron.velero_expression)
    assert again.next_runs(NOW, 3) == cron.next_runs(NOW, 3)


def test_runs_are_given_on_the_schedules_own_clock() -> None:
    cron = parse("0 2 * * *", "Asia/Kolkata")
    assert [run.isoformat() for run in cron.next_runs(NOW, 2)] == [
        "2026-11-24T02:00:00+05:30",
        "2026-11-25T02:00:00+05:30",
    ]
    assert cron.next_runs(NOW, 0) == []


def test_a_run_at_this_very_second_is_not_the_next_one() -> None:
    cron = parse("0 12 * * *")
    assert cron.next_after(NOW) == NOW + timedelta(days=1)
    assert cron.next_after(NOW - timedelta(microseconds=1)) == NOW


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        parse("0 2 * * *").next_after(datetime(2026, 1, 1))


@pytest.mark.parametrize("expression", ["0 0 30 2 *", ", * * * *"])
def test_what_never_runs_has_no_next_run_and_no_interval(expression: str) -> None:
    cron = parse(expression, allow_never=True)
    assert cron.next_after(NOW) is None
    assert cron.next_runs(NOW, 3) == []
    with pytest.raises(ValueError, match="never runs"):
        cron.nominal_interval()


def test_the_search_ends_with_the_calendar() -> None:
    assert parse("0 0 1 1 *").next_after(datetime(9998, 6, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("expression", "both"),
    [
        ("0 0 1 * MON", True),
        ("0 0 */2 * MON", True),
        ("0 0 1 * */2", True),
        ("0 0 * * MON", False),
        ("0 0 1 * ?", False),
        ("0 0 */1 * MON", False),
        ("0 0 *,5 * MON", False),
        ("@weekly", False),
        ("@every 1h", False),
    ],
)
def test_two_restricted_day_fields_are_told(expression: str, both: bool) -> None:
    assert parse(expression).restricts_both_day_fields is both


@pytest.mark.parametrize(
    ("expression", "zone", "words"),
    [
        ("0 2 * * *", "Asia/Kolkata", "every day at 02:00 Asia/Kolkata"),
        ("@daily", None, "every day at 00:00 UTC"),
        ("0 */6 * * *", None, "every 6 h"),
        ("0 */6 * * *", "Asia/Kolkata", "every 6 h Asia/Kolkata"),
        ("30 2/6 * * *", None, "every 6 h from 02:30 UTC"),
        ("0 2,14 * * *", None, "every day at 02:00 and 14:00 UTC"),
        ("0 3 * * 1", None, "Mondays at 03:00 UTC"),
        ("0 3 * * MON,THU", None, "Mondays and Thursdays at 03:00 UTC"),
        ("0 3 * * MON-FRI", None, "Monday to Friday at 03:00 UTC"),
        ("*/15 * * * *", "Europe/Berlin", "every 15 min"),
        ("* * * * *", None, "every minute"),
        ("@hourly", "Asia/Kolkata", "every hour"),
        ("20 * * * *", None, "every hour at 20 min past"),
        ("*/90 * * * *", None, "every hour"),
        ("*/15 * * * SUN", None, "every 15 min on Sundays UTC"),
        ("0 0 1 * *", None, "day 1 of every month at 00:00 UTC"),
        ("0 0 1,15 * *", None, "days 1 and 15 of every month at 00:00 UTC"),
        ("@yearly", None, "1 January at 00:00 UTC"),
        ("0 0 1 * MON", None, "day 1 of every month and also Mondays at 00:00 UTC"),
        ("@every 6h", "Asia/Kolkata", "every 6 h"),
        ("@every 90m", None, "every 1 h 30 min"),
        ("@every 1h", None, "every hour"),
        ("@every 720h", None, "every 30 days"),
        ("1-9/2 3 * 5 MON", None, "1-9/2 3 * 5 MON UTC"),
        ("0 0 1-20 * *", "Asia/Kolkata", "0 0 1-20 * * Asia/Kolkata"),
    ],
)
def test_a_schedule_is_described_in_a_few_words(expression: str, zone: str | None, words: str) -> None:
    assert parse(expression, zone).description() == words


# --- what must hold of any schedule ---------------------------------------------------------------


def _subsets(low: int, high: int) -> st.SearchStrategy[frozenset[int]]:
    few = st.frozensets(st.integers(low, high), min_size=1, max_size=4)
    return st.one_of(few, st.just(frozenset(range(low, high + 1))))


def _field(values: frozenset[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(str(value) for value in sorted(values))


@st.composite
def schedules(draw: st.DrawFn) -> tuple[str, list[frozenset[int]]]:
    sets = [draw(_subsets(*bounds)) for bounds in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))]
    return " ".join(map(_field, sets, (60, 24, 31, 12, 7))), sets


moments = st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
some_zones = st.sampled_from(
    ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"]
)


def day_matches(day: datetime, sets: list[frozenset[int]], library: CronLibrary) -> bool:
    by_day, by_weekday = day.day in sets[2], day.isoweekday() % 7 in sets[4]
    either = len(sets[2]) < 31 and len(sets[4]) < 7 and library == "robfig"
    return day.month in sets[3] and (by_day or by_weekday if either else by_day and by_weekday)


def parsed(expression: str, library: CronLibrary, zone: str | None = None) -> Cron:
    try:
        return Cron.parse(expression, zone, library=library)
    except ValueError as error:
        assume("in a loop" not in str(error))
        raise


libraries = st.sampled_from(LIBRARIES)


@settings(deadline=None)
@given(schedules(), libraries, moments)
def test_the_next_run_is_the_first_time_that_matches(
    schedule: tuple[str, list[frozenset[int]]], library: CronLibrary, at: datetime
) -> None:
    expression, sets = schedule
    run = parsed(expression, library).next_after(at)
    assume(run is not None)
    assert run is not None
    assert run > at
    assert run.second == run.microsecond == 0
    assert run.minute in sets[0]
    assert run.hour in sets[1]
    assert day_matches(run, sets, library)
    days_between = range(1, (run.date() - at.date()).days)
    assert not any(day_matches(at + timedelta(days=days), sets, library) for days in days_between)
    same_day = run.date() == at.date()
    earlier = [(h, m) for h in sets[1] for m in sets[0] if (h, m) < (run.hour, run.minute)]
    assert not same_day or all((h, m) <= (at.hour, at.minute) for h, m in earlier)
    assert same_day or not earlier
    left_today = any((h, m) > (at.hour, at.minute) for h in sets[1] for m in sets[0])
    assert same_day or not (left_today and day_matches(at, sets, library))


@settings(deadline=None)
@given(schedules(), libraries, some_zones, moments)
def test_runs_follow_one_another(
    schedule: tuple[str, list[frozenset[int]]], library: CronLibrary, zone: str, at: datetime
) -> None:
    cron = parsed(schedule[0], library, zone)
    runs = [at, *cron.next_runs(at, 6)]
    assert all(earlier < later for earlier, later in pairwise(runs))
    assert all(run.tzinfo is not None and run.utcoffset() == run.astimezone(cron.zone).utcoffset() for run in runs[1:])
    for earlier, later in pairwise(runs):
        assert cron.next_after(earlier) == later


@settings(deadline=None)
@given(schedules(), libraries, moments)
def test_no_gap_is_outside_the_shortest_and_the_longest(
    schedule: tuple[str, list[frozenset[int]]], library: CronLibrary, at: datetime
) -> None:
    cron = parsed(schedule[0], library)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(cron.next_runs(at, 15))]
    assert all(cron.shortest_gap() <= gap <= cron.nominal_interval() for gap in gaps)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("0123456789*?,-/ @LW#JANMON.=TZ", max_size=40)), libraries)
def test_any_text_is_read_or_refused_with_a_short_message(text: str, library: CronLibrary) -> None:
    try:
        cron = Cron.parse(text, library=library, allow_never=True)
    except ValueError as error:
        assert 20 < len(str(error)) < 500
    else:
        assert cron.description()
