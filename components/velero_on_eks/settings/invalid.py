"""What pydantic found wrong with a mapping, as refusals."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from velero_on_eks.settings.base import snake_case
from velero_on_eks.settings.nearest import nearest
from velero_on_eks.settings.refusals import HIDDEN, MISSING, Refusal, Refused, masked

# What pydantic calls a value of the wrong kind: code, limit and remedy.
_KINDS = {
    "string_type": ("not-text", "text is expected here", "quote it"),
    "int_type": ("not-a-whole-number", "a whole number is expected here", "write it in digits, without quotes"),
    "int_parsing": ("not-a-whole-number", "a whole number is expected here", "write it in digits, without quotes"),
    "int_from_float": ("not-a-whole-number", "a whole number is expected here", "write it without a fraction"),
    "bool_type": ("not-true-or-false", "true or false is expected here", "write one of the two, without quotes"),
    "bool_parsing": ("not-true-or-false", "true or false is expected here", "write one of the two, without quotes"),
    "tuple_type": ("not-a-list", "a list is expected here", "write it in [ ]"),
    "list_type": ("not-a-list", "a list is expected here", "write it in [ ]"),
    "too_short": ("empty-list", "at least one entry is expected here", "add one, or leave the field out"),
}
_MAPPINGS = ("model_type", "dict_type", "model_attributes_type", "mapping_type")
# How what is required is written, by the last keys of its place.
_EXAMPLES = {
    ("environment",): "velero-eks:environment: development, staging or production",
    ("region",): "aws:region with the cluster's region",
    ("cluster",): "velero-eks:cluster with name, account and kubernetesVersion",
    ("cluster", "name"): "name: NAME, as 'aws eks list-clusters' shows it",
    ("cluster", "account"): 'account: "111122223333", in quotes',
    ("cluster", "kubernetesVersion"): "kubernetesVersion: \"1.34\", as 'aws eks describe-cluster' shows it",
    ("cron",): 'cron: "0 2 * * *"',
    ("keep",): "keep: 30d",
    ("bucket",): "bucket: NAME",
}


def refusals(error: ValidationError, model: type[BaseModel]) -> list[Refusal]:
    """Everything that pydantic refused in a mapping for `model`, in the model's own spelling of the keys."""
    items = error.errors(include_url=False)
    return [_refusal(item, model) for item in items if not _empty_by_another(item, items)]


def as_written(found: Iterable[Refusal], given: Mapping[str, Any]) -> list[Refusal]:
    """The refusals, each with the keys of its path as `given` spells them: camelCase, or snake_case from a program."""
    return [replace(refusal, path=_spelled(refusal.path, given)) for refusal in found]


def _spelled(path: tuple[str | int, ...], given: Any) -> tuple[str | int, ...]:
    spelled: list[str | int] = []
    node = given
    for number, part in enumerate(path):
        if isinstance(part, int):
            if not isinstance(node, (list, tuple)):
                # One section by itself, where several may stand.
                continue
            node = node[part] if part < len(node) else None
        elif isinstance(node, Mapping):
            if part not in node and number + 1 < len(path) and part in node.values():
                # Which of several models it is, as pydantic says it, and no key.
                continue
            snake = snake_case(part)
            if part not in node and (snake in node or any("_" in str(key) for key in node)):
                part = snake
            node = node.get(part)
        else:
            node = None
        spelled.append(part)
    return tuple(spelled)


def _empty_by_another(item: Any, items: Iterable[Any]) -> bool:
    """Whether a list is empty only since each of its entries is refused."""
    place = item["loc"]
    return item["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in items
    )


