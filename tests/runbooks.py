"""The pages in docs/runbooks as something to run: their commands, the output they promise, the events between.

A page's fences of the language `console` hold sessions: a line that begins with `$ ` is a command, which goes on in the
next line after a backslash; the lines below it are what it prints, in order, where `…` stands for anything. A command
that does not end with exit code 0 says so in a comment, `# exit code 1`. A comment `<!-- lab: NAME -->` on a line of
its own names what happens in the lab at that place, between two sessions.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "runbooks"
ELISION = "…"
_PROMPT = "$ "
_FENCE = re.compile(r"^```(\w*)$")
_EVENT = re.compile(r"^<!-- lab: ([a-z-]+) -->$")
_ASSIGNMENT = re.compile(r"^[A-Z][A-Z0-9_]*=")
_SUBSTITUTION = re.compile(r"\$\(([^()]+)\)")
_CODE = re.compile(r"\s+# exit code (\d+)$")


@dataclass(frozen=True)
class Command:
    """One command of a page: its line, what someone types, the exit code, and what is shown below it."""

    line: int
    text: str
    code: int
    shown: str

    def missing_from(self, printed: str) -> str | None:
        """The first piece of what the page shows that was not printed in its turn; white space is folded."""
        rest = " ".join(printed.split())
        for piece in filter(None, (" ".join(piece.split()) for piece in self.shown.split(ELISION))):
            _, found, rest = rest.partition(piece)
            if not found:
                return piece
        return None


@dataclass(frozen=True)
class Event:
    """Something that happens in the lab at this place of the page."""

    line: int
    name: str


def pages() -> list[Path]:
    """Every runbook; the index beside them is none."""
    return sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


def read(page: Path) -> list[Command | Event]:
    """What happens on a page, in its order."""
    return list(_steps(page.read_text(encoding="utf-8").splitlines()))


def _steps(lines: list[str]) -> Iterator[Command | Event]:
    language: str | None = None
    session: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if language is not None:
            if not fence:
                session.append((number, line))
                continue
            if language == "console":
                yield from commands(session)
            language, session = None, []
        elif fence:
            language = fence[1]
        elif event := _EVENT.match(line):
            yield Event(number, event[1])
    if language is not None:
        raise ValueError("a fence is not closed")


def commands(session: Iterable[tuple[int, str]]) -> Iterator[Command]:
    """The commands of one session, given as its lines with their numbers. Raises `ValueError` without a first one."""
    lines = iter(session)
    current: tuple[int, str] | None = None
    shown: list[str] = []
    for number, line in lines:
        if not line.startswith(_PROMPT):
            if current is None:
                raise ValueError(f"line {number}: a session begins with a command")
            shown.append(line)
            continue
        if current:
            yield _command(*current, shown)
        text = line.removeprefix(_PROMPT)
        while text.endswith("\\"):
            text = f"{text[:-1].rstrip()} {next(lines)[1].strip()}"
        current, shown = (number, text), []
    if current:
        yield _command(*current, shown)


def _command(line: int, text: str, shown: list[str]) -> Command:
    code = _CODE.search(text)
    plain = text[: code.start()] if code else text
    return Command(line, plain, int(code[1]) if code else 0, "\n".join(shown))


def calls(command: Command, program: str) -> list[list[str]]:
    """The arguments of every call of `program` in a command, each side of a pipe for itself."""
    return [words[1:] for words in programs(command.text) if words[0] == program]


def programs(line: str) -> list[list[str]]:
    """Every program that a line of shell starts, with its arguments; redirections are left out.

    Assignments in front of a program are none of its words. What stands in `$(…)` is a line of its own.
    """
    found: list[list[str]] = []
    call: list[str] | None = None
    begins = True
    for word in shlex.split(line, comments=True):
        if word in ("|", "||", "&&", ";"):
            begins, call = True, None
        elif word in (">", ">>", "<"):
            call = None
        elif begins and not _ASSIGNMENT.match(word):
            begins = False
            call = [word]
            found.append(call)
        elif call is not None:
            call.append(word)
    return found + [inner for line in _SUBSTITUTION.findall(line) for inner in programs(line)]
