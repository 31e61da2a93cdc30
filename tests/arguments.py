"""The components' arguments, written from the settings' models: `velero_on_eks/args.py` and the package's schema.

One model says what a stack file, a Python program and a program in another language may say.
"""

from __future__ import annotations

import json
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from velero_on_eks.settings import parts, sections
from velero_on_eks.settings.base import ONE_OR_MANY, Section
from velero_on_eks.settings.defaults import BY_ENVIRONMENT
from velero_on_eks.settings.late import may_be_late
from velero_on_eks.settings.settings import Settings

PACKAGE = Path(__file__).resolve().parent.parent / "components"
ARGUMENTS = PACKAGE / "velero_on_eks" / "args.py"
SCHEMA = PACKAGE / "schema.json"

# A component's arguments, by class, and the model that reads them. What it asks the AWS provider for may be left out.
COMPONENTS: dict[str, type[Section]] = {
    "VeleroOnEksArgs": Settings,
    "BackupStorageArgs": parts.BackupStorageInputs,
    "WorkloadIdentityArgs": parts.WorkloadIdentityInputs,
    "VolumeSnapshotsArgs": parts.VolumeSnapshotsInputs,
    "VeleroReleaseArgs": parts.VeleroReleaseInputs,
    "VeleroValuesArgs": parts.VeleroValuesInputs,
    "BackupSchedulesArgs": parts.BackupSchedulesInputs,
}
FROM_PROVIDER = {(Settings, "region"), (sections.Cluster, "account")}

HEAD = '''\
"""Arguments of the components. Written by `make docs` from the settings' models, which say the same in a stack file.

Keys may be written in snake_case or in camelCase. What is an `Input` may be an output of another resource; everything
else is checked before the first resource is made.
"""

# No postponed annotations: the SDK reads these classes for the package's schema.
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import pulumi

'''


class Writer:
    """Writes each section that it meets once, the ones that others use first."""

    def __init__(self, told: Mapping[tuple[str, str], str]) -> None:
        self._told = told
        self._choices: dict[str, str] = {}
        self._written: dict[str, str] = {}

    def text(self) -> str:
        """The whole module."""
        for name, model in COMPONENTS.items():
            self._class(name, model)
        known = [line for name, choice in self._choices.items() for line in _assigned(name, choice)]
        plain = [f"    {name} = str" for name in self._choices]
        choices = ["if TYPE_CHECKING:", "    from typing import Literal", "", *known, "else:", *plain]
        return "\n".join([HEAD + "\n".join(choices), "", "", "\n\n\n".join(self._written.values())]) + "\n"

    def _class(self, name: str, model: type[Section]) -> None:
        if name in self._written:
            return
        lines = [f"class {name}(TypedDict):", *_docstring(model.__doc__ or "")]
        for field_name, field in model.model_fields.items():
            kind = self._type(field.annotation, model, field_name)
            if ONE_OR_MANY in field.metadata:
                kind = self._one_or_many(model, field_name, kind)
            if may_be_late(model, (field_name,)):
                kind = f"pulumi.Input[{kind}]"
            if not _required(model, field_name):
                kind = f"NotRequired[{kind}]"
            lines += ["", f"    {field_name}: {kind}", *_docstring(self._description(model, field_name))]
        self._written[name] = "\n".join(lines)

    def _type(self, annotation: Any, model: type[Section], field: str) -> str:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return self._type(arguments[0], model, field)
        if origin in (typing.Union, types.UnionType):
            [kind] = [argument for argument in arguments if argument is not type(None)]
            return self._type(kind, model, field)
        if origin is typing.Literal:
            return self._choice(model, field, arguments)
        if origin is tuple:
            kind = self._type(arguments[0], model, field)
            return f"Sequence[{f'pulumi.Input[{kind}]' if may_be_late(arguments[0]) else kind}]"
        if origin is dict:
            kind = self._type(arguments[1], model, field)
            late = arguments[1] is not Any and may_be_late(arguments[1])
            return f"Mapping[str, {f'pulumi.Input[{kind}]' if late else kind}]"
        if annotation is Any:
            return "Any"
        if issubclass(annotation, Section):
            self._class(annotation.__name__, annotation)
            return annotation.__name__
        if annotation in (int, bool):
            return annotation.__name__
        if annotation is SecretStr or annotation is str or annotation.__name__ == "Duration":
            return "str"
        raise TypeError(f"{model.__name__}.{field}: {annotation} has no form in a component's arguments")

    def _one_or_many(self, model: type[Section], field: str, many: str) -> str:
        """A list for which one entry may stand: the SDK reads no unions, a type checker does."""
        one = many.removeprefix("Sequence[").removesuffix("]")
        name = f"{model.__name__}{field.title()}"
        checked, read = f"if TYPE_CHECKING:\n    {name} = {one} | {many}", f"else:\n    {name} = {many}"
        self._written[name] = f"{checked}\n{read}"
        return name

    def _choice(self, model: type[Section], field: str, values: tuple[str, ...]) -> str:
        choice = f"Literal[{', '.join(json.dumps(value) for value in values)}]"
        known = next((name for name, other in self._choices.items() if other == choice), None)
        name = known or f"{model.__name__.removesuffix('Inputs')}{field.title().replace('_', '')}"
        self._choices[name] = choice
        return name

    def _description(self, model: type[Section], field: str) -> str:
        owner = next(base for base in model.__mro__ if field in getattr(base, "__annotations__", {}))
        text = self._told.get((owner.__name__, field))
        if text is None:
            nested = next(_sections(model.model_fields[field].annotation), None)
            if nested is None:
                raise LookupError(f"{owner.__name__}.{field} has no description; write one under it")
            text = (nested.__doc__ or "").split("\n\n")[0].replace("\n", " ")
            text = " ".join(text.split())
        default = _default(model, field)
        return f"{text} Default: {default}." if default else text