def _refusal(item: Any, model: type[BaseModel]) -> Refusal:
    path = tuple(part for part in item["loc"] if part != "[key]")
    kind, value, context = item["type"], item["input"], item.get("ctx") or {}
    if kind == "extra_forbidden":
        return unknown_key(path, value, valid_keys(model, path[:-1]))
    if kind == "missing":
        return Refusal("missing-key", "required, but missing", f"write {_example(path)}", path)
    if kind == "value_error" and isinstance(context["error"], Refused):
        # A mapping's own validator speaks of it whole; all of it in the message would say nothing.
        return context["error"].at(path, MISSING if isinstance(value, Mapping) else value)
    if kind in ("literal_error", "union_tag_invalid"):
        return not_one_of(path, value, _choices(model, path))
    if kind in _MAPPINGS:
        keys = ", ".join(valid_keys(model, path))
        remedy = f"write its keys under it: {keys}" if keys else "write KEY: VALUE under it"
        return Refusal("not-a-mapping", "a mapping of keys is expected here", remedy, path, value)
    if value is None and kind in _KINDS:
        return Refusal("no-value", "the value is missing", "write one, or remove the line", path, value)
    if kind in _KINDS:
        code, limit, remedy = _KINDS[kind]
        return Refusal(code, limit, remedy, path, value)
    said = str(context.get("error") or item["msg"])
    return Refusal("not-valid", said[:1].lower() + said[1:], "write a value that meets it", path, value)


def unknown_key(path: tuple[str | int, ...], value: Any, valid: Iterable[str]) -> Refusal:
    """The refusal of a key that nothing reads, with what may stand there."""
    valid = list(valid)
    close = nearest(str(path[-1]).rpartition(":")[2], valid)
    if isinstance(value, (Mapping, list, tuple)) and masked(path, value) != HIDDEN:
        # The key alone is wrong, and what stands below it is long.
        value = MISSING
    if close:
        return Refusal("unknown-key", "unknown key", f"did you mean {close[0]}?", path, value)
    limit = f"unknown key, valid here: {', '.join(valid)}" if valid else "unknown key"
    return Refusal("unknown-key", limit, "remove it", path, value)


def not_one_of(path: tuple[str | int, ...], value: Any, choices: Iterable[str]) -> Refusal:
    """The refusal of a value that is not one of a few words."""
    choices = list(choices)
    close = nearest(value, choices, alike=0.6) if isinstance(value, str) else []
    remedy = f"did you mean {close[0]}?" if close else "write one of these"
    return Refusal("not-one-of", f"one of {', '.join(choices)}", remedy, path, value)


def valid_keys(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The keys that a mapping takes, by its place in the settings; none where any key may stand."""
    annotation = _annotation(model, path)
    return [
        field.alias or name for one in dict.fromkeys(_models_in(annotation)) for name, field in one.model_fields.items()
    ]


def _choices(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    return [str(choice) for choice in _literals_in(_annotation(model, path))]


def _annotation(model: type[BaseModel], path: Iterable[str | int]) -> Any:
    """What stands at a place in the settings: a field's annotation, or that of a mapping's or list's entries."""
    annotation: Any = model
    for part in path:
        if isinstance(part, str):
            fields = [field for one in _models_in(annotation) if (field := _field(one, part)) is not None]
            if fields:
                annotation = fields[0].annotation
                continue
        # An entry by name or number is what the mapping or list is made of.
        inner = [one for one in typing.get_args(annotation) if one is not Ellipsis]
        annotation = inner[-1] if inner else None
    return annotation


def _field(model: type[BaseModel], key: str) -> Any:
    return next((field for name, field in model.model_fields.items() if key in (name, field.alias)), None)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) not in (dict, list, tuple):
        for argument in typing.get_args(annotation):
            yield from _models_in(argument)


def _literals_in(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is typing.Literal:
        yield from typing.get_args(annotation)
    else:
        for argument in typing.get_args(annotation):
            yield from _literals_in(argument)


def _example(path: tuple[str | int, ...]) -> str:
    texts = tuple(str(part) for part in path)
    return next(
        (_EXAMPLES[texts[start:]] for start in range(len(texts)) if texts[start:] in _EXAMPLES),
        f"{texts[-1]} there, as docs/reference/settings.md has it",
    )
