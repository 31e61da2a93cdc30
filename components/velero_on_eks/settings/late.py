"""Values that a program knows later than its settings are read.

A name or an ARN of something that the same program makes is an `Output`: known when that is made. The settings are
read before the first resource, with a `LateText` in the place of each such value. Rules leave it alone; once the value
is known, the settings are read again with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import ValidatorFunctionWrapHandler, WrapValidator


class LateText(str):
    """Stands in for a value that is known later. Its text is the field's path, such as `storage.kmsKeyArn`."""

    __slots__ = ()


class SecretText(LateText):
    """Stands in for a secret of the configuration. `value` is what it stands for, None where only the engine can tell.

    Neither its text nor its representation has the value.
    """

    __slots__ = ("_value",)

    def __new__(cls, path: str, value: str | None = None) -> SecretText:
        made = super().__new__(cls, path)
        made._value = value
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        # What is handed to another process, or copied, stays hidden there; only this process may say the value.
        return SecretText, (str(self), self._value)

    def __deepcopy__(self, memo: Any) -> SecretText:
        return self

    @property
    def value(self) -> str | None:
        """What it stands for."""
        return self._value


class KnownSecret(str):
    """A secret that is known now, while it is checked: no one reads it in a file."""

    __slots__ = ()


def as_secret(known: Any) -> Any:
    """A value with every text in it marked as a `KnownSecret`."""
    if isinstance(known, Mapping):
        return {key: as_secret(value) for key, value in known.items()}
    if isinstance(known, list | tuple):
        return [as_secret(value) for value in known]
    return KnownSecret(known) if isinstance(known, str) else known


class _MayBeLate:
    """Marks a field whose value may be known later."""


def _leave_late(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, LateText) else handler(value)


T = TypeVar("T")
Late = Annotated[T, WrapValidator(_leave_late), _MayBeLate]
"""A field of a section that a program may give as an `Output`."""


def late_values(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], LateText]]:
    """Each stand-in below a section, a mapping or a list, with the way to it in a stack file's keys."""
    if isinstance(tree, LateText):
        yield path, tree
    elif hasattr(tree, "model_fields_set"):
        for name, field in type(tree).model_fields.items():
            yield from late_values(getattr(tree, name), (*path, field.alias or name))
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from late_values(value, (*path, str(key)))
    elif isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            yield from late_values(value, (*path, number))


def is_late(*values: object) -> bool:
    """Whether any of `values` is known later, so that nothing can be said of them yet."""
    return any(isinstance(value, LateText) for value in values)


def may_be_late(annotation: Any, path: tuple[str, ...] = ()) -> bool:
    """Whether the field at `path` below a section's model, or any other annotation, may be known later.

    A path is made of the keys as a stack file has them; a mapping's own keys and a list's numbers take one step.
    """
    if not path and _marked(annotation):
        return True
    if hasattr(annotation, "model_fields"):
        for name, field in annotation.model_fields.items():
            if path and path[0] in (name, field.alias):
                if len(path) == 1 and any(item is _MayBeLate for item in field.metadata):
                    return True
                return may_be_late(field.annotation, path[1:])
        return False
    origin, arguments = getattr(annotation, "__origin__", None), get_args(annotation)
    if origin is dict:
        # Overrides of the chart's values has no shape of its own: anything in it may be late.
        return bool(path) and (arguments[1] is Any or may_be_late(arguments[1], path[1:]))
    if origin is tuple:
        return bool(path) and may_be_late(arguments[0], path[1:])
    return any(
        may_be_late(argument, path) for argument in arguments if hasattr(argument, "__mro__") or get_args(argument)
    )


def _marked(annotation: Any) -> bool:
    return any(item is _MayBeLate for item in getattr(annotation, "__metadata__", ()))
