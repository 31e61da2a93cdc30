"""What is written down twice or made from code is still true."""

from __future__ import annotations

import pytest

from tests.generated import files
from tests.knowledge import written_twice

MADE = files()


@pytest.mark.parametrize("path", list(MADE), ids=lambda path: path.name)
def test_a_generated_table_is_what_the_code_says(path):
    assert path.read_text(encoding="utf-8") == MADE[path], "run `make docs`"


def test_no_fact_is_written_twice():
    assert written_twice() == []
