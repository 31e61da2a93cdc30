"""A program in Pulumi YAML, deployed by the real engine with the component package as a provider of its own.

The engine finds the package by the program's path to it, so that the workspace has the repository's form:
`examples/<name>/Pulumi.yaml` beside `components/`. What lies there is what a user has, but for one file: the only
language host that can be built here (`lab.programs.catalogue`) starts a package in the wrong folder, and the engine
prefers an executable of the package's name where there is one.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from lab.deployment import PROJECT, Deployment
from lab.environment import LabEnvironment

PACKAGE = "velero-eks"
COMPONENTS = PROJECT / "components"


class YamlProgram(Deployment):
    """The program of `example`, a folder with a `Pulumi.yaml` that says everything.

    `language_host` is the folder of `pulumi-language-yaml`. `configure` changes the program itself before it is
    written.
    """

    def __init__(
        self, lab: LabEnvironment, *, example: Path, language_host: Path, chart: Path | None, stack: str = "existing"
    ) -> None:
        root = lab.directory / "yaml"
        super().__init__(lab, stack=stack, workspace=root / "examples" / example.name, chart=chart)
        self._example = example
        self._language_host = language_host
        self._components = root / "components"

    @property
    def stack_file(self) -> Path:
        """The stack's file, which the engine writes."""
        return self.workspace / f"Pulumi.{self.stack}.yaml"

    @property
    def plugin(self) -> Path:
        """The executable that is the component package to the engine."""
        return self._components / f"pulumi-resource-{PACKAGE}"

    @property
    def variables(self) -> dict[str, str]:
        """Those of every deployment, with the way to the language host."""
        variables = super().variables
        return {**variables, "PATH": os.pathsep.join([str(self._language_host), variables["PATH"]])}

    def configure(self, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Write the program again from its source, with `change`."""
        document = yaml.safe_load((self._example / "Pulumi.yaml").read_text())
        if change is not None:
            change(document)
        (self.workspace / "Pulumi.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def _make_workspace(self) -> None:
        for folder in (self.workspace, self._components):
            folder.mkdir(parents=True)
        (self._components / "PulumiPlugin.yaml").write_text((COMPONENTS / "PulumiPlugin.yaml").read_text())
        self.plugin.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(COMPONENTS)])} "$@"\n')
        self.plugin.chmod(0o755)
