"""The page of mistakes and answers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.mistakes import Answer, Mistake, asked
from tests.mistakes.table import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "mistakes.md"
_HEAD = """# Mistakes, and what the tool says

Each of these was made on purpose, in a project of three stacks, and this is the whole answer: where the mistake is,
what must hold there, and what to do. The exit code is 2 unless the page says otherwise. `make docs` makes this page,
and a test compares it with what the commands say now.
"""


def answers() -> dict[str, Answer]:
    """What the tool says to each mistake, by the mistake's name."""
    found: dict[str, Answer] = {}
    for mistakes in KINDS.values():
        for mistake in mistakes:
            with tempfile.TemporaryDirectory() as folder, asked(mistake, Path(folder)) as answer:
                found[mistake.what] = answer
    return found


def page(said: Mapping[str, Answer]) -> str:
    """The page, in the table's order."""
    lines = [_HEAD]
    for kind, mistakes in KINDS.items():
        lines += [f"## {kind}", ""]
        for mistake in mistakes:
            lines += [f"**{mistake.what}**{_code(mistake)}", "", "```text", f"$ {mistake.typed}"]
            lines += [said[mistake.what].text.rstrip(), "```", ""]
    return "\n".join(lines)


def _code(mistake: Mistake) -> str:
    return "" if mistake.code == 2 else f" (exit code {mistake.code})"
