"""A stand-in's schema as the engine hands it out: what a program in Pulumi YAML is checked against.

It holds the types that the stand-in makes and no others. Their top-level properties are typed; what is inside those is
left open, for `check` refuses it anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.providers.schema import Dictionary, Many, Record, ResourceSchema, Scalar, Shape

_ANYTHING = {"$ref": "pulumi.json#/Any"}


@dataclass(frozen=True)
class FunctionSchema:
    """A function: what it takes and what it answers."""

    inputs: Record
    outputs: Record


@dataclass(frozen=True, kw_only=True)
class Package:
    """What a provider knows: its own settings, and its resources and functions by token."""

    settings: Record
    resources: Mapping[str, ResourceSchema] = field(default_factory=dict)
    functions: Mapping[str, FunctionSchema] = field(default_factory=dict)

    def document(self, name: str, version: str) -> str:
        """The schema in the engine's form, JSON."""
        return json.dumps(
            {
                "name": name,
                "version": version,
                "meta": {"moduleFormat": "(.*)(?:/[^/]*)"},
                "provider": _inputs(self.settings),
                "resources": {
                    token: {**_inputs(found.inputs), "properties": _properties(found.outputs)}
                    for token, found in self.resources.items()
                },
                "functions": {
                    token: {
                        "inputs": {"properties": _properties(found.inputs), "required": sorted(found.inputs.required)},
                        "outputs": {"properties": _properties(found.outputs)},
                    }
                    for token, found in self.functions.items()
                },
            }
        )


def _inputs(record: Record) -> dict[str, Any]:
    return {"inputProperties": _properties(record), "requiredInputs": sorted(record.required)}


def _properties(record: Record) -> dict[str, Any]:
    # The engine keeps these two for itself.
    return {name: _type(shape) for name, shape in record.fields.items() if name not in ("id", "urn")}


def _type(shape: Shape) -> dict[str, Any]:
    match shape:
        case Scalar(kind):
            return {"type": kind}
        case Many(item):
            return {"type": "array", "items": _type(item)}
        case Dictionary(item):
            return {"type": "object", "additionalProperties": _type(item)}
        case _:
            return _ANYTHING
