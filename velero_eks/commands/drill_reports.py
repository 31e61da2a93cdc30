"""A drill's report: for people, as Markdown for a summary page, as JUnit for CI, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from velero_eks.commands.restore_json import key_document
from velero_eks.kube.fields import field_json, field_line
from velero_eks.recovery.drill.compared import Compared, State
from velero_eks.recovery.drill.objectives import Check
from velero_eks.recovery.drill.run import Drilled
from velero_eks.terminal import words
from velero_eks.terminal.output import INDENT, table

_SHOWN = 20


def verdict(drilled: Drilled, checks: Iterable[Check]) -> str:
    """The drill in one sentence."""
    good = all(check.good for check in checks)
    names = ", ".join(drilled.namespaces)
    if good:
        took = words.duration(drilled.seconds)
        return f"{names} can be recovered from {drilled.backup.name}: {took}, {_proven(drilled)}."
    return f"The drill of {names} from {drilled.backup.name} failed."


def _proven(drilled: Drilled) -> str:
    """What a good drill showed of the objects, and no more than that."""
    states = Counter(each.state for each in drilled.compared)
    if not states:
        return "and there was no object to compare"
    if set(states) == {State.SAME}:
        return "every object as it was"
    return ", ".join(f"{words.count(states[state], 'object')} {state.value}" for state in State if states[state])


def render(out: Console, drilled: Drilled, checks: Sequence[Check]) -> None:
    """For people."""
    good = all(check.good for check in checks)
    out.print(Text(verdict(drilled, checks), style="bold green" if good else "bold red"))
    out.print(Text(f"Backup {drilled.backup.name}, begun {words.stamp(drilled.backup.started)}.", style="dim"))
    out.print()
    shown = table("", "What", "Found")
    for check in checks:
        mark = Text("good", style="green") if check.good else Text("failed", style="bold red")
        shown.add_row(mark, check.name, Text(check.said))
    out.print(shown)
    for each in drilled.wrong[:_SHOWN]:
        line = Text(f"{each.key}: ").append(each.state.value, style="red")
        out.print(line.append(f" {each.reason}" if each.reason else ""))
        for difference in each.fields:
            out.print(Padding(field_line(difference, _secret(each)), (0, 0, 0, INDENT), expand=False))
    if len(drilled.wrong) > _SHOWN:
        out.print(Text(words.more(len(drilled.wrong) - _SHOWN, "--json has all of them"), style="dim"))
    for message in drilled.messages:
        if message.severity == "error":
            out.print(Text(f"Velero, {message.where}: ", style="red").append(message.text))


def markdown(drilled: Drilled, checks: Sequence[Check]) -> str:
    """For a summary page of CI."""
    good = all(check.good for check in checks)
    lines = [
        f"## {'✅' if good else '❌'} {_cell(verdict(drilled, checks))}",
        "",
        f"Backup `{drilled.backup.name}`, begun {words.stamp(drilled.backup.started)}.",
        "",
        "| | What | Found |",
        "|---|---|---|",
    ]
    lines += [
        f"| {'good' if check.good else '**failed**'} | {_cell(check.name)} | {_cell(check.said)} |" for check in checks
    ]
    wrong = drilled.wrong
    if wrong:
        lines += ["", "### Not as in the backup", ""]
        lines += [f"- `{each.key}`: {each.state.value}{_details(each)}" for each in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            lines.append(f"- {words.more(len(wrong) - _SHOWN)}")
    errors = [message for message in drilled.messages if message.severity == "error"]
    if errors:
        lines += ["", "### What Velero said", ""]
        lines += [f"- {message.where}: {_cell(message.text)}" for message in errors[:_SHOWN]]
    return "\n".join(lines) + "\n"


def junit(drilled: Drilled, checks: Sequence[Check]) -> str:
    """For CI: one test case a check; the restore's carries the recovery time."""
    failures = sum(not check.good for check in checks)
    suite = ElementTree.Element(
        "testsuite",
        name=f"velero-eks drill of {', '.join(drilled.namespaces)}",
        tests=str(len(checks)),
        failures=str(failures),
        errors="0",
        time=f"{drilled.seconds:.3f}",
        timestamp=drilled.began.isoformat(timespec="seconds"),
    )
    for check in checks:
        seconds = drilled.seconds if check.name == "restore" else 0
        case = ElementTree.SubElement(
            suite, "testcase", classname="velero-eks.drill", name=check.name, time=f"{seconds:.3f}"
        )
        if not check.good:
            failure = ElementTree.SubElement(case, "failure", message=_xml(check.said))
            kind = check.name.removeprefix("objects: ")
            wrong = [each for each in drilled.wrong if str(each.key).partition("/")[0] == kind]
            failure.text = _xml("\n".join(f"{each.key}: {each.state.value}{_details(each)}" for each in wrong))
        else:
            ElementTree.SubElement(case, "system-out").text = _xml(check.said)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def document(drilled: Drilled, checks: Sequence[Check]) -> dict[str, Any]:
    """For programs."""
    restore = drilled.restore
    return {
        "good": all(check.good for check in checks),
        "drill": drilled.drill,
        "backup": drilled.backup.name,
        "schedule": drilled.backup.schedule,
        "backup_started": drilled.backup.started,
        "namespaces": list(drilled.namespaces),
        "began": drilled.began,
        "recovery_seconds": round(drilled.seconds, 2),
        "data_age_seconds": round(drilled.data_age),
        "restore": restore.name if restore else None,
        "phase": restore.phase if restore else None,
        "problem": drilled.problem or None,
        "checks": [{"name": check.name, "good": check.good, "found": check.said} for check in checks],
        "compared": len(drilled.compared),
        "wrong": [
            {
                **key_document(each.key),
                "state": each.state.value,
                "reason": each.reason or None,
                "fields": [field_json(difference, _secret(each)) for difference in each.fields],
            }
            for each in drilled.wrong
        ],
        "messages": [
            {"severity": each.severity, "where": each.where, "message": each.text} for each in drilled.messages
        ],
        "left_behind": list(drilled.left),
    }


def _details(each: Compared) -> str:
    paths = ", ".join(difference.path for difference in each.fields)
    told = each.reason or paths
    return f" ({_cell(told)})" if told else ""


def _secret(each: Compared) -> bool:
    return each.key.kind == "Secret"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _xml(text: str) -> str:
    """Without the characters that XML cannot carry at all."""
    return "".join(character for character in text if character in "\t\n" or ord(character) >= 0x20)
