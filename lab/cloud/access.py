"""What IAM would decide: identity policies, resource policies and trust policies, with their conditions.

The emulator leaves conditions out, so this decides in its place. Reading a document and matching a request against it
are `velero_eks.aws.iam`; the order in which AWS lets policies speak is here. A condition operator that IAM does not
have raises `UnknownOperator`, so that no document passes because the lab did not understand it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from velero_eks.aws.iam import EVERYONE, Caller, Statement, statements

# A policy document: its text, as the emulator keeps it, or a mapping.
Document = str | bytes | Mapping[str, Any]

EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing that someone wants to do. `context` holds the condition keys of the request, as AWS spells them."""

    action: str
    resource: str
    caller: Caller
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

    `resource_must_agree` is for KMS keys, whose own policy must allow the caller or hand the account to IAM.
    `boundary` is the role's permissions boundary: identity policies allow nothing beyond it.
    """
    by_identity = [one for document in identity for one in _speaking(document, question)]
    by_resource = [one for one in _speaking(resource_policy, question) if one.covers_caller(question.caller)]
    by_boundary = _speaking(boundary, question)
    for name, speaking in (
        ("an identity policy", by_identity),
        ("the resource's policy", by_resource),
        ("the permissions boundary", by_boundary),
    ):
        denying = next((one for one in speaking if not one.allows), None)
        if denying is not None:
            return _refused(question, f"denied by {name}, {denying}")
    identity_allows = bool(by_identity) and (boundary is None or bool(by_boundary))
    if resource_must_agree and not by_resource:
        return _refused(question, "the resource's policy does not allow it")
    if (
        identity_allows
        or (by_resource and not resource_must_agree)
        or any(_names(one, question) for one in by_resource)
    ):
        return Decision(True, "")
    return _refused(question, "an identity policy does not allow it" if by_resource else "no policy allows it")


def _speaking(document: Document | None, question: Question) -> list[Statement]:
    """The statements of a policy that speak of what is asked, whoever asks."""
    if document is None:
        return []
    return [
        statement
        for statement in statements(document.decode() if isinstance(document, bytes) else document)
        if statement.covers_action(question.action)
        # Trust policies name no resource: the role is meant.
        and (not statement.names_resources or statement.covers_resource(question.resource, question.context))
        and statement.conditions_hold(question.context)
    ]


def _names(statement: Statement, question: Question) -> bool:
    """Whether a resource policy allows this very caller, and not just its account."""
    return any(value in (question.caller.arn, EVERYONE) for _, value in statement.principals)


def _refused(question: Question, why: str) -> Decision:
    caller = question.caller
    who = caller.arn or caller.federated or caller.service
    return Decision(False, f"{who} may not {question.action} {question.resource}: {why}")
