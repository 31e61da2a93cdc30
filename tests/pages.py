"""The pages that people read first, as something to run: README, tutorial, how-to pages, and the blocks in them.

A comment on the line above a block says what the test cannot guess:

- `<!-- not run: REASON -->`: nothing here can run it.
- `<!-- into: stacks/Pulumi.prod.yaml -->`: these settings go into that file of the page's project, so that the
  commands below see them.

Sessions (`console`) are read as those of the runbooks: see `tests.runbooks`. A `bash` block holds commands alone, one
a line, to be copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.runbooks import Command, commands

_FENCE = re.compile(r"^( *)```(\w*)$")
_NOT_RUN = re.compile(r"^ *<!-- not run: (.+) -->$")
_INTO = re.compile(r"^ *<!-- into: (\S+) -->$")
NEWCOMERS = ("README.md", "docs/tutorial.md", "docs/how-to/bootstrap.md")
"""Pages that begin in an empty folder; all others begin in a project that has the stack `prod`."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: the line that its text begins at, its language, and what the comment above it says."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None = None
    into: str | None = None

    @property
    def place(self) -> str:
        """Where it stands: `README.md:12`."""
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page.name}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """What is typed in it; nothing where it is not a session."""
        lines = list(enumerate(self.text.splitlines(), start=self.line))
        if self.language == "console":
            return list(commands(lines))
        if self.language == "bash":
            return list(commands(_prompted(lines)))
        return []


def _prompted(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    goes_on = False
    for number, line in lines:
        if line and not line.startswith("#"):
            yield number, line if goes_on else f"$ {line}"
            goes_on = line.endswith("\\")


def pages() -> list[Path]:
    """Every page with blocks of this kind, README first."""
    how_to = sorted((ROOT / "docs" / "how-to").glob("*.md"))
    named = (
        "README.md",
        "docs/index.md",
        "docs/tutorial.md",
        "docs/explanation.md",
        "components/README.md",
        "CONTRIBUTING.md",
    )
    return [*(ROOT / name for name in named), *how_to]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in its order. Raises `ValueError` for a fence that is not closed."""
    return list(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    begins: tuple[int, str, str] | None = None
    above = ""
    inside: list[str] = []
    not_run = into = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if begins is None:
            if fence:
                not_run, into = _NOT_RUN.match(above), _INTO.match(above)
                begins, inside = (number + 1, fence[2], fence[1]), []
        elif fence and not fence[2]:
            first, language, indent = begins
            text = "".join(f"{each.removeprefix(indent)}\n" for each in inside)
            yield Block(page, first, language, text, not_run and not_run[1], into and into[1])
            begins = None
        else:
            inside.append(line)
        if line.strip():
            above = line
    if begins is not None:
        raise ValueError(f"{page.name}:{begins[0]}: a fence is not closed")
