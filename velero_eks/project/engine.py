"""What the Pulumi CLI knows: a stack's outputs, its state, and its secrets. Only secrets are written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velero_eks import contact
from velero_eks.errors import BadTarget, OperationError
from velero_eks.project.backend import backend_url
from velero_eks.terminal import words

PROGRAM = "pulumi"
LOCAL_SECONDS = 120.0
"""The limit for a CLI whose backend is a folder; any other backend has to answer as a first contact does."""

# Since this release an import is followed by the update that the program asks for, in one `up`.
IMPORTS_AND_UPDATES = (3, 174, 0)
# The engine's own words, and the service's. A bucket or a program can be 'not found' too, and says nothing of a stack.
_NO_STACK = ("no stack named", "no current stack", "not found: stack")


class NoEngine(OperationError):
    """There is no Pulumi CLI on PATH."""


@dataclass(frozen=True)
class StackState:
    """What a stack's state holds, without its secrets: each resource's type and logical name, with its id."""

    resources: dict[tuple[str, str], str]

    def has(self, type_: str, name: str) -> bool:
        """Whether a resource of this type and logical name is there."""
        return (type_, name) in self.resources


def version(folder: Path) -> tuple[int, int, int]:
    """The CLI's version. Raises `NoEngine`."""
    text = _run(folder, "version").strip().removeprefix("v").split("-")[0].split("+")[0]
    parts = [int(part) if part.isdigit() else 0 for part in text.split(".")[:3]]
    major, minor, patch = (*parts, 0, 0, 0)[:3]
    return major, minor, patch


def outputs(stack: str, folder: Path) -> dict[str, Any]:
    """A stack's outputs, secrets masked. `stack` may be another project's, as ORG/PROJECT/STACK."""
    return _document(_run(folder, "stack", "output", "--json", "--stack", stack), f"the outputs of stack {stack}")


def state(stack: str, folder: Path) -> StackState | None:
    """A stack's state, None where there is no such stack yet. Raises `OperationError`, `NoEngine`."""
    try:
        text = _run(folder, "stack", "export", "--stack", stack)
    except BadTarget:
        return None
    deployment = _document(text, f"the state of stack {stack}").get("deployment") or {}
    found: dict[tuple[str, str], str] = {}
    for resource in deployment.get("resources") or []:
        # What a replacement has left to delete is no longer the stack's.
        if not resource.get("delete"):
            found[str(resource["type"]), str(resource["urn"]).rpartition("::")[2]] = str(resource.get("id", ""))
    return StackState(found)


def secret(stack: str, key: str, folder: Path) -> str:
    """A value of a stack's file, decrypted. Raises `OperationError` where the CLI cannot."""
    return _run(folder, "config", "get", key, "--stack", stack).rstrip("\n")


def set_secret(stack: str, key: str, value: str, folder: Path) -> None:
    """Encrypt a value into the stack's file. It goes over standard input, where no list of processes shows it."""
    _run(folder, "config", "set", "--secret", key, "--stack", stack, given=value)


def _run(folder: Path, *arguments: str, given: str | None = None) -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise NoEngine("the Pulumi CLI is not on PATH; see https://www.pulumi.com/docs/install/")
    shown = f"'pulumi {' '.join(arguments)}'"
    backend = backend_url(folder / "Pulumi.yaml", os.environ) or ""
    seconds = LOCAL_SECONDS if backend.startswith("file:") else contact.limit()
    of = f" of {contact.without_password(backend)}" if backend else ""
    try:
        with contact.Wait(f"{shown}{of}"):
            ran = subprocess.run(
                [program, *arguments, "--non-interactive", "--color=never"],
                cwd=folder,
                env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
                input=given if given is not None else "",
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise OperationError(
            f"{shown} did not end within {words.duration(seconds)}. Usually the backend{of} does not answer."
            " See which one it is: pulumi whoami --verbose",
            code="backend-silent",
        ) from None
    except OSError as error:
        raise NoEngine(f"{program} cannot be started: {error.strerror}") from None
    if ran.returncode != 0:
        said = " ".join(line.removeprefix("error: ") for line in ran.stderr.splitlines() if line.strip())
        kind = BadTarget if any(words in said.lower() for words in _NO_STACK) else OperationError
        raise kind(f"{shown} failed: {said or f'exit code {ran.returncode}'}")
    return ran.stdout


def _document(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise OperationError(f"the Pulumi CLI printed no JSON for {what}; is it older than this project's SDK?")
    return found
