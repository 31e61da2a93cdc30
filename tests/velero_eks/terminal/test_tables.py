"""A table at any width: no name is cut, no line ends with blanks, and what does not fit becomes paragraphs."""

from __future__ import annotations

import io
import re

import pytest

from velero_eks.terminal.tables import Table
from velero_eks.terminal.text import SafeConsole, Text

NAME, BUCKET = "every-six-hours-20261123060000", "b" * 63
ROWS = (
    (Text(NAME, style="cyan"), "every day at 02:00 Asia/Kolkata", "3 h 12 min", Text("met", style="green")),
    ("short", "", "2 days 23 h", Text("missed", style="red")),
)


def shown(width: int, *rows: tuple, titles: tuple[str, ...] = ("Backup", "Runs", "Age", ""), **options) -> list[str]:
    made = Table(*titles)
    for row in rows or ROWS:
        made.add_row(*row)
    out = SafeConsole(file=io.StringIO(), width=width, **options)
    with out.capture() as text:
        out.print(made)
    return text.get().splitlines()


@pytest.mark.parametrize("width", range(32, 130, 7))
def test_no_name_and_no_length_of_time_is_broken_and_no_line_ends_with_a_blank(width):
    lines = shown(width)
    text = "\n".join(lines)
    for whole in (NAME, "3 h 12 min", "2 days 23 h", "met", "missed"):
        assert whole in text
    assert [line for line in lines if len(line) > width or line != line.rstrip()] == []


def test_a_table_that_fits_has_one_line_a_row():
    assert shown(90) == [
        "Backup                          Runs                             Age",
        "─" * 84,
        "every-six-hours-20261123060000  every day at 02:00 Asia/Kolkata  3 h 12 min   met",
        "short                                                            2 days 23 h  missed",
    ]


def test_the_wide_columns_share_what_is_left():
    assert shown(76)[2:4] == [
        "every-six-hours-20261123060000  every day at 02:00       3 h 12 min   met",
        "                                Asia/Kolkata",
    ]


def test_a_row_that_does_not_fit_is_a_paragraph_without_its_empty_cells():
    assert shown(50) == [
        "every-six-hours-20261123060000  met",
        "  Runs  every day at 02:00 Asia/Kolkata",
        "  Age   3 h 12 min",
        "short  missed",
        "  Age   2 days 23 h",
    ]


def test_a_paragraph_with_one_text_needs_no_title_for_it():
    rows = ((NAME, f"the bucket {BUCKET} is another account's"),)
    assert shown(60, *rows, titles=("Check", "Found")) == [
        NAME,
        "  the bucket",
        f"  {BUCKET[:58]}",
        f"  {BUCKET[58:]} is another account's",
    ]


def test_colours_do_not_hide_blanks_at_the_end():
    for line in shown(90, force_terminal=True, color_system="standard", legacy_windows=False):
        assert not re.sub(r"\x1b\[[\d;]*m", "", line).endswith(" ")
