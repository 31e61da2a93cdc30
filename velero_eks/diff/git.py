"""What a comparison needs of git: revisions, their files, and what differs between them. Nothing here changes anything.

A revision's files are laid out with a temporary index, not with `git worktree add` (which writes into the repository
and runs its hooks) nor with `git archive` (which leaves out what is marked `export-ignore`).
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from velero_eks.errors import DiffError
from velero_eks.terminal import words

# Seconds; a large repository takes a few to lay out.
TIME_LIMIT = 60.0
# What git sets for a hook: it would read the index and the repository that the hook runs for.
_OF_A_HOOK = frozenset(
    f"GIT_{name}"
    for name in ("DIR", "WORK_TREE", "INDEX_FILE", "PREFIX", "COMMON_DIR", "OBJECT_DIRECTORY", "NAMESPACE")
)
# Writing even a temporary index runs a hook.
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


@dataclass(frozen=True)
class Repository:
    """A git repository, and where in it the project lies: `prefix` is "" or a path that ends in a slash."""

    top: Path
    prefix: str

    @classmethod
    def of(cls, project: Path) -> Repository:
        """The repository that a project's folder is in."""
        try:
            shown = _git(project, "rev-parse", "--show-toplevel", "--show-prefix").splitlines()
        except GitFailed as error:
            if "not a git repository" in str(error):
                raise DiffError(
                    f"{project} is not in a git repository, and diff compares two revisions; 'git init' and"
                    " commit, or compare two saved plans with --json"
                ) from None
            raise DiffError(f"{project}: git says: {error}") from None
        return cls(Path(shown[0]), shown[1] if len(shown) > 1 else "")

    def commit(self, name: str) -> str | None:
        """The commit that a name stands for; None where there is no such revision."""
        if not name or name.startswith("-"):
            return None
        try:
            return _git(self.top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip() or None
        except GitFailed:
            return None

    def merge_base(self, one: str, other: str) -> str | None:
        """The last commit that two have in common; None where they have none."""
        try:
            return _git(self.top, "merge-base", one, other).strip() or None
        except GitFailed:
            return None

    def is_shallow(self) -> bool:
        """Whether history is cut off, as CI systems clone by default."""
        return _git(self.top, "rev-parse", "--is-shallow-repository").strip() == "true"

    def lay_out(self, commit: str, folder: Path) -> None:
        """Write the project's files as `commit` has them into `folder`, which is made here."""
        folder.mkdir()
        index = {"GIT_INDEX_FILE": str(folder.with_name(folder.name + ".index"))}
        tree = f"{commit}:{self.prefix.rstrip('/')}" if self.prefix else commit
        try:
            _git(self.top, "read-tree", tree, environment=index)
            _git(self.top, "checkout-index", "--all", "--quiet", f"--prefix={folder}/", environment=index)
        except GitFailed as error:
            missing = "not exist" in str(error) or "Not a valid object" in str(error) or "not a tree" in str(error)
            if self.prefix and missing:
                raise DiffError(
                    f"revision {commit[:7]} has no folder {self.prefix}: the project does not exist there"
                ) from None
            raise DiffError(f"revision {commit[:7]} cannot be checked out; git says: {error}") from None

    def changed(self, old: str, new: str | None) -> set[str]:
        """Paths, from the project's folder, of the files that differ. None is the work tree, new files included."""
        scope = ("--", self.prefix or ".")
        names = _git(
            self.top, "diff", "--name-only", "--no-renames", "--no-relative", "-z", old, *([new] if new else []), *scope
        )
        if new is None:
            names += _git(self.top, "ls-files", "--others", "--exclude-standard", "-z", *scope)
        return {name.removeprefix(self.prefix) for name in names.split("\0") if name}


class GitFailed(Exception):
    """git ended with an error; the message is its own."""


def _git(where: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    inherited = {key: value for key, value in os.environ.items() if key not in _OF_A_HOOK}
    settings = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", *_NO_HOOKS, "-C", str(where), *arguments],
            capture_output=True,
            timeout=TIME_LIMIT,
            stdin=subprocess.DEVNULL,
            env={**inherited, **settings, **(environment or {})},
        )
    except FileNotFoundError:
        raise DiffError("git is not installed; install git 2.25 or later") from None
    except subprocess.TimeoutExpired:
        raise DiffError(
            f"'git {arguments[0]}' did not end within {words.duration(TIME_LIMIT)}; check the repository"
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise GitFailed(said.splitlines()[0] if said else f"exit code {done.returncode}")
    return done.stdout.decode(errors="surrogateescape")
