"""Builds a program from its Go module into the cache: complete, or not at all.

The program is made in a folder beside its place and moved there in one step, when it has said its version. An
interrupted build leaves at most such a folder, which the next build of the program removes; what Go has compiled
stays in Go's own cache, so the next build carries on where this one stopped.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.processes import Process, Supervisor
from lab.programs.cache import Go, build_flags, entry, go_environment, is_complete
from lab.programs.catalogue import MODULES, Build, Program
from lab.programs.find import version_of
from lab.programs.progress import BuildProgress
from lab.programs.versions import ProgramError, Version

BUILD_SECONDS = 30 * 60.0
"""For each program. The longest takes 8 minutes on two cores; Go itself waits forever for a proxy that stalls."""

_POLL_SECONDS = 0.1
_PARTIAL = ".partial-"
_NETWORK = re.compile(
    r"dial tcp|proxyconnect|no such host|i/o timeout|connection refused|TLS handshake|unrecognized import path"
)


class Builder:
    """Builds into one cache, which the caller holds (`only_builder`)."""

    def __init__(
        self,
        go: Go,
        cache: Path,
        environ: Mapping[str, str],
        progress: BuildProgress,
        *,
        modules: Path = MODULES,
        seconds: float = BUILD_SECONDS,
    ) -> None:
        self._go = go
        self._cache = cache
        self._environment = go_environment(environ)
        self._progress = progress
        self._modules = modules
        self._seconds = seconds

    def build(self, program: Program, title: str) -> Path:
        """Build `program` unless it is there; return its folder. Raises `ProgramError` with the end of Go's output."""
        build = program.build
        if build is None:
            raise ProgramError(f"{program.name} is not built here: {program.install}")
        place = entry(self._cache, program, self._go, self._modules)
        if is_complete(place, program):
            return place
        self._remove_leftovers(place)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=place.parent))
        self._progress.begin(title)
        result = "stopped"
        started = time.monotonic()
        try:
            with Supervisor(self._cache / "logs") as supervisor:
                run = _Run(supervisor, self._go, self._environment, self._modules / build.folder, program.name)
                self._compile(run, program, build, partial, started + self._seconds)
            self._check(program, partial)
            _settle(partial)
            partial.rename(place)
            result = f"built in {time.monotonic() - started:.0f} s"
        except ProgramError:
            result = "failed"
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            self._progress.end(result)
        return place

    def _compile(self, run: _Run, program: Program, build: Build, partial: Path, until: float) -> None:
        """Download, compile and link, all before `until` (monotonic)."""
        run.log.unlink(missing_ok=True)

        def downloading(text: str) -> None:
            self._progress.step("downloading modules", text.count("go: downloading "), None)

        listed = run.go(["list", "-deps", build.package], downloading, until)
        total = _packages(listed)

        def compiling(text: str) -> None:
            self._progress.step("compiling packages", _packages(text), total)

        flags = build_flags(program)
        run.go(["build", "-v", *flags, "-o", str(partial / program.name), build.package], compiling, until)
        if build.companions:
            where = run.go(["list", "-m", "-f", "{{.Dir}}", build.module], lambda _: None, until)
            folder = Path(where.strip().splitlines()[-1])
            for companion in build.companions:
                # Files in Go's module cache may not be written to; copying the mode would keep that.
                target = partial / Path(companion).name
                shutil.copyfile(folder / companion, target)
                target.chmod(0o755)

    def _check(self, program: Program, partial: Path) -> None:
        """Refuse a program that does not run, or is not the version that the catalogue says."""
        try:
            version = version_of(program, partial / program.name)
        except ValueError as error:
            raise ProgramError(f"{program.name} was built and does not serve: {error}") from None
        if version != Version.parse(program.version):
            raise ProgramError(
                f"{program.name} was built as {version}, and lab/programs/catalogue.py says {program.version}:"
                " make `version` there and the `require` line of its go.mod agree"
            )

    def _remove_leftovers(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        for leftover in place.parent.glob(f"{_PARTIAL}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        # Reached only when files are missing from it.
        shutil.rmtree(place, ignore_errors=True)


class _Run:
    """Runs `go` in one module's folder, with one log for all of a program's steps."""

    def __init__(
        self, supervisor: Supervisor, go: Go, environment: Mapping[str, str], folder: Path, program: str
    ) -> None:
        self._supervisor = supervisor
        self._go = go
        self._environment = environment
        self._folder = folder
        self._program = program
        self.log = supervisor.logs / f"build-{program}.log"

    def go(self, arguments: list[str], watch: Callable[[str], None], until: float) -> str:
        """Run `go` with these arguments and return what it wrote. `watch` sees that while it grows."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        process = self._supervisor.start(
            self.log.stem, [self._go.path, *arguments], environment=self._environment, directory=self._folder
        )
        written = bytearray()
        with process.log.open("rb") as stream:
            stream.seek(begin)
            while process.running:
                written += stream.read()
                watch(written.decode(errors="replace"))
                if time.monotonic() > until:
                    raise ProgramError(f"building {self._program} took too long and was stopped.{process.log_tail()}")
                time.sleep(_POLL_SECONDS)
            written += stream.read()
        self._supervisor.end(process)
        text = written.decode(errors="replace")
        if process.exit_code != 0:
            raise ProgramError(self._failure(arguments[0], process, text))
        return text

    def _failure(self, step: str, process: Process, text: str) -> str:
        hint = ""
        if _NETWORK.search(text):
            hint = " The Go module proxy could not be reached; `go env GOPROXY` shows which one is asked."
        elif "no space left on device" in text:
            hint = " The disk is full. Most of what a build takes is Go's own cache (`go env GOCACHE GOMODCACHE`)."
        return f"building {self._program} failed (`go {step}`: {process.outcome}).{hint}{process.log_tail()}"


def _packages(text: str) -> int:
    """How many packages `go list` or `go build -v` has named: one a line, between remarks (`go: …`, `# …`)."""
    return sum(1 for line in text.splitlines() if line and not line.startswith(("go: ", "#", "\t")))


def _settle(folder: Path) -> None:
    """Write the files to the disk before they get their name: a power cut must not leave an empty program."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
