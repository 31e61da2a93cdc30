"""Plan a project's stacks one after another in one process."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from velero_on_eks.settings import Settings, StackFile, StackFileError, conflicts, load_stack_file
from velero_on_eks.settings.stack_file import shown_path

from velero_eks.errors import BadTarget
from velero_eks.plan.computed import Estate
from velero_eks.plan.model import PlanError, Recording
from velero_eks.plan.recorder import TIME_LIMIT, record_program
from velero_eks.project.project import Project


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
    clashes = [error for error in conflicts([*beside, *good]) if error.refusals[0].file in paths]
    clashing = {error.refusals[0].file for error in clashes}
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
    try:
        code = project.program
    except BadTarget as error:
        raise PlanError(str(error)) from error

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
