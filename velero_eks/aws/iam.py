"""The one reader of IAM policy documents: statements with every element a list, matched as IAM matches them.

Whoever asks decides what follows: an explicit Deny wins, a boundary narrows, a key's policy must agree. What is here
is the same in all of that. Pure, and free of boto3 and pydantic, so that the policy pack can import it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from velero_eks.aws.iam_conditions import Condition, Context, matches

# What `Principal: "*"` and `{"AWS": "*"}` both mean.
EVERYONE = "*"

# Policy variables are text in documents of the older version, 2008-10-17, which is also the default.
_WITH_VARIABLES = "2012-10-17"


class MalformedDocument(ValueError):
    """A policy document that is not a policy: the message says why, and AWS would refuse it."""


class NotADocument(MalformedDocument):
    """Neither JSON text of an object nor a mapping."""


class Principal(NamedTuple):
    """Whom a statement names, by the kind of the name: ("AWS", "*"), ("Service", "ec2.amazonaws.com")."""

    kind: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks: the ARN of a role, a session, a user or an account; or a federated provider; or an AWS service."""

    arn: str = ""
    federated: str = ""
    service: str = ""

    @property
    def account(self) -> str:
        """The account of an ARN; empty for others."""
        return self.arn.split(":")[4] if self.arn else ""

    @property
    def root(self) -> str:
        """The ARN that stands for the caller's whole account in a policy."""
        return f"arn:{self.arn.split(':')[1]}:iam::{self.account}:root" if self.arn else ""

    @property
    def role(self) -> str:
        """The role of an assumed role's session, without the role's path, which a session's ARN does not say."""
        kind, _, rest = self.arn.rpartition(":")[2].partition("/")
        if kind != "assumed-role":
            return ""
        return f"arn:{self.arn.split(':')[1]}:iam::{self.account}:role/{rest.partition('/')[0]}"

    def is_named(self, principals: Iterable[Principal]) -> bool:
        """Whether a Principal element speaks of this caller, by its own name, its role's, or its account's."""
        ours = {self.arn, self.role, self.account, self.root} - {""}
        return any(
            value == EVERYONE
            or (kind == "AWS" and value in ours)
            or (kind == "Federated" and bool(self.federated) and value == self.federated)
            or (kind == "Service" and bool(self.service) and value == self.service)
            for kind, value in principals
        )

    def is_excepted(self, principals: Iterable[Principal]) -> bool:
        """Whether a NotPrincipal element leaves this caller out.

        IAM wants every name of a caller there: the session, its role and the account. With one missing, the
        statement applies.
        """
        named = set(principals)
        if any(value == EVERYONE for _, value in named):
            return True
        if not self.arn:
            return self.is_named(named)
        values = {value for kind, value in named if kind == "AWS"}
        of_account = self.account in values or self.root in values
        return self.arn in values and (not self.role or self.role in values) and of_account


