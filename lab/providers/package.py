"""A stand-in's schema as the engine hands it out: what a program in Pulumi YAML is checked against.

It holds the types that the stand-in makes and no others.
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
        types = _Types(name)
        return json.dumps(
            {
                "name": name,
                "version": version,
                "meta": {"moduleFormat": "(.*)(?:/[^/]*)"},
                "provider": types.inputs(self.settings),
                "resources": {
                    token: {**types.inputs(found.inputs), "properties": types.properties(found.outputs)}
                    for token, found in self.resources.items()
                },
                "functions": {
                    token: {"inputs": types.object(found.inputs), "outputs": types.object(found.outputs)}
                    for token, found in self.functions.items()
                },
                "types": types.found,
            }
        )


class _Types:
    """Shapes in the engine's form; `found` has every record that was met inside another, by token."""

    def __init__(self, package: str) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self._package = package
        self._tokens: dict[Record, str] = {}

    def inputs(self, record: Record) -> dict[str, Any]:
        return {"inputProperties": self.properties(record), "requiredInputs": sorted(record.required)}

    def object(self, record: Record) -> dict[str, Any]:
        return {"type": "object", "properties": self.properties(record), "required": sorted(record.required)}

    def properties(self, record: Record) -> dict[str, Any]:
        # The engine keeps these two for itself.
        return {name: self._type(shape) for name, shape in record.fields.items() if name not in ("id", "urn")}

    def _type(self, shape: Shape) -> dict[str, Any]:
        match shape:
            case Scalar(kind):
                return {"type": kind}
            case Many(item):
                return {"type": "array", "items": self._type(item)}
            case Dictionary(item):
                return {"type": "object", "additionalProperties": self._type(item)}
            case Record():
                return {"$ref": f"#/types/{self._token(shape)}"}
            case _:
                return _ANYTHING

    def _token(self, record: Record) -> str:
        if record not in self._tokens:
            # Two modules of an SDK may have a record of one name.
            token = self._tokens[record] = f"{self._package}:index/type{len(self._tokens)}:{record.name}"
            self.found[token] = self.object(record)
        return self._tokens[record]
