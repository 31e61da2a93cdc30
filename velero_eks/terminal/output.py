"""How commands print: tables for people, one versioned document for programs.

A console of this room takes every text for one of others: what would command a terminal or a CI runner is written out,
and no text is markup. Styles come by `terminal.text.Text`, lines by `Own` text.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from velero_eks.terminal.safe import escaped, visible

if TYPE_CHECKING:
    from rich.console import Console

    from velero_eks.terminal.tables import Table

VERSION = 1
INDENT = 2
# Where no terminal says how wide it is.
_PIPED_WIDTH = 80


def console(*, stderr: bool = False) -> Console:
    """A console that colours by meaning alone.

    It is as wide as COLUMNS says, else as the terminal; in a pipe or a file as wide for every command, whichever
    terminal the command was typed in. Colours are rich's to decide, by the terminal, NO_COLOR, FORCE_COLOR and TERM.
    """
    from velero_eks.terminal.text import SafeConsole

    made = SafeConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.file.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        made.width = _PIPED_WIDTH
    return made


def write(text: str) -> None:
    """A finished text on standard output: a document of `yaml`, `json` or Markdown, whose writer has made it safe.

    Takes no offence at a reader that has seen enough: the exit code is still the command's.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes again as it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_markdown(render: Callable[[Console], object]) -> None:
    """What `render` prints to a console, as Markdown on standard output."""
    from velero_eks.terminal.markdown import MarkdownConsole

    page = MarkdownConsole()
    render(page)
    write(page.markdown)


def put(*lines: str) -> None:
    """Lines on standard output, each made visible."""
    sys.stdout.write("".join(f"{visible(line)}\n" for line in lines))


def watched() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def next_step(command: str) -> None:
    """The command to type next, where a person watches."""
    if watched():
        put("", f"Next: {command}")


def table(*columns: str) -> Table:
    """A table without borders. No name is cut: where the columns do not fit, each row becomes a paragraph."""
    from velero_eks.terminal.tables import Table

    return Table(*columns)


def print_command(out: Console, command: str, indent: int = 0) -> None:
    """A command in a line of its own, which is never broken: it is copied and run as it stands."""
    from velero_eks.terminal.text import Text

    out.print(Text(" " * indent).append(command, style="cyan"), soft_wrap=True)


def print_json(document: dict[str, Any]) -> None:
    """One document on stdout, with the version of its shape in front."""
    write_json(json_text({"version": VERSION, **document}))


def print_json_list(document: dict[str, Any], name: str, items: Iterable[str]) -> None:
    """One such document whose last field is a list, its items texts of `json_text`: it is never in memory whole."""
    write(f'{json_text({"version": VERSION, **document})[:-2]},\n  "{name}": [')
    for number, item in enumerate(items):
        write(f"{',' if number else ''}\n{textwrap.indent(escaped(item, 'json'), '    ')}")
    write("\n  ]\n}\n")


def json_text(value: Any) -> str:
    """A value as JSON."""
    return json.dumps(value, indent=2, default=_plain)


def write_json(text: str) -> None:
    """JSON on standard output; what would command a terminal or a CI runner is written as an escape of JSON."""
    write(escaped(text, "json") + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
