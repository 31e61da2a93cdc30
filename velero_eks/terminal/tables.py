"""A table that stays readable at any width: where its columns do not fit, each row becomes a paragraph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import rich.table
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding

from velero_eks.terminal.text import Text

_GAP = 2
_INDENT = 2
# No cell is made narrower than this between its words (`3 h 12 min`), and no word up to that length is broken: names of
# Kubernetes and of buckets are no longer. What is longer is an ARN or a value. The first column is never broken.
_CELL, _WORD = 12, 63


class Table(rich.table.Table):
    """A table without borders, whose first column names the row. A column without a title says how the row is."""

    def __init__(self, *columns: str) -> None:
        super().__init__(
            box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, _GAP - 1, 0, 0)
        )
        for column in columns:
            self.add_column(column, overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        ranges = self._ranges(console, options)
        gaps = _GAP * (len(ranges) - 1)
        least, most = (sum(sizes) + gaps for sizes in zip(*ranges, strict=True))
        return Measurement(min(least, options.max_width), min(most, options.max_width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ranges = self._ranges(console, options)
        room = options.max_width - _GAP * (len(ranges) - 1)
        if sum(least for least, _ in ranges) > room:
            yield from self._paragraphs()
            return
        for column, width in zip(self.columns, _widths(ranges, room), strict=True):
            column.width = width
        yield from super().__rich_console__(console, options)

    def _ranges(self, console: Console, options: ConsoleOptions) -> list[tuple[int, int]]:
        """How wide each column is at least, unless names or short cells are broken, and at most."""
        wide = options.update_width(10_000)
        found: list[tuple[int, int]] = []
        for number, column in enumerate(self.columns):
            least, most = Measurement.get(console, wide, column.header)
            for cell in column.cells:
                measured = Measurement.get(console, wide, cell)
                word = min(measured.minimum, _WORD) if number else measured.minimum
                whole = measured.maximum if column.no_wrap else min(measured.maximum, _CELL)
                least, most = max(least, word, whole), max(most, measured.maximum)
            found.append((least, most))
        return found

    def _paragraphs(self) -> RenderResult:
        titles = [str(column.header) for column in self.columns]
        label = max((len(title) for title in titles[1:]), default=0)
        for cells in zip(*(list(column.cells) for column in self.columns), strict=True):
            head = Text.assemble(_text(cells[0]))
            for title, cell in list(zip(titles, cells, strict=True))[1:]:
                if not title and _text(cell):
                    head.append("  ").append(_text(cell))
            yield head
            said = [(title, _text(cell)) for title, cell in zip(titles[1:], cells[1:], strict=True) if title]
            said = [(title, cell) for title, cell in said if cell]
            if len(titles) == 2:
                yield from (Padding(cell, (0, 0, 0, _INDENT), expand=False) for _, cell in said)
            elif said:
                grid = rich.table.Table.grid(padding=(0, _GAP, 0, 0))
                grid.add_column(style="dim", no_wrap=True, min_width=label)
                grid.add_column(overflow="fold")
                for title, cell in said:
                    grid.add_row(Text(title), cell)
                yield Padding(grid, (0, 0, 0, _INDENT), expand=False)


def fitted(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Text]],
    width: int,
    *,
    give_up: Sequence[str],
    numbers: Sequence[str] = (),
) -> Table:
    """A table in which each row has one line where that can be: for it, the columns of `give_up` leave in their order.

    A row is its cells by column, those left out are empty; a column in which all are empty is none. `numbers` are
    columns that stand on the right.
    """
    empty = Text()
    left = [name for name in columns if any(row.get(name) for row in rows)]
    widths = {name: max([len(name), *(row.get(name, empty).cell_len for row in rows)]) + _GAP for name in left}
    for name in give_up:
        if name in left and sum(widths[each] for each in left) - _GAP > width:
            left.remove(name)
    made = Table(*left)
    for name, column in zip(left, made.columns, strict=True):
        column.justify = "right" if name in numbers else "left"
    for row in rows:
        made.add_row(*(row.get(name, empty) for name in left))
    return made


def _text(cell: Any) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _widths(ranges: Sequence[tuple[int, int]], room: int) -> list[int]:
    """The columns' widths in all the room that they need: the narrow ones are whole, the wide ones share the rest."""
    level = next(
        (level for level in range(room, 0, -1) if sum(min(max(level, least), most) for least, most in ranges) <= room),
        0,
    )
    widths = [min(max(level, least), most) for least, most in ranges]
    for number, (_, most) in enumerate(ranges):
        grown = min(most - widths[number], room - sum(widths))
        widths[number] += max(grown, 0)
    return widths
