"""A bare machine: an empty home, the basic programs and a Python with pip on PATH, nothing of this project or of uv."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.limits import HANG

# How this machine reaches its package registries, which is no part of what is tried.
_REGISTRIES = (
    "PIP_",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_NATIVE_TLS",
    "SSL_",
    "http_proxy",
    "https_proxy",
    "HTTP",
    "NO_",
)


@dataclass(frozen=True)
class Ran:
    """A command that was typed: its exit code, what it printed, and the seconds it took."""

    command: str
    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True)
class Machine:
    """A home and a PATH. `cache` is uv's; one that other machines share saves the downloads."""

    home: Path
    cache: Path | None = None

    @classmethod
    def make(cls, folder: Path, *, cache: Path | None = None) -> Machine:
        """A new machine below `folder`."""
        machine = cls(folder / "home", cache)
        programs = machine.home / "programs"
        programs.mkdir(parents=True)
        (programs / "python3").symlink_to(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
        return machine

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of a new shell."""
        kept = {key: value for key, value in os.environ.items() if key.startswith(_REGISTRIES)}
        return {
            **kept,
            "HOME": str(self.home),
            # Where uv puts the tools that it installs, then what every system has.
            "PATH": os.pathsep.join([str(self.home / ".local/bin"), str(self.home / "programs"), "/usr/bin", "/bin"]),
            "LANG": "C.UTF-8",
            "COLUMNS": "120",
            **({"UV_CACHE_DIR": str(self.cache)} if self.cache else {}),
            **more,
        }

    def type(self, command: str, *, cwd: Path, seconds: float = 3 * HANG, **variables: str) -> Ran:
        """Type one command line in a new shell, with nobody at the keyboard."""
        started = time.monotonic()
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", command], cwd=cwd, env=self.environment(**variables),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        return Ran(command, done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def cache() -> Path | None:
    """uv's cache on this machine, where it has one."""
    named = os.environ.get("UV_CACHE_DIR")
    found = Path(named) if named else Path.home() / ".cache/uv"
    return found if found.is_dir() else None


def clone(folder: Path) -> Path:
    """The files of this repository that git knows or would take, with the tests' stacks in place of somebody's own."""
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"), cwd=ROOT, check=True,
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file() and not name.startswith("stacks/"):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (folder / "stacks").mkdir()
    for file in (ROOT / "tests/stacks").glob("Pulumi.*.yaml"):
        (folder / "stacks" / file.name).write_bytes(file.read_bytes())
    return folder
