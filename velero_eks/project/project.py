"""The Pulumi project that a command is called in, and its stacks: by name, by pattern, by file. Nothing else looks."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from velero_on_eks.settings import StackFile, StackFileError, load_stack_file
from velero_on_eks.settings.stack_file import PROJECT, STACKS_FOLDER, shown_path
from velero_on_eks.settings.yaml_file import parse, plain, read_text

from velero_eks.errors import BadStackFile, BadTarget
from velero_eks.project.folder import project_folder, stack_files
from velero_eks.project.nearby import Misnamed, elsewhere, meant, misnamed
from velero_eks.terminal import words

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Project:
    """A Pulumi project: the folder of its Pulumi.yaml, its name, and its program, compiled once."""

    root: Path
    name: str

    @classmethod
    def find(cls, start: Path | None = None, *, otherwise: str = "") -> Project:
        """The project that `start` (by default the current folder) is in: the nearest folder upward that has a
        Pulumi.yaml. Raises `BadTarget`, whose remedy ends with `otherwise`."""
        here = start or Path.cwd()
        if (folder := project_folder(here)) is not None:
            return cls(folder, _project_name(folder / "Pulumi.yaml"))
        raise BadTarget(f"no Pulumi.yaml in {here} or above it; {elsewhere(here, otherwise)}")

    @property
    def is_ours(self) -> bool:
        """Whether it is this project or a copy of it, every stack of which has the settings in its file."""
        return self.name == PROJECT

    @cached_property
    def _declared(self) -> Mapping[str, Any]:
        return _read(self.root / "Pulumi.yaml")

    @property
    def toolchain(self) -> str:
        """What installs and starts a program in Python: `pip`, `poetry` or `uv`."""
        runtime = self._declared.get("runtime")
        options = runtime.get("options") if isinstance(runtime, Mapping) else None
        return str(options.get("toolchain") or "pip") if isinstance(options, Mapping) else "pip"

    def pinned(self, package: str) -> str | None:
        """The version that pyproject.toml pins a package to with `==`; None where it does not, or cannot be read."""
        try:
            found = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
            wanted = found["project"]["dependencies"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        exact = re.compile(rf"{re.escape(package)}\s*==\s*([\w.+!-]+)$")
        return next((match[1] for each in wanted if (match := exact.match(str(each)))), None)

    @cached_property
    def folder(self) -> Path:
        """Where the program stands and runs: `main` of Pulumi.yaml, else the project's folder."""
        place = self.root / str(self._declared.get("main") or ".")
        return place.parent if place.suffix == ".py" else place

    @cached_property
    def program(self) -> CodeType:
        """The project's program, `__main__.py`. Raises `BadTarget`; a program in another language is one."""
        runtime = self._declared.get("runtime", "python")
        name = runtime.get("name") if isinstance(runtime, Mapping) else runtime
        if name != "python":
            raise BadTarget(
                f"{self.root / 'Pulumi.yaml'}: the program's runtime is {name}, and a plan runs programs in Python;"
                " preview it with the policy pack: pulumi preview --policy-pack policies"
            )
        main = self.root / str(self._declared.get("main") or ".")
        path = main if main.suffix == ".py" else main / "__main__.py"
        try:
            return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except OSError as error:
            raise BadTarget(f"{path} cannot be read: {error.strerror}; the project's program is in it") from None
        except SyntaxError as error:
            raise BadTarget(f"{path}:{error.lineno}: not Python: {error.msg}") from None

    def stack_files(self) -> dict[str, Path]:
        """Every stack's name and file, by name."""
        return self._stack_files[1]

    def stack_file(self, stack: str) -> Path:
        """Where the file of a stack is, or would be."""
        return self._stack_files[0] / f"Pulumi.{stack}.yaml"

    @property
    def _stack_files(self) -> tuple[Path, dict[str, Path]]:
        """The folder of the stacks' files, and these by name."""
        stacks = self.root / STACKS_FOLDER
        if self.is_ours:
            return stacks, stack_files(stacks)
        folder = (self.root / str(self._declared.get("stackConfigDir") or ".")).resolve()
        found = stack_files(folder)
        if not found and (other := stack_files(stacks)):
            return stacks, other
        return folder, found

    def misnamed(self, patterns: Collection[str] = ()) -> list[Misnamed]:
        """The files that were probably meant to be those of stacks that match any of `patterns`, of any by default,
        and that nothing reads."""
        folder, files = self._stack_files
        found = misnamed(self.root, folder, files)
        return [each for each in found if not patterns or any(fnmatch.fnmatch(each.stack, one) for one in patterns)]

    def _refuse(self, stack: str, files: Mapping[str, Path]) -> NoReturn:
        """Say what to give in place of a stack that has no file."""
        if odd := self.misnamed([stack]):
            raise BadTarget(f"no stack {stack!r}; {odd[0]}")
        if not files:
            raise BadTarget(
                f"no stack {stack!r}; the project has no stack file yet. Write one:"
                f" velero-eks init {stack} --cluster NAME --region REGION"
            )
        there = meant(stack, files)
        stop = "" if there.endswith("?") else "."
        raise BadTarget(f"no stack {stack!r}; {there}{stop} Or write one: velero-eks init {stack}")

    def select(self, patterns: Iterable[str] = ()) -> dict[str, Path]:
        """The stacks that match any of `patterns` (see `matching`); all of them without any. Raises `BadTarget`."""
        files = self.stack_files()
        patterns = [_of_file(pattern, files) for pattern in patterns]
        if not self.is_ours:
            # A stack of another program may have no file: nothing of it has to be configured.
            plain = [name for name in patterns if name not in files and is_plain(name)]
            for odd in self.misnamed(plain) if plain else ():
                raise BadTarget(str(odd))
            files |= {name: self.root / f"Pulumi.{name}.yaml" for name in plain}
            if not files:
                raise BadTarget(f"{self.root} has no stack file; name the stack to plan: velero-eks plan STACK")
        if not files:
            wanted = patterns[0] if patterns and _PLAIN.fullmatch(patterns[0]) else "STACK"
            raise BadTarget(
                f"{self.root / 'stacks'} has no stack file; write one:"
                f" velero-eks init {wanted} --cluster NAME --region REGION"
            )
        for pattern in patterns:
            if not fnmatch.filter(files, pattern):
                odd = self.misnamed([pattern])
                raise BadTarget(f"no stack matches {pattern!r}; {odd[0] if odd else meant(pattern, files)}")
        return {name: files[name] for name in matching(files, patterns)}

    def load(self, stack: str) -> StackFile:
        """A stack's file, by its name or its path, read and checked. Raises `BadTarget` where it is none or bad."""
        files = self.stack_files()
        stack = _of_file(stack, files)
        if stack not in files:
            self._refuse(stack, files)
        return load_file(files[stack], foreign=not self.is_ours)


