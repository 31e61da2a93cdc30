"""The page of settings: every key of a stack file by section, with its limits and one whole example.

Defaults, types and meanings are those of the settings' models. A limit is what a model says of a value that it refuses.
The examples are cut out of one complete stack file, which a test loads.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from velero_on_eks.settings import adopt, images, invalid, parts, sections, settings
from velero_on_eks.settings.base import ONE_OR_MANY, Section, snake_case
from velero_on_eks.settings.defaults import BY_ENVIRONMENT, SECTIONS
from velero_on_eks.settings.duration import Duration
from velero_on_eks.settings.late import may_be_late
from velero_on_eks.settings.settings import Settings

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "Pulumi.complete.yaml"
NAMES = ("environment", *map(snake_case, SECTIONS), "repository_password")
_BY_NAME = {"schedules": sections.Schedule, "retention_tiers": sections.RetentionTiers}
_TYPES = {"str": "text", "bool": "true or false", "int": "number", "Any": "anything"}
# Each is refused by most of what takes text, for its form, its length or as a wildcard.
_BAD_TEXTS = ("%%%%", "x" * 300, "")
_BAD_NUMBER = -(10**9)
# What is said of these values names the value alone.
_LIMITS = {
    "cron": "five fields: minute, hour, day of month, month, day of week; or a descriptor, such as @daily",
    "timezone": "an IANA name, or UTC",
}

HEAD = """\
# Settings

Every key of a stack file, `stacks/Pulumi.<stack>.yaml`, made from `velero_on_eks.settings` by `make docs`. Required are
`aws:region`, `velero-eks:environment` and `velero-eks:cluster`; everything else has a default. An unknown key is an
error.

- **Durations** are written `30d`, `24h`, `1h30m`.
- A **default** with slashes is that of development / staging / production.
- **From a program**: an argument with *output* may be an `Output` of another resource; one with *plain* has to be known
  when the program starts. In Python the keys are written in snake_case or as they are here.

The examples are sections of [one complete stack file](Pulumi.complete.yaml).
"""


@functools.cache
def descriptions() -> dict[tuple[str, str], str]:
    """What stands under each field of each section, by class and attribute."""
    found: dict[tuple[str, str], str] = {}
    for module in (sections, settings, adopt, parts, images):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                for field, below in zip(node.body, node.body[1:], strict=False):
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        text = below.value if isinstance(below, ast.Expr) else None
                        if isinstance(text, ast.Constant) and isinstance(text.value, str):
                            found[node.name, field.target.id] = text.value
    return found


@functools.cache
def page() -> str:
    """The whole page."""
    examples = example_sections()
    lines = [HEAD, *_section_lines("aws:region", _one_line(descriptions()["Settings", "region"]), ["text", "required"])]
    lines += ["", "```yaml", examples["aws:region"], "```", ""]
    for name in NAMES:
        lines += _section(name, examples)
    return "\n".join(lines).rstrip("\n") + "\n"


def example_sections() -> dict[str, str]:
    """The complete stack file's text by its keys, without indentation."""
    found: dict[str, str] = {}
    body = EXAMPLE.read_text(encoding="utf-8").partition("config:\n")[2]
    for part in re.split(r"^  (?=\S)", body, flags=re.MULTILINE)[1:]:
        lines = [line.removeprefix("  ") for line in part.rstrip("\n").split("\n")]
        found[":".join(lines[0].split(":")[:2])] = "\n".join(lines).rstrip("\n")
    return found


def keys(name: str) -> list[str]:
    """The keys of a section as its table has them, those of sections inside it in dots."""
    model = _model(name)
    return [key for key, _, _ in _fields(model)] if model else []


def _section(name: str, examples: dict[str, str]) -> list[str]:
    field, key, model = Settings.model_fields[name], _key(name), _model(name)
    told = descriptions().get(("Settings", name)) or _one_line((model.__doc__ or "") if model else "")
    if model is None:
        default = "required" if field.is_required() else "none"
        lines = _section_lines(key, told, [_takes(field.annotation), default, limits(Settings, name)])
    else:
        kind = "A mapping by name." if name in _BY_NAME else ""
        if ONE_OR_MANY in field.metadata:
            kind = "A mapping, or a list of them."
        lines = [f"## `{key}`", "", " ".join(filter(None, (_one_line(told), kind))), "", *_table(name, model)]
    return [*lines, "", "```yaml", examples[key], "```", ""]


