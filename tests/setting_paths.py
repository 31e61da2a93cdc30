"""Every setting of a stack file by its path, read off the models: `storage.kmsKeyArn`, `schedules.NAME.keep`."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo
from velero_on_eks.settings.base import Section
from velero_on_eks.settings.settings import Settings


def settings() -> dict[str, FieldInfo]:
    """Every setting's field by its path. A mapping's own keys are `NAME`, the items of a list take no step."""
    return dict(_below(Settings, ""))


def _below(model: type[Section], above: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        section, by_name = _section(field.annotation)
        if section is None:
            yield path, field
        else:
            yield from _below(section, f"{path}.NAME." if by_name else f"{path}.")


def _section(annotation: Any) -> tuple[type[Section] | None, bool]:
    """The section in an annotation, and whether it is one of several by name."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, False
    for argument in typing.get_args(annotation):
        found, by_name = _section(argument)
        if found is not None:
            return found, by_name or typing.get_origin(annotation) is dict
    return None, False
