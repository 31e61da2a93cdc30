"""Words for lengths and moments, and the document for programs."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.velero_eks.recovery.recorded import NOW
from velero_eks.terminal.output import ago, counted, length, print_json, stamp, visible


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (2.44, "2.4 s"),
        (10, "10 s"),
        (60, "1 min"),
        (95, "1 min 35 s"),
        (3_600, "1 h"),
        (3_661, "1 h 1 min"),
        (3_601, "1 h"),
        (86_400, "1 day"),
        (90_000, "1 day 1 h"),
        (200_000, "2 days 7 h"),
    ],
)
def test_a_length_is_said_in_its_two_largest_units(seconds, words):
    assert length(seconds) == words


def test_a_moment_is_said_as_how_long_ago():
    assert ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert ago(NOW + timedelta(hours=2), NOW) == "in 2 h"
    assert ago(None, NOW) == "never"
    assert stamp(NOW) == "2026-11-23 12:00:00 UTC"
    assert stamp(None) == "never"


def test_numbers_come_with_their_word():
    assert [counted(number, "object") for number in (0, 1, 5_000)] == ["0 objects", "1 object", "5,000 objects"]


def test_what_would_move_the_cursor_is_written_out():
    assert visible("naïve ✓ plain") == "naïve ✓ plain"
    assert visible("\x1b[31mred\r\n") == "\\x1b[31mred\\r\\n"


def test_a_document_has_its_version_and_moments_with_their_zone(capsys):
    print_json({"at": NOW, "names": ("a", "b")})
    assert json.loads(capsys.readouterr().out) == {"version": 1, "at": "2026-11-23T12:00:00+00:00", "names": ["a", "b"]}
