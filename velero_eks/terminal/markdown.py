"""What a command prints for people, as Markdown: headings, tables and lists in place of styles, borders and indents."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import rich.table
import rich.text
from rich.console import Group
from rich.padding import Padding
from rich.rule import Rule
from rich.tree import Tree

from velero_eks.terminal import safe
from velero_eks.terminal.text import SafeConsole, Text

_INDENT = 2
# Wide enough for every column of a table.
_WIDTH = 10_000


class MarkdownConsole(SafeConsole):
    """A console whose `markdown` is what was printed to it. Whatever was read from elsewhere is not markup in it."""

    def __init__(self) -> None:
        super().__init__(file=io.StringIO(), width=_WIDTH, highlight=False, markup=False, emoji=False)
        self._blocks: list[tuple[bool, str]] = []

    def print(self, *objects: Any, **_: Any) -> None:
        """Take up something printable."""
        for each in objects:
            self._take(each, 0)

    @property
    def markdown(self) -> str:
        """All that was printed."""
        parts: list[str] = []
        for number, (item, text) in enumerate(self._blocks):
            follows = number and item and self._blocks[number - 1][0]
            parts += ["" if not number else "\n" if follows else "\n\n", text]
        return f"{''.join(parts)}\n" if parts else ""

    def _take(self, what: Any, level: int) -> None:
        match what:
            case Padding():
                self._take(what.renderable, level + what.left // _INDENT)
            case Group():
                for each in what.renderables:
                    self._take(each, level)
            case Rule():
                self._add(f"## {self._inline(_as_text(what.title), strong=False)}")
            case Tree():
                self._take(what.label, max(level, 1))
                for child in what.children:
                    self._take(child, max(level, 1) + 1)
            case rich.table.Table():
                self._table(what, level)
            case _:
                self._text(_as_text(what), level)

    def _text(self, text: rich.text.Text, level: int) -> None:
        if not text.plain.strip():
            return
        lines = text.split("\n")
        if not level and len(lines) == 1 and "bold" in str(text.style) and not text.plain.endswith((".", ":")):
            self._add(f"{'###' if self._blocks else '##'} {self._inline(text, strong=False)}")
        elif not level:
            self._add("  \n".join(map(self._inline, lines)))
        else:
            indent = " " * (_INDENT * (level - 1))
            self._add(f"{indent}- " + f"  \n{indent}  ".join(map(self._inline, lines)), item=True)

    def _table(self, table: rich.table.Table, level: int) -> None:
        rows = list(zip(*(list(column.cells) for column in table.columns), strict=True))
        if not table.show_header or all(not str(column.header) for column in table.columns):
            for each in (cell for row in rows for cell in row):
                self._take(each, level)
            return
        heads = [_as_text(column.header) for column in table.columns]
        rules = ("---:" if column.justify == "right" else "---" for column in table.columns)
        lines = [self._row(heads), f"|{'|'.join(rules)}|"]
        self._add("\n".join([*lines, *(self._row(map(_as_text, row)) for row in rows)]))

    def _row(self, cells: Iterable[rich.text.Text]) -> str:
        shown = ("<br>".join(map(self._inline, cell.split("\n"))) for cell in cells)
        return f"| {' | '.join(shown)} |"

    def _inline(self, text: rich.text.Text, *, strong: bool = True) -> str:
        """One line, in which what is bold is bold, unless all of it is to be one anyway."""
        said = ""
        base = self.get_style(text.style, default="").bold
        runs = groupby(text.render(self), key=lambda each: bool(strong and (base or (each.style and each.style.bold))))
        for bold, segments in runs:
            run = "".join(each.text for each in segments)
            inner = safe.markdown(run.strip())
            shown = f"**{inner}**" if bold and inner else inner
            said += f"{run[: len(run) - len(run.lstrip())]}{shown}{run[len(run.rstrip()) :]}"
        # At a line's start these would begin a list or a quotation.
        return re.sub(r"^([-+>]|\d+(?=[.)] ))", r"\\\1", " ".join(said.split()))

    def _add(self, text: str, *, item: bool = False) -> None:
        self._blocks.append((item, text))


def _as_text(what: Any) -> rich.text.Text:
    return what if isinstance(what, rich.text.Text) else Text(str(what))