def is_plain(pattern: str) -> bool:
    """Whether a pattern is a name, without `*`, `?` and `[…]`."""
    return not set(pattern) & set("*?[")


def _of_file(word: str, files: Mapping[str, Path]) -> str:
    """The name of the stack whose file a word is the path of; any other word as it is."""
    if not word.endswith((".yaml", ".yml")):
        return word
    path = Path(word).resolve()
    return next((name for name, file in files.items() if file.resolve() == path), word)


def matching(names: Collection[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that match any of `patterns` (with `*`, `?` and `[…]`); all of them without any pattern.

    Raises `BadTarget` for a pattern that matches none, and says what comes closest.
    """
    wanted = list(patterns)
    chosen: set[str] = set()
    for pattern in wanted:
        found = fnmatch.filter(names, pattern)
        if not found:
            raise BadTarget(f"no stack matches {pattern!r}; {words.instead(pattern, names)}")
        chosen.update(found)
    return tuple(name for name in names if not wanted or name in chosen)


def stack_of(word: str, start: Path | None = None) -> StackFile:
    """The stack that `--stack` means: a name in the project that `start` is in, or a file's path wherever it is.

    Raises `BadTarget`.
    """
    if word.endswith((".yaml", ".yml")):
        if not Path(word).is_file():
            raise BadTarget(f"--stack {word}: there is no such file; {_by_name(word, start)}")
        return load_file(Path(word))
    return Project.find(start, otherwise=", give the stack's file, or use --context").load(word)


def _by_name(word: str, start: Path | None) -> str:
    """What to give in place of a stack file that is not there."""
    here = project_folder(start or Path.cwd())
    stack = Path(word).name.removeprefix("Pulumi.").removesuffix(".yaml")
    if here is not None:
        project = Project(here, _project_name(here / "Pulumi.yaml"))
        if near := words.nearest(stack, project.stack_files()):
            return f"did you mean --stack {near[0]}?"
    return "give a stack's name or its file"


def load_file(path: Path, *, foreign: bool = False) -> StackFile:
    """A stack file, read and checked; `foreign` is that of `load_stack_file`.

    Raises `BadTarget` with every problem of it.
    """
    try:
        return load_stack_file(path, foreign=foreign)
    except StackFileError as error:
        raise BadStackFile(refusals=error.refusals) from error


def _project_name(path: Path) -> str:
    name = _read(path).get("name")
    if not isinstance(name, str) or not name:
        raise BadTarget(f"{shown_path(path)}: name: a project needs a name; write 'name: velero-eks'")
    return name


def _read(path: Path) -> Mapping[str, Any]:
    """A Pulumi.yaml. Raises `BadTarget` with the place of a mistake in it."""
    shown = shown_path(path)
    try:
        root = parse(read_text(path, shown), shown)
    except StackFileError as error:
        raise BadTarget(refusals=error.refusals) from None
    # What readers of YAML disagree on is the engine's to judge in this file.
    found = plain(root, shown)[0] if root is not None else None
    return found if isinstance(found, Mapping) else {}
