"""How commands print: tables for people, one versioned document for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

VERSION = 1
INDENT = 2
_UNBOUND_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """A console that colours by meaning alone and wraps at the terminal's width; in a file or a CI log, late."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _UNBOUND_WIDTH
    return made


def table(*columns: str) -> Table:
    """A table without borders; every column folds rather than cuts."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_json(document: dict[str, Any]) -> None:
    """One document on stdout, with the version of its shape in front."""
    json.dump({"version": VERSION, **document}, sys.stdout, indent=2, default=_plain)
    sys.stdout.write("\n")


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on stderr what is going on, where somebody watches; it is gone afterwards."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(what):
        yield


def visible(text: str) -> str:
    """Text of a cluster's for a terminal: what would move its cursor or colour it is written out."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
