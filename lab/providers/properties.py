"""Pulumi property values on the wire, and as the plain Python values that the handlers work with.

The engine packs secrets, unknown values and assets into ordinary objects and strings that carry a signature;
the signatures are part of its protocol (pulumi/pulumi sdk/go/common/resource/properties.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from google.protobuf import struct_pb2

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_HIDDEN = "1b47061264138c4ac30d75fd1eb44270"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

_UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class _Unknown:
    """The value of an output that a preview cannot know."""

    _only: _Unknown | None = None

    def __new__(cls) -> _Unknown:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: Any) -> _Unknown:
        return self


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must stay encrypted in the state."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True)
class Asset:
    """A file, a text or an archive as the engine sent it; handed back unchanged."""

    wire: tuple[tuple[str, Any], ...]

    def read_text(self) -> str:
        """The text of a text asset, or of the file of a file asset. ValueError for an archive or a remote asset."""
        wire = dict(self.wire)
        if isinstance(wire.get("text"), str):
            return wire["text"]
        if wire.get("path") and wire[_SIGNATURE] == _ASSET:
            return FilePath(wire["path"]).read_text(encoding="utf-8")
        raise ValueError("only a text asset or a file asset can be read here")


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A wire struct as plain values; nulls are left out, as the real providers do, and whole numbers are ints."""
    return {key: _decode(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _decode_object(value.struct_value)
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _decode_object(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields[_SIGNATURE].string_value if _SIGNATURE in struct.fields else None
    if signature is None:
        return decode(struct)
    if signature == _HIDDEN:
        return Secret(_decode(struct.fields["value"]))
    if signature == _OUTPUT:
        value = _decode(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        return Secret(value) if struct.fields["secret"].bool_value else value
    if signature == _RESOURCE:
        return _decode(struct.fields["id"]) if "id" in struct.fields else struct.fields["urn"].string_value
    if signature in (_ASSET, _ARCHIVE):
        return Asset(tuple((key, _decode(value)) for key, value in struct.fields.items()))
    raise ValueError(f"the engine sent a value with the signature {signature}, which this provider does not know")


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values as a wire struct; None is left out."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        if value is not None:
            struct.fields[key].CopyFrom(_encode(value))
    return struct


def _encode(value: Any) -> struct_pb2.Value:
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=_UNKNOWN_STRING)
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case Secret():
            return struct_pb2.Value(struct_value=encode({_SIGNATURE: _HIDDEN, "value": value.value}))
        case Asset():
            return struct_pb2.Value(struct_value=encode(dict(value.wire)))
        case Mapping():
            return struct_pb2.Value(struct_value=encode(value))
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
        case _:
            raise TypeError(f"a {type(value).__name__} is not a property value")


def plain(value: Any) -> Any:
    """The value without its secret wrappers, at every depth; unknown values stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether the value, at any depth, waits for something that a preview cannot know."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


Path = tuple[str | int, ...]


def secret_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the value holds secrets, the outermost wrapper of each."""
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secret_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secret_paths(item, (*path, index))


def keep_secret(outputs: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """`outputs` with every place wrapped as a secret that is a secret in `inputs`.

    Without this a password given as a secret would come back from the cloud in clear and land so in the state.
    """
    for path in secret_paths(inputs):
        outputs = _wrap(outputs, path)
    return outputs


def _wrap(value: Any, path: Path) -> Any:
    if isinstance(value, Secret):
        return value
    if not path:
        return Secret(value)
    head, rest = path[0], path[1:]
    if isinstance(value, dict) and head in value:
        return {**value, head: _wrap(value[head], rest)}
    if isinstance(value, list) and isinstance(head, int):
        # A list may come back in another order or length; a secret element then hides the whole list.
        if head < len(value):
            return [_wrap(item, rest) if index == head else item for index, item in enumerate(value)]
        return Secret(value)
    return value
