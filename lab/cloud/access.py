"""What IAM would say: identity policies, resource policies and trust policies, with their conditions.

The emulator leaves conditions out, so this decides in its place. It knows what the project's documents use. Anything
else in a policy raises `UnknownCondition`, so that no document passes because the lab did not understand it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = Mapping[str, Any]

EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class UnknownCondition(Exception):
    """A policy uses a condition operator that the lab cannot judge."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks. `arn` is a role's or a user's ARN; `federated` and `service` are for trust policies."""

    arn: str = ""
    federated: str = ""
    service: str = ""

    @property
    def account(self) -> str:
        return self.arn.split(":")[4] if self.arn else ""

    @property
    def root(self) -> str:
        """The ARN that stands for the whole account in a resource policy."""
        return f"arn:{self.arn.split(':')[1]}:iam::{self.account}:root" if self.arn else ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing that someone wants to do. `context` holds the condition keys of the request, as AWS spells them."""

    action: str
    resource: str
    principal: Principal
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """Allowed or not, and the sentence to log."""

    allowed: bool
    reason: str


def decide(
    question: Question,
    identity: Sequence[Document],
    resource_policy: Document | None = None,
    *,
    boundary: Document | None = None,
    resource_must_agree: bool = False,
) -> Decision:
    """An explicit deny wins; else an allow by the identity or by the resource is needed.

    `resource_must_agree` is for KMS keys, whose own policy must allow the principal or hand the account to IAM.
    `boundary` is the role's permissions boundary: identity policies allow nothing beyond it.
    """
    who, what = question.principal.arn or question.principal.federated or question.principal.service, question.action
    documents = [("an identity policy", item) for item in identity]
    documents += [("the resource's policy", resource_policy)] if resource_policy else []
    documents += [("the permissions boundary", boundary)] if boundary else []
    for name, document in documents:
        denying = _matching(document, "Deny", question, principals=document is resource_policy)
        if denying is not None:
            return Decision(False, f"{who} may not {what} {question.resource}: denied by {name}, {denying}")
    by_identity = any(_matching(item, "Allow", question, principals=False) for item in identity)
    if by_identity and boundary is not None:
        by_identity = _matching(boundary, "Allow", question, principals=False) is not None
    by_resource = resource_policy is not None and _matching(resource_policy, "Allow", question, principals=True)
    if resource_must_agree:
        if by_resource and (by_identity or _names(resource_policy, question)):
            return Decision(True, "")
        missing = "an identity policy" if by_resource else "the resource's policy"
        return Decision(False, f"{who} may not {what} {question.resource}: {missing} does not allow it")
    if by_identity or by_resource:
        return Decision(True, "")
    return Decision(False, f"{who} may not {what} {question.resource}: no policy allows it")


def parse(document: str | bytes | Document) -> Document:
    """A policy document, from its JSON text where it is not a mapping yet."""
    return json.loads(document) if isinstance(document, str | bytes) else document


def _matching(document: Document, effect: str, question: Question, *, principals: bool) -> str | None:
    """The name of the first statement of that effect which applies."""
    for number, statement in enumerate(_listed(document["Statement"])):
        if (
            statement["Effect"] == effect
            and _covers(statement, "Action", question.action, ignore_case=True)
            and _covers_resource(statement, question)
            and (not principals or _is_principal(statement, question.principal))
            and _conditions_hold(statement.get("Condition", {}), question.context)
        ):
            return str(statement.get("Sid") or f"statement {number + 1}")
    return None


def _names(document: Document | None, question: Question) -> bool:
    """Whether a resource policy allows this very principal, and not just its account."""
    exact = Principal(arn=question.principal.arn)
    for statement in _listed((document or {"Statement": []})["Statement"]):
        named = _listed(_mapping(statement.get("Principal")).get("AWS", []))
        if (
            statement["Effect"] == "Allow"
            and (exact.arn in named or "*" in named)
            and _matching({"Statement": [statement]}, "Allow", question, principals=True)
        ):
            return True
    return False


def _covers(
    statement: Document, element: str, value: str, *, ignore_case: bool, context: Mapping[str, str] | None = None
) -> bool:
    negated = f"Not{element}" in statement
    patterns = _listed(statement.get(f"Not{element}" if negated else element, []))
    matched = any(matches(_expand(pattern, context or {}), value, ignore_case=ignore_case) for pattern in patterns)
    return matched != negated


def _covers_resource(statement: Document, question: Question) -> bool:
    # Trust policies name no resource: the role is meant.
    if "Resource" not in statement and "NotResource" not in statement:
        return True
    return _covers(statement, "Resource", question.resource, ignore_case=False, context=question.context)


def _is_principal(statement: Document, principal: Principal) -> bool:
    if "NotPrincipal" in statement:
        raise UnknownCondition("NotPrincipal")
    if statement.get("Principal") == "*":
        return True
    named = _mapping(statement.get("Principal"))
    accounts = {"*", principal.arn, principal.account, principal.root}
    return (
        (bool(principal.arn) and any(item in accounts for item in _listed(named.get("AWS", []))))
        or (bool(principal.federated) and principal.federated in _listed(named.get("Federated", [])))
        or (bool(principal.service) and principal.service in _listed(named.get("Service", [])))
    )


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    present = {key.lower(): value for key, value in context.items()}
    return all(
        _condition_holds(
            operator, present.get(key.lower()), [_expand(str(_text(item)), context) for item in _listed(wanted)]
        )
        for operator, entries in conditions.items()
        for key, wanted in entries.items()
    )


def _condition_holds(operator: str, actual: str | None, wanted: Sequence[str]) -> bool:
    name = operator.rpartition(":")[2]
    if name == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    if name.endswith("IfExists"):
        if actual is None:
            return True
        name = name.removesuffix("IfExists")
    negated = name.startswith(("StringNot", "ArnNot"))
    test = _TESTS.get(name.replace("Not", "", 1))
    if test is None:
        raise UnknownCondition(operator)
    if actual is None:
        return negated
    return any(test(item, actual) for item in wanted) != negated


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """IAM's wildcards: `*` any characters, `?` exactly one."""
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


_TESTS = {
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "NumericLessThan": lambda wanted, actual: float(actual) < float(wanted),
    "NumericGreaterThan": lambda wanted, actual: float(actual) > float(wanted),
}


def _expand(pattern: str, context: Mapping[str, str]) -> str:
    """Policy variables such as `${aws:PrincipalAccount}`; one without a value matches nothing."""
    lowered = {key.lower(): value for key, value in context.items()}
    return re.sub(r"\$\{([^}*?$]+)\}", lambda found: lowered.get(found[1].lower(), "\0"), pattern)


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else [value]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
