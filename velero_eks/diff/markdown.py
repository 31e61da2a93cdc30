"""A comparison as a comment on a pull request: the sum of it first, each stack folded below, outputs left out.

The marker in its first line names the project, so that whoever posts the comment finds the one from before and
updates it: one comment a pull request, however many commits it gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from velero_eks.diff.model import CATEGORIES, EFFECTS, Diff, Fact, StackDiff
from velero_eks.diff.words import counted, operations, verdict
from velero_eks.terminal import safe

# GitHub takes 65,536 characters; the rest is for what a workflow puts around it.
LIMIT = 60_000
_RISKS_SHOWN = 10
_SIGNS = {"risk": "🛑", "weaker": "⚠️", "stronger": "✅", "wider": "🔓", "narrower": "🔒", "": "▫️"}


def marker(project: str) -> str:
    """The comment in HTML by which the posted comment is found again."""
    return f"<!-- velero-eks diff: {re.sub(r'[^A-Za-z0-9._-]', '-', project)} -->"


def render(diff: Diff) -> str:
    """The whole comment; stacks that do not fit in one are named without their details."""
    lines = [marker(diff.project), "### Backups", "", safe.markdown(verdict(diff)), ""]
    lines += _risks(diff)
    if diff.different:
        lines += _table(diff)
    lines += [f"> Note: {safe.markdown(note)}" for note in diff.notes]
    text = "\n".join(lines).rstrip() + "\n"
    left_out: list[str] = []
    for stack in diff.different:
        folded = "\n" + "\n".join(_folded(stack)) + "\n"
        if len(text) + len(folded) > LIMIT:
            left_out.append(stack.stack)
        else:
            text += folded
    if left_out:
        text += f"\nToo long for a comment: {safe.markdown(', '.join(left_out))}. Run `velero-eks diff` for these.\n"
    return text


def _risks(diff: Diff) -> Iterator[str]:
    risks = [(stack.stack, fact) for stack in diff.different for fact in stack.effects("risk")]
    if not risks:
        return
    yield "> [!CAUTION]"
    for stack, fact in risks[:_RISKS_SHOWN]:
        yield f"> **{safe.markdown(stack)}**: {safe.markdown(fact.text)}  "
    if len(risks) > _RISKS_SHOWN:
        yield f"> and {len(risks) - _RISKS_SHOWN} more"
    yield ""


def _table(diff: Diff) -> Iterator[str]:
    yield "| Stack | Replaced | Deleted | Updated | Created | Weaker | Stronger |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for stack in diff.different:
        counts = counted(stack) if stack.status in ("changed", "added") else ("–",) * 4
        effects = (len(stack.effects("weaker")), len(stack.effects("stronger")))
        cells = " | ".join(str(cell or "") for cell in (*counts, *effects))
        yield f"| {safe.markdown(stack.stack)} | {cells} |"
    yield ""


def _folded(stack: StackDiff) -> Iterator[str]:
    # Inside HTML a backslash would be shown.
    name, said = (safe.in_html(text) for text in (stack.stack, operations(stack)))
    yield f"<details><summary><b>{name}</b>: {said}</summary>"
    yield ""
    for category, title in CATEGORIES.items():
        facts = stack.of(category)
        if facts:
            yield f"**{title}**"
            yield ""
            for fact in facts:
                yield from _fact(fact)
            yield ""
    yield "</details>"


def _fact(fact: Fact) -> Iterator[str]:
    effect = f" ({EFFECTS[fact.effect]})" if fact.effect else ""
    yield f"- {_SIGNS[fact.effect]} {safe.markdown(fact.text)}{effect}"
    for detail in fact.details:
        for line in detail.splitlines():
            yield f"  - {safe.markdown(line)}"
