"""Reading a stack's configuration, from its file or from the engine: the only reader there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from velero_on_eks.settings.invalid import unknown_key
from velero_on_eks.settings.late import SecretText
from velero_on_eks.settings.refusals import HIDDEN, InvalidSettings, Refusal, StackFileError
from velero_on_eks.settings.settings import Settings, sections
from velero_on_eks.settings.yaml_file import Lines, parse, plain, read_text

PROJECT = "velero-eks"
STACKS_FOLDER = "stacks"
_SCALARS = ("environment", "repositoryPassword")
# The engine's own switches may stand in a stack file; they configure no resource of this program.
_ENGINE_NAMESPACE = "pulumi"

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class StackFile:
    """A stack file that was read and found valid: its stack's name, its path, the raw `config` and the settings."""

    stack: str
    path: Path
    config: dict[str, Any]
    settings: Settings


def stack_path(root: Path, stack: str) -> Path:
    """Where the file of `stack` stands under the project's root."""
    return root / STACKS_FOLDER / f"Pulumi.{stack}.yaml"


def load_stack_file(path: Path, *, foreign: bool = False) -> StackFile:
    """Read and check one stack file. Raises `StackFileError` with everything wrong, each with its line.

    `foreign` is a project of another name, whose program may have keys of its own beside the settings.
    """
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    shown = shown_path(path)
    root = parse(read_text(path, shown), shown)
    config, refused = plain(root, shown) if root is not None else (None, [])
    body = config.get("config") if isinstance(config, dict) else None
    if not isinstance(body, dict):
        limit = "a stack file needs a mapping 'config'"
        remedy = "write 'config:' and the keys under it"
        if root is None:
            remedy = "this one is empty: fill it with velero-eks init, or delete it"
        missing = Refusal("no-config", limit, remedy, ("config",), file=shown)
        raise StackFileError(refused or [missing])
    settings, invalid = _settings(body, shown, Lines(root), foreign=foreign)
    # What YAML readers disagree on is told of as such alone, and not again by what one of them makes of it.
    told = {refusal.path for refusal in refused}
    refused += [refusal for refusal in invalid if refusal.path not in told]
    if refused or settings is None:
        raise StackFileError(sorted(refused, key=lambda refusal: refusal.line or 0))
    return StackFile(stack, path, body, settings)


def load_from_pulumi() -> Settings:
    """The settings of the stack that the engine is running. A bad file ends the program with its problems alone."""
    import pulumi
    from pulumi.runtime import get_config, get_config_env, get_config_secret_keys_env, is_config_secret

    stack = pulumi.get_stack()
    shown = f"{STACKS_FOLDER}/Pulumi.{stack}.yaml"
    # What the engine hands over to a process can be listed; of a program inside another (the Automation API) every key
    # that is known can be asked for.
    given = dict(get_config_env())
    for key in ("aws:region", *(f"{PROJECT}:{name}" for name in sections())):
        value = get_config(key)
        if value is not None:
            given[key] = value
    secret = {*get_config_secret_keys_env(), *(key for key in given if is_config_secret(key))}
    body = {key: _decoded(key, value, secret) for key, value in given.items()}
    foreign = pulumi.get_project() != PROJECT
    hidden = {key: _decrypted(key, body[key], Path(shown)) for key in secret if key in body}
    settings, refused = _settings(body, shown, Lines.of_file(Path(shown)), foreign=foreign, decrypted=hidden)
    if refused or settings is None:
        error = StackFileError(refused)
        raise pulumi.RunError(str(error)) from error
    return settings


def _decoded(key: str, value: Any, secret: set[str]) -> Any:
    """A value as the file has it: the engine hands over structured ones as JSON text."""
    namespace, _, name = key.partition(":")
    if namespace == PROJECT and name == "repositoryPassword":
        return _Decrypted(value) if key in secret else value
    if namespace != PROJECT or name in _SCALARS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


class _Decrypted(str):
    """A secret that the engine decrypted, or the place of one that only it can."""


def _encrypted(value: Any, path: Place = ()) -> Iterator[Place]:
    """Where something is encrypted, as a stack file has it."""
    if _is_encrypted(value):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _encrypted(item, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _encrypted(item, (*path, number))


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _decrypted(key: str, value: Any, path: Path) -> list[Place]:
    """Where the value of a key is secret. The engine says of a whole key that it is, and its file says where.

    Where the file does not say it (the value came from elsewhere), every text is one that may be one there.
    """
    namespace, _, section = key.partition(":")
    if namespace != PROJECT or section in _SCALARS:
        return [()]
    if list(_encrypted(value)):
        # A plan is made without the engine, and nothing was decrypted.
        return []
    try:
        root = parse(read_text(path, str(path)), str(path))
        file = plain(root, str(path))[0] if root is not None else {}
    except StackFileError:
        file = {}
    config = file.get("config") if isinstance(file, dict) else None
    places = list(_encrypted(config.get(key))) if isinstance(config, dict) else []
    return places or [place for place in _texts(value) if _may_be_secret((section, *place))] or [()]


def _texts(value: Any, path: Place = ()) -> Iterator[Place]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, key))


