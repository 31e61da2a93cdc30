"""What a resource type of the aws stand-in has to say: its rules, its checks and its five calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.providers.aws.cloud import Cloud
from lab.providers.base import Properties, Refusal
from lab.providers.diff import Rules


class Resource:
    """One resource type. `read` gives live values in the shape of the real provider's outputs."""

    type_name: str
    rules: Rules
    refused: frozenset[str] = frozenset()
    """Inputs that the real provider takes and this one does not emulate: refused, never ignored."""

    def check(self, cloud: Cloud, inputs: Properties) -> Iterator[Refusal]:
        """What AWS or the real provider would refuse; the emulator itself accepts nearly everything."""
        yield from ()

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes it and gives its id."""
        raise NotImplementedError

    def read(self, cloud: Cloud, identifier: str, known: Properties) -> Properties | None:
        """Its live values, or None when it is gone. `known` is what was last known, empty for an import."""
        raise NotImplementedError

    def update(self, cloud: Cloud, identifier: str, old: Properties, new: Properties) -> None:
        """Changes it in place; tags come separately."""
        raise NotImplementedError

    def delete(self, cloud: Cloud, identifier: str, known: Properties) -> None:
        """Removes it."""
        raise NotImplementedError

    def retag(self, cloud: Cloud, identifier: str, known: Properties, put: dict[str, str], drop: list[str]) -> None:
        """Adds and removes tags; only for types that have them."""
        raise NotImplementedError


def tag_list(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most AWS calls want them."""
    return [{key: name, value: content} for name, content in tags.items()]


def tag_map(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags as Pulumi has them; the ones AWS sets itself (aws:…) are left out, as the real provider does."""
    return {tag[key]: tag[value] for tag in tags or [] if not tag[key].startswith("aws:")}


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that have a value: boto3 refuses None."""
    return {name: value for name, value in arguments.items() if value is not None}
