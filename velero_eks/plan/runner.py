"""Plan a project's stacks one after another in one process."""

from __future__ import annotations

import contextlib
import fnmatch
import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType

import yaml
from velero_on_eks.settings import Settings, StackFile, StackFileError, conflicts, find_stack_files, load_stack_file
from velero_on_eks.settings.stack_file import shown_path

from velero_eks.plan.computed import Estate
from velero_eks.plan.model import PlanError, Recording
from velero_eks.plan.recorder import TIME_LIMIT, record_program


class SelectionError(PlanError):
    """There is no such project, or no such stack."""


@dataclass(frozen=True)
class Project:
    """A Pulumi project: the folder of its Pulumi.yaml, its name, and its program, compiled once."""

    root: Path
    name: str

    @classmethod
    def find(cls, start: Path) -> Project:
        """The project that `start` lies in: the nearest folder upward that has a Pulumi.yaml."""
        for folder in (start, *start.parents):
            path = folder / "Pulumi.yaml"
            if path.is_file():
                return cls(folder, _project_name(path))
        raise SelectionError(f"no Pulumi.yaml in {start} or above it; go to the project's folder")

    @cached_property
    def program(self) -> CodeType:
        """The project's `__main__.py`."""
        path = self.root / "__main__.py"
        try:
            return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except OSError as error:
            raise SelectionError(
                f"{path} cannot be read: {error.strerror}; the program of the project stands there"
            ) from None
        except SyntaxError as error:
            raise SelectionError(f"{path}:{error.lineno}: not Python: {error.msg}") from None

    def stack_files(self) -> dict[str, Path]:
        """Every stack's name and file, by name."""
        return dict(sorted(find_stack_files(self.root).items()))

    def select(self, patterns: Iterable[str]) -> dict[str, Path]:
        """The stacks that match any of `patterns` (names, with `*`, `?` and `[…]`); all of them without any."""
        files = self.stack_files()
        if not files:
            raise SelectionError(f"{self.root / 'stacks'} has no stack file; write one as stacks/Pulumi.<stack>.yaml")
        wanted = list(patterns)
        chosen: set[str] = set()
        for pattern in wanted:
            matching = fnmatch.filter(files, pattern)
            if not matching:
                raise SelectionError(f"no stack matches {pattern!r}; there are: {', '.join(files)}")
            chosen.update(matching)
        return {name: path for name, path in files.items() if not wanted or name in chosen}


@dataclass(frozen=True)
class StackPlan:
    """One stack's plan: its file as it was read, and what the program makes of it."""

    file: StackFile
    recording: Recording

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.recording.stack

    @property
    def settings(self) -> Settings:
        """The stack's settings, as the plan's checks and words read them."""
        return self.file.settings


def load_files(
    files: Mapping[str, Path], among: Mapping[str, Path] | None = None
) -> tuple[list[StackFile], list[StackFileError]]:
    """Read every file: the good ones, and the errors of all the others.

    `among` are all the project's files: one of `files` that would do harm beside any of them is bad as well. What is
    wrong with a file of `among` alone is not reported, since nobody asked for it.
    """
    good, bad = _read(files)
    beside, _ = _read({name: path for name, path in (among or {}).items() if name not in files})
    paths = {shown_path(file.path) for file in good}
    # The files that were asked for come last: of each pair it is the later one that is named.
    clashes = [error for error in conflicts([*beside, *good]) if error.problems[0].file in paths]
    clashing = {error.problems[0].file for error in clashes}
    return [file for file in good if shown_path(file.path) not in clashing], [*bad, *clashes]


def _read(files: Mapping[str, Path]) -> tuple[list[StackFile], list[StackFileError]]:
    good: list[StackFile] = []
    bad: list[StackFileError] = []
    for path in files.values():
        try:
            good.append(load_stack_file(path))
        except StackFileError as error:
            bad.append(error)
    return good, bad


def run_stack(project: Project, file: StackFile, *, time_limit: float = TIME_LIMIT) -> StackPlan:
    """Run the project's program, unchanged, for one stack. Raises `PlanError` when it fails."""
    code = project.program

    def program() -> None:
        # It is the project's own program, and the engine runs it the same way.
        exec(code, {"__name__": "__main__", "__file__": code.co_filename, "__builtins__": __builtins__})  # noqa: S102

    settings = file.settings
    # What the program prints is for whoever watches, as the engine shows it; it must not come into a document.
    with _as_the_engine_would(project.root), contextlib.redirect_stdout(sys.stderr):
        recording = record_program(
            program,
            stack=file.stack,
            project=project.name,
            config=file.config,
            estate=Estate(settings.cluster.account, settings.region, settings.cluster.oidc_issuer),
            time_limit=time_limit,
        )
    return StackPlan(file, recording)


def run_stacks(
    project: Project, files: Iterable[StackFile], *, time_limit: float = TIME_LIMIT
) -> Iterator[StackPlan | PlanError]:
    """Each stack's plan as it is made, or the error that it ended with; the others go on."""
    first = True
    for file in files:
        try:
            yield run_stack(project, file, time_limit=time_limit)
        except PlanError as error:
            yield error
        if first:
            # The SDKs are loaded and stay: unfrozen, every collection would walk their half a million objects.
            gc.freeze()
            gc.enable()
            first = False


@contextlib.contextmanager
def _as_the_engine_would(root: Path) -> Iterator[None]:
    """The program's own folder is the current one and comes first where modules are looked for."""
    before = list(sys.path)
    if sys.path[:1] != [str(root)]:
        sys.path.insert(0, str(root))
    try:
        with contextlib.chdir(root):
            yield
    finally:
        sys.path[:] = before


def _project_name(path: Path) -> str:
    try:
        name = yaml.safe_load(path.read_bytes())["name"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise SelectionError(f"{path} names no project ({error}); write 'name: velero-eks'") from None
    return str(name)