def _section_lines(key: str, told: str, facts: list[str]) -> list[str]:
    takes, default, *limit = facts
    said = [
        takes.capitalize() if takes[0] != "`" else takes,
        "required" if default == "required" else "optional",
        *limit,
    ]
    return [f"## `{key}`", "", _one_line(told), "", "; ".join(filter(None, said)) + "."]


def _table(name: str, model: type[Section]) -> list[str]:
    by_environment = _environment_defaults(name)
    lines = [
        "| Key | What it means | Type | Default | Limits | From a program |",
        "|---|---|---|---|---|---|",
    ]
    for key, owner, field in _fields(model):
        found = owner.model_fields[field]
        default = by_environment.get(key) or _default(found)
        told = next(
            descriptions()[base.__name__, field] for base in owner.__mro__ if (base.__name__, field) in descriptions()
        )
        late = "output" if may_be_late(owner, (field,)) or _entries_may_be_late(found.annotation) else "plain"
        cells = [f"`{key}`", _one_line(told), _takes(found.annotation), default, _plain(limits(owner, field)), late]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _fields(model: type[Section], before: str = "") -> Iterator[tuple[str, type[Section], str]]:
    """Each key below a section, with the model and the attribute that it is."""
    for name, field in model.model_fields.items():
        key = f"{before}{field.alias or name}"
        inner = _inner(field.annotation)
        if inner is None:
            yield key, model, name
        else:
            yield from _fields(inner, f"{key}.")


def limits(model: type[Section], field: str) -> str:
    """What the model says of values that it refuses for this field; empty where it takes any of its type."""
    if field in _LIMITS:
        return _LIMITS[field]
    found: list[str] = []
    alias = model.model_fields[field].alias or field
    for bad in _bad_values(model.model_fields[field].annotation):
        try:
            model.model_validate({alias: bad})
        except ValidationError as error:
            for refusal in invalid.refusals(error, model):
                if refusal.path[:1] == (alias,):
                    found.append(_limit(refusal.limit, alias))
    return "; ".join(dict.fromkeys(found))


def _plain(text: str) -> str:
    return re.sub(r"([*<|])", r"\\\1", text)


def _limit(text: str, key: str) -> str:
    # What is said of the value that was tried is not part of the limit.
    return re.sub(
        r", (?:(?:this one has|this one|this has|these are|and these are) \d|not '%').*$", "", text
    ).removeprefix(f"{key} is ")


def _bad_values(annotation: Any) -> Iterator[Any]:
    inner = _without_none(annotation)
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if origin is typing.Annotated:
        yield from _bad_values(arguments[0])
    elif origin is tuple:
        yield from ([bad] for bad in _bad_values(arguments[0]))
    elif origin is dict:
        if arguments[1] is not Any:
            yield from ({bad: "a value"} for bad in _BAD_TEXTS)
    elif inner is int:
        yield _BAD_NUMBER
    elif inner is str:
        yield from _BAD_TEXTS
    elif inner is SecretStr:
        yield "x"


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        [annotation] = [one for one in typing.get_args(annotation) if one is not type(None)]
    return annotation


def _entries_may_be_late(annotation: Any) -> bool:
    return any(may_be_late(one) for one in typing.get_args(_without_none(annotation)))


def _key(name: str) -> str:
    return f"velero-eks:{Settings.model_fields[name].alias or name}"


def _model(name: str) -> type[Section] | None:
    return _BY_NAME.get(name) or _inner(Settings.model_fields[name].annotation)


def _inner(annotation: Any) -> type[Section] | None:
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _environment_defaults(section: str) -> dict[str, str]:
    by_environment = (
        {} if section in _BY_NAME else {name: each.get(section, {}) for name, each in BY_ENVIRONMENT.items()}
    )
    found = {key for defaults in by_environment.values() for key in defaults}
    return {key: " / ".join(f"`{_shown(each[key])}`" for each in by_environment.values()) for key in found}


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value)


def _takes(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is typing.Annotated:
        return _takes(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _takes(_without_none(annotation))
    if origin is tuple:
        return f"a list of {_takes(arguments[0])}"
    if origin is dict:
        return "a mapping"
    if annotation is Duration:
        return "a duration"
    if annotation is SecretStr:
        return "an encrypted text"
    name = getattr(annotation, "__name__", str(annotation))
    return _TYPES.get(name, name)
