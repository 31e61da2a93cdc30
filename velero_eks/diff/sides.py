"""The two sides of a comparison: what the arguments mean, and each side's files in a folder for as long as it takes."""

from __future__ import annotations

import fnmatch
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from velero_eks.diff.git import Repository
from velero_eks.diff.model import Revision
from velero_eks.errors import BadTarget, DiffError
from velero_eks.project.project import Project, is_plain, matching
from velero_eks.terminal import words

# What no program reads: where only these differ, or another stack's file, a stack's plan is the same and not made.
# uv.lock is among them since both revisions run with the packages installed here; `notes` speaks of it.
NOT_PROGRAM = (
    "docs/",
    "tests/",
    "lab/",
    "benchmarks/",
    ".github/",
    ".ci/",
    "*.md",
    "uv.lock",
    "Makefile",
    ".gitignore",
)


@dataclass(frozen=True)
class Side:
    """A revision, and its project in the folder that its files are in. `fileless` are stacks that no file configures,
    which another project than this one may have."""

    revision: Revision
    project: Project
    fileless: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The folder."""
        return self.project.root

    def files(self) -> dict[str, Path]:
        """The files of its stacks, by name."""
        return self.project.stack_files()

    def stacks(self) -> set[str]:
        """The names of its stacks."""
        return {*self.files(), *self.fileless}


@dataclass(frozen=True)
class Sides:
    """Both sides laid out, with the names of the stacks to compare and of those among them that may differ."""

    project: str
    old: Side
    new: Side
    stacks: tuple[str, ...]
    touched: tuple[str, ...]


@contextmanager
def lay_out(start: Path, arguments: Sequence[str], stack: str | None = None) -> Iterator[Sides]:
    """Both sides of `REV [REV] [STACK]…`, laid out in a temporary folder that is gone afterwards whatever happens.

    `A..B` is two revisions, `A...B` is B since it left A. The work tree is compared where it is, changes that are not
    committed and new files included. `stack` is one more way to name the stack.
    """
    project = Project.find(start)
    root = project.root
    repository = Repository.of(root)
    with tempfile.TemporaryDirectory(prefix="velero-eks-diff-", ignore_cleanup_errors=True) as temporary:
        laid: dict[str, Path] = {}

        def side(revision: Revision) -> Side:
            if revision.commit is None:
                return Side(revision, project)
            if revision.commit not in laid:
                folder = Path(temporary).resolve() / revision.commit[:12]
                repository.lay_out(revision.commit, folder)
                laid[revision.commit] = folder
            return Side(revision, Project(laid[revision.commit], project.name))

        old_revision, new_revision, rest = _revisions(repository, arguments)
        old = side(old_revision)
        if new_revision is None:
            new_revision, rest = _second(repository, rest, (old, Side(Revision("", None), project)))
        new = side(new_revision)
        for one in (old, new):
            _refuse_without_program(one)
        if stack is not None:
            if rest and rest != [stack]:
                raise BadTarget(f"two stacks are given: {', '.join(rest)}, and --stack {stack}. Keep one of them")
            rest = [stack]
        stacks = _select(rest, old, new)
        fileless = tuple(name for name in stacks if name not in {*old.files(), *new.files()})
        old, new = (replace(one, fileless=fileless) for one in (old, new))
        touched = _touched(repository, old, new, stacks)
        yield Sides(project.name, old, new, stacks, touched)


def _revisions(repository: Repository, arguments: Sequence[str]) -> tuple[Revision, Revision | None, list[str]]:
    first, *rest = arguments
    for dots in ("...", ".."):
        one, found, other = first.partition(dots)
        if found:
            old = _known(repository, one or "HEAD")
            new = _known(repository, other or "HEAD")
            if dots == "...":
                base = repository.merge_base(str(old.commit), str(new.commit))
                if base is None:
                    raise DiffError(
                        f"{one} and {other} have no commit in common{_cut_off(repository)}; compare {one}..{other}"
                    )
                old = Revision(f"the merge base of {old.name} and {new.name}", base)
            return old, new, rest
    return _known(repository, first), None, rest


def _second(repository: Repository, rest: list[str], sides: tuple[Side, Side]) -> tuple[Revision, list[str]]:
    """Whether the second word is a revision or the first stack: it must be one of the two and not both."""
    work_tree = Revision("", None)
    if not rest:
        return work_tree, rest
    word = rest[0]
    names = {name for side in sides for name in side.stacks()}
    commit, stacks = repository.commit(word), fnmatch.filter(names, word)
    if commit and stacks:
        raise DiffError(
            f"{word!r} is both a revision and a stack; write {sides[0].revision.name}..{word} for the revision, or"
            f" '[{word[0]}]{word[1:]}' for the stack"
        )
    if commit:
        return Revision(word, commit), rest[1:]
    if stacks:
        return work_tree, rest
    raise DiffError(
        f"{word!r} is neither a revision{_cut_off(repository)} nor a stack; stacks: {', '.join(sorted(names))}"
        f"{words.did_you_mean(word, sorted(names))}"
    )


def _known(repository: Repository, name: str) -> Revision:
    commit = repository.commit(name)
    if commit is None:
        raise DiffError(f"git knows no revision {name!r}{_cut_off(repository)}; see 'git branch --all' and 'git tag'")
    return Revision(name, commit)


def _cut_off(repository: Repository) -> str:
    if not repository.is_shallow():
        return ""
    return ", and this clone is shallow: fetch it ('git fetch --unshallow', or fetch-depth: 0 for actions/checkout)"


def _refuse_without_program(side: Side) -> None:
    for name in ("Pulumi.yaml", "__main__.py"):
        if not (side.root / name).is_file():
            raise DiffError(f"{side.revision} has no {name}, so no program to plan; compare with a later revision")


def _select(patterns: Iterable[str], old: Side, new: Side) -> tuple[str, ...]:
    patterns = list(patterns)
    names = {*old.stacks(), *new.stacks()}
    if not new.project.is_ours:
        names |= {name for name in patterns if is_plain(name)}
    if not names:
        mend = "" if new.project.is_ours else "; name the stack: --stack STACK"
        raise DiffError(f"neither {old.revision} nor {new.revision} has a stack file (Pulumi.STACK.yaml){mend}")
    return matching(sorted(names), patterns)


def _touched(repository: Repository, old: Side, new: Side, stacks: tuple[str, ...]) -> tuple[str, ...]:
    """The stacks that may differ: all where the program differs, else those whose own file does."""
    changed = repository.changed(str(old.revision.commit), new.revision.commit)
    read = {path for path in changed if not any(_in(path, pattern) for pattern in NOT_PROGRAM)}
    own = {path: stack for side in (old, new) for stack, path in _paths(side)}
    if not read <= {*own}:
        return stacks
    differing = {own[path] for path in read}
    return tuple(stack for stack in stacks if stack in differing)


def _paths(side: Side) -> Iterator[tuple[str, str]]:
    """Each stack with the path of its file from the project's folder, as git writes it."""
    root = side.root.resolve()
    for stack, path in side.files().items():
        found = path.resolve()
        # What is elsewhere git does not tell of: its stack counts as one of the program's.
        if found.is_relative_to(root):
            yield stack, found.relative_to(root).as_posix()


def _in(path: str, pattern: str) -> bool:
    return path.startswith(pattern) if pattern.endswith("/") else fnmatch.fnmatch(path, pattern)
