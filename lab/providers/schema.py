"""What a resource's properties are called and which types they have, read off the installed Pulumi SDKs.

The SDKs are generated from the real providers' schemas, so a property that is unknown here is unknown to the
real provider too. Nothing is kept in this repository that an SDK upgrade could leave behind.
"""

from __future__ import annotations

import collections.abc
import functools
import importlib
import inspect
import sys
import threading
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lab.providers.properties import UNKNOWN, Asset, Secret


@dataclass(frozen=True)
class Scalar:
    """A plain value; `kind` is one of string, integer, number, boolean."""

    kind: str


@dataclass(frozen=True)
class Many:
    """A list of `item`."""

    item: Shape


@dataclass(frozen=True)
class Dictionary:
    """An object with free keys whose values are `item`."""

    item: Shape


@dataclass(frozen=True)
class Anything:
    """A value that the schema leaves open."""


@dataclass(frozen=True)
class OneOf:
    """A value that may have any of `choices`."""

    choices: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class Record:
    """An object with known properties: `fields` by their name on the wire, `required` the ones that must be given."""

    name: str
    fields: dict[str, Shape] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)


Shape = Scalar | Many | Dictionary | Anything | OneOf | Record


@dataclass(frozen=True)
class ResourceSchema:
    """A resource type: what it takes and what it gives back."""

    token: str
    inputs: Record
    outputs: Record


@dataclass(frozen=True)
class Misfit:
    """A value that does not fit its schema: where, and why in words."""

    path: str
    reason: str


class UnknownType(LookupError):
    """The SDK has no resource of that type."""


# Imports too: one thread's eval of an annotation would see a module that another is in the midst of importing.
_reading = threading.Lock()
_records: dict[type, Record] = {}

_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}


@functools.cache
def resource_schema(module: str, class_name: str, token: str) -> ResourceSchema:
    """The schema of the class `class_name` of the SDK module `module`, e.g. ("pulumi_aws.s3", "Bucket").

    Raises UnknownType when the SDK has no such module or no such resource.
    """
    with _reading:
        try:
            sdk = importlib.import_module(module)
            resource = getattr(sdk, class_name)
            defining = sys.modules[resource.__module__]
            arguments = getattr(defining, f"{class_name}InitArgs", None) or getattr(defining, f"{class_name}Args")
        except (ImportError, AttributeError) as error:
            raise UnknownType(f"{token}: the installed SDK has no such resource type") from error
        return ResourceSchema(token, _inputs_of(arguments), _outputs_of(resource))


def function_outputs(module: str, function: str) -> Record:
    """What the function `function` of the SDK module `module` answers, e.g. ("pulumi_aws.eks", "get_cluster").

    Raises UnknownType when the SDK has no such function.
    """
    with _reading:
        try:
            answer = inspect.signature(getattr(importlib.import_module(module), function)).return_annotation
        except (ImportError, AttributeError) as error:
            raise UnknownType(f"{module}.{function}: the installed SDK has no such function") from error
        return _outputs_of(answer)


def module_exists(module: str) -> bool:
    """Whether the installed SDK has the module `module`; a group that it lacks holds custom resources only."""
    with _reading:
        try:
            importlib.import_module(module)
        except ImportError:
            return False
    return True


def _inputs_of(arguments: type) -> Record:
    if arguments in _records:
        return _records[arguments]
    # Recorded before it is filled: a type may hold itself (a JSON schema does).
    record = _records[arguments] = Record(arguments.__name__)
    names = _wire_names(arguments)
    space = vars(sys.modules[arguments.__module__])
    for python_name, parameter in list(inspect.signature(arguments.__init__).parameters.items())[1:]:
        wire = names.get(python_name, python_name)
        record.fields[wire] = _shape(parameter.annotation, space)
        if parameter.default is inspect.Parameter.empty:
            record.required.add(wire)
    return record


def _outputs_of(resource: type) -> Record:
    if resource in _records:
        return _records[resource]
    record = _records[resource] = Record(resource.__name__)
    for python_name, wire in _wire_names(resource).items():
        member = inspect.getattr_static(resource, python_name)
        annotation = member.fget.__annotations__.get("return", Any)
        record.fields[wire] = _shape(annotation, vars(sys.modules[resource.__module__]))
    return record


def _wire_names(cls: type) -> dict[str, str]:
    names: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for python_name, member in vars(base).items():
            wire = getattr(getattr(member, "fget", None), "_pulumi_name", None)
            if wire is not None:
                names[python_name] = wire
    return names


