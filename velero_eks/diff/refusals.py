"""What bounds permissions from outside the grants: Deny statements, and a role's permissions boundary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from velero_eks.diff.model import Effect, Entry, Fact, ResourceChange
from velero_eks.diff.naming import subject
from velero_eks.diff.properties import meaning

# The inputs that hold a policy document.
POLICIES = ("policy", "assumeRolePolicy")
BOUNDARY = "permissionsBoundary"


def refusals(change: ResourceChange) -> list[Fact]:
    """What a resource's policy refuses by Deny statements, or no longer does, and its boundary."""
    facts = [fact for path in POLICIES for fact in _statements(change, path)]
    if change.old and change.new:
        facts += _boundary(change, change.old["inputs"].get(BOUNDARY), change.new["inputs"].get(BOUNDARY))
    return facts


def _statements(change: ResourceChange, path: str) -> Iterator[Fact]:
    befores, afters = _denied(change.old, path), _denied(change.new, path)
    who = subject(change.entry)
    for name in dict.fromkeys([*befores, *afters]):
        before, after = befores.get(name), afters.get(name)
        if _of_its_own(before, change.old) == _of_its_own(after, change.new):
            continue
        text, effect = _said(who, name, before, after)
        yield Fact("permissions", text, effect, tuple(_clauses(after or before or {})), (change.urn,))


def _said(who: str, name: str, before: Any, after: Any) -> tuple[str, Effect]:
    if after is None:
        return f"{who} no longer has its refusal {name}", "wider"
    if before is None:
        return f"{who} has a new refusal {name}", "narrower"
    return f"{who} changes its refusal {name}", ""


def _of_its_own(statement: Any, entry: Entry | None) -> str:
    """A statement with the name of the policy's own bucket left out: another bucket is told where it is replaced."""
    bucket = (entry or {}).get("inputs", {}).get("bucket")
    text = json.dumps(statement, sort_keys=True)
    return text.replace(bucket, "*") if isinstance(bucket, str) else text


def _denied(entry: Entry | None, path: str) -> dict[str, dict[str, Any]]:
    document = meaning(entry["inputs"].get(path)) if entry else None
    statements = document.get("Statement") or [] if isinstance(document, dict) else []
    denied = [one for one in statements if isinstance(one, dict) and one.get("Effect") == "Deny"]
    return {str(one.get("Sid") or json.dumps(one, sort_keys=True)): one for one in denied}


def _clauses(statement: dict[str, Any]) -> Iterator[str]:
    actions = statement.get("Action") or [f"all but {', '.join(statement.get('NotAction') or [])}"]
    principal = statement.get("Principal")
    who = "everyone" if principal in ("*", {"AWS": ["*"]}) else json.dumps(principal)
    yield f"{who} is refused {', '.join(actions)}"
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, values in tests.items():
            yield f"when {key} {operator} {', '.join(map(str, values))}"


def _boundary(change: ResourceChange, before: str | None, after: str | None) -> Iterator[Fact]:
    if before == after:
        return
    who = subject(change.entry)
    effect: Effect
    if not after:
        text, effect = f"{who} is no longer bounded by {before}", "wider"
    elif not before:
        text, effect = f"{who} may do no more than {after} allows", "narrower"
    else:
        text, effect = f"{who} may do no more than {after} allows, was {before}", ""
    yield Fact("permissions", text, effect, (), (change.urn,))
