"""Styled text for people. A string is another's unless it is `Own`: it is shown in one line, and commands no one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import rich.console
import rich.text
from rich.segment import Segment

from velero_eks.terminal.safe import harmless, visible


class Own(str):
    """Text of this program's own, whose lines' ends are meant. It is never made of anything that was read."""


BREAK = Own("\n")


class Text(rich.text.Text):
    """rich's text, into which nothing gets that has not been made visible."""

    def __init__(self, text: str = "", style: Any = "", **options: Any) -> None:
        super().__init__(_safe(text), style, **options)

    def append(self, text: rich.text.Text | str, style: Any = None) -> Text:
        """Add text, or a string in a style."""
        super().append(_safe(text) if isinstance(text, str) else text, style)
        return self

    @classmethod
    def assemble(cls, *parts: str | rich.text.Text | tuple[str, Any], style: Any = "", **options: Any) -> Text:
        """Strings, text, and strings with their style, one behind the other."""
        made = cls(style=style, **options)
        for part in parts:
            made.append(*part) if isinstance(part, tuple) else made.append(part)
        return made

    @classmethod
    def lines(cls, lines: Iterable[str], style: Any = "") -> Text:
        """Strings below each other."""
        made = cls(style=style)
        for number, line in enumerate(lines):
            made.append(BREAK if number else "").append(line)
        return made


class SafeConsole(rich.console.Console):
    """A console that takes no string for markup, lets nothing out that commands a terminal but its own styles, and
    ends no line with blanks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.push_render_hook(_Trimming())

    def render_str(self, text: str, *, style: Any = "", justify: Any = None, overflow: Any = None, **_: Any) -> Text:
        """Any string that something to be shown is made of, as text."""
        return Text(text, style, justify=justify, overflow=overflow)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """What is about to be written, whoever made it."""
        for segment in super().render(renderable, options):
            text = segment.text
            if segment.control or text == "\n":
                yield segment
            else:
                shown = text if harmless(text) else "\n".join(map(visible, text.split("\n")))
                yield segment if shown is text else Segment(shown, segment.style)


class _Trimming(rich.console.RenderHook):
    """Tables and paddings fill their lines with blanks, which whoever copies or compares them gets too."""

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [_Trimmed(one) for one in renderables]


@dataclass(frozen=True)
class _Trimmed:
    content: Any

    def __rich_console__(self, console: rich.console.Console, options: Any) -> Iterator[Segment]:
        blanks: list[Segment] = []
        for segment in console.render(self.content, options):
            for number, text in enumerate(segment.text.split("\n") if not segment.control else [segment.text]):
                if segment.control:
                    yield segment
                    continue
                if number:
                    blanks.clear()
                    yield Segment.line()
                kept = text.rstrip(" ")
                if kept:
                    yield from blanks
                    blanks.clear()
                    yield Segment(kept, segment.style)
                if len(kept) < len(text):
                    blanks.append(Segment(text[len(kept) :], segment.style))


def _safe(text: str) -> str:
    return text if isinstance(text, Own) else visible(text)
