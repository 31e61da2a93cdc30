"""What somebody types in the words of another tool, or of an earlier velero-eks: taken where it is the same, else told.

Loaded with the tool itself, so it loads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

# Old spellings that still work, and are in no help.
RENAMED = {"--all": "--full"}


class Command(TyperCommand):
    """A command that takes old spellings of its options too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        return super().parse_args(ctx, current(args, {name for each in self.params for name in each.opts}))


def current(arguments: Sequence[str], options: set[str]) -> list[str]:
    """The arguments with each old spelling as it is spelt now; `options` are those of the command."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [
        RENAMED[each] if number < end and each not in options and RENAMED.get(each) in options else each
        for number, each in enumerate(arguments)
    ]
