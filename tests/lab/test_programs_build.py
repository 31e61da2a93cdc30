"""A program is built completely or not at all, whatever ends the build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.processes import wait_until
from lab.programs import ProgramError
from lab.programs.build import Builder
from lab.programs.cache import Go, entry, is_complete, key
from lab.programs.catalogue import MODULES, Build, Program
from lab.programs.versions import Accepted
from tests.lab.test_programs import GO, executable
from tests.limits import HANG

GOOD_BUILD = """printf '#!/bin/sh\\necho tool v1.2.3\\n' >"$out"; chmod +x "$out" """
STUCK_BUILD = """echo half >"$out"; echo $$ >"$FAKE_PID"; exec tail -f /dev/null"""

TOOL = Program(
    name="tool",
    version="1.2.3",
    accepts=Accepted("1.2.0", below="2.0.0"),
    question=("version",),
    build=Build(
        folder="tool",
        module="example.com/tool",
        package="example.com/tool/cmd",
        linker_flags=("-X example.com/tool.Version={version}", "-X example.com/tool.Minor={minor}"),
    ),
)


class Silent:
    """Listens to a build; `stop_at` is a step at which the person at the keyboard presses Ctrl-C."""

    def __init__(self, stop_at: str = "", when: Callable[[], bool] = lambda: True) -> None:
        self.stop_at = stop_at
        self.when = when
        self.results: list[str] = []

    def note(self, text: str) -> None:
        pass

    def begin(self, title: str) -> None:
        pass

    def step(self, doing: str, done: int, total: int | None) -> None:
        if doing == self.stop_at and self.when():
            raise KeyboardInterrupt

    def end(self, result: str) -> None:
        self.results.append(result)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    (folder / "tool").mkdir(parents=True)
    (folder / "tool" / "go.mod").write_text("module example.org/ours\n\ngo 1.25.8\n")
    (folder / "tool" / "go.sum").write_text("example.com/tool v1.2.3 h1:abc=\n")
    return folder


@pytest.fixture
def go_with(tmp_path: Path) -> Callable[[str], Go]:
    def make(build: str) -> Go:
        path = executable(tmp_path / "go" / "go", GO.replace("BUILD", build))
        return Go(path=path, version="go1.26.0", system="linux", processor="amd64")

    return make


def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "FAKE_PID": str(tmp_path / "pid")}


def made_in(cache: Path) -> list[str]:
    """Everything under `bin/`, by its path there."""
    return sorted(str(path.relative_to(cache / "bin")) for path in (cache / "bin").rglob("*"))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_cache_key_changes_with_everything_a_program_is_built_from(
    modules: Path, go_with: Callable[[str], Go]
) -> None:
    go = go_with(GOOD_BUILD)
    first = key(TOOL, go, modules)
    assert key(TOOL, go, modules) == first
    assert TOOL.build is not None
    others = [
        key(TOOL, replace(go, version="go1.26.1"), modules),
        key(TOOL, replace(go, processor="arm64"), modules),
        key(replace(TOOL, version="1.2.4"), go, modules),
        key(replace(TOOL, build=replace(TOOL.build, companions=("exec",))), go, modules),
    ]
    for name in ("go.mod", "go.sum"):
        path = modules / "tool" / name
        path.write_text(path.read_text() + "\n")
        others.append(key(TOOL, go, modules))
    assert len({first, *others}) == len(others) + 1


def test_a_build_puts_the_program_and_its_companion_into_the_cache(
    tmp_path: Path, modules: Path, go_with: Callable[[str], Go]
) -> None:
    assert TOOL.build is not None
    program = replace(TOOL, build=replace(TOOL.build, companions=("cmd/tool-exec",)))
    module = tmp_path / "module"
    executable(module / "cmd" / "tool-exec", "#!/bin/sh\n").chmod(0o444)
    go = go_with(GOOD_BUILD)
    progress = Silent()
    builder = Builder(
        go, tmp_path / "cache", {**environment(tmp_path), "FAKE_MODULE": str(module)}, progress, modules=modules
    )
    place = builder.build(program, "tool")
    assert place == entry(tmp_path / "cache", program, go, modules)
    assert sorted(path.name for path in place.iterdir()) == ["tool", "tool-exec"]
    assert is_complete(place, program)
    assert len(progress.results) == 1
    assert builder.build(program, "tool") == place
    assert len(progress.results) == 1


def test_a_build_is_told_the_version_and_leaves_out_what_differs_between_machines(
    tmp_path: Path, modules: Path, go_with: Callable[[str], Go]
) -> None:
    go = go_with(f'echo "$GO_ARGUMENTS"; {GOOD_BUILD}')
    go.path.write_text(go.path.read_text().replace("case", 'GO_ARGUMENTS="$*"\ncase', 1))
    Builder(go, tmp_path / "cache", environment(tmp_path), Silent(), modules=modules).build(TOOL, "tool")
    log = (tmp_path / "cache" / "logs" / "build-tool.log").read_text()
    assert "-ldflags -s -w -X example.com/tool.Version=1.2.3 -X example.com/tool.Minor=2 -o " in log


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (
            "echo half >$out; echo 'undefined: x'; exit 1",
            r"(?s)building tool failed \(`go build`: exit code 1\).*undefined: x",
        ),
        ("echo 'dial tcp: lookup proxy: no such host'; exit 1", r"module proxy could not be reached"),
        (GOOD_BUILD.replace("1.2.3", "1.3.0"), r"built as 1\.3\.0, and lab/programs/catalogue\.py says 1\.2\.3"),
        (GOOD_BUILD.replace("1.2.3", "unknown"), r"was built and does not serve"),
    ],
)
def test_a_failed_build_says_why_leaves_nothing_and_can_be_run_again(
    tmp_path: Path, modules: Path, go_with: Callable[[str], Go], build: str, reason: str
) -> None:
    cache = tmp_path / "cache"
    progress = Silent()
    with pytest.raises(ProgramError, match=reason):
        Builder(go_with(build), cache, environment(tmp_path), progress, modules=modules).build(TOOL, "tool")
    assert made_in(cache) == ["tool"]
    assert progress.results == ["failed"]
    place = Builder(go_with(GOOD_BUILD), cache, environment(tmp_path), progress, modules=modules).build(TOOL, "tool")
    assert is_complete(place, TOOL)


def test_ctrl_c_ends_the_compiler_and_leaves_nothing(
    tmp_path: Path, modules: Path, go_with: Callable[[str], Go]
) -> None:
    pid = tmp_path / "pid"
    progress = Silent(stop_at="compiling packages", when=lambda: pid.exists() and pid.read_text().endswith("\n"))
    with pytest.raises(KeyboardInterrupt):
        Builder(go_with(STUCK_BUILD), tmp_path / "cache", environment(tmp_path), progress, modules=modules).build(
            TOOL, "tool"
        )
    assert progress.results == ["stopped"]
    assert made_in(tmp_path / "cache") == ["tool"]
    assert not is_running(int(pid.read_text()))


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path, modules: Path, go_with: Callable[[str], Go]) -> None:
    builder = Builder(
        go_with(STUCK_BUILD), tmp_path / "cache", environment(tmp_path), Silent(), modules=modules, seconds=0.5
    )
    with pytest.raises(ProgramError, match="took too long"):
        builder.build(TOOL, "tool")
    assert made_in(tmp_path / "cache") == ["tool"]


KILLED = """
import sys
from pathlib import Path
from tests.lab import test_programs_build as here
from lab.programs.cache import Go

