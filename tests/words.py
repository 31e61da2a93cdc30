"""Words that do not come back: the list in words.yaml, where they still are, and the page for contributors."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "words.yaml"
PAGE = ROOT / "docs" / "reference" / "words.md"
_SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".sh"}
# The list itself and its page name the words; recorded answers and lock files are what other programs wrote, and the
# change log keeps what was published.
_LEFT_OUT = re.compile(
    r"tests/words\.yaml|tests/test_words\.py|docs/reference/words\.md|CHANGELOG\.md|uv\.lock|.*/data/.*|.*\.lock|.*/testdata/.*"
)


@dataclass(frozen=True)
class Word:
    """A word or phrase, the pattern that finds it, and what to write instead."""

    word: str
    find: re.Pattern[str]
    write: str


@dataclass(frozen=True)
class Kept:
    """A line that keeps a word, with the reason."""

    file: str
    word: str
    line: str
    because: str


@dataclass(frozen=True)
class Found:
    """A word in a line of a file."""

    file: str
    number: int
    word: Word
    line: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.word.word!r}, write {self.word.write!r}: {self.line.strip()[:100]}"


def words() -> list[Word]:
    """The list, in its order."""
    listed = yaml.safe_load(LIST.read_text(encoding="utf-8"))["words"]
    return [Word(one["word"], re.compile(one["find"], re.IGNORECASE), one["write"]) for one in listed]


def kept() -> list[Kept]:
    """The lines that keep a word."""
    return [Kept(**one) for one in yaml.safe_load(LIST.read_text(encoding="utf-8"))["kept"]]


def texts() -> Iterator[tuple[str, str]]:
    """Every tracked text file that people write, by its path."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        path = ROOT / name
        written = path.suffix in _SUFFIXES or path.name == "Makefile"
        if name and written and path.is_file() and not _LEFT_OUT.fullmatch(name):
            yield name, path.read_text(encoding="utf-8")


def found_in(name: str, text: str, listed: list[Word]) -> Iterator[Found]:
    """Every word of the list in a text."""
    for word in listed:
        if word.find.search(text):
            for number, line in enumerate(text.splitlines(), start=1):
                if word.find.search(line):
                    yield Found(name, number, word, line)


def page() -> str:
    """The list as a page for contributors."""
    lines = [
        "# Words",
        "",
        "Messages, help, pages, docstrings and comments use short, active sentences and the field's words. A test"
        " finds",
        "these words, with their place and what to write. Made from `tests/words.yaml` by `make docs`.",
        "",
        "| Not | Write |",
        "|---|---|",
        *(f"| {word.word} | {word.write} |" for word in words()),
    ]
    return "\n".join(lines) + "\n"
