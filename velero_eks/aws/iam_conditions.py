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

# Matches no text: what a variable without a value stands for.
_NEVER = "(?!)"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class UnknownOperator(ValueError):
    """A condition operator that IAM does not have. Nobody can say whether such a condition holds."""


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
            raise UnknownOperator(self.operator)
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
    if context is None or "${" not in pattern:
        return _pattern(pattern, ignore_case).fullmatch(text) is not None
    expression = _expanded(pattern, context, _wildcards)
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def is_wild(text: str) -> bool:
    """Whether a text has one of IAM's wildcards."""
    return "*" in text or "?" in text


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(_wildcards(pattern), re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)


def _wildcards(pattern: str) -> str:
    return "".join(".*" if part == "*" else "." if part == "?" else re.escape(part) for part in pattern)


def _expanded(text: str, context: Context, quote: Callable[[str], str]) -> str:
    """A regular expression: the variables' values, and what stands between them as `quote` makes it."""
    parts, end = [], 0
    for found in _VARIABLE.finditer(text):
        parts += [quote(text[end : found.start()]), _variable(found[1], context)]
        end = found.end()
    return "".join([*parts, quote(text[end:])])


def _variable(said: str, context: Context) -> str:
    # `${*}`, `${?}` and `${$}` are the characters themselves.
    if said in ("*", "?", "$"):
        return re.escape(said)
    name, _, default = said.partition(",")
    # A key with several values has none for a variable.
    if len(found := _of(context, name.strip())) == 1:
        return re.escape(found[0])
    quoted = re.fullmatch(r"\s*'(.*)'\s*", default)
    return re.escape(quoted[1]) if quoted and not found else _NEVER


def _of(context: Context, key: str) -> tuple[str, ...]:
    for name, value in context.items():
        if name.lower() == key.lower():
            return (value,) if isinstance(value, str) else tuple(value)
    return ()


_Test = Callable[[str, str, Context | None], bool]


def _equals(wanted: str, given: str, context: Context | None) -> bool:
    if context is None or "${" not in wanted:
        return wanted == given
    return re.fullmatch(_expanded(wanted, context, re.escape), given, re.DOTALL) is not None


def _equals_ignoring_case(wanted: str, given: str, context: Context | None) -> bool:
    if context is None or "${" not in wanted:
        return wanted.lower() == given.lower()
    return re.fullmatch(_expanded(wanted, context, re.escape), given, re.DOTALL | re.IGNORECASE) is not None


def _like(wanted: str, given: str, context: Context | None) -> bool:
    return matches(wanted, given, context=context)


def _arn_like(wanted: str, given: str, context: Context | None) -> bool:
    """Part by part: a wildcard before the last of an ARN's six parts does not reach over a colon."""
    patterns, parts = _arn_parts(wanted), given.split(":", 5)
    if len(patterns) != 6 or len(parts) != 6:
        return wanted == "*"
    return all(matches(pattern, part, context=context) for pattern, part in zip(patterns, parts, strict=True))


def _arn_parts(wanted: str) -> list[str]:
    # The colons of a variable's name divide nothing.
    return [part.replace("\0", ":") for part in _VARIABLE.sub(_without_colons, wanted).split(":", 5)]


def _without_colons(found: re.Match[str]) -> str:
    return found[0].replace(":", "\0")


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