@dataclass(frozen=True)
class Statement:
    """One statement, every element a tuple; an element that is not there is empty.

    `written` is the statement as it stands in the document, for whoever shows it.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[Principal, ...]
    not_principals: tuple[Principal, ...]
    conditions: tuple[Condition, ...]
    # Whether `${…}` in a resource is a policy variable.
    variables: bool = True
    written: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def allows(self) -> bool:
        """Whether it is an Allow."""
        return self.effect == "Allow"

    @property
    def for_everyone(self) -> bool:
        """Whether it speaks of every principal."""
        return bool(self.not_principals) or any(value == EVERYONE for _, value in self.principals)

    @property
    def names_resources(self) -> bool:
        """Whether it names what it is about. A trust policy does not: it is about the role that carries it."""
        return bool(self.resources or self.not_resources)

    def covers_action(self, action: str) -> bool:
        """Whether the statement speaks of `action`, wildcards and NotAction considered."""
        if self.not_actions:
            return not any(matches(pattern, action, ignore_case=True) for pattern in self.not_actions)
        return any(matches(pattern, action, ignore_case=True) for pattern in self.actions)

    def covers_resource(self, arn: str, context: Context | None = None) -> bool:
        """Whether the statement speaks of the resource `arn`, wildcards and NotResource considered.

        With a `context`, policy variables have their values of it; without one, they are text.
        """
        scope = context if self.variables else None
        if self.not_resources:
            return not any(matches(pattern, arn, context=scope) for pattern in self.not_resources)
        return any(matches(pattern, arn, context=scope) for pattern in self.resources)

    def covers_caller(self, caller: Caller) -> bool:
        """Whether the statement speaks of the caller, NotPrincipal considered. One without either speaks of no one."""
        if self.not_principals:
            return not caller.is_excepted(self.not_principals)
        return caller.is_named(self.principals)

    def conditions_hold(self, context: Context) -> bool:
        """Whether a request with these condition keys satisfies all conditions. Raises UnknownOperator."""
        return all(condition.holds(context) for condition in self.conditions)

    def on_key(self, key: str) -> list[Condition]:
        """The conditions on a key; keys ignore case."""
        return [condition for condition in self.conditions if condition.key.lower() == key.lower()]

    def __str__(self) -> str:
        return f"statement {self.sid}" if self.sid else "a statement without Sid"


def statements(document: object) -> tuple[Statement, ...]:
    """The statements of a policy document, given as JSON text or as a mapping.

    Raises MalformedDocument where it is neither, or where a statement lacks its effect.
    """
    if isinstance(document, str):
        return _from_text(document)
    if not isinstance(document, Mapping):
        raise NotADocument("not a policy document: neither JSON text nor a mapping")
    found = document.get("Statement")
    listed = [found] if isinstance(found, Mapping) else found
    if not isinstance(listed, list | tuple) or not listed:
        raise MalformedDocument("a policy document without statements")
    variables = document.get("Version") == _WITH_VARIABLES
    return tuple(_statement(entry, variables) for entry in listed)


def canonical(document: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document in one way of writing it: lists for what may be one or many, sorted, the statements too.

    Two documents that IAM reads alike are equal then. What cannot be read is left as it is.
    """
    found = document.get("Statement", [])
    listed = found if isinstance(found, list) else [found]
    written = [_canonical_statement(entry) if isinstance(entry, Mapping) else entry for entry in listed]
    return {**document, "Statement": sorted(written, key=lambda one: json.dumps(one, sort_keys=True))}


def canonical_conditions(block: Mapping[str, Any]) -> dict[str, Any]:
    """A Condition element in one way of writing it."""
    return {
        operator: {key: sorted(_texts(values)) for key, values in sorted(keys.items())}
        for operator, keys in sorted(block.items())
        if isinstance(keys, Mapping)
    }


@lru_cache(maxsize=256)
def _from_text(text: str) -> tuple[Statement, ...]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise NotADocument(f"not JSON: {error}") from None
    return statements(document if not isinstance(document, str) else None)


def _statement(entry: Any, variables: bool) -> Statement:
    if not isinstance(entry, Mapping) or entry.get("Effect") not in ("Allow", "Deny"):
        raise MalformedDocument("a statement without Effect Allow or Deny")
    return Statement(
        sid=str(entry.get("Sid") or ""),
        effect=entry["Effect"],
        actions=_texts(entry.get("Action")),
        not_actions=_texts(entry.get("NotAction")),
        resources=_texts(entry.get("Resource")),
        not_resources=_texts(entry.get("NotResource")),
        principals=_principals(entry.get("Principal")),
        not_principals=_principals(entry.get("NotPrincipal")),
        conditions=tuple(_conditions(entry.get("Condition"), variables)),
        variables=variables,
        written=entry,
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_text(item) for item in (value if isinstance(value, list | tuple) else [value]))


def _text(value: Any) -> str:
    # IAM reads the JSON booleans of a condition as text.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _principals(value: Any) -> tuple[Principal, ...]:
    if isinstance(value, Mapping):
        return tuple(Principal(str(kind), text) for kind, entries in value.items() for text in _texts(entries))
    return tuple(Principal("AWS", text) for text in _texts(value))


def _conditions(block: Any, variables: bool) -> Iterator[Condition]:
    if block is None:
        return
    if not isinstance(block, Mapping):
        raise MalformedDocument("a Condition that is not a mapping")
    for operator, keys in block.items():
        if not isinstance(keys, Mapping):
            raise MalformedDocument(f"condition operator {operator} without keys")
        for key, values in keys.items():
            yield Condition(str(operator), str(key), _texts(values), variables)


def _canonical_statement(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        element: _canonical_element(element, value)
        for element, value in sorted(entry.items())
        if element != "Sid" or value
    }


def _canonical_element(element: str, value: Any) -> Any:
    if element in ("Action", "NotAction", "Resource", "NotResource"):
        return sorted(_texts(value))
    if element in ("Principal", "NotPrincipal") and isinstance(value, Mapping):
        return {kind: sorted(_texts(names)) for kind, names in sorted(value.items())}
    if element == "Condition" and isinstance(value, Mapping):
        return canonical_conditions(value)
    return value
