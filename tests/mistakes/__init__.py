"""Mistakes that people make, each with what the tool says to it: the table of `docs/reference/mistakes.md`."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

WIDTH = 100
_NOW = re.compile(r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
_PORT = re.compile(r"127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Mistake:
    """One mistake: `typed` in the folder that `prepare` makes, or in the network of a case of `tests.networks`.

    `named` is what the answer has to name: the place (file, line, field, option), the value, the way out; of a network
    what its case says.
    """

    what: str
    typed: str
    named: tuple[str, ...]
    prepare: Callable[[Path], object] | None = None
    code: int = 2
    network: str = ""


@dataclass(frozen=True)
class Answer:
    """What the tool said, on both streams, its exit code, and what it had to name."""

    code: int
    text: str
    named: tuple[str, ...] = ()


def answer(typed: str, folder: Path, environment: dict[str, str]) -> Answer:
    """Run a command line of this tool in a folder, with that environment and no other."""
    import shlex

    from velero_eks.commands.app import main

    said = io.StringIO()
    kept = Path.cwd()
    os.chdir(folder)
    try:
        with (
            patch.dict(os.environ, {**environment, "COLUMNS": str(WIDTH)}, clear=True),
            patch.object(sys, "argv", shlex.split(typed)),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
    finally:
        os.chdir(kept)
    return Answer(code, said.getvalue())


@contextmanager
def asked(mistake: Mistake, folder: Path) -> Iterator[Answer]:
    """What the tool says to a mistake, with the paths and ports of this machine taken out."""
    if mistake.network:
        from tests.networks import CASES

        with CASES[mistake.network](folder) as scene:
            found = answer(mistake.typed, scene.folder, dict(scene.environment))
            named = tuple(plain(name, folder) for name in scene.named)
            yield Answer(found.code, plain(found.text, folder), (*mistake.named, *named))
        return
    from tests.mistakes.table import project

    where = project(folder)
    if mistake.prepare is not None:
        mistake.prepare(where)
    found = answer(mistake.typed, where, {"PATH": os.defpath, "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"})
    yield Answer(found.code, plain(found.text, folder), mistake.named)


def plain(text: str, folder: Path) -> str:
    """A text that is the same on every machine."""
    text = text.replace(str(folder.resolve()), "…").replace(str(folder), "…")
    return _NOW.sub(" TIME UTC", _PORT.sub("127.0.0.1:PORT", text))
