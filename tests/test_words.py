"""Words that do not come back: none is in a text of the project."""

from __future__ import annotations

import pytest

from tests.words import Found, Kept, found_in, kept, texts, words

LISTED = words()


def test_the_list_is_long_enough_and_names_each_word_once():
    assert len(LISTED) >= 60
    assert len({word.word for word in LISTED}) == len(LISTED)


def _keeps(one: Kept, found: Found) -> bool:
    return (one.file, one.word) == (found.file, found.word.word) and one.line in found.line


def test_no_text_has_a_word_that_must_not_come_back():
    found = [found for name, text in texts() for found in found_in(name, text, LISTED)]
    exceptions = kept()
    left = [str(each) for each in found if not any(_keeps(one, each) for one in exceptions)]
    assert left == [], "\n".join(left)
    unused = [one for one in exceptions if not any(_keeps(one, each) for each in found)]
    assert unused == [], "exceptions for lines that no longer need one"
    assert all(len(one.because) > 10 for one in exceptions)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("that is no moment for it", "is no moment"),
        ("they are paid for for ever", "paid for for"),
        ("remove it, or take it away", "take it away"),
        ("as it was foretold", "foretold"),
    ],
)
def test_a_word_is_found_with_its_place(line, word):
    places = [(found.number, found.word.word) for found in found_in("a.md", f"fine\n{line}\n", LISTED)]
    assert (2, word) in places


@pytest.mark.parametrize(
    "line", ["what holds for every namespace", "the key is the same", "`foretold` = 1", "is not JSON"]
)
def test_a_line_without_such_a_word_raises_no_alarm(line):
    assert list(found_in("a.md", line, LISTED)) == []
