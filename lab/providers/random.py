"""A stand-in for the random provider: RandomPassword, the one type that this project uses."""

from __future__ import annotations

import importlib.metadata
import secrets
import string
from collections.abc import Mapping
from typing import Any

from lab.providers.base import (
    Checked,
    Difference,
    Operation,
    Properties,
    Provider,
    ProviderError,
    Refusal,
    Session,
    State,
)
from lab.providers.diff import Rules, changes
from lab.providers.properties import UNKNOWN, Path
from lab.providers.schema import ResourceSchema, misfits, resource_schema

TYPE_NAME = "random:index/randomPassword:RandomPassword"
# RequiresReplace in terraform-provider-random internal/provider/resource_password.go: every input.
_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_DEFAULTS = {
    "lower": True,
    "upper": True,
    "numeric": True,
    "number": True,
    "special": True,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}
_RULES = Rules(
    force_new=frozenset({*_DEFAULTS, "length", "keepers", "overrideSpecial"}),
    defaults=_DEFAULTS,
)


class RandomProvider(Provider):
    """Passwords from the operating system's randomness."""

    name = "random"

    def __init__(self) -> None:
        self.version = importlib.metadata.version("pulumi-random")

    def banner(self) -> list[str]:
        return ["random: RandomPassword, without the bcrypt hash."]

    def check_config(self, inputs: Properties) -> Checked:
        return Checked(inputs)

    def configure(self, inputs: Mapping[str, Any]) -> Session:
        return _RandomSession()


class _RandomSession(Session):
    def check(self, token: str, old: Properties, new: Properties, operation: Operation) -> Checked:
        refusals = [Refusal(misfit.path, misfit.reason) for misfit in misfits(new, _schema(token).inputs)]
        if not refusals and new["length"] is not UNKNOWN:
            least = sum(new.get(name, 0) for name in ("minLower", "minUpper", "minNumeric", "minSpecial"))
            if new["length"] < max(1, least):
                refusals.append(Refusal("length", f"{new['length']}; at least {max(1, least)} is needed"))
            if not any(new.get(name, True) for name in ("lower", "upper", "numeric", "special")):
                refusals.append(Refusal("lower", "a password needs at least one kind of character"))
        return Checked(new, refusals)

    def diff(self, token: str, old: State, new: Properties) -> Difference:
        return Difference(changes(old.inputs, new, _RULES))

    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        return State("none", inputs, {**_DEFAULTS, **inputs, "result": _password(inputs)})

    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        return {**_DEFAULTS, **inputs, "result": UNKNOWN}

    def read(self, token: str, known: State, operation: Operation) -> State | None:
        # Nothing outside the state holds the password; an import brings it as the id, as in the real provider.
        if known.outputs:
            return known
        imported = {"length": len(known.identifier), "result": known.identifier}
        return State("none", {"length": imported["length"]}, {**_DEFAULTS, **imported})

    def update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        return {**known.outputs, **inputs}

    def preview_update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        return self.update(token, known, inputs, operation)

    def delete(self, token: str, known: State, operation: Operation) -> None:
        """A password lives in the state alone."""

    def secret_outputs(self, token: str) -> tuple[Path, ...]:
        return (("result",), ("bcryptHash",))


def _schema(token: str) -> ResourceSchema:
    if token != TYPE_NAME:
        raise ProviderError(f"the random stand-in does not know the resource type {token}; it knows {TYPE_NAME}")
    return resource_schema("pulumi_random", "RandomPassword", token)


def _password(inputs: Properties) -> str:
    kinds = {
        "lower": string.ascii_lowercase,
        "upper": string.ascii_uppercase,
        "numeric": string.digits,
        "special": inputs.get("overrideSpecial") or _SPECIAL,
    }
    chosen: list[str] = []
    for kind, characters in kinds.items():
        least = inputs.get(f"min{kind.capitalize()}", 0)
        chosen += [secrets.choice(characters) for _ in range(least)]
    alphabet = "".join(characters for kind, characters in kinds.items() if inputs.get(kind, True))
    chosen += [secrets.choice(alphabet) for _ in range(inputs["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)