root = Path(sys.argv[1])
go = Go(path=root / "go" / "go", version="go1.26.0", system="linux", processor="amd64")
builder = here.Builder(go, root / "cache", here.environment(root), here.Silent(), modules=root / "modules")
builder.build(here.TOOL, "tool")
"""


def test_after_a_killed_build_the_next_one_clears_up_and_succeeds(
    tmp_path: Path, modules: Path, go_with: Callable[[str], Go]
) -> None:
    go_with(STUCK_BUILD)
    pid = tmp_path / "pid"
    root = MODULES.parent.parent
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root) as builder:
        try:
            wait_until(
                lambda: builder.poll() is not None or (pid.exists() and pid.read_text().endswith("\n")),
                seconds=HANG,
                what="the build started",
            )
        finally:
            builder.kill()
    assert builder.returncode == -signal.SIGKILL
    wait_until(lambda: not is_running(int(pid.read_text())), seconds=HANG, what="the compiler ended with its parent")
    go = go_with(GOOD_BUILD)
    assert not is_complete(entry(tmp_path / "cache", TOOL, go, modules), TOOL)
    place = Builder(go, tmp_path / "cache", environment(tmp_path), Silent(), modules=modules).build(TOOL, "tool")
    assert made_in(tmp_path / "cache") == ["tool", f"tool/{place.name}", f"tool/{place.name}/tool"]


def test_a_program_removed_from_the_cache_is_built_anew(
    tmp_path: Path, modules: Path, go_with: Callable[[str], Go]
) -> None:
    builder = Builder(go_with(GOOD_BUILD), tmp_path / "cache", environment(tmp_path), Silent(), modules=modules)
    place = builder.build(TOOL, "tool")
    (place / "tool").unlink()
    assert is_complete(builder.build(TOOL, "tool"), TOOL)