def _shape(annotation: Any, space: dict[str, Any]) -> Shape:
    choices: list[Shape] = []
    for part in _parts(annotation, space):
        found = _single(part, space)
        if found is not None and found not in choices:
            choices.append(found)
    if not choices:
        return Anything()
    return choices[0] if len(choices) == 1 else OneOf(tuple(choices))


def _parts(annotation: Any, space: dict[str, Any]) -> Iterator[Any]:
    """Takes apart the unions that `pulumi.Input[...]` and `Optional[...]` are made of."""
    if isinstance(annotation, str):
        annotation = typing.ForwardRef(annotation)
    if isinstance(annotation, typing.ForwardRef):
        name = annotation.__forward_arg__
        # The dictionary form and the output form of an argument say the same again.
        if name == "Output[T]" or name.endswith("ArgsDict"):
            return
        yield from _parts(eval(name, dict(space)), space)  # noqa: S307 - the SDK's own annotation text
        return
    origin = typing.get_origin(annotation)
    if origin is typing.Union or type(annotation).__name__ == "UnionType":
        for part in typing.get_args(annotation):
            yield from _parts(part, space)
        return
    name = getattr(origin, "__name__", "")
    if name in ("Awaitable", "Output"):
        if name == "Output":
            yield from _parts(typing.get_args(annotation)[0], space)
        return
    if annotation is not type(None):
        yield annotation


def _single(annotation: Any, space: dict[str, Any]) -> Shape | None:
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation in _SCALARS:
        return Scalar(_SCALARS[annotation])
    if origin in (list, collections.abc.Sequence):
        return Many(_shape(arguments[0], space))
    if origin in (dict, collections.abc.Mapping):
        return Dictionary(_shape(arguments[1], space))
    if isinstance(annotation, type):
        if hasattr(annotation, "_pulumi_input_type"):
            return _inputs_of(annotation)
        if hasattr(annotation, "_pulumi_output_type"):
            # An input that also takes the output form is described by its arguments class already.
            return _outputs_of(annotation)
        if issubclass(annotation, Enum):
            return Scalar("string")
    return Anything()


def misfits(value: Any, shape: Shape, path: str = "", *, complete: bool = True) -> Iterator[Misfit]:
    """What does not fit: unknown properties, wrong types and, when `complete`, required properties left out.

    An unknown value (a preview's) fits everywhere; a secret is judged by what it hides.
    """
    if isinstance(value, Secret):
        value = value.value
    if value is UNKNOWN or value is None or isinstance(value, Asset):
        return
    match shape:
        case Record():
            yield from _record_misfits(value, shape, path, complete)
        case Many(item):
            if not isinstance(value, list):
                yield _wrong(path, "a list", value)
                return
            for index, element in enumerate(value):
                yield from misfits(element, item, f"{path}[{index}]", complete=complete)
        case Dictionary(item):
            if not isinstance(value, dict):
                yield _wrong(path, "an object", value)
                return
            for key, element in value.items():
                yield from misfits(element, item, _join(path, key), complete=complete)
        case OneOf(choices):
            found = [list(misfits(value, choice, path, complete=complete)) for choice in choices]
            if all(found):
                yield min(found, key=len)[0]
        case Scalar(kind):
            if not _fits(value, kind):
                yield _wrong(path, f"a {kind}" if kind != "integer" else "an integer", value)
        case Anything():
            return


def _record_misfits(value: Any, record: Record, path: str, complete: bool) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        yield _wrong(path, "an object", value)
        return
    for key in value:
        if key not in record.fields and not key.startswith("__"):
            known = ", ".join(sorted(record.fields))
            yield Misfit(_join(path, key), f"unknown property {key!r}; {record.name} knows: {known}")
    if complete:
        for key in sorted(record.required - {name for name, given in value.items() if given is not None}):
            yield Misfit(_join(path, key), f"missing required property {key!r}")
    for key, element in value.items():
        if key in record.fields:
            yield from misfits(element, record.fields[key], _join(path, key), complete=complete)


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(path: str, wanted: str, value: Any) -> Misfit:
    names = {str: "a string", bool: "a boolean", dict: "an object", list: "a list", int: "a number", float: "a number"}
    return Misfit(path, f"expected {wanted}, got {names.get(type(value), type(value).__name__)}")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
