"""A stack file that exists: one section put in or taken out, the difference shown, the whole put in its place."""

from __future__ import annotations

import contextlib
import difflib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from velero_on_eks.settings import StackFile, StackFileError, load_stack_file
from velero_on_eks.settings.refusals import placed
from velero_on_eks.settings.stack_file import shown_path

from velero_eks.bootstrap.stack_text import PREFIX, as_text, parsed
from velero_eks.errors import BadStackFile, BadTarget


def with_section(text: str, name: str, values: Mapping[str, Any] | None, comment: str = "") -> str:
    """The file with one section put in whole, a comment above it; None removes both. No other line changes.

    Raises `BadTarget` where the file is written in a way that this cannot be done to (a `config` in braces).
    """
    key = f"{PREFIX}{name}"
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip() == "config:" and line[0] == "c"), None)
    if start is None:
        raise BadTarget(f"the stack file has no 'config:' on a line of its own; add or remove {key} by hand")
    end = start + 1 + _length(lines[start + 1 :], indent=0)
    config = lines[start + 1 : end]
    indent = next((line[: len(line) - len(line.lstrip())] for line in config if _content(line)), "  ")
    kept = _without(config, f"{indent}{key}:", f"{indent}# {comment}")
    if values is not None:
        kept += [f"{indent}# {comment}", *(f"{indent}{line}" for line in as_text(key, values).splitlines())]
    changed = "\n".join([*lines[: start + 1], *kept, *lines[end:]]) + "\n"
    if parsed(changed)["config"].get(key) != values:
        raise BadTarget(f"the stack file has an unusual layout; add or remove {key} by hand")
    return changed


def _without(config: list[str], key: str, comment: str) -> list[str]:
    first = next((number for number, line in enumerate(config) if line.startswith(key)), None)
    if first is None:
        return config
    deep = len(key) - len(key.lstrip())
    last = first + 1 + _length(config[first + 1 :], indent=deep)
    above = first - 1 if first and config[first - 1] == comment else first
    return [*config[:above], *config[last:]]


def _length(lines: list[str], *, indent: int) -> int:
    """How many of the lines belong to a block whose key stands `indent` deep: the blank ones behind it do not."""
    length = 0
    for number, line in enumerate(lines, 1):
        if _content(line) and len(line) - len(line.lstrip()) <= indent:
            break
        if line.strip() and len(line) - len(line.lstrip()) > indent:
            length = number
    return length


def _content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def difference(before: str, after: str, name: str) -> list[str]:
    """The lines of a unified diff; empty where nothing changes."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (now)", f"{name} (then)", lineterm=""
    )
    return list(lines)


def put(text: str, path: Path) -> StackFile:
    """Put a stack file in its place, whole or not at all. Raises `BadTarget`, and changes nothing, where it is bad."""
    with _candidate(text, path) as written:
        if path.exists():
            shutil.copymode(path, written)
        found = _load(written, path)
        written.replace(path)
    return replace(found, path=path)


def check(text: str, path: Path) -> StackFile:
    """The file as it would be read at `path`. Raises `BadTarget` with everything wrong with it."""
    with _candidate(text, path) as written:
        return replace(_load(written, path), path=path)


def _load(written: Path, path: Path) -> StackFile:
    try:
        return load_stack_file(written)
    except StackFileError as error:
        # They are told of the place that it is meant for.
        raise BadStackFile(refusals=placed(error.refusals, shown_path(path))) from error


@contextlib.contextmanager
def _candidate(text: str, path: Path) -> Iterator[Path]:
    # In the same folder, so that the replacement is one step of one file system.
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".velero-eks-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        written.write_text(text, encoding="utf-8")
        written.chmod(0o644)
        yield written
