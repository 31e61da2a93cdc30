"""Arguments of a component: read into its settings model at once, with late values checked when they are known.

Both spellings are read, snake_case as in Python and camelCase as in a stack file and in other languages. What is plain
is checked before the first resource. What is an `Output` is checked with the rest once it is known, and fails what
depends on it with the same message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_args, get_origin

import pulumi
from pulumi.errors import InputPropertyErrorDetails

from velero_on_eks.settings.base import Section, snake_case
from velero_on_eks.settings.late import LateText, SecretText, as_secret, is_late, late_values, may_be_late
from velero_on_eks.settings.refusals import MISSING, InvalidSettings, Refusal, render
from velero_on_eks.settings.settings import Settings, document, read_section

Model = TypeVar("Model", bound=Section)
Read = Callable[[dict[str, Any]], Model]
Path = tuple[str, ...]

# Late values that the settings' own document tells once they are known, by section; secrets among them stay hidden.
_TOGETHER = ("region", "cluster", "identity", "storage", "tags")
# What a secret is while only the engine could decrypt it.
_ENCRYPTED = "encrypted-until-the-engine-decrypts-it"


class _LateValue(NamedTuple):
    path: Path
    output: pulumi.Output[Any]


class InvalidArguments(pulumi.RunError, ValueError):
    """Arguments that cannot be used; `refusals` holds everything wrong with them. The engine shows no traceback."""

    def __init__(self, refusals: Sequence[Refusal], by_property: Sequence[InputPropertyErrorDetails]) -> None:
        """`by_property` says the same as a component provider answers it: by property path, in camelCase."""
        self.refusals = tuple(refusals)
        self.by_property = list(by_property)
        super().__init__("\n".join(render(refusal) for refusal in refusals))


class Inputs(Generic[Model]):
    """A component's arguments: `model` is what they say, with a `LateText` for each value that is known later."""

    def __init__(
        self,
        component: str,
        model: Model,
        *,
        read: Read[Model],
        mapping: dict[str, Any] | None = None,
        late: dict[str, _LateValue] | None = None,
        written: dict[Path, str] | None = None,
    ) -> None:
        self.model = model
        self._component = component
        self._read = read
        self._mapping = mapping or {}
        self._late = late or {}
        self._written = written
        self._checked: dict[str, pulumi.Output[Any]] = {}

    @classmethod
    def of(
        cls,
        component: str,
        model: type[Model],
        args: Mapping[str, Any] | Model,
        *,
        from_provider: Sequence[Path] = (),
    ) -> Inputs[Model]:
        """The arguments `args` of `component` (its class and name, for messages), read as `model`.

        `from_provider` are fields that the AWS provider answers where the arguments leave them out: `provide` gives
        them later. Raises `InvalidArguments`.
        """
        read = cast(Read[Model], Settings.from_mapping if model is Settings else _reader(model))
        if isinstance(args, model):
            late, mapping = _secrets_of(args)
            return cls(component, args, read=read, mapping=mapping, late=late)
        walk = _Walk(model)
        mapping = walk.mapping(cast(Mapping[str, Any], args), model, ())
        for path in from_provider:
            if _get(mapping, path) is None and isinstance(_get(mapping, path[:-1]), dict):
                mapping = _put(mapping, path, LateText(".".join(path)))
        refused = list(walk.refused)
        found = None
        try:
            found = read(mapping)
        except InvalidSettings as error:
            refused += [one for one in error.refusals if one.path not in {late.path for late in refused}]
        if refused or found is None:
            raise _invalid(component, walk.written, refused)
        return cls(component, found, read=read, mapping=mapping, late=walk.late, written=walk.written)

    def provide(self, path: Path, output: Callable[[], pulumi.Output[Any]]) -> None:
        """Give a field that the arguments left to the provider, if they did."""
        text = _get(self._mapping, path)
        if is_late(text) and text not in self._late:
            self._late[text] = _LateValue(path, output())

    def value(self, value: Any) -> Any:
        """A field's value as a resource takes it: plain, or for a late one an output that was checked."""
        if not isinstance(value, LateText):
            return value
        if value not in self._checked:
            path, output = self._late[value]
            checked = pulumi.Output.all(output, _is_secret(output))
            self._checked[value] = checked.apply(lambda known: self._check(path, *known))
        return self._checked[value]

    def map(self, make: Callable[..., Any], *values: Any) -> Any:
        """`make(*values)`, at once where all values are plain: an output would hide a plain name from a preview."""
        if not any(is_late(value) or isinstance(value, pulumi.Output) for value in values):
            return make(*values)
        return pulumi.Output.all(*(self.value(value) for value in values)).apply(lambda known: make(*known))

    def tree(self, tree: Any) -> Any:
        """A nested value with every late one in it put in; plain where there is none."""
        if isinstance(tree, LateText):
            return self.value(tree)
        if isinstance(tree, Mapping):
            return {key: self.tree(value) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.tree(value) for value in tree]
        return tree

    def document(self) -> pulumi.Output[dict[str, Any]]:
        """The settings in a stack file's shape, with late values once they are known together and all are checked.

        Secrets stay out of it: the password, what is secret among them, and what is late in overrides of the
        chart's values.
        """
        together = {
            text: late
            for text, late in self._late.items()
            if late.path[0] in _TOGETHER and not isinstance(text, SecretText)
        }
        plain = document(self.model, exclude_unset=True)
        if not together:
            # By an apply: given as an input, every mapping in it would become an output of its own.
            return pulumi.Output.from_input(None).apply(lambda _: plain)

        def known(values: dict[str, Any]) -> dict[str, Any]:
            mapping = self._mapping
            for text, (value, secret) in values.items():
                # A secret is read for itself, and is hidden here.
                mapping = _put(mapping, together[text].path, SecretText(text) if secret else value)
            return document(self._read_checked(mapping), exclude_unset=True)

        found = {
            text: pulumi.Output.all(pulumi.Output.unsecret(late.output), _is_secret(late.output))
            for text, late in together.items()
        }
        return pulumi.Output.all(**found).apply(known)

    def invalid(self, refusals: Sequence[Refusal]) -> InvalidArguments:
        """The error for arguments that are refused: paths in camelCase, shown as they were written."""
        return _invalid(self._component, self._written, refusals)

    def fields(self, section: Section) -> dict[str, Any]:
        """What a section was told, by attribute, as arguments of a part: defaults are left to the part."""
        return {
            name: self.fields(value) if isinstance(value := getattr(section, name), Section) else self.tree(value)
            for name in type(section).model_fields
            if name in section.model_fields_set
        }

    def _check(self, path: Path, known: Any, secret: bool) -> Any:
        """Read the arguments with one late value put in: it is checked, alone and with all plain values.

        What is still encrypted is not: no one knows it.
        """
        if secret and known == _ENCRYPTED:
            return known
        given = as_secret(known) if secret else known
        self._read_checked(_put(self._mapping, path, given), hidden=(known,) if secret else ())
        return known

    def _read_checked(self, mapping: dict[str, Any], hidden: Sequence[Any] = ()) -> Model:
        try:
            return self._read(mapping)
        except InvalidSettings as error:
            found = [refusal.hidden(*hidden) for refusal in error.refusals] if hidden else error.refusals
            raise self.invalid(found) from None


