"""What an offline plan cannot know: stand-ins for it while the program runs, and how a plan says where one ended up."""

from __future__ import annotations

import hashlib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Union

import pulumi
from pulumi import _types as sdk_types

from velero_eks.plan.values import UNKNOWN

# What a person reads in its place.
NOT_KNOWN = "(not known yet)"
# The account that no one has: it stands where no provider and no settings name one.
NO_ACCOUNT = "000000000000"
# What a stand-in begins with.
_MARK = "unknown-"
# A program may take the first few of a list, such as a zone for each of three subnets.
_LISTED = 3
# Output types can contain themselves.
_DEPTH = 5


@dataclass(frozen=True)
class Note:
    """Something of a program that an offline plan passes by.

    `kind` is `resource`, `component` (of another language's package), `read` (of what exists), `reference` (of another
    stack), `invoke`, `call`, `hook`, `account`, `region`, `grant` (of a policy that is unknown), or `apply`: code that
    failed with a stand-in, so that it was left out. `token` is what it is a kind of, `name` its logical name or, for
    `apply`, the error.
    """

    kind: str
    token: str
    name: str | None = None


class StandIns:
    """The stand-ins that one run of a program was given, each text with what it stands for.

    A text has the form of what it stands for, as far as its name tells it (an ARN, a URL, else a name): a program may
    check it, and take it apart. Where it cannot (a number, a switch), there is no stand-in.
    """

    def __init__(self) -> None:
        self._meanings: dict[str, str] = {}
        self._no_account = False
        self._pattern: re.Pattern[str] | None = None

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return bool(self._meanings)

    def account(self) -> str:
        """The account, where no one names it."""
        self._no_account = True
        self._meanings[NO_ACCOUNT] = "the account of the credentials that deploy"
        self._pattern = None
        return NO_ACCOUNT

    def text(self, what: str, name: str, arn: str = "arn:aws:unknown:::") -> str:
        """A stand-in for the output `name` of `what`; `arn` is what an ARN of it begins with."""
        meaning = f"{what}: {name}"
        token = f"{_MARK}{hashlib.sha256(meaning.encode()).hexdigest()[:8]}"
        self._meanings[token] = meaning
        self._pattern = None
        last = re.sub(r"\W", "", name).lower()
        if last.endswith("arn"):
            return f"{arn}{token}"
        if last.endswith(("url", "issuer")):
            return f"https://{token}.invalid"
        return token

    def of_type(self, declared: Any, what: str, name: str, arn: str, depth: int = 0) -> Any:
        """A stand-in of a declared type: None where there is none that could be told from a real value."""
        declared = _inner(declared)
        if declared is str:
            return self.text(what, name, arn)
        if depth >= _DEPTH:
            return None
        if isinstance(declared, type) and sdk_types.is_output_type(declared):
            found = {
                key: self.of_type(below, what, f"{name}.{key}" if name else key, arn, depth + 1)
                for key, below in fields(declared).items()
            }
            return {key: value for key, value in found.items() if value is not None}
        if typing.get_origin(declared) in (Sequence, list):
            [entry] = typing.get_args(declared)
            found = [self.of_type(entry, what, f"{name}[{index}]", arn, depth + 1) for index in range(_LISTED)]
            return None if found[0] is None else found
        return None

    def settled(self, value: Any, comes_from: Mapping[str, str] | None = None) -> Any:
        """The value with `{"unknown": what it depends on}` for whatever was made from a stand-in, or has none.

        `comes_from` says by property where a value without a stand-in comes from.
        """
        if isinstance(value, str):
            found = self._found(value)
            return {"unknown": ", ".join(found)} if found else value
        if isinstance(value, Mapping):
            return {
                key: self._of_entry(key, item, comes_from) if comes_from else self.settled(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.settled(item) for item in value]
        return value

    def _of_entry(self, key: str, item: Any, comes_from: Mapping[str, str]) -> Any:
        source = comes_from.get(key)
        settled = self.settled(item)
        return _named(settled, source) if source else settled

    def _found(self, text: str) -> list[str]:
        if text == UNKNOWN:
            return ["an output"]
        if _MARK not in text and not (self._no_account and NO_ACCOUNT in text):
            return []
        if not self._meanings:
            return []
        if self._pattern is None:
            self._pattern = re.compile("|".join(map(re.escape, self._meanings)))
        return sorted({self._meanings[token] for token in self._pattern.findall(text)})


def is_unknown(value: Any) -> bool:
    """Whether a value of a plan is one that an offline plan cannot know."""
    return isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get("unknown"), str)


def _named(value: Any, source: str) -> Any:
    """`an output` with the resource that it is of."""
    if value == {"unknown": "an output"}:
        return {"unknown": f"an output of {source}"}
    if isinstance(value, Mapping) and not is_unknown(value):
        return {key: _named(item, source) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, source) for item in value]
    return value


def _inner(declared: Any) -> Any:
    """A type without `Output`, `Optional` and what else is laid round it."""
    origin = typing.get_origin(declared)
    if origin is pulumi.Output or origin is typing.Annotated:
        return _inner(typing.get_args(declared)[0])
    if origin in (Union, types.UnionType):
        further = [one for one in typing.get_args(declared) if one is not type(None)]
        return _inner(further[0]) if len(further) == 1 else declared
    return declared


@lru_cache(maxsize=512)
def fields(output_type: type) -> Mapping[str, Any]:
    """What an answer's type declares, by the provider's names; empty for what is not such a type."""
    try:
        return sdk_types.output_type_types(output_type)
    except (AssertionError, NameError, TypeError, AttributeError):
        # A package whose annotations cannot be resolved declares nothing that could be used here.
        return {}


_DECLARED: dict[str, Mapping[str, Any]] = {}


def declared_outputs(type_: str) -> Mapping[str, Any]:
    """The outputs that the SDK's class of a resource type declares, by the provider's names; empty without a class."""
    if type_ not in _DECLARED:
        found = next((each for each in _classes(pulumi.Resource) if each.__dict__.get("pulumi_type") == type_), None)
        if found is None:
            return {}
        try:
            _DECLARED[type_] = sdk_types.resource_types(found)
        except (NameError, TypeError, AttributeError):
            return {}
    return _DECLARED[type_]


def _classes(base: type) -> Iterable[type]:
    for found in base.__subclasses__():
        yield found
        yield from _classes(found)
