"""The page of errors: each code that a stack file can be refused with, out of the places in the code that refuse."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("components/velero_on_eks", "velero_eks")
_MAKERS = ("Refused", "Refusal")
_FIELDS = ("code", "limit", "remedy")

HEAD = """\
# Errors

Every error of a stack file by its code, made by `make docs` from the code that refuses. `velero-eks plan --json` has
the code in `errors`; it stays the same when the words change. `…` stands for values.

| Code | What is expected | What to do |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = sorted({row for row in _refusals() if re.fullmatch(r"(?=.*[a-z])[a-z0-9…-]+", row[0])})
    told = {code for code, limit, _ in rows if limit}
    # What is said of a code in one place is enough where another place makes its words of parts.
    rows = [row for row in rows if row[1] or row[0] not in told]
    return HEAD + "\n".join(f"| {' | '.join(_cells(row))} |" for row in rows) + "\n"


def codes() -> set[str]:
    """Every code that is written out somewhere."""
    return {row[0] for row in _refusals() if re.fullmatch(r"[a-z0-9-]+", row[0])}


@functools.cache
def _refusals() -> tuple[tuple[str, str, str], ...]:
    return tuple(_found())


def _found() -> Iterator[tuple[str, str, str]]:
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*.py")):
            yield from _found_in(ast.parse(path.read_text(encoding="utf-8")), {})


def _found_in(scope: ast.AST, outside: Mapping[str, ast.expr]) -> Iterator[tuple[str, str, str]]:
    """The refusals of a module or a function; a name has the value that it has there."""
    inner, nodes = [], []
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            inner.append(node)
        else:
            nodes.append(node)
            waiting.extend(ast.iter_child_nodes(node))
    parameters = {node.arg for node in nodes if isinstance(node, ast.arg)}
    outside = {name: value for name, value in outside.items() if name not in parameters}
    assigned = [
        (node.lineno, node.targets[0].id, node.value)
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    assigned.sort(key=lambda one: one[0])
    for node in nodes:
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in _MAKERS:
            names = {**outside, **{name: value for line, name, value in assigned if line <= node.lineno}}
            given = dict(zip(_FIELDS, node.args, strict=False))
            given |= {one.arg: one.value for one in node.keywords if one.arg in _FIELDS}
            code, limit, remedy = (_text(given.get(name), names) for name in _FIELDS)
            for each in code.split("\n"):
                yield each, _whole(limit), _whole(remedy)
    names = {**outside, **{name: value for _, name, value in assigned}}
    for function in inner:
        yield from _found_in(function, names)


def _text(node: ast.AST | None, names: Mapping[str, ast.expr], depth: int = 0) -> str:
    """The text of an expression, `…` for what is not written out; two texts of one condition in two lines."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore
    if isinstance(node, ast.BinOp):
        return _text(node.left, names, depth) + _text(node.right, names, depth)
    if isinstance(node, ast.IfExp):
        return f"{_text(node.body, names, depth)}\n{_text(node.orelse, names, depth)}"
    if isinstance(node, ast.Name) and node.id in names and depth < 3:
        return _text(names[node.id], names, depth + 1)
    return "" if node is None or depth else "…"


def _whole(text: str) -> str:
    """Without text that is nothing but values."""
    alternatives = [" ".join(line.split()) for line in text.split("\n")]
    return " / ".join(line for line in alternatives if re.search(r"[A-Za-z]{3}", line))


def _cells(row: tuple[str, str, str]) -> Iterator[str]:
    if not any(row[1:]):
        row = (row[0], "the message says it", "")
    yield f"`{row[0]}`"
    for text in row[1:]:
        yield re.sub(r"([*_<|`\[\]])", r"\\\1", text) or "…"
