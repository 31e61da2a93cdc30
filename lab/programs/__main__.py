"""`python -m lab.programs`: find or build the lab's programs, and say where each comes from.

Exit codes: 0 all are there, 1 one is missing or could not be built, 2 a wrong option, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from lab.processes import terminating_signals
from lab.programs import Place, ProgramError, Refusal, require_language_yaml, require_programs


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.programs", description="Find or build the lab's programs.")
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    wanted = parser.parse_args(arguments)
    try:
        with terminating_signals():
            programs = require_programs()
            places = (*programs.places, require_language_yaml(programs))
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run carries on from here", file=sys.stderr)
        return 130
    try:
        if wanted.json:
            print(json.dumps(as_rows(places, programs.refusals), indent=2), flush=True)
        else:
            _print_table(places, programs.refusals)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def as_rows(places: Sequence[Place], refusals: Sequence[Refusal]) -> list[dict[str, object]]:
    """One row a program: its name, version, source and path, and what was passed over with the reason."""
    return [
        {
            "program": place.program.name,
            "version": place.version,
            "source": place.source,
            "path": str(place.path),
            "refused": [
                {"path": str(refusal.path), "reason": refusal.reason}
                for refusal in refusals
                if refusal.program.name == place.program.name
            ],
        }
        for place in places
    ]


def _print_table(places: Sequence[Place], refusals: Sequence[Refusal]) -> None:
    # In a file or a pipe a row stays one line, for grep.
    console = Console(width=None if sys.stdout.isatty() else 1000)
    table = Table(box=None, pad_edge=False)
    for heading in ("Program", "Version", "From"):
        table.add_column(heading, no_wrap=True)
    # Paths are there to be copied: folded when they must be, never cut.
    table.add_column("Path", overflow="fold")
    for place in places:
        table.add_row(place.program.name, place.version, place.source, str(place.path))
    console.print(table)
    for refusal in refusals:
        console.print(f"passed over: {refusal.path}: {refusal.reason}", markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
