"""The folder of the programs that were built: where it is, under which key each lies, and who may write to it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.programs.catalogue import MODULES, Build, Program
from lab.programs.versions import ProgramError, Version

LOCK_SECONDS = 60 * 60.0
"""How long to wait for another build: longer than any takes."""

_POLL_SECONDS = 0.2
_GO_VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")
_GO_DIRECTIVE = re.compile(r"^go (\d+(?:\.\d+)*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Go:
    """The Go toolchain of this machine."""

    path: Path
    version: str
    system: str
    processor: str

    def refusal(self, build: Build, modules: Path = MODULES) -> str | None:
        """Why this Go cannot build it: its module asks for a newer one. None: it can."""
        needed = _GO_DIRECTIVE.search((modules / build.folder / "go.mod").read_text())
        have = _GO_VERSION.search(self.version)
        if needed is None or have is None:
            return None
        numbers = tuple(int(number) for number in needed[1].split("."))
        if tuple(int(number or 0) for number in have.groups()) >= numbers:
            return None
        return f"Go {needed[1]} or newer is needed, and {self.path} is {self.version}"


def go_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What `go` runs under: the user's proxy and caches, but nothing that changes what is built.

    The toolchain is never downloaded, no C compiler is needed, and no go.work above the project is read.
    """
    kept = {key: value for key, value in environ.items() if key not in {"GOOS", "GOARCH", "GOEXPERIMENT"}}
    return {**kept, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}


def find_go(environ: Mapping[str, str]) -> Go:
    """The `go` on PATH. Raises `ProgramError` when there is none, or when it does not answer."""
    found = shutil.which("go", path=environ.get("PATH", ""))
    if found is None:
        raise ProgramError("Go is not on PATH. Install it from https://go.dev/dl or from the distribution's package")
    path = Path(found).absolute()
    try:
        answer = subprocess.run(
            [path, "env", "GOVERSION", "GOOS", "GOARCH"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            env=go_environment(environ),
            check=True,
        )
        version, system, processor = answer.stdout.splitlines()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ProgramError(
            f"`{path} env GOVERSION` does not work: {error}. Install Go again: https://go.dev/dl"
        ) from None
    return Go(path=path, version=version, system=system, processor=processor)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """`VELERO_EKS_CACHE`, else `velero-eks` in `XDG_CACHE_HOME`, else `~/.cache/velero-eks`."""
    if own := environ.get("VELERO_EKS_CACHE"):
        return Path(own).expanduser().absolute()
    shared = environ.get("XDG_CACHE_HOME", "")
    # The specification has a relative XDG_CACHE_HOME ignored.
    base = Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache"
    return base / "velero-eks"


def key(program: Program, go: Go, modules: Path = MODULES) -> str:
    """The name of a program's folder in the cache: another one as soon as anything that it is built from changes."""
    build = program.build
    if build is None:
        raise ValueError(f"{program.name} is not built here")
    folder = modules / build.folder
    parts = [
        *((folder / name).read_text() for name in ("go.mod", "go.sum")),
        build.package,
        *build_flags(program),
        *build.companions,
        go.version,
        go.system,
        go.processor,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def build_flags(program: Program) -> tuple[str, ...]:
    """The options of `go build` that shape the program."""
    own = program.build.linker_flags if program.build else ()
    version = Version.parse(program.version)
    linker = " ".join(("-s", "-w", *own)).format(version=version, major=version.major, minor=version.minor)
    # The compiler would spend a sixth of its time on debugging data that the linker's -w drops.
    return ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", linker)


def entry(cache: Path, program: Program, go: Go, modules: Path = MODULES) -> Path:
    """The folder that holds the program when it has been built."""
    return cache / "bin" / program.name / key(program, go, modules)


def is_complete(folder: Path, program: Program) -> bool:
    """Whether every file of the program is there and can be run."""
    return all(is_program(folder / name) for name in program.files)


def is_program(path: Path) -> bool:
    """Whether this user can run the file. Access is asked first: a folder that may not be entered is not an error."""
    return os.access(path, os.X_OK) and path.is_file()


@contextlib.contextmanager
def only_builder(cache: Path, waiting: Callable[[str], None], seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the cache for building: one process at a time. The system frees it when the process ends, however it ends.

    `waiting` is told once who is waited for. Raises `ProgramError` after `seconds`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    limit = time.monotonic() + seconds
    told = False
    with (cache / "build.lock").open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            lock.seek(0)
            holder = f"process {lock.read().strip() or 'unknown'}"
            if time.monotonic() > limit:
                raise ProgramError(f"{holder} has been building into {cache} for {seconds:g} s; end it and try again")
            if not told:
                waiting(f"{holder} is building the lab's programs; waiting for it")
                told = True
            time.sleep(_POLL_SECONDS)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
