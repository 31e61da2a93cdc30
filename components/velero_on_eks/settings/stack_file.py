"""Reading a stack's configuration, from its file or from the engine: the only reader there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from velero_on_eks.settings.problems import MISSING, Problem, StackFileError
from velero_on_eks.settings.settings import InvalidSettings, Settings, unknown_key, valid_keys

PROJECT = "velero-eks"
STACKS_FOLDER = "stacks"
_SCALARS = ("environment", "repositoryPassword")
# The engine's own switches may stand in a stack file; they configure no resource of this program.
_ENGINE_NAMESPACE = "pulumi"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LOST_ZERO = re.compile(r"^0[0-9]+$")


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


def load_stack_file(path: Path) -> StackFile:
    """Read and check one stack file. Raises `StackFileError` with every problem, each with its line."""
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    shown = shown_path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StackFileError(
            [Problem(shown, "file", MISSING, f"cannot be read: {error}; check its path and encoding")]
        ) from None
    root, faults = _parse(text, shown)
    lines = _Lines(root)
    config = root and _mapping(root)
    body = config.get("config") if isinstance(config, dict) else None
    if not isinstance(body, dict):
        message = "a stack file has a mapping called config; write 'config:' and the keys under it"
        raise StackFileError(faults or [Problem(shown, "config", MISSING, message)])
    settings, problems = _settings(body, shown, lines, encrypted_readable=False)
    problems = sorted(faults + problems, key=lambda problem: problem.line or 0)
    if problems or settings is None:
        raise StackFileError(problems)
    return StackFile(stack, path, body, settings)


def load_from_pulumi() -> Settings:
    """The settings of the stack that the engine is running. A bad file ends the program with its problems alone."""
    import pulumi
    from pulumi.runtime import config as engine

    stack = pulumi.get_stack()
    shown = f"{STACKS_FOLDER}/Pulumi.{stack}.yaml"
    given = {**engine.get_config_env(), **engine.CONFIG.get()}
    secret = set(engine.get_config_secret_keys_env()) | engine._SECRET_KEYS.get()
    body = {key: _decoded(key, value, secret) for key, value in given.items()}
    settings, problems = _settings(body, shown, _Lines.of_file(Path(shown)), encrypted_readable=True)
    if problems or settings is None:
        raise pulumi.RunError(str(StackFileError(problems)))
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
    config: dict[str, Any], shown: str, lines: _Lines, *, encrypted_readable: bool
) -> tuple[Settings | None, list[Problem]]:
    mapping: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in config.items():
        namespace, _, name = str(key).partition(":")
        if namespace == _ENGINE_NAMESPACE:
            continue
        if key == "aws:region":
            mapping["region"] = value
        elif namespace == PROJECT and name in valid_keys(()):
            mapping[name] = value
        else:
            problems.append(Problem(shown, str(key), value, _unknown(namespace, name), lines.of((str(key),))))
    problems += _password(mapping, shown, lines, encrypted_readable)
    try:
        settings = Settings.from_mapping(mapping)
        return settings, problems + _issuer(settings, shown, lines)
    except InvalidSettings as error:
        for field, value, message in error.faults:
            written = "aws:region" if field == "region" else f"{PROJECT}:{field}"
            head, *rest = field.split(".")
            place = ("aws:region",) if field == "region" else (f"{PROJECT}:{head}", *rest)
            problems.append(Problem(shown, written, value, message, lines.of(place)))
        return None, problems


def _issuer(settings: Settings, shown: str, lines: _Lines) -> list[Problem]:
    """A stack file's cluster exists, so its issuer is known; a program that makes the cluster gives it as an input."""
    if settings.identity.mode != "irsa" or settings.cluster.oidc_issuer:
        return []
    message = (
        "required by identity.mode irsa; copy it from 'aws eks describe-cluster --query cluster.identity.oidc.issuer',"
        " or use identity.mode pod-identity"
    )
    field = f"{PROJECT}:cluster"
    return [Problem(shown, f"{field}.oidcIssuer", MISSING, message, lines.of((field,)))]


def _password(mapping: dict[str, Any], shown: str, lines: _Lines, encrypted_readable: bool) -> list[Problem]:
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
    field = f"{PROJECT}:repositoryPassword"
    message = "a password in plain text; take it out and run 'pulumi config set --secret repositoryPassword'"
    return [Problem(shown, field, MISSING, message, lines.of((field,)))]


def _unknown(namespace: str, name: str) -> str:
    if namespace == PROJECT:
        return unknown_key(name, valid_keys(()))
    if namespace == "aws":
        return (
            "the aws provider is made from aws:region and cluster.account; take it away, credentials come from the"
            " environment"
        )
    if namespace == "kubernetes":
        return "the kubernetes provider is made from cluster; name a kubeconfig context with cluster.context"
    return f"nothing reads this; keys here begin with {PROJECT}:, besides aws:region"


def shown_path(path: Path) -> str:
    """A path as the person at the terminal writes it: from the current folder, where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _mapping(node: yaml.Node) -> Any:
    return _Loader("").construct_document(node)  # type: ignore[no-untyped-call]


def _parse(text: str, shown: str) -> tuple[yaml.Node | None, list[Problem]]:
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise StackFileError(
            [Problem(shown, "file", MISSING, f"is not YAML: {error.problem}; mend it there", line)]
        ) from None
    return root, [Problem(shown, ".".join(path), MISSING, message, line) for path, message, line in _doubtful(root, ())]


def _doubtful(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """What YAML readers disagree on: the engine's and Python's would see two different files."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = str(key.value)
            if name.casefold() in seen:
                yield (
                    (*path, name),
                    f"the same key as on line {seen[name.casefold()]}; keep one of them",
                    line,
                )
            seen[name.casefold()] = line
            yield from _doubtful(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _doubtful(value, (*path, str(index)))
    elif isinstance(node, yaml.ScalarNode) and not node.style and _LOST_ZERO.match(node.value):
        yield (
            path,
            f'YAML readers take {node.value} for a number and lose its zero; quote it: "{node.value}"',
            (node.start_mark.line + 1),
        )


class _Lines:
    """Finds the line of a field: the deepest part of its path that the file has."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._root = _child(root, "config") if root is not None else None

    @classmethod
    def of_file(cls, path: Path) -> _Lines:
        """The lines of a file, or of none where it is not there (`pulumi --config-file` can name another)."""
        try:
            return cls(yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            return cls(None)

    def of(self, path: tuple[str, ...]) -> int | None:
        node, line = self._root, None
        for part in path:
            found = _child_with_line(node, part)
            if found is None:
                return line
            node, line = found
        return line


def _child(node: yaml.Node, name: str) -> yaml.Node | None:
    found = _child_with_line(node, name)
    return found[0] if found else None


def _child_with_line(node: yaml.Node | None, name: str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        value = node.value[int(name)]
        return value, value.start_mark.line + 1
    return None
