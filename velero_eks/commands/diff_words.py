"""A comparison for people on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from velero_eks.diff.model import CATEGORIES, EFFECTS, Diff, Effect, Fact, ResourceChange, StackDiff
from velero_eks.diff.naming import subject
from velero_eks.diff.properties import shown
from velero_eks.diff.words import counted, operations, verdict

_INDENT = 2
_STYLES: dict[Effect, str] = {
    "risk": "bold red",
    "weaker": "yellow",
    "stronger": "green",
    "wider": "yellow",
    "narrower": "cyan",
    "": "",
}
# Characters of a value at the property level; a policy's statement is about as long.
_VALUE_LIMIT = 400


def render(console: Console, diff: Diff, *, properties: bool) -> None:
    """Print each stack that differs, and a summary where there are several. `properties` adds the property level."""
    for stack in diff.different:
        console.print(_stack(stack, properties))
    if len(diff.stacks) > 1 and diff.different:
        console.print(_summary(diff))
    for note in diff.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    worst = any(stack.effects("risk") for stack in diff.different)
    style = "bold red" if worst else "yellow" if diff.different else "green"
    console.print(Text(verdict(diff), style=style))


def _stack(stack: StackDiff, properties: bool) -> RenderableType:
    parts: list[RenderableType] = [
        Rule(Text(stack.stack, style="bold"), align="left", style="cyan"),
        Text(operations(stack), style="dim"),
    ]
    for category, title in CATEGORIES.items():
        facts = stack.of(category)
        if facts:
            parts += _section(title, [_fact(fact) for fact in facts])
    if stack.outputs:
        parts += _section("Outputs", [Text(f"{name} {how}") for name, how in stack.outputs.items()])
    if properties:
        changed = [change for change in stack.resources if change.properties]
        if changed:
            parts += _section("Properties", [_properties(change) for change in changed])
    return Group(*parts, Text())


def _section(title: str, lines: list[RenderableType]) -> list[RenderableType]:
    return [Text(), Text(title, style="bold"), Padding(Group(*lines), (0, 0, 0, _INDENT), expand=False)]


def _fact(fact: Fact) -> RenderableType:
    head = Text(fact.text, overflow="fold")
    if fact.effect:
        head.append(f" [{EFFECTS[fact.effect]}]", style=_STYLES[fact.effect])
    below = [
        Padding(Text(detail, style="dim", overflow="fold"), (0, 0, 0, _INDENT), expand=False)
        for each in fact.details
        for detail in each.splitlines()
    ]
    return Group(head, *below)


def _properties(change: ResourceChange) -> RenderableType:
    lines: list[RenderableType] = [Text(subject(change.entry), style="cyan", overflow="fold")]
    if change.was:
        lines.append(Padding(Text(f"was {change.was}", style="dim", overflow="fold"), (0, 0, 0, _INDENT)))
    for one in change.properties:
        line = Text(f"{one.path}: ", overflow="fold")
        line.append(shown(one.old, _VALUE_LIMIT), style="red").append(" → ").append(
            shown(one.new, _VALUE_LIMIT), style="green"
        )
        if one.replaces:
            line.append(" [replaces]", style="bold red")
        lines.append(Padding(line, (0, 0, 0, _INDENT), expand=False))
    return Group(*lines)


def _summary(diff: Diff) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("Stack", overflow="fold")
    columns = ("Replaced", "Deleted", "Updated", "Created", "At risk", "Weaker")
    for column in columns:
        table.add_column(column, justify="right")
    for stack in diff.different:
        table.add_row(Text(stack.stack, style="cyan"), *_cells(stack))
    return Group(Rule(Text("All stacks", style="bold"), align="left", style="cyan"), table, Text())


def _cells(stack: StackDiff) -> Iterator[Text]:
    risk, weaker = len(stack.effects("risk")), len(stack.effects("weaker"))
    if stack.status in ("removed", "unplanned"):
        yield from (Text("–", style="dim") for _ in range(4))
    else:
        for count, style in zip(counted(stack), ("bold red", "bold red", "", ""), strict=True):
            yield Text(str(count) if count else "", style=style)
    yield Text(str(risk) if risk else "", style="bold red")
    yield Text(str(weaker) if weaker else "", style="yellow")
