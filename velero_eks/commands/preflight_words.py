"""Preflight's results for people: one table of what is in the way, then what is fine."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from velero_on_eks.settings import StackFile

from velero_eks.bootstrap.check import Result
from velero_eks.terminal import words
from velero_eks.terminal.output import console, table

_STYLES = {"error": "red", "warning": "yellow"}


def render(file: StackFile, results: Sequence[Result], screen: Console | None = None) -> None:
    """Print the results of a stack's checks."""
    out = screen or console()
    settings = file.settings
    where = f"{settings.cluster.name} · {settings.region} · {settings.cluster.account}"
    out.print(Text.assemble((file.stack, "bold"), "  ", (where, "dim")))
    rows = [
        (finding, each.check.title)
        for severity in ("error", "warning")
        for each in results
        for finding in each.findings
        if finding.severity == severity
    ]
    if rows:
        # The remedy under its finding and not beside it: a command that is broken into pieces cannot be copied.
        found = table("Check", "What is in the way, and its remedy")
        found.columns[0].max_width = 16
        for number, (finding, title) in enumerate(rows, 1):
            check = Text.assemble((finding.severity, _STYLES[finding.severity]), f"\n{title}")
            end = "" if number == len(rows) else "\n"
            found.add_row(check, Text.assemble(finding.message, "\n", (f"→ {finding.remedy}", "cyan"), end))
        out.print()
        out.print(found)
    out.print()
    passed = [each.check.title for each in results if each.outcome == "passed"]
    if passed:
        out.print(Text.assemble((f"passed ({len(passed)}) ", "green"), ", ".join(passed)))
    told = {finding.message for finding, _ in rows}
    for why in dict.fromkeys(each.why for each in results if each.why):
        titles = [each.check.title for each in results if each.why == why]
        shown = "see above" if why in told else why
        out.print(Text.assemble(("not asked ", "yellow"), f"{', '.join(titles)}: ", (shown, "dim")))
    errors = sum(finding.severity == "error" for finding, _ in rows)
    warnings = len(rows) - errors
    said = [words.count(errors, "error")] if errors else []
    said += [words.count(warnings, "warning")] if warnings else []
    unasked = sum(bool(each.why) for each in results)
    if errors:
        verdict = Text(f"{' and '.join(said)}. Mend the errors before 'pulumi up'.", "red")
    elif unasked:
        # Not green: what nobody could look at may be what is in the way.
        so_far = said[0] if said else "Nothing was found"
        verdict = Text(f"{so_far}; {words.count(unasked, 'check')} could not be asked in full, see above.", "yellow")
    elif said:
        verdict = Text(f"{said[0]}. Nothing stops 'pulumi up'.", "yellow")
    else:
        verdict = Text("Nothing is in the way.", "green")
    out.print(verdict)
