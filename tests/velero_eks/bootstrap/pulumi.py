"""A stand-in for the Pulumi CLI: a program of that name on PATH that answers what a test wrote down."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """\
#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
arguments = [each for each in sys.argv[1:] if not each.startswith(("--non-interactive", "--color"))]
given = sys.stdin.read()
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([arguments, given]) + "\\n")
for words, answer in json.loads((folder / "answers").read_text()):
    if arguments[: len(words)] == words:
        sys.stdout.write(answer["out"])
        sys.stderr.write(answer["err"])
        raise SystemExit(answer["code"])
sys.stderr.write("error: the test has no answer to " + " ".join(arguments))
raise SystemExit(99)
"""


class Pulumi:
    """Answers by the first words of a command; `calls` are the commands with what they got on standard input."""

    def __init__(self, folder: Path, monkeypatch: Any) -> None:
        folder.mkdir()
        self._folder = folder
        self._answers: list[tuple[list[str], dict[str, Any]]] = []
        program = folder / "pulumi"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def answer(self, words: str, out: Any = "", *, err: str = "", code: int = 0) -> None:
        """What `pulumi <words> …` prints; a document is printed as JSON."""
        text = out if isinstance(out, str) else json.dumps(out)
        self._answers.append((words.split(), {"out": text, "err": err, "code": code}))
        (self._folder / "answers").write_text(json.dumps(self._answers))

    def forget(self, words: str) -> None:
        """Take back what these words were answered with."""
        self._answers = [each for each in self._answers if each[0][: len(words.split())] != words.split()]

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        """Every command so far."""
        path = self._folder / "calls"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
