"""A field that differs, in words and in JSON."""

from __future__ import annotations

import pytest

from velero_eks.terminal.fields import MASK, field_json, field_line
from velero_eks.trees import ABSENT, Difference


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("strict", "lenient", "data.mode: strict → lenient"),
        (ABSENT, 1, "data.mode: + 1"),
        ({"a": [True]}, ABSENT, 'data.mode: - {"a": [true]}'),
        ("one\ntwo", "one\nthree", "data.mode: one\ntwo → one\nthree"),
        ("\x1b[31mred", "\r\tplain", "data.mode: \\x1b[31mred → \\r\\tplain"),
    ],
)
def test_a_difference_is_said_in_words_that_move_no_cursor(before, after, words):
    assert field_line(Difference("data.mode", before, after), secret=False).plain == words


def test_a_long_value_is_cut_for_people_and_whole_for_programs():
    long = Difference("data.text", "a" * 1000, "b")
    assert "… (1,000 characters)" in field_line(long, secret=False).plain
    assert field_json(long, secret=False)["before"] == "a" * 1000


def test_a_secrets_values_are_masked_in_both():
    found = Difference("data.key", "b2xk", ABSENT)
    assert "b2xk" not in field_line(found, secret=True).plain
    assert field_json(found, secret=True) == {"path": "data.key", "before": MASK, "after": None}