def _is_secret(output: pulumi.Output[Any]) -> pulumi.Output[bool]:
    return pulumi.Output.from_input(output.is_secret())


def _secrets_of(model: Section) -> tuple[dict[str, _LateValue], dict[str, Any]]:
    """The secrets that settings hold, as outputs, and what the settings were read from."""
    late: dict[str, _LateValue] = {}
    mapping: dict[str, Any] = {}
    for place, text in late_values(model):
        path = tuple(map(str, place))
        if isinstance(text, SecretText):
            known = _ENCRYPTED if text.value is None else text.value
            late[text] = _LateValue(path, pulumi.Output.secret(known))
            mapping = _put(mapping or document(model, exclude_unset=True), path, text)
    return late, mapping


class _Walk:
    """Goes through arguments once: camelCase keys, late values taken out, how each key was written."""

    def __init__(self, model: type[Section]) -> None:
        self._model = model
        self.late: dict[str, _LateValue] = {}
        self.written: dict[Path, str] = {}
        self.refused: list[Refusal] = []

    def mapping(self, args: Mapping[str, Any], model: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in args.items():
            name, annotation, none_is_a_value = _field(model, key)
            if value is None and not none_is_a_value:
                # A program leaves a field out by giving None, as to any resource.
                continue
            if name in found:
                self.refused.append(
                    Refusal(
                        "given-twice",
                        f"given as {self.written[*path, name]} and as {key}",
                        "give one of the two",
                        (*path, name),
                    )
                )
                continue
            self.written[*path, name] = key
            found[name] = self._value(value, annotation, (*path, name))
        return found

    def _value(self, value: Any, annotation: Any, path: Path) -> Any:
        if isinstance(value, pulumi.Output) or isawaitable(value):
            if not may_be_late(self._model, path):
                self.refused.append(
                    Refusal(
                        "late-value",
                        "this is checked before the first resource is created, so it cannot be an Output",
                        "give the value",
                        path,
                    )
                )
            text = LateText(".".join(path))
            self.late[text] = _LateValue(path, pulumi.Output.from_input(value))
            return text
        if isinstance(value, Mapping):
            # One section by itself, where several may stand.
            inner = _item(annotation) if get_origin(annotation) is tuple else annotation
            return self.mapping(value, inner, path)
        if isinstance(value, list | tuple):
            inner = _item(annotation)
            return [self._value(item, inner, (*path, str(number))) for number, item in enumerate(value)]
        # Other languages have one kind of number, and hand over 30 as 30.0.
        return int(value) if isinstance(value, float) and value.is_integer() else value


def _field(model: Any, key: str) -> tuple[str, Any, bool]:
    """A key as a stack file has it, what it holds, and whether None there says something that its default does not.

    A mapping's own keys stay as they are.
    """
    for candidate in _models(model):
        for name, field in candidate.model_fields.items():
            if key in (name, field.alias):
                optional = type(None) in get_args(field.annotation)
                return str(field.alias or name), field.annotation, optional and field.default is not None
    return key, _item(model), False


def _models(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    elif getattr(annotation, "__origin__", None) not in (dict, tuple):
        for argument in getattr(annotation, "__args__", ()):
            yield from _models(argument)


def _item(annotation: Any) -> Any:
    """What a mapping or a list holds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return arguments[1]
    if origin is tuple:
        return arguments[0]
    return next((found for argument in arguments if (found := _item(argument)) is not None), None)


def _reader(model: type[Section]) -> Read[Any]:
    return lambda mapping: read_section(model, mapping)


def _invalid(component: str, written: Mapping[Path, str] | None, refusals: Sequence[Refusal]) -> InvalidArguments:
    placed = [
        replace(
            refusal,
            file=component,
            path=_written_path(refusal.path, written),
            value=MISSING if is_late(refusal.value) else refusal.value,
        )
        for refusal in refusals
    ]
    return InvalidArguments(placed, [{"property_path": one.field, "reason": one.sentence} for one in refusals])


def _written_path(path: tuple[str | int, ...], written: Mapping[Path, str] | None) -> tuple[str | int, ...]:
    """A field as the program wrote it, one that it left out as Python spells it; a stack file's as it stands there."""
    if written is None:
        return path
    keys = tuple(map(str, path))
    return tuple(written.get(keys[: depth + 1], snake_case(part)) for depth, part in enumerate(keys))


def _get(mapping: Any, path: Path) -> Any:
    for part in path:
        mapping = mapping.get(part) if isinstance(mapping, dict) else None
    return mapping


def _put(tree: Any, path: Path, value: Any) -> Any:
    """A copy of `tree` with another value at `path`."""
    if not path:
        return value
    if isinstance(tree, list):
        return [_put(item, path[1:], value) if str(number) == path[0] else item for number, item in enumerate(tree)]
    return {**tree, path[0]: _put(tree.get(path[0]), path[1:], value)}
