"""Policy documents as rules read them: statements with every element a list, and matching as IAM does it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# What `Principal: "*"` and `{"AWS": "*"}` both mean.
EVERYONE = "*"


class MalformedDocument(ValueError):
    """A policy document that is no policy: the message says why, and AWS would refuse it."""


@dataclass(frozen=True)
class Condition:
    """One operator on one key. `operator` keeps its qualifiers (`ForAllValues:`, `…IfExists`)."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def base(self) -> str:
        """The operator without its qualifiers, lower case."""
        return re.sub(r"ifexists$", "", self.operator.lower().rsplit(":", 1)[-1])

    @property
    def exact(self) -> bool:
        """Whether the key must be present and equal: `StringEquals` or `ArnEquals`, unqualified, without a wildcard."""
        equals = self.operator.lower() in ("stringequals", "arnequals")
        return equals and bool(self.values) and not any(_is_wild(value) for value in self.values)

    @property
    def holds_without_key(self) -> bool:
        """Whether a request that lacks the key satisfies the condition.

        Negated operators, `…IfExists` and `ForAllValues` do; `ForAnyValue` never does; `Null` asks for just that.
        """
        qualifier, _, operator = self.operator.lower().rpartition(":")
        if self.base == "null":
            return "true" in (value.lower() for value in self.values)
        if qualifier == "foranyvalue":
            return False
        return qualifier == "forallvalues" or operator.endswith("ifexists") or "not" in self.base


@dataclass(frozen=True)
class Statement:
    """One statement. Principals are (kind, value), such as ("AWS", "*") or ("Service", "pods.eks.amazonaws.com")."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    not_principals: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]

    @property
    def allows(self) -> bool:
        """Whether it is an Allow."""
        return self.effect == "Allow"

    @property
    def for_everyone(self) -> bool:
        """Whether it speaks of every principal."""
        return bool(self.not_principals) or any(value == EVERYONE for _, value in self.principals)

    def covers_action(self, action: str) -> bool:
        """Whether the statement speaks of `action`, wildcards and NotAction considered."""
        if self.not_actions:
            return not any(matches(pattern, action, ignore_case=True) for pattern in self.not_actions)
        return any(matches(pattern, action, ignore_case=True) for pattern in self.actions)

    def covers_resource(self, arn: str) -> bool:
        """Whether the statement speaks of the resource `arn`, wildcards and NotResource considered."""
        if self.not_resources:
            return not any(matches(pattern, arn) for pattern in self.not_resources)
        return any(matches(pattern, arn) for pattern in self.resources)

    def on_key(self, key: str) -> list[Condition]:
        """The conditions on a key; keys ignore case."""
        return [condition for condition in self.conditions if condition.key.lower() == key.lower()]

    def exact_on(self, key: str) -> tuple[str, ...]:
        """The values that the key must equal exactly; empty where no condition pins it down."""
        return next((condition.values for condition in self.on_key(key) if condition.exact), ())

    def __str__(self) -> str:
        return f"statement {self.sid}" if self.sid else "a statement without Sid"


def statements(document: object) -> tuple[Statement, ...]:
    """The statements of a policy document, given as JSON text or as a mapping.

    Raises MalformedDocument where it is neither, or where a statement lacks its effect.
    """
    if isinstance(document, str):
        return _from_text(document)
    if not isinstance(document, Mapping):
        raise MalformedDocument("not a policy document: neither JSON text nor a mapping")
    found = document.get("Statement")
    listed = [found] if isinstance(found, Mapping) else found
    if not isinstance(listed, list | tuple) or not listed:
        raise MalformedDocument("a policy document without statements")
    return tuple(_statement(entry) for entry in listed)


@lru_cache(maxsize=256)
def _from_text(text: str) -> tuple[Statement, ...]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MalformedDocument(f"not JSON: {error}") from None
    return statements(document if not isinstance(document, str) else None)


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether an IAM pattern (`*` any run of characters, `?` any one) matches the whole of `text`."""
    return _pattern(pattern, ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    body = "".join(".*" if part == "*" else "." if part == "?" else re.escape(part) for part in pattern)
    return re.compile(body, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)


def named_actions(statement: Statement, actions: Iterable[str]) -> list[str]:
    """Which of `actions` the statement covers, in their order."""
    return [action for action in actions if statement.covers_action(action)]


def _statement(entry: Any) -> Statement:
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
        conditions=tuple(_conditions(entry.get("Condition"))),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_text(item) for item in (value if isinstance(value, list | tuple) else [value]))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _principals(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, Mapping):
        return tuple((str(kind), text) for kind, entries in value.items() for text in _texts(entries))
    return tuple(("AWS", text) for text in _texts(value))


def _conditions(block: Any) -> Iterable[Condition]:
    if block is None:
        return
    if not isinstance(block, Mapping):
        raise MalformedDocument("a Condition that is no mapping")
    for operator, keys in block.items():
        if not isinstance(keys, Mapping):
            raise MalformedDocument(f"condition operator {operator} without keys")
        for key, values in keys.items():
            yield Condition(str(operator), str(key), _texts(values))


def _is_wild(value: str) -> bool:
    return "*" in value or "?" in value
