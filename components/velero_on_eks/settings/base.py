"""What every section of a stack file has in common: frozen, camelCase in YAML, unknown keys refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A part of a stack file. Attributes are snake_case, keys are camelCase, and nothing can be added or changed."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        frozen=True,
        extra="forbid",
        validate_by_alias=True,
        validate_by_name=False,
        validate_default=True,
        str_strip_whitespace=True,
    )

    def to_mapping(self) -> dict[str, Any]:
        """The section in the shape of the stack file: camelCase keys, JSON values, defaults filled in."""
        return self.model_dump(mode="json", by_alias=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, Mapping | BaseModel) else value


ONE_OR_MANY = BeforeValidator(_as_list)
"""Marks a list of sections for which one section may stand by itself."""


def snake_case(key: str) -> str:
    """A stack file's key in the spelling of Python: `kms_key_arn` of `kmsKeyArn`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
