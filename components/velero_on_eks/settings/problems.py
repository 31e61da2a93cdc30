"""What is wrong with a stack file, as the person who must mend it needs to read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong: where (file, line from 1, field as written), the value found, and the limit with its mend."""

    file: str
    field: str
    value: Any
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        shown = "" if self.value is MISSING else f" = {shown_value(self.value)}"
        return f"{place}: {self.field}{shown}: {self.message}"


class _Missing:
    def __repr__(self) -> str:
        return "(not there)"


MISSING = _Missing()


def shown_value(value: Any) -> str:
    """A value as it would stand in the file, at most 80 characters of it."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class StackFileError(Exception):
    """A stack file that cannot be used; `problems` holds everything wrong with it, in the file's order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
