"""The plan of the fullest stack has not changed unseen."""

from __future__ import annotations

from tests.golden.plans import GOLDEN, planned


def test_the_plan_is_the_one_that_was_looked_at():
    assert planned() == GOLDEN.read_text(encoding="utf-8"), "python -m tests.golden"
