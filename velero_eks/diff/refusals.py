"""What bounds permissions from outside the grants: Deny statements, and a role's permissions boundary."""

from __future__ import annotations

import json
from collections.abc import Iterator

from velero_eks.aws.grants import who
from velero_eks.aws.iam import MalformedDocument, Statement, statements
from velero_eks.diff.model import Effect, Entry, Fact, ResourceChange
from velero_eks.diff.properties import meaning
from velero_eks.diff.words import subject

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
    about = subject(change.entry)
    for name in dict.fromkeys([*befores, *afters]):
        before, after = befores.get(name), afters.get(name)
        if _of_its_own(before, change.old) == _of_its_own(after, change.new):
            continue
        text, effect = _said(about, name, before, after)
        stated = after or before
        details = tuple(_clauses(stated)) if stated else ()
        yield Fact("permissions", text, effect, details, (change.urn,))


def _said(about: str, name: str, before: Statement | None, after: Statement | None) -> tuple[str, Effect]:
    if after is None:
        return f"{about} no longer has its refusal {name}", "wider"
    if before is None:
        return f"{about} has a new refusal {name}", "narrower"
    return f"{about} changes its refusal {name}", ""


def _of_its_own(statement: Statement | None, entry: Entry | None) -> str:
    """A statement with the name of the policy's own bucket left out: another bucket is told where it is replaced."""
    bucket = (entry or {}).get("inputs", {}).get("bucket")
    text = json.dumps(statement and statement.written, sort_keys=True)
    return text.replace(bucket, "*") if isinstance(bucket, str) else text


def _denied(entry: Entry | None, path: str) -> dict[str, Statement]:
    """The Deny statements of a policy in one way of writing it, by their Sid or, without one, by what they say."""
    document = meaning(entry["inputs"].get(path)) if entry else None
    try:
        found = statements(document)
    except MalformedDocument:
        return {}
    return {one.sid or json.dumps(one.written, sort_keys=True): one for one in found if not one.allows}


def _clauses(statement: Statement) -> Iterator[str]:
    refused = ", ".join(statement.actions) or f"all but {', '.join(statement.not_actions)}"
    yield f"{_refused(statement)} is refused {refused}"
    for condition in statement.conditions:
        yield f"when {condition.key} {condition.operator} {', '.join(condition.values)}"


def _refused(statement: Statement) -> str:
    if statement.not_principals:
        return f"everyone but {', '.join(who(value) for _, value in statement.not_principals)}"
    return "everyone" if statement.for_everyone else ", ".join(who(value) for _, value in statement.principals)


def _boundary(change: ResourceChange, before: str | None, after: str | None) -> Iterator[Fact]:
    if before == after:
        return
    about = subject(change.entry)
    effect: Effect
    if not after:
        text, effect = f"{about} is no longer bounded by {before}", "wider"
    elif not before:
        text, effect = f"{about} may do no more than {after} allows", "narrower"
    else:
        text, effect = f"{about} may do no more than {after} allows, was {before}", ""
    yield Fact("permissions", text, effect, (), (change.urn,))
