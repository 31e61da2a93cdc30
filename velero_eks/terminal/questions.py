"""Questions on a terminal. Where no one watches there is no one to answer: defaults and flags decide."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from velero_eks.errors import BadTarget
from velero_eks.terminal.safe import visible
from velero_eks.time_limit import unlimited


class Terminal:
    """Whoever sits at the keyboard. `watched` is whether there is anybody."""

    def __init__(
        self, source: TextIO | None = None, sink: TextIO | None = None, *, watched: bool | None = None
    ) -> None:
        self._source = source or sys.stdin
        self._sink = sink or sys.stderr
        self.watched = self._source.isatty() if watched is None else watched

    def ask(self, question: str, default: str | None, check: Callable[[str], Any]) -> Any:
        """Ask until `check` takes the answer, and return what `check` made of it. An empty answer is the default.

        `check` raises `BadTarget` for an answer that cannot be. Raises `BadTarget` at the end of the input.
        """
        shown = f"{question} [{default}]: " if default is not None else f"{question}: "
        while True:
            answer = self._line(shown) or default
            if answer is None:
                continue
            try:
                return check(answer)
            except BadTarget as error:
                self.say(f"  {error}")

    def confirm(self, question: str) -> bool:
        """Ask for a yes. Anything else is a no, and so is silence."""
        return self.watched and self._line(f"{question} [y/N]: ").lower() in ("y", "yes")

    def say(self, text: str) -> None:
        """Print a line beside the answers."""
        print(visible(text), file=self._sink, flush=True)

    def _line(self, shown: str) -> str:
        print(visible(shown), end="", file=self._sink, flush=True)
        with unlimited():
            line = self._source.readline()
        if not line:
            raise BadTarget("the input ended before every question was answered; give the answers as flags")
        return line.strip()


def agreed(question: str, *, yes: bool) -> bool:
    """Whether to go on: at once with `--yes`, else what someone at the terminal answers.

    Raises `BadTarget` where there is no one to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadTarget("this changes the cluster, and there is no one to ask; give --yes to go on")
    print(f"{visible(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    with unlimited():
        return sys.stdin.readline().strip().lower() in ("y", "yes")
