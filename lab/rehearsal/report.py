"""What the rehearsal found, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.environment import Part
from lab.programs import Programs
from lab.rehearsal.incidents import Outcome

VERSION = 1


def as_json(outcomes: Iterable[Outcome], timings: dict[str, float], programs: Programs, chart: str) -> dict[str, Any]:
    """The report, version 1. Times are seconds."""
    return {
        "version": VERSION,
        "programs": [
            {"name": place.program.name, "version": place.version, "source": place.source} for place in programs.places
        ],
        "chart": chart,
        "timings": {name: round(seconds, 2) for name, seconds in timings.items()},
        "incidents": [_incident(outcome) for outcome in outcomes],
    }


def _incident(outcome: Outcome) -> dict[str, Any]:
    found = outcome.comparison
    return {
        "name": outcome.name,
        "title": outcome.title,
        "backup_seconds": round(outcome.backup_seconds, 2),
        "recovery_seconds": round(outcome.recovery_seconds, 2),
        "objects_compared": found.compared,
        "objects_lost": [str(key) for key in found.lost],
        "objects_changed": {
            str(key): [{"path": each.path, "before": repr(each.before), "after": repr(each.after)} for each in fields]
            for key, fields in found.changed.items()
        },
    }


def print_parts(console: Console, parts: Iterable[Part], chart: str) -> None:
    """What is real here, and what stands in for what."""
    table = Table(title="The lab", title_justify="left", box=None, pad_edge=False)
    table.add_column("Part", overflow="fold")
    table.add_column("")
    table.add_column("What it does here", overflow="fold")
    colours = {"real": "green", "stand-in": "yellow", "absent": "dim"}
    for part in parts:
        table.add_row(part.name, f"[{colours[part.kind]}]{part.kind}[/]", part.what)
    table.add_row("Chart", "", chart)
    console.print(table)
    console.print()


def print_outcomes(console: Console, outcomes: list[Outcome]) -> None:
    """The incidents: how long backup and recovery took, how much was compared, what is lost or different."""
    console.print()
    table = Table(title="Recoveries", title_justify="left", box=None, pad_edge=False)
    table.add_column("Incident", overflow="fold")
    for heading in ("Backup", "Recovery", "Compared", "Lost", "Changed"):
        table.add_column(heading, justify="right")
    for outcome in outcomes:
        found = outcome.comparison
        colour = "green" if found.whole else "red"
        table.add_row(
            outcome.title,
            f"{outcome.backup_seconds:.1f} s",
            f"{outcome.recovery_seconds:.1f} s",
            str(found.compared),
            f"[{colour}]{len(found.lost)}[/]",
            f"[{colour}]{len(found.changed)}[/]",
        )
    console.print(table)
    for outcome in outcomes:
        for key in outcome.comparison.lost:
            console.print(f"[red]lost[/] {key}, in: {outcome.title}")
        for key, fields in outcome.comparison.changed.items():
            for each in fields:
                console.print(f"[red]changed[/] {key}: {each.path}: {each.before!r} became {each.after!r}")
