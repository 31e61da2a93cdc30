"""How the code is divided: `python -m tests.structure` counts by folder, `--against REVISION` beside an earlier one.

Lines are those with something on them. A function's length is that of its definition, what is nested in it included.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
# Folders that are divided further; of others the first level is enough.
DIVIDED = ("velero_eks", "components", "components/velero_on_eks")


@dataclass
class Count:
    """What is in a folder."""

    modules: int = 0
    lines: int = 0
    functions: int = 0
    function_lines: int = 0

    def add(self, source: bytes) -> None:
        """Count a module in."""
        self.modules += 1
        self.lines += sum(1 for line in source.splitlines() if line.strip())
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions += 1
                self.function_lines += (node.end_lineno or node.lineno) - node.lineno + 1

    def __iadd__(self, other: Count) -> Count:
        self.modules += other.modules
        self.lines += other.lines
        self.functions += other.functions
        self.function_lines += other.function_lines
        return self

    @property
    def shown(self) -> list[str]:
        """The four figures."""
        mean = f"{self.function_lines / self.functions:.1f}" if self.functions else ""
        return [str(self.modules), str(self.lines), str(self.functions), mean]


def now() -> Iterator[tuple[PurePosixPath, bytes]]:
    """The modules of the work tree that git knows, or would take."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.py")
    for name in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            yield PurePosixPath(name), (ROOT / name).read_bytes()


def at(revision: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The modules of a revision."""
    packed = subprocess.run(("git", "archive", revision), cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            if member.name.endswith(".py") and (file := archive.extractfile(member)):
                yield PurePosixPath(member.name), file.read()


def counted(modules: Iterable[tuple[PurePosixPath, bytes]]) -> dict[str, Count]:
    """The counts by folder."""
    found: dict[str, Count] = {}
    for path, source in modules:
        found.setdefault(_folder(path), Count()).add(source)
    return found


def _folder(path: PurePosixPath) -> str:
    depth = 1
    while "/".join(path.parts[:depth]) in DIVIDED and depth < len(path.parts) - 1:
        depth += 1
    return "/".join(path.parts[: min(depth, len(path.parts) - 1)]) or "."


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.structure", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--against", metavar="REVISION", help="a git revision, whose figures stand in front")
    revision = parser.parse_args().against
    sides = [*([(revision, counted(at(revision)))] if revision else []), ("now", counted(now()))]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Folder")
    for name, _ in sides:
        for column in ("modules", "lines", "functions", "lines each"):
            table.add_column(f"{name}\n{column}", justify="right")
    for folder in sorted({folder for _, found in sides for folder in found}):
        table.add_row(folder, *(cell for _, found in sides for cell in found.get(folder, Count()).shown))
    table.add_section()
    totals = []
    for _, found in sides:
        total = Count()
        for folder, count in found.items():
            if not folder.startswith("tests"):
                total += count
        totals += total.shown
    table.add_row("all but tests", *totals)
    Console(highlight=False, width=140).print(table)


if __name__ == "__main__":
    main()
