"""The conditions of IAM policies, wildcards and policy variables, as IAM evaluates them. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

# Condition keys of a request, spelt in any case, with one value or several.
Context = Mapping[str, str | Sequence[str]]

# What a variable puts in: a `*` or `?` of a value is not a wildcard, and no text has what a variable without a value
# is.
_STAR, _MARK, _NOTHING = "\ue000", "\ue001", "\ue002"
_LITERAL = str.maketrans({"*": _STAR, "?": _MARK})
_PLAIN = str.maketrans({_STAR: "*", _MARK: "?"})
_EXPRESSIONS = {"*": ".*", "?": ".", _STAR: r"\*", _MARK: r"\?"}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class UnknownOperator(ValueError):
    """A condition operator that IAM does not have. It is unknown whether such a condition holds."""


@dataclass(frozen=True)
class Condition:
    """One operator on one key. `operator` keeps its qualifiers (`ForAllValues:`, `…IfExists`)."""

    operator: str
    key: str
    values: tuple[str, ...]
    # Whether `${…}` in a value is a policy variable.
    variables: bool = True

    @property
    def base(self) -> str:
        """The operator without its qualifiers, lower case."""
        return re.sub(r"ifexists$", "", self.operator.lower().rsplit(":", 1)[-1])

    @property
    def qualifier(self) -> str:
        """`forallvalues`, `foranyvalue`, or nothing."""
        return self.operator.lower().rpartition(":")[0]

    @property
    def negated(self) -> bool:
        """Whether it holds where nothing matches: `StringNotEquals`, `NotIpAddress`, …"""
        return "not" in self.base

    @property
    def exact(self) -> bool:
        """Whether the key must be present and equal: `StringEquals` or `ArnEquals`, unqualified, without a wildcard."""
        equals = self.operator.lower() in ("stringequals", "arnequals")
        return equals and bool(self.values) and not any(is_wild(value) for value in self.values)

    @property
    def holds_without_key(self) -> bool:
        """Whether a request that lacks the key satisfies the condition.

        Negated operators, `…IfExists` and `ForAllValues` do; `ForAnyValue` never does; `Null` asks for just that.
        """
        if self.base == "null":
            return "true" in (value.lower() for value in self.values)
        if self.qualifier == "foranyvalue":
            return False
        return self.qualifier == "forallvalues" or self.operator.lower().endswith("ifexists") or self.negated

    def holds(self, context: Context) -> bool:
        """Whether a request with these condition keys satisfies it. Raises UnknownOperator."""
        given = _of(context, self.key)
        if self.base == "null":
            return bool(given) != self.holds_without_key
        test = _TESTS.get(self.base.replace("not", "", 1))
        if test is None or self.qualifier not in ("", "forallvalues", "foranyvalue"):
            raise UnknownOperator(f"IAM has no condition operator {self.operator}")
        if not given:
            return self.holds_without_key
        scope = context if self.variables else None
        satisfied = [any(test(wanted, one, scope) for wanted in self.values) != self.negated for one in given]
        # A negated operator without a qualifier wants no value to match, any other at least one that does.
        every = self.qualifier == "forallvalues" or (not self.qualifier and self.negated)
        return all(satisfied) if every else any(satisfied)


def matches(pattern: str, text: str, *, ignore_case: bool = False, context: Context | None = None) -> bool:
    """Whether an IAM pattern (`*` any run of characters, `?` any one) matches the whole of `text`.

    With a `context`, `${key}` stands for the key's value, taken literally; one without a value matches nothing.
    """
    return _pattern(_with_values(pattern, context), ignore_case).fullmatch(text) is not None


def is_wild(text: str) -> bool:
    """Whether a text has one of IAM's wildcards."""
    return "*" in text or "?" in text


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    body = "".join(_EXPRESSIONS.get(part) or re.escape(part) for part in pattern)
    return re.compile(body, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)


def _with_values(text: str, context: Context | None) -> str:
    if context is None or "${" not in text:
        return text
    return _VARIABLE.sub(lambda found: _variable(found[1], context), text)


def _variable(said: str, context: Context) -> str:
    # `${*}`, `${?}` and `${$}` are the characters themselves.
    if said in ("*", "?", "$"):
        return said.translate(_LITERAL)
    name, _, default = said.partition(",")
    found = _of(context, name.strip())
    # A key with several values has none for a variable.
    if len(found) == 1:
        return found[0].translate(_LITERAL)
    quoted = re.fullmatch(r"\s*'(.*)'\s*", default)
    return quoted[1].translate(_LITERAL) if quoted and not found else _NOTHING


def _of(context: Context, key: str) -> tuple[str, ...]:
    for name, value in context.items():
        if name.lower() == key.lower():
            return (value,) if isinstance(value, str) else tuple(value)
    return ()


_Test = Callable[[str, str, Context | None], bool]


def _equals(wanted: str, given: str, context: Context | None) -> bool:
    return _with_values(wanted, context).translate(_PLAIN) == given


def _equals_ignoring_case(wanted: str, given: str, context: Context | None) -> bool:
    return _equals(wanted.lower(), given.lower(), context and {key: _lower(value) for key, value in context.items()})


def _lower(value: str | Sequence[str]) -> str | list[str]:
    return value.lower() if isinstance(value, str) else [one.lower() for one in value]


def _like(wanted: str, given: str, context: Context | None) -> bool:
    return matches(wanted, given, context=context)


def _arn_like(wanted: str, given: str, context: Context | None) -> bool:
    """Part by part: a wildcard before the last of an ARN's six parts does not reach over a colon."""
    patterns, parts = _with_values(wanted, context).split(":", 5), given.split(":", 5)
    if len(patterns) != 6 or len(parts) != 6:
        return wanted == "*"
    return all(matches(pattern, part) for pattern, part in zip(patterns, parts, strict=True))


def _address(wanted: str, given: str, context: Context | None) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _ordered(read: Callable[[str], float], holds: Callable[[float, float], bool]) -> _Test:
    def test(wanted: str, given: str, context: Context | None) -> bool:
        try:
            return holds(read(given), read(wanted))
        except ValueError:
            return False

    return test


def _instant(text: str) -> float:
    """Seconds since 1970 of a date as IAM takes it: ISO 8601, or such seconds. ValueError where it is neither."""
    if re.fullmatch(r"\d{5,}", text):
        return float(text)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda given, wanted: given == wanted,
    "lessthan": lambda given, wanted: given < wanted,
    "lessthanequals": lambda given, wanted: given <= wanted,
    "greaterthan": lambda given, wanted: given > wanted,
    "greaterthanequals": lambda given, wanted: given >= wanted,
}
# By the operator in lower case, without qualifiers and without its Not.
_TESTS: dict[str, _Test] = {
    "stringequals": _equals,
    "stringequalsignorecase": _equals_ignoring_case,
    "stringlike": _like,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
    "bool": lambda wanted, given, context: wanted.lower() == given.lower(),
    "binaryequals": lambda wanted, given, context: wanted == given,
    "ipaddress": _address,
    **{f"numeric{name}": _ordered(float, holds) for name, holds in _COMPARISONS.items()},
    **{f"date{name}": _ordered(_instant, holds) for name, holds in _COMPARISONS.items()},
}
