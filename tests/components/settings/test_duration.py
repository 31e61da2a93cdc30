"""Durations: what a person writes, what Go prints, and what Go reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from velero_on_eks.settings.duration import MAX_SECONDS, Duration

GO_TABLE = json.loads((Path(__file__).parent / "data" / "go_durations.json").read_text("utf-8"))["cases"]
seconds = st.integers(1, MAX_SECONDS)


@pytest.mark.parametrize(
    ("text", "length", "go", "human"),
    [
        ("30d", 2_592_000, "720h0m0s", "30 days"),
        ("1d", 86_400, "24h0m0s", "24 h"),
        ("24h", 86_400, "24h0m0s", "24 h"),
        ("36h", 129_600, "36h0m0s", "36 h"),
        ("2d12h", 216_000, "60h0m0s", "2 days 12 h"),
        ("2w", 1_209_600, "336h0m0s", "14 days"),
        ("1h30m", 5_400, "1h30m0s", "1 h 30 min"),
        ("90m", 5_400, "1h30m0s", "1 h 30 min"),
        ("90s", 90, "1m30s", "1 min 30 s"),
        ("45s", 45, "45s", "45 s"),
        ("720h0m0s", 2_592_000, "720h0m0s", "30 days"),
        ("1w2d3h4m5s", 788_645, "219h4m5s", "9 days 3 h 4 min 5 s"),
        ("106751d", 9_223_286_400, "2562024h0m0s", "106751 days"),
    ],
)
def test_a_written_duration_leaves_as_a_go_duration(text: str, length: int, go: str, human: str) -> None:
    duration = Duration.parse(text)
    assert (str(duration), duration.seconds, duration.go, duration.human) == (text, length, go, human)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("30", "write 30d, 30h, 30m or 30s"),
        (30, "write 30d, 30h, 30m or 30s"),
        ("30D", "write 30d"),
        ("30 days", "write 30d"),
        (" 24h", "write 1d"),
        ("1h 30min", "write 1h30m"),
        ("1.5h", "write 1h30m"),
        ("0.5d", "write 12h"),
        ("30m1h", "write 1h30m"),
        ("1h1h", "write 2h"),
        ("0.3s", "whole numbers"),
        ("1.5.5h", "whole numbers"),
        ("300ms", "whole numbers"),
        ("1M", "months and years differ in length; use days; write 30d"),
        ("3 months", "write 90d"),
        ("1y", "write 365d"),
        ("12M", "write 365d"),
        ("24 months", "write 730d"),
        ("P30D", "write 30d"),
        ("PT36H", "write 1d12h"),
        ("P1M", "write 30d"),
        ("1Y", "write 365d"),
        ("30m30", "such as 30d"),
        ("-1h", "longer than zero"),
        ("0h", "at least 1s"),
        ("0d0h", "at least 1s"),
        ("0", "such as 30d"),
        ("", "such as 30d"),
        ("\u0663d", "such as 30d"),
        ("1h\n2x", "such as 30d"),
        (1.5, "such as 30d"),
        (None, "such as 30d"),
        (True, "such as 30d"),
        (["30d"], "such as 30d"),
        ("106752d", "at most 106751d"),
        ("9" * 5_000 + "s", "at most 106751d"),
        ("9" * 5_000, "such as 30d"),
    ],
)
def test_a_refused_duration_says_what_to_write(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        Duration.parse(value)  # pyright: ignore[reportArgumentType]
    assert repr(value)[:40] in str(refused.value)
    assert len(str(refused.value)) < 250


def test_durations_of_one_length_are_equal_however_they_are_written() -> None:
    day, hours = Duration.parse("1d"), Duration.parse("24h")
    assert day == hours
    assert len({day, hours}) == 1
    assert sorted([Duration.parse("1h"), Duration.parse("90s"), day]) == [
        Duration.parse("90s"),
        Duration.parse("1h"),
        hours,
    ]


def test_a_duration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Duration.parse("1d").nanoseconds = 1  # pyright: ignore[reportAttributeAccessIssue]


def test_go_durations_are_read_and_printed_as_go_does() -> None:
    differences = []
    for case in GO_TABLE:
        try:
            duration = Duration.parse_go(case["duration"])
        except ValueError:
            answer = None
        else:
            answer = (duration.nanoseconds, duration.go)
        expected = (case.get("nanoseconds", 0), case["printed"]) if case["accepted"] else None
        if answer != expected:
            differences.append((case, answer))
    assert differences == []


def test_a_day_in_a_go_duration_is_refused_with_the_hours_to_write() -> None:
    with pytest.raises(ValueError, match="30d as 720h"):
        Duration.parse_go("30d")


def test_part_of_a_second_is_dropped_toward_zero() -> None:
    assert [Duration.parse_go(text).seconds for text in ("1.9s", "-1.9s", "300ms", "-1h")] == [
        1,
        -1,
        0,
        -3_600,
    ]


def test_a_go_duration_is_shown_to_people_too() -> None:
    shown = [Duration.parse_go(text).human for text in ("0", "-90m", "1.5s", "72h")]
    assert shown == ["0 s", "-1 h 30 min", "1.5s", "3 days"]


@pytest.mark.parametrize("length", [-1, MAX_SECONDS + 1])
def test_seconds_beyond_what_go_holds_are_no_duration(length: int) -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        Duration.of_seconds(length)


@given(seconds)
def test_seconds_survive_being_written_and_read(length: int) -> None:
    duration = Duration.of_seconds(length)
    assert Duration.parse(str(duration)).seconds == length
    assert Duration.parse_go(duration.go) == duration
    assert Duration.parse(duration.go) == duration


@given(*(st.integers(0, 400) for _ in range(5)))
def test_units_add_up(weeks: int, days: int, hours: int, minutes: int, rest: int) -> None:
    text = f"{weeks}w{days}d{hours}h{minutes}m{rest}s"
    length = ((weeks * 7 + days) * 24 + hours) * 3_600 + minutes * 60 + rest
    if length:
        assert Duration.parse(text).seconds == length
    else:
        with pytest.raises(ValueError, match="is zero"):
            Duration.parse(text)


@given(seconds, seconds)
def test_durations_are_ordered_by_length(one: int, other: int) -> None:
    assert (Duration.of_seconds(one) < Duration.of_seconds(other)) == (one < other)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("0123456789wdhms. -+", max_size=40)))
def test_any_text_is_read_or_refused_with_a_short_message(text: str) -> None:
    for parse in (Duration.parse, Duration.parse_go):
        try:
            duration = parse(text)
        except ValueError as error:
            assert 20 < len(str(error)) < 500
        else:
            assert str(duration) == text


class Kept(BaseModel):
    keep: Duration


def test_a_model_reads_and_writes_durations_as_text() -> None:
    kept = Kept.model_validate({"keep": "30d"})
    assert kept.keep.go == "720h0m0s"
    assert kept.model_dump(mode="json") == {"keep": "30d"}
    assert Kept.model_validate({"keep": kept.keep}) == kept
    schema = Kept.model_json_schema()["properties"]["keep"]
    assert schema["type"] == "string"
    assert re.search(schema["pattern"], "1h30m")
    assert not re.search(schema["pattern"], "30")
    assert not re.search(schema["pattern"], "")


def test_a_model_refuses_a_number_with_the_mend() -> None:
    with pytest.raises(ValidationError, match="write 30d"):
        Kept.model_validate({"keep": 30})
