"""What bounds permissions from outside the grants: Deny statements, and a role's permissions boundary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from velero_eks.aws.grants import who
from velero_eks.aws.iam import MalformedDocument, Statement, statements
from velero_eks.aws.iam_conditions import Condition
from velero_eks.diff.model import Effect, Entry, Fact, ResourceChange
from velero_eks.diff.properties import meaning
from velero_eks.diff.words import subject

# The inputs that hold a policy document.
POLICIES = ("policy", "assumeRolePolicy")
BOUNDARY = "permissionsBoundary"
_WHO_ASKS = "aws:principalarn"


def refusals(change: ResourceChange, keys: Mapping[str, str]) -> list[Fact]:
    """What a resource's policy refuses by Deny statements, or no longer does, and its boundary.

    `keys` are the aliases of keys by their ARNs: the id of one that the stack makes is made up until AWS gives it one.
    """
    facts = [fact for path in POLICIES for fact in _statements(change, path, keys)]
    if change.old and change.new:
        facts += _boundary(change, change.old["inputs"].get(BOUNDARY), change.new["inputs"].get(BOUNDARY))
    return facts


def _statements(change: ResourceChange, path: str, keys: Mapping[str, str]) -> Iterator[Fact]:
    befores, afters = _denied(change.old, path), _denied(change.new, path)
    about = subject(change.entry)
    for name in dict.fromkeys([*befores, *afters]):
        before, after = befores.get(name), afters.get(name)
        if _of_its_own(before, change.old) == _of_its_own(after, change.new):
            continue
        if after is None and before is not None:
            text, effect, details = f"{about} no longer has its refusal {name}", "wider", _clauses(before, keys)
        elif before is None and after is not None:
            text, effect, details = f"{about} has a new refusal {name}", "narrower", _clauses(after, keys)
        elif before is not None and after is not None:
            text, (effect, differences) = f"{about} changes its refusal {name}", _differences(before, after, keys)
            details = [*differences, *_clauses(after, keys)]
        else:
            continue
        yield Fact("permissions", text, effect, tuple(details), (change.urn,))


def _differences(before: Statement, after: Statement, keys: Mapping[str, str]) -> tuple[Effect, list[str]]:
    """What is refused now and was not, and the other way round, with what follows from it where that can be told."""
    now: list[str] = []
    no_longer: list[str] = []
    now += [action for action in after.actions if action not in before.actions]
    no_longer += [action for action in before.actions if action not in after.actions]
    was, is_ = _by_test(before), _by_test(after)
    for test in was.keys() & is_.keys():
        # A refusal of all but these: one more of them is one less who, or which, is refused.
        now += [_excepted(test[1], value, keys) for value in was[test] if value not in is_[test]]
        no_longer += [_excepted(test[1], value, keys) for value in is_[test] if value not in was[test]]
    told = [*(f"no longer refused: {one}" for one in no_longer), *(f"now refused: {one}" for one in now)]
    if _frame(before) != _frame(after) or bool(now) == bool(no_longer):
        return "", told
    return "narrower" if now else "wider", told


def _by_test(statement: Statement) -> dict[tuple[str, str], tuple[str, ...]]:
    """The values of conditions by which a refusal leaves some out, by operator and key."""
    return {(one.operator, one.key): one.values for one in statement.conditions if one.negated and not one.qualifier}


def _frame(statement: Statement) -> tuple[object, ...]:
    """All of a statement but its actions and whom it leaves out by condition."""
    others = frozenset(one for one in statement.conditions if not one.negated or one.qualifier)
    return (
        *(frozenset(part) for part in (statement.resources, statement.principals, statement.not_principals)),
        *(frozenset(part) for part in (statement.not_actions, statement.not_resources, _by_test(statement))),
        others,
    )


def _excepted(key: str, value: str, keys: Mapping[str, str]) -> str:
    return who(value) if key.lower() == _WHO_ASKS else f"{_said(value, keys)} as {key}"


def _said(value: str, keys: Mapping[str, str]) -> str:
    return f"key {keys[value]}" if value in keys else value


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


def _clauses(statement: Statement, keys: Mapping[str, str]) -> Iterator[str]:
    refused = ", ".join(statement.actions) or f"all but {', '.join(statement.not_actions)}"
    yield f"{_refused(statement)} is refused {refused}"
    for condition in statement.conditions:
        if condition in _left_out(statement):
            continue
        yield f"when {condition.key} {condition.operator} {', '.join(_said(value, keys) for value in condition.values)}"


def _left_out(statement: Statement) -> list[Condition]:
    """The conditions that leave out callers by their ARN."""
    return [one for one in statement.on_key(_WHO_ASKS) if one.negated and not one.qualifier]


def _refused(statement: Statement) -> str:
    named = sorted(who(value) for condition in _left_out(statement) for value in condition.values)
    if named and statement.for_everyone and not statement.not_principals:
        return f"everyone but {' and '.join(named)}"
    if statement.not_principals:
        return f"everyone but {', '.join(who(value) for _, value in statement.not_principals)}"
    return "everyone" if statement.for_everyone else ", ".join(who(value) for _, value in statement.principals)


def _boundary(change: ResourceChange, before: str | None, after: str | None) -> Iterator[Fact]:
    if before == after:
        return
    about = subject(change.entry)
    effect: Effect
    if not after:
        yield Fact("permissions", f"{about} is no longer limited by {before}", "wider", (), (change.urn,))
        return
    if not before:
        text, effect = f"{about} is limited to what {after} allows", "narrower"
    else:
        text, effect = f"{about} is limited to what {after} allows, was {before}", ""
    reads = "Existing backups can be read only if it allows s3:GetObject and kms:Decrypt for them."
    yield Fact("permissions", text, effect, (reads,), (change.urn,), "unsure")
