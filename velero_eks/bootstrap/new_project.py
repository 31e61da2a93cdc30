"""The files of a Pulumi project for Velero: what `init` writes where there is none. Nothing that exists is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from velero_eks.errors import BadTarget, OperationError

VERSION = version("velero-on-eks")
# Both are the files of this repository, and a test holds them together.
_PULUMI = """\
name: velero-eks
description: Backups of an EKS cluster's objects and volumes with Velero, and what they need on AWS
runtime:
  name: python
  options:
    toolchain: uv
stackConfigDir: stacks
"""
_PROGRAM = '''\
"""Velero on EKS for one stack: load its settings, make it, export what others need."""

import pulumi
from velero_on_eks import VeleroOnEks
from velero_on_eks.providers import aws_provider, kubernetes_provider
from velero_on_eks.settings import load_from_pulumi

settings = load_from_pulumi()
aws = aws_provider(settings)
kubernetes = kubernetes_provider(settings, aws=aws)
velero = VeleroOnEks("velero", settings, pulumi.ResourceOptions(providers=[aws, kubernetes]))
for name, value in velero.exports().items():
    pulumi.export(name, value)
'''
# Its name is not the tool's: uv takes no project that depends on itself.
_PYTHON = f"""\
[project]
name = "backups"
version = "0"
description = "Velero on EKS, one stack for each cluster"
requires-python = ">=3.11"
# What is deployed, at one version for everyone. The tool below is of the same release.
dependencies = ["velero-on-eks=={VERSION}"]

[dependency-groups]
dev = ["velero-eks=={VERSION}"]

[tool.uv]
package = false
"""
_IGNORED = """\
.venv/
__pycache__/
"""


@dataclass(frozen=True)
class NewFile:
    """A file of the project: its name, its text, and what it is in a few words."""

    name: str
    text: str
    what: str


FILES = (
    NewFile("Pulumi.yaml", _PULUMI, "the Pulumi project"),
    NewFile("__main__.py", _PROGRAM, "its program: reads the stack's file and makes Velero of it"),
    NewFile("pyproject.toml", _PYTHON, "its Python packages, which 'uv' and 'pulumi up' install"),
    NewFile(".gitignore", _IGNORED, "what Git leaves alone"),
)
ADDED_BY_HAND = {
    "pyproject.toml": f"uv add velero-on-eks=={VERSION} && uv add --dev velero-eks=={VERSION}",
    ".gitignore": "printf '.venv/\\n__pycache__/\\n' >> .gitignore",
}
"""The commands that add to a file of someone's own what the project needs of it, by the file's name."""


@dataclass(frozen=True)
class NewProject:
    """What would be written into a folder, and what stays there as it is."""

    folder: Path
    files: tuple[NewFile, ...]
    kept: tuple[str, ...]

    def write(self) -> None:
        """Write the files. Raises `OperationError` where one cannot be written; none is ever overwritten."""
        for file in self.files:
            path = self.folder / file.name
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8") as sink:
                    sink.write(file.text)
            except OSError as error:
                raise OperationError(f"{path} cannot be written: {error.strerror}") from None


def new_project(folder: Path, files: Sequence[NewFile] = FILES) -> NewProject:
    """The project that is missing in a folder. An existing file with the same text is not written again.

    Raises `BadTarget` where the folder has a program of its own: this project would run it.
    """
    missing, kept = [], []
    for file in files:
        path = folder / file.name
        if not path.exists():
            missing.append(file)
        elif _text(path) != file.text:
            if file.name not in ADDED_BY_HAND:
                raise BadTarget(
                    f"{path} exists and is another program. Start in an empty folder: mkdir backups && cd backups"
                )
            kept.append(file.name)
    return NewProject(folder, tuple(missing), tuple(kept))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