def _may_be_secret(path: Place) -> bool:
    """Whether a setting can be a secret. Any other setting is public once deployed, and the plan depends on it."""
    return (path[0] == "tags" and len(path) == 2) or (path[:2] == ("release", "helmValuesOverrides") and len(path) > 2)


def _settings(
    config: dict[str, Any],
    shown: str,
    lines: Lines,
    *,
    foreign: bool,
    decrypted: dict[str, list[Place]] | None = None,
) -> tuple[Settings | None, list[Refusal]]:
    """`decrypted` has by key where the engine decrypted a secret; without it nothing was."""
    mapping: dict[str, Any] = {}
    unknown: list[Refusal] = []
    refused: list[Refusal] = []
    for key, value in config.items():
        namespace, _, name = str(key).partition(":")
        if namespace == _ENGINE_NAMESPACE:
            continue
        field = "region" if key == "aws:region" else name if namespace == PROJECT and name in sections() else None
        if field == "repositoryPassword":
            mapping[field] = value
        elif field is not None:
            places = [*_encrypted(value), *(decrypted or {}).get(str(key), ())]
            refused += [_no_secret((field, *place)) for place in places if not _may_be_secret((field, *place))]
            for place in places:
                value = _with_secret(value, place, field, place)
            mapping[field] = value
        elif namespace == PROJECT or not foreign:
            secret = _is_encrypted(value) or key in (decrypted or {})
            unknown.append(_unknown(str(key), namespace, name, HIDDEN if secret else value))
    refused += _password(mapping, decrypted is not None)
    settings = None
    try:
        settings = Settings.from_mapping(mapping)
    except InvalidSettings as error:
        # Nothing else is reported of a secret where none is allowed.
        refused += [one for one in error.refusals if not any(one.path[: len(no.path)] == no.path for no in refused)]
    found = [*unknown, *(replace(refusal, path=_in_file(refusal.path)) for refusal in refused)]
    return settings, [_placed(refusal, shown, lines) for refusal in found]


_OF_SHAPE = frozenset({"not-a-list", "not-a-mapping"})


def _placed(refusal: Refusal, shown: str, lines: Lines) -> Refusal:
    """A refusal with its file and line, and what may have happened to the value where it is not as it looks."""
    swallowed = lines.swallowed(refusal.path)
    remedy = refusal.remedy
    if swallowed:
        # That is the mistake, and what the refusal says to do about the value comes after it, if at all.
        remedy = f"{swallowed}; {remedy}" if remedy and refusal.code not in _OF_SHAPE else swallowed
    return replace(refusal, file=shown, line=lines.of(refusal.path), remedy=remedy)


def _with_secret(value: Any, place: Place, field: str, whole: Place) -> Any:
    """A copy of a section's value with a stand-in for the secret at a place."""
    if not place:
        text = None if _is_encrypted(value) or value is None else str(value)
        return SecretText(".".join(map(str, (field, *whole))), text)
    first, rest = place[0], place[1:]
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        return [_with_secret(item, rest, field, whole) if at == first else item for at, item in enumerate(value)]
    if isinstance(value, dict) and first in value:
        return {**value, first: _with_secret(value[first], rest, field, whole)}
    return value


def _no_secret(path: Place) -> Refusal:
    where = f"{PROJECT}:{'.'.join(map(str, path))}" if path[0] != "region" else "aws:region"
    return Refusal(
        "secret-not-here",
        "this value is public once it is deployed, and a plan needs it",
        f"write it unencrypted: pulumi config set --path '{where}' VALUE; only repositoryPassword, tag values and"
        " values in release.helmValuesOverrides may be secrets",
        path,
        HIDDEN,
    )


def _in_file(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    if path[:1] == ("region",):
        return ("aws:region", *path[1:])
    return (f"{PROJECT}:{path[0]}", *path[1:]) if path else path


def _password(mapping: dict[str, Any], of_engine: bool) -> list[Refusal]:
    """Replace an encrypted password offline by a stand-in of the right kind; refuse one in plain text."""
    value = mapping.get("repositoryPassword")
    if value is None:
        return []
    if _is_encrypted(value) and not of_engine:
        mapping["repositoryPassword"] = "encrypted-until-the-engine-decrypts-it"
        return []
    if isinstance(value, _Decrypted):
        mapping["repositoryPassword"] = str(value)
        return []
    del mapping["repositoryPassword"]
    return [
        Refusal(
            "password-in-plain-text",
            "anyone who reads the file can read a plain text password",
            "remove it and run 'pulumi config set --secret repositoryPassword'",
            ("repositoryPassword",),
            value,
        )
    ]


def _unknown(key: str, namespace: str, name: str, value: Any) -> Refusal:
    if namespace == PROJECT:
        return unknown_key((key,), value, sections())
    if namespace == "aws":
        limit = "the aws provider is created from aws:region and cluster.account, with the environment's credentials"
        remedy = "remove it"
    elif namespace == "kubernetes":
        limit = "the kubernetes provider is created from cluster"
        remedy = "remove it, and set cluster.context to a kubeconfig context"
    else:
        limit = f"nothing reads this: keys here begin with {PROJECT}:, besides aws:region"
        remedy = f"remove it, or put {PROJECT}: in front"
    return Refusal("unknown-key", limit, remedy, (key,), value)


def shown_path(path: Path) -> str:
    """A path as the person at the terminal writes it: from the current folder, where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