def _assigned(name: str, choice: str) -> list[str]:
    one = f"    {name} = {choice}"
    if len(one) <= 120:
        return [one]
    values = choice.removeprefix("Literal[").removesuffix("]")
    return [f"    {name} = Literal[", f"        {values}", "    ]"]


def _sections(annotation: Any) -> Iterator[type[Section]]:
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            yield candidate


def _by_environment(model: type[Section], field: str) -> list[Any]:
    """The environments' defaults of a section's field, in their order; empty where they have none."""
    section = next((key for key, other in Settings.model_fields.items() if model in _sections(other.annotation)), None)
    alias = model.model_fields[field].alias or field
    found = [defaults.get(section or "", {}).get(alias) for defaults in BY_ENVIRONMENT.values()]
    return found if any(value is not None for value in found) else []


def _required(model: type[Section], field: str) -> bool:
    if (model, field) in FROM_PROVIDER or _by_environment(model, field):
        return False
    if model is Settings:
        return field in ("environment", "cluster")
    return model.model_fields[field].is_required()


def _default(model: type[Section], field: str) -> str:
    values = _by_environment(model, field)
    if values:
        return f"{' / '.join(_shown(value) for value in values)} ({' / '.join(BY_ENVIRONMENT)})"
    found = model.model_fields[field]
    value = None if found.is_required() else found.get_default(call_default_factory=True)
    return "" if value is None or value in ((), {}) or isinstance(value, Section) else _shown(value)


def _shown(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | tuple | list) else str(value)


def _docstring(text: str) -> list[str]:
    text = " ".join(text.split())
    one = f'    """{text}"""'
    if len(one) <= 120:
        return [one]
    wrapped = textwrap.wrap(f'"""{text}', 116)
    last = wrapped[-1]
    tail = [f'    {last}"""'] if len(last) + 7 <= 120 else [f"    {last}", '    """']
    return [*(f"    {line}" for line in wrapped[:-1]), *tail]


def schema() -> str:
    """The package's schema for other languages, as the component provider answers it."""
    from velero_on_eks.host import Host

    return json.dumps(json.loads(Host().schema or "{}"), indent=2, sort_keys=True) + "\n"
