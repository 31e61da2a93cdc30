"""Every mistake of the table: the answer names the place, the value and the way out, and says no more than that."""

from __future__ import annotations

import pytest

from tests.mistakes import Answer, Mistake
from tests.mistakes.page import PAGE, answers, page
from tests.mistakes.table import KINDS

MISTAKES = [mistake for mistakes in KINDS.values() for mistake in mistakes]
# A person at three in the morning reads two or three sentences; the lines of the file with the caret come on top.
LONGEST, MOST = 330, 2


@pytest.fixture(scope="module")
def said() -> dict[str, Answer]:
    return answers()


def test_the_table_has_mistakes_of_every_kind():
    assert len(MISTAKES) >= 60
    assert len({mistake.what for mistake in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_the_answer_names_what_is_wrong(said, mistake: Mistake):
    found = said[mistake.what]
    assert found.code == mistake.code, found.text
    assert found.named
    assert [name for name in found.named if name not in found.text] == [], found.text
    assert "Traceback" not in found.text and "did not expect" not in found.text


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_the_answer_is_no_longer_than_it_must_be(said, mistake: Mistake):
    lines = said[mistake.what].text.splitlines()
    told = [line for line in lines if not line.startswith(" ")]
    assert 1 <= len(told) <= MOST, lines
    assert max(map(len, told)) <= LONGEST, max(told, key=len)


def test_the_page_is_what_the_commands_say(said):
    assert PAGE.read_text(encoding="utf-8") == page(said), "python -m tests.mistakes rewrites it"
