"""The rules as a Markdown table, for docs/reference/rules.md."""

from __future__ import annotations

from velero_eks.rules import RULE_MODULES, RULES

HEADER = """\
# Rules

`velero-eks plan` checks every stack by these rules, and so does the engine with
`pulumi preview --policy-pack policies`. An error fails the plan (exit code 1), a warning does not. Waive a
rule in the stack file, with the reason:
`velero-eks:waivers: {bucket-replication: "the data is rebuilt from its source within the day"}`.
In a program with other resources, the rules check those under the component and those that touch it from outside.
Written by `velero_eks/rules/table.py` from the rules themselves.
"""


def markdown() -> str:
    """The whole document: the rules by area, each with severity, what must hold and why, and its source."""
    parts = [HEADER]
    for module in RULE_MODULES:
        rules = [rule for rule in RULES.values() if rule.body.__module__ == module.__name__]
        if not rules:
            continue
        area = (module.__doc__ or "").strip().splitlines()[0].removeprefix("Rules of ").rstrip(".")
        parts.append(f"## {area[0].upper()}{area[1:]}\n")
        parts.append("| Rule | Severity | Requirement and reason | Source |\n|---|---|---|---|")
        parts += [f"| `{rule.id}` | {rule.severity} | {_cell(rule.what)} | {_cell(rule.source)} |" for rule in rules]
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
