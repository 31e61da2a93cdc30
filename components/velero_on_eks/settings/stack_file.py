"""Reading a stack's configuration, from its file or from the engine: the only reader there is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from velero_on_eks.settings.invalid import unknown_key
from velero_on_eks.settings.refusals import InvalidSettings, Refusal, StackFileError
from velero_on_eks.settings.settings import Settings, sections
from velero_on_eks.settings.yaml_file import Lines, parse, plain, read_text

PROJECT = "velero-eks"
STACKS_FOLDER = "stacks"
_SCALARS = ("environment", "repositoryPassword")
# The engine's own switches may stand in a stack file; they configure no resource of this program.
_ENGINE_NAMESPACE = "pulumi"


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


def find_stack_files(root: Path) -> dict[str, Path]:
    """Every stack's name and file under the project's root, by name."""
    found = (root / STACKS_FOLDER).glob("Pulumi.*.yaml")
    return {path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path for path in sorted(found)}


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
        limit = "a stack file has a mapping called config"
        missing = Refusal("no-config", limit, "write 'config:' and the keys under it", ("config",), file=shown)
        raise StackFileError(refused or [missing])
    settings, invalid = _settings(body, shown, Lines(root), encrypted_readable=False, foreign=foreign)
    # What YAML readers disagree on is told of as such alone, and not once more by what one of them makes of it.
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
    settings, refused = _settings(body, shown, Lines.of_file(Path(shown)), encrypted_readable=True, foreign=foreign)
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


def _settings(
    config: dict[str, Any], shown: str, lines: Lines, *, encrypted_readable: bool, foreign: bool
) -> tuple[Settings | None, list[Refusal]]:
    mapping: dict[str, Any] = {}
    refused: list[Refusal] = []
    for key, value in config.items():
        namespace, _, name = str(key).partition(":")
        if namespace == _ENGINE_NAMESPACE:
            continue
        if key == "aws:region":
            mapping["region"] = value
        elif namespace == PROJECT and name in sections():
            mapping[name] = value
        elif namespace == PROJECT or not foreign:
            refused.append(_unknown(str(key), namespace, name, value))
    refused += _password(mapping, encrypted_readable)
    settings = None
    try:
        settings = Settings.from_mapping(mapping)
    except InvalidSettings as error:
        refused += [replace(refusal, path=_in_file(refusal.path)) for refusal in error.refusals]
    return settings, [replace(refusal, file=shown, line=lines.of(refusal.path)) for refusal in refused]


def _in_file(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    if path[:1] == ("region",):
        return ("aws:region", *path[1:])
    return (f"{PROJECT}:{path[0]}", *path[1:]) if path else path


def _password(mapping: dict[str, Any], encrypted_readable: bool) -> list[Refusal]:
    """Replace an encrypted password offline by a stand-in of the right kind; refuse one in plain text."""
    value = mapping.get("repositoryPassword")
    if value is None:
        return []
    if isinstance(value, dict) and set(value) == {"secure"} and not encrypted_readable:
        mapping["repositoryPassword"] = "encrypted-until-the-engine-decrypts-it"
        return []
    if isinstance(value, _Decrypted):
        mapping["repositoryPassword"] = str(value)
        return []
    del mapping["repositoryPassword"]
    return [
        Refusal(
            "password-in-plain-text",
            "a password in plain text is everybody's who reads the file",
            "take it out and run 'pulumi config set --secret repositoryPassword'",
            (f"{PROJECT}:repositoryPassword",),
            value,
        )
    ]


def _unknown(key: str, namespace: str, name: str, value: Any) -> Refusal:
    if namespace == PROJECT:
        return unknown_key((key,), value, sections())
    if namespace == "aws":
        limit = "the aws provider is made from aws:region and cluster.account, credentials are the environment's"
        remedy = "take it away"
    elif namespace == "kubernetes":
        limit = "the kubernetes provider is made from cluster"
        remedy = "take it away, and name a kubeconfig context with cluster.context"
    else:
        limit = f"nothing reads this: keys here begin with {PROJECT}:, besides aws:region"
        remedy = f"take it away, or put {PROJECT}: in front"
    return Refusal("unknown-key", limit, remedy, (key,), value)


def shown_path(path: Path) -> str:
    """A path as the person at the terminal writes it: from the current folder, where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
