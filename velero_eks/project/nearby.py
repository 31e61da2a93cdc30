"""What someone probably meant: stack files that nothing reads because of their name or place, stacks by their
environment, and projects in the folders around."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from velero_on_eks.settings.stack_file import shown_path

from velero_eks.terminal import words

_STACK_FILE = re.compile(r"pulumi\.(.*)\.ya?ml", re.IGNORECASE)
_YAML = re.compile(r"(.+)\.ya?ml", re.IGNORECASE)
_ENVIRONMENT = re.compile(rb"""^\s+["']?velero-eks:environment["']?\s*:\s*["']?(\w+)""", re.MULTILINE)
# A project's folder has tens of entries; a home or /tmp may have any number.
_ENTRIES, _HEAD = 1000, 64 << 10
_NAMED = 3


@dataclass(frozen=True)
class Misnamed:
    """A file that was probably meant to be a stack's. `stack` is the stack; empty where the name has none."""

    path: Path
    stack: str
    mend: str

    def __str__(self) -> str:
        return f"{shown_path(self.path)} is not read: {self.mend}"


def misnamed(root: Path, folder: Path, read: Mapping[str, Path]) -> list[Misnamed]:
    """The files below a project's root that were probably meant to be stacks' and are not `read`, which are those in
    `folder`."""
    found = [_misnamed(path, read, folder != root) for path in _entries(folder) if path not in read.values()]
    if folder != root:
        found += [_misplaced(path, folder, read) for path in _entries(root)]
    return [each for each in found if each is not None]


def _misnamed(path: Path, read: Mapping[str, Path], stacks_alone: bool) -> Misnamed | None:
    matched = _STACK_FILE.fullmatch(path.name)
    if matched is None:
        # Beside the program there are YAML files of all kinds; a folder of stacks has nothing else.
        matched = _YAML.fullmatch(path.name) if stacks_alone else None
        if matched is None or matched[1].lower() == "pulumi" or not path.is_file():
            return None
    stack = matched[1]
    if not stack:
        return Misnamed(path, "", "its name has no stack; rename it to Pulumi.STACK.yaml, or delete it")
    if stack in read:
        return Misnamed(path, stack, f"{shown_path(read[stack])} is; delete one of the two")
    return Misnamed(path, stack, f"rename it to Pulumi.{stack}.yaml")


def _misplaced(path: Path, folder: Path, read: Mapping[str, Path]) -> Misnamed | None:
    matched = _STACK_FILE.fullmatch(path.name)
    if matched is None or not matched[1]:
        return None
    stack = matched[1]
    if stack in read:
        return Misnamed(path, stack, f"{shown_path(read[stack])} is; delete one of the two")
    return Misnamed(path, stack, f"move it to {shown_path(folder / f'Pulumi.{stack}.yaml')}")


def meant(stack: str, files: Mapping[str, Path]) -> str:
    """What to give in place of a stack that has no file, as `words.instead`; also by the stacks' environments."""
    near = words.nearest(stack, files)
    environments = {name: _environment(path) for name, path in files.items()}
    wanted = words.nearest(stack, sorted({each for each in environments.values() if each}))
    by_environment = [name for name, each in environments.items() if each in wanted and name not in near]
    said = [*near, *(f"{name} (its environment is {environments[name]})" for name in by_environment[:_NAMED])]
    return f"did you mean {' or '.join(said)}?" if said else words.instead(stack, files)


def _environment(path: Path) -> str:
    """What a stack's file says of its environment, however bad it is otherwise; empty where it says nothing."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            matched = _ENVIRONMENT.search(file.read(_HEAD))
    except OSError:
        return ""
    return matched[1].decode(errors="replace") if matched else ""


def elsewhere(here: Path, otherwise: str = "") -> str:
    """Where to go for a project from a folder that is in none: to the one below or beside it, where there is one.

    Ends with `otherwise`, which needs no project; by default with how to make one, where none is near.
    """
    if (odd := here / "Pulumi.yml").is_file():
        return f"rename {shown_path(odd)} to Pulumi.yaml{otherwise}"
    below = [each for each in _entries(here) if _is_project(each)]
    near = below or [each for each in _entries(here.parent) if each != here and _is_project(each)]
    if not near:
        return f"go to the project's folder{otherwise or ', or make a project here: velero-eks init STACK'}"
    named = [os.path.relpath(each, here) for each in near[:_NAMED]]
    one = named[0] if len(near) == 1 else "DIR"
    more = " or another" if len(near) > _NAMED else ""
    return f"go to {' or '.join(named)}{more} (velero-eks -C {one} COMMAND){otherwise}"


def _is_project(folder: Path) -> bool:
    try:
        return (folder / "Pulumi.yaml").is_file()
    except OSError:
        return False


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder by name, hidden entries left out; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(each.name for each in itertools.islice(entries, _ENTRIES))
    except OSError:
        return
    yield from (folder / name for name in names if not name.startswith("."))
