"""The stack `local`, deployed by the real engine: its workspace, the stand-in providers, and the engine's commands.

The engine writes to a stack's files, so that it works on a workspace whose program is the project's own, by links, and
whose stack file is a copy of the lab's own, `lab/stacks/Pulumi.local.yaml`, with the ports of the day.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from velero_on_eks.settings.versions import PINNED_VELERO

from lab.environment import LabEnvironment
from lab.processes import LabError, Process, ProcessFailed, TimeLimit, free_port, wait_until

PROJECT = Path(__file__).resolve().parents[1]
STACK = "local"
STACK_FILE = Path(__file__).resolve().parent / "stacks" / f"Pulumi.{STACK}.yaml"
UP_SECONDS = 300.0
_PROVIDER_SECONDS = 60.0


class EngineFailed(LabError):
    """An engine command ended with an error; `output` is what it printed."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


@dataclass(frozen=True)
class Ran:
    """An engine command that ended well: what it printed and the seconds it took."""

    output: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """What a `--json` command printed; the engine may put warnings in front of it."""
        lines = self.output.splitlines(keepends=True)
        start = next((number for number, line in enumerate(lines) if line.startswith("{")), 0)
        return json.loads("".join(lines[start:]))


class Deployment:
    """A stack of the project in a workspace of its own, behind the real engine.

    `stack_file` is the file to start from; `configure` changes its `config` before it is written, which is how the
    lab puts its ports in and how a test tries another setting. `chart` is a chart's path, `install_manifest` what
    stands in for a chart that cannot be had. `program` is the project whose program is run.
    """

    def __init__(
        self,
        lab: LabEnvironment,
        *,
        stack: str = STACK,
        stack_file: Path | None = None,
        workspace: Path | None = None,
        chart: Path | None = None,
        install_manifest: Path | None = None,
        program: Path = PROJECT,
    ) -> None:
        self.lab = lab
        self.stack = stack
        self.workspace = workspace or lab.directory / "workspace"
        self._source = stack_file or STACK_FILE
        self._chart = chart
        self._install_manifest = install_manifest
        self._program = program
        self._providers: dict[str, int] = {}
        self._commands = 0

    @property
    def stack_file(self) -> Path:
        """The workspace's copy of the stack file."""
        return self.workspace / "stacks" / f"Pulumi.{self.stack}.yaml"

    @property
    def variables(self) -> dict[str, str]:
        """The lab's variables and those that attach the stand-in providers to the engine."""
        attached = ",".join(f"{name}:{port}" for name, port in self._providers.items())
        # The language host starts the first `python3` on PATH, and the program needs this environment's packages.
        folders = [sysconfig.get_path("scripts"), self.lab.variables["PATH"]]
        return {
            **self.lab.variables,
            "PATH": os.pathsep.join(folders),
            "PULUMI_DEBUG_PROVIDERS": attached,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def prepare(self, configure: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Make the workspace, start the providers that do not run yet, and make the stack."""
        self._make_workspace()
        self.configure(configure)
        self.start_providers()
        self.run("stack", "init", self.stack, "--secrets-provider=passphrase", seconds=60)

    def _make_workspace(self) -> None:
        self.stack_file.parent.mkdir(parents=True, exist_ok=True)
        self.run_program_of(self._program)

    def run_program_of(self, project: Path) -> None:
        """Run the program of that project from now on, with the same stack file and on the same state."""
        for name in ("__main__.py", "components"):
            link = self.workspace / name
            link.unlink(missing_ok=True)
            link.symlink_to(project / name)
        (self.workspace / "Pulumi.yaml").write_text((project / "Pulumi.yaml").read_text())

    def share_providers(self, other: Deployment) -> None:
        """Use the providers of another deployment in the same lab, which run already."""
        self._providers = other._providers

    def configure(self, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Write the stack file again from its source, with the lab's endpoint and then `change`; its salt is kept."""
        document = yaml.safe_load(self._source.read_text())
        config = document["config"]
        storage = config.setdefault("velero-eks:storage", {})
        storage["s3Url"], storage["s3ForcePathStyle"] = self.lab.cloud.endpoint, True
        if (tag := f"v{self.lab.programs.velero_version}") != PINNED_VELERO:
            config.setdefault("velero-eks:release", {}).setdefault("image", {}).setdefault("tag", tag)
        if change is not None:
            change(config)
        if self.stack_file.exists():
            salt = yaml.safe_load(self.stack_file.read_text()).get("encryptionsalt")
            if salt:
                document["encryptionsalt"] = salt
        self.stack_file.write_text(yaml.safe_dump(document, sort_keys=False))

    def up(self, *arguments: str, seconds: float = UP_SECONDS) -> Ran:
        """`pulumi up` without questions."""
        return self.run("up", "--yes", "--skip-preview", *arguments, seconds=seconds)

    def preview(self, *arguments: str) -> Ran:
        """`pulumi preview --json`."""
        return self.run("preview", "--json", *arguments)

    def refresh(self, *arguments: str) -> Ran:
        """`pulumi refresh`, for its preview alone."""
        return self.run("refresh", "--preview-only", *arguments)

    def destroy(self, *arguments: str) -> Ran:
        """`pulumi destroy` without questions."""
        return self.run("destroy", "--yes", "--skip-preview", *arguments)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secrets are masked."""
        return self.run("stack", "output", "--json", seconds=60).document

    def state(self) -> str:
        """The state as it lies on disk, text of the whole."""
        folder = Path(self.lab.variables["PULUMI_BACKEND_URL"].removeprefix("file://"))
        found = sorted((folder / ".pulumi" / "stacks").rglob(f"{self.stack}.json"))
        if len(found) != 1:
            raise LabError(f"{len(found)} state files of stack {self.stack} under {folder}; there is one")
        return found[0].read_text()

    def run(self, *arguments: str, seconds: float = UP_SECONDS) -> Ran:
        """Run an engine command to its end. Raises `EngineFailed` with its last lines, `TimeLimit` after `seconds`."""
        started = time.monotonic()
        process, log = self.start(*arguments)
        try:
            wait_until(lambda: not process.running, seconds=seconds, what=f"pulumi {arguments[0]} ended")
        except TimeLimit as limit:
            raise TimeLimit(f"{limit}{process.log_tail()}") from limit
        finally:
            self.lab.supervisor.end(process)
        output = log.read_text()
        if process.exit_code != 0:
            raise EngineFailed(f"pulumi {arguments[0]} ended with {process.outcome}.{process.log_tail(30)}", output)
        return Ran(output, time.monotonic() - started)

    def start(self, *arguments: str) -> tuple[Process, Path]:
        """Start an engine command and leave it running; its process, and the file it prints to."""
        self._commands += 1
        name = f"pulumi-{self._commands:02}-{arguments[0]}"
        command = [
            self.lab.programs.pulumi, *arguments, "--non-interactive", "--color=never", f"--cwd={self.workspace}",
        ]  # fmt: skip
        if arguments[0] not in ("package", "stack"):
            command.append(f"--stack={self.stack}")
        process = self.lab.supervisor.start(name, command, environment={**self.lab.environment, **self.variables})
        return process, process.log

    def start_providers(self) -> None:
        """Start those that do not run yet, for `variables` to lead an engine to them."""
        lab = self.lab
        state = lab.directory / "providers"
        state.mkdir(exist_ok=True)
        kubernetes = [f"--helm={lab.programs.helm}", f"--state={state / 'kubernetes.json'}"]
        if self._chart:
            kubernetes.append(f"--chart={self._chart}")
        if self._install_manifest:
            kubernetes.append(f"--velero-install-manifest={self._install_manifest}")
        wanted = {
            "aws": [f"--endpoint={lab.cloud.endpoint}", f"--state={lab.cloud.associations}"],
            "kubernetes": kubernetes,
            "random": [],
        }
        # The chart was chosen by whoever made this deployment; a provider left to itself would take the variable's.
        inherited = {key: value for key, value in lab.environment.items() if key != "VELERO_CHART"}
        running = {process.name for process in lab.supervisor.processes}
        for name, arguments in wanted.items():
            if f"provider-{name}" in running and name in self._providers:
                continue
            port = free_port()
            lab.supervisor.start(
                f"provider-{name}",
                [sys.executable, "-m", "lab.providers", name, f"--port={port}", *arguments],
                environment=inherited,
                directory=PROJECT,
                ready=lambda port=port: _listens(port),
                seconds=_PROVIDER_SECONDS,
            )
            self._providers[name] = port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


__all__ = ["Deployment", "EngineFailed", "ProcessFailed", "Ran"]
