"""Property values between the engine's wire format and plain Python, secrets kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime import rpc

# What stands in a plan where a secret was: the contract's own words for it.
SECRET: dict[str, bool] = {"secret": True}
# What the SDK writes for an output that no one knows; a plan says it in other words, see `unknown`.
UNKNOWN = rpc.UNKNOWN

_SIGNATURE = rpc._special_sig_key
_RESOURCE_URN = "urn"


@dataclass(frozen=True)
class Secret:
    """A computed value that its provider marks secret, as a password's `result` is."""

    value: Any


def masked(struct: Struct) -> dict[str, Any]:
    """The properties as a plan shows them: `{"secret": true}` for each secret, whole numbers as int."""
    return {key: _read(value, reveal=False) for key, value in sorted(struct.fields.items())}


def revealed(struct: Struct) -> dict[str, Any]:
    """The properties with secrets unencrypted, for computing what a provider would answer; never shown."""
    return {key: _read(value, reveal=True) for key, value in struct.fields.items()}


def _read(value: Value, *, reveal: bool) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _SIGNATURE in fields:
            return _read_special(fields, reveal=reveal)
        return {key: _read(item, reveal=reveal) for key, item in sorted(fields.items())}
    if kind == "list_value":
        return [_read(item, reveal=reveal) for item in value.list_value.values]
    if kind == "bool_value":
        return value.bool_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return None


def _read_special(fields: Mapping[str, Value], *, reveal: bool) -> Any:
    signature = fields[_SIGNATURE].string_value
    if signature == rpc._special_secret_sig:
        return _read(fields["value"], reveal=True) if reveal else dict(SECRET)
    if signature == rpc._special_resource_sig:
        return fields[_RESOURCE_URN].string_value
    return {key: _read(item, reveal=reveal) for key, item in fields.items() if key != _SIGNATURE}


def write(struct: Struct, values: Mapping[str, Any]) -> None:
    """Set `values` in `struct`, over what it has; `Secret` values go as the engine's secrets."""
    for key, value in values.items():
        struct.fields[key].CopyFrom(_written(value))


def _written(value: Any) -> Value:
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    if isinstance(value, Secret):
        return _written({_SIGNATURE: rpc._special_secret_sig, "value": value.value})
    made = Value()
    if isinstance(value, Mapping):
        made.struct_value.SetInParent()
        write(made.struct_value, value)
    elif isinstance(value, list | tuple):
        made.list_value.SetInParent()
        made.list_value.values.extend([_written(item) for item in value])
    else:
        made.null_value = 0  # type: ignore[assignment]
    return made
