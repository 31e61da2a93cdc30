"""A bare machine: an empty home, the basic programs and a Python with pip on PATH, nothing of this project or of uv."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.limits import HANG

# How this machine reaches its package registries, which is not a part of what is tried.
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


UV = shutil.which("uv") or os.environ.get("UV") or str(ROOT / ".tools/uv/bin/uv")


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
    """A home and a PATH. `cache` is uv's, with pip's beside it; one that other machines share saves the downloads."""

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

    def install_uv(self) -> None:
        """Put uv where its installer puts it."""
        folder = self.home / ".local/bin"
        folder.mkdir(parents=True)
        for name in ("uv", "uvx"):
            (folder / name).symlink_to(Path(UV).resolve().with_name(name))

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables of a new shell."""
        kept = {key: value for key, value in os.environ.items() if key.startswith(_REGISTRIES)}
        return {
            **kept,
            "HOME": str(self.home),
            # Where uv puts the tools that it installs, then what every system has.
            "PATH": os.pathsep.join([str(self.home / ".local/bin"), str(self.home / "programs"), "/usr/bin", "/bin"]),
            "LANG": "C.UTF-8",
            "COLUMNS": "120",
            **(
                {"UV_CACHE_DIR": str(self.cache), "PIP_CACHE_DIR": str(self.cache.parent / "pip")} if self.cache else {}
            ),
            **(more or {}),
        }

    def type(
        self,
        command: str,
        *,
        cwd: Path,
        seconds: float = 3 * HANG,
        answers: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Ran:
        """Type one command line in a new shell: with no one at the keyboard, or at a terminal with these answers."""
        started = time.monotonic()
        typed = command
        if answers is not None:
            typed = (
                f"printf {shlex.quote(answers)} | script --quiet --return --command {shlex.quote(command)} /dev/null"
            )
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", typed], cwd=cwd, env=self.environment(variables),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return Ran(command, done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def report(request: pytest.FixtureRequest, title: str, ran: Iterable[Ran]) -> None:
    """Print the seconds of each command among pytest's own lines, also where nothing failed."""
    captured: Any = request.config.pluginmanager.get_plugin("capturemanager")
    with captured.global_and_fixture_disabled():
        print(f"\n{title}:")
        for each in ran:
            print(f"  {each.seconds:6.1f} s  exit code {each.code:3}  {each.command}")


def cache() -> Path | None:
    """uv's cache on this machine, where it has one."""
    named = os.environ.get("UV_CACHE_DIR")
    found = Path(named) if named else Path.home() / ".cache/uv"
    return found if found.is_dir() else None


def build(folder: Path) -> Path:
    """The wheels and sdists of both distributions, built into a folder."""
    command = [UV, "build", "--all-packages", "--out-dir", str(folder), "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=HANG)
    return folder


def clone(folder: Path) -> Path:
    """The files of this repository that git knows or would take, with the tests' stacks in place of someone's own."""
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
