"""Plan a project's stacks one after another in one process."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velero_on_eks.fleet import conflicts
from velero_on_eks.settings import Refusal, Settings, StackFile, StackFileError, load_stack_file
from velero_on_eks.settings.stack_file import PROJECT, shown_path
from velero_on_eks.settings.yaml_file import AMBIGUOUS, parse, plain, read_text

from velero_eks.errors import BadStackFile, BadTarget, PlanError
from velero_eks.plan.computed import Estate
from velero_eks.plan.deployments import Deployment, deployments
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import TIME_LIMIT, record_program
from velero_eks.project.project import Project


@dataclass(frozen=True)
class ForeignStack:
    """A stack of a program that is not this project's: its configuration is its own, and its settings are in code."""

    stack: str
    path: Path
    config: dict[str, Any]
    settings: None = None

    @classmethod
    def load(cls, stack: str, path: Path) -> ForeignStack:
        """Read a stack's file, where it has one. Raises `BadStackFile` where that is not a stack file."""
        shown = shown_path(path)
        try:
            root = parse(read_text(path, shown), shown) if path.exists() else None
        except StackFileError as error:
            raise BadStackFile(refusals=error.refusals) from None
        found, refused = ({}, []) if root is None else plain(root, shown)
        # How another program takes what readers disagree on is its own affair; the engine takes it for text.
        bad = [refusal for refusal in refused if refusal.code not in AMBIGUOUS]
        config = (found.get("config") or {}) if isinstance(found, dict) else found
        if not isinstance(config, dict):
            limit, remedy = "config is a mapping of keys", "write for example 'aws:region: eu-west-1' under it"
            bad.append(Refusal("no-config", limit, remedy, ("config",), file=shown))
        if bad:
            raise BadStackFile(refusals=bad)
        return cls(stack, path, {str(key): value for key, value in config.items()})

    @property
    def estate(self) -> Estate:
        """What its configuration says of the default provider."""
        allowed = self.config.get("aws:allowedAccountIds")
        only = str(allowed[0]) if isinstance(allowed, list) and len(allowed) == 1 else None
        region = self.config.get("aws:region")
        return Estate(account=only, region=None if region is None else str(region))


AnyStack = StackFile | ForeignStack


@dataclass(frozen=True)
class StackPlan:
    """One stack's plan: its file as it was read, what the program makes of it, and each Velero among that."""

    file: AnyStack
    recording: Recording
    deployments: tuple[Deployment, ...]

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.recording.stack


def load_stacks(
    project: Project, files: Mapping[str, Path], among: Mapping[str, Path] | None = None
) -> tuple[list[AnyStack], dict[str, BadStackFile]]:
    """Read every file of a project, this one or another: the good ones, and what is wrong with the others, by stack.

    A file of another project that has settings of this one is read as one of this; see `load_files` for `among`.
    """
    foreign: dict[str, AnyStack] = {}
    bad: dict[str, BadStackFile] = {}
    for name, path in () if project.is_ours else files.items():
        try:
            read = ForeignStack.load(name, path)
        except BadStackFile as error:
            bad[name] = error
            continue
        if not any(key.startswith(f"{PROJECT}:") for key in read.config):
            foreign[name] = read
    ours = {name: path for name, path in files.items() if name not in foreign and name not in bad}
    good, refusals = load_files(ours, among if project.is_ours else None, foreign=not project.is_ours)
    found = {**foreign, **{file.stack: file for file in good}}
    return [found[name] for name in files if name in found], {**bad, **refusals}


def load_files(
    files: Mapping[str, Path], among: Mapping[str, Path] | None = None, *, foreign: bool = False
) -> tuple[list[StackFile], dict[str, BadStackFile]]:
    """Read every file: the good ones, and what is wrong with each of the others, by stack.

    `among` are all the project's files: one of `files` that would do harm beside any of them is bad as well. What is
    wrong with a file of `among` alone is not reported, since no one asked for it. `foreign` files may have keys of
    another program.
    """
    good, bad = _read(files, foreign)
    beside, _ = _read({name: path for name, path in (among or {}).items() if name not in files}, foreign)
    # The files that were asked for come last: of each pair it is the later one that is named.
    clashes: dict[str | None, list[Refusal]] = {}
    for refusal in (each for error in conflicts([*beside, *good]) for each in error.refusals):
        clashes.setdefault(refusal.file, []).append(refusal)
    clashing = {file.stack: BadStackFile(refusals=found) for file in good if (found := clashes.get(_shown(file)))}
    return [file for file in good if file.stack not in clashing], {**bad, **clashing}


def _shown(file: StackFile) -> str:
    return shown_path(file.path)


def _read(files: Mapping[str, Path], foreign: bool) -> tuple[list[StackFile], dict[str, BadStackFile]]:
    good: list[StackFile] = []
    bad: dict[str, BadStackFile] = {}
    for name, path in files.items():
        try:
            good.append(load_stack_file(path, foreign=foreign))
        except StackFileError as error:
            bad[name] = BadStackFile(refusals=error.refusals)
    return good, bad


def run_stack(project: Project, file: AnyStack, *, time_limit: float = TIME_LIMIT) -> StackPlan:
    """Run the project's program, unchanged, for one stack. Raises `PlanError` when it fails."""
    try:
        code = project.program
    except BadTarget as error:
        raise PlanError(str(error)) from error

    def program() -> None:
        # It is the project's own program, and the engine runs it the same way.
        exec(code, {"__name__": "__main__", "__file__": code.co_filename, "__builtins__": __builtins__})  # noqa: S102

    estate = file.estate if isinstance(file, ForeignStack) else _estate(file.settings)
    # What the program prints is for whoever watches, as the engine shows it; it must not come into a document.
    with _as_the_engine_would(project.folder), contextlib.redirect_stdout(sys.stderr):
        recording = record_program(
            program,
            stack=file.stack,
            project=project.name,
            config=file.config,
            estate=estate,
            time_limit=time_limit,
        )
    return StackPlan(file, recording, deployments(recording, file.settings))


def _estate(settings: Settings) -> Estate:
    return Estate(settings.cluster.account, settings.region, settings.cluster.oidc_issuer)


def run_stacks(
    project: Project, files: Iterable[AnyStack], *, time_limit: float = TIME_LIMIT
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
