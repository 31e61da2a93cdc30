"""`velero-eks diff` in git repositories: what its arguments mean, what it compares, and that nothing is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.velero_eks.conftest import Run
from tests.velero_eks.diff.repositories import (
    ONE,
    TWO,
    commit,
    git,
    repository,
    scripted,
    statuses,
    write_plans,
    write_stacks,
)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A repository with two commits: `prod` differs between them, `dev` does not."""
    root = scripted(tmp_path / "changed", prod=ONE, dev=ONE)
    commit(root)
    git(root, "tag", "v1")
    write_plans(root, prod=TWO, dev=ONE)
    commit(root)
    return root


def test_one_revision_is_compared_with_the_work_tree_as_it_is(run: Run, changed: Path):
    write_plans(changed, prod=ONE, dev=TWO, fresh=ONE)
    result = run(changed, "HEAD", "--json")
    assert statuses(result) == {"dev": "changed", "fresh": "added", "prod": "changed"}
    assert json.loads(result.stdout)["to"] == {"revision": None, "commit": None}


@pytest.mark.parametrize("arguments", [("v1", "HEAD"), ("v1..HEAD",), ("v1..",)])
def test_two_revisions_are_compared_whatever_is_in_the_work_tree(run: Run, changed: Path, arguments: tuple[str, ...]):
    write_plans(changed, version=99, prod=ONE, dev=TWO)
    result = run(changed, *arguments, "--json")
    assert statuses(result) == {"dev": "same", "prod": "changed"}
    assert json.loads(result.stdout)["from"]["commit"] == git(changed, "rev-parse", "v1").strip()


def test_three_dots_compare_with_where_a_branch_began(run: Run, changed: Path):
    git(changed, "checkout", "-qb", "topic", "v1")
    commit(changed, "nothing")
    assert statuses(run(changed, "main...topic", "--json")) == {"dev": "same", "prod": "same"}
    assert statuses(run(changed, "main..topic", "--json")) == {"dev": "same", "prod": "changed"}


@pytest.mark.parametrize("patterns", [("prod",), ("pr*",), ("[p]rod", "prod")])
def test_stacks_are_chosen_by_name_or_pattern_after_one_revision_or_two(
    run: Run, changed: Path, patterns: tuple[str, ...]
):
    assert statuses(run(changed, "v1", *patterns, "--json")) == {"prod": "changed"}
    assert statuses(run(changed, "v1", "HEAD", *patterns, "--json")) == {"prod": "changed"}


def test_a_stack_that_the_other_revision_lacks_can_be_chosen(run: Run, changed: Path):
    (changed / "stacks" / "Pulumi.dev.yaml").unlink()
    assert statuses(run(changed, "v1", "dev", "--json")) == {"dev": "removed"}


def test_a_word_that_is_a_revision_and_a_stack_is_refused_with_both_ways_to_say_it(run: Run, changed: Path):
    git(changed, "branch", "prod", "v1")
    result = run(changed, "v1", "prod")
    assert result.exit_code == 2
    assert "write v1..prod for the revision, or '[p]rod' for the stack" in result.stderr
    assert statuses(run(changed, "v1", "[p]rod", "--json")) == {"prod": "changed"}
    assert statuses(run(changed, "v1..prod", "--json")) == {"dev": "same", "prod": "same"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "git knows no revision 'nowhere'; see 'git branch --all'"),
        (("v1", "nowhere"), "'nowhere' is neither a revision nor a stack; stacks: dev, prod"),
        (("v1", "prd"), "'prd' is neither a revision nor a stack; stacks: dev, prod; did you mean prod?"),
        (("v1..nowhere",), "git knows no revision 'nowhere'"),
        (("v1", "HEAD", "nowhere"), "no stack matches 'nowhere'; there are: dev, prod"),
        (("v1", "--at", "tomorrow"), "--at 'tomorrow' cannot be read as a time"),
        (("v1", "--json", "--markdown"), "--json and --markdown are two forms of the same"),
    ],
)
def test_bad_arguments_are_named_and_exit_with_2(run: Run, changed: Path, arguments: tuple[str, ...], words: str):
    result = run(changed, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_a_shallow_clone_says_how_to_fetch_the_rest(run: Run, changed: Path, tmp_path: Path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{changed}", "shallow")
    result = run(tmp_path / "shallow", "v1")
    assert result.exit_code == 2
    assert "this clone is shallow: fetch it ('git fetch --unshallow', or fetch-depth: 0" in result.stderr


def test_without_a_repository_without_a_project_and_without_a_program_it_says_which(run: Run, tmp_path: Path):
    bare = tmp_path / "bare"
    bare.mkdir()
    assert "no Pulumi.yaml in" in run(bare, "HEAD").stderr
    (bare / "Pulumi.yaml").write_text("name: x\n")
    assert "is not in a git repository" in run(bare, "HEAD").stderr
    root = repository(tmp_path / "empty")
    commit(root)
    (root / "Pulumi.yaml").write_text("name: x\n")
    result = run(root, "HEAD")
    assert (result.exit_code, "has no Pulumi.yaml, so no program to plan" in result.stderr) == (2, True)


def test_without_git_it_says_so(run: Run, changed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    result = run(changed, "HEAD")
    assert (result.exit_code, "git is not installed" in result.stderr) == (2, True)


def test_a_revision_does_not_differ_from_itself(run: Run, changed: Path):
    assert statuses(run(changed, "HEAD", "HEAD", "--json")) == {"dev": "same", "prod": "same"}


def test_an_exit_code_is_asked_for(run: Run, changed: Path):
    assert run(changed, "v1").exit_code == 0
    assert run(changed, "v1", "--exit-code").exit_code == 1
    assert run(changed, "HEAD", "--exit-code").exit_code == 0


def test_the_repository_and_the_work_tree_stay_as_they_are(run: Run, changed: Path):
    (changed / "note.txt").write_text("not committed")
    git(changed, "add", "note.txt")
    hook = changed / ".git" / "hooks" / "post-index-change"
    hook.write_text("#!/bin/sh\ntouch hook-was-run\n")
    hook.chmod(0o755)

    def state() -> tuple[object, ...]:
        files = sorted(path for path in changed.rglob("*") if "__pycache__" not in path.parts)
        return git(changed, "status", "--porcelain"), git(changed, "worktree", "list"), files

    hook.rename(hook.with_suffix(".off"))
    before = state()
    hook.with_suffix(".off").rename(hook)
    assert run(changed, "v1", "HEAD").exit_code == 0
    hook.rename(hook.with_suffix(".off"))
    assert state() == before


def test_a_project_in_a_folder_of_its_repository_is_compared_by_itself(run: Run, tmp_path: Path):
    outer = repository(tmp_path / "outer")
    inner = scripted(outer / "infra" / "velero", prod=ONE)
    shutil.rmtree(inner / ".git")
    commit(outer)
    write_plans(inner, prod=TWO)
    assert statuses(run(inner, "HEAD", "--json")) == {"prod": "changed"}


def test_in_a_git_hook_it_reads_the_repository_and_not_the_hooks_index(
    run: Run, changed: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GIT_INDEX_FILE", str(changed / "nowhere"))
    monkeypatch.setenv("GIT_DIR", "elsewhere")
    assert statuses(run(changed, "v1", "HEAD", "--json"))["prod"] == "changed"


def test_what_no_program_reads_is_not_planned_for(run: Run, changed: Path):
    (changed / "docs").mkdir()
    (changed / "docs" / "notes.txt").write_text("x")
    (changed / "README.md").write_text("x")
    # Whoever plans this gets an error.
    git(changed, "rm", "-q", "--cached", "plans.json")
    assert statuses(run(changed, "HEAD", "--json")) == {"dev": "same", "prod": "same"}


def test_only_the_stacks_whose_files_differ_are_planned_where_the_program_is_the_same(run: Run, tmp_path: Path):
    before = f"Path({str(tmp_path / 'asked')!r}).open('a').write(f'{{wanted}} ')"
    root = scripted(tmp_path / "p", before=before, prod=ONE, dev=ONE)
    commit(root)
    write_stacks(root, prod="# another text")
    assert statuses(run(root, "HEAD", "--json")) == {"dev": "same", "prod": "same"}
    assert (tmp_path / "asked").read_text() == "['prod'] ['prod'] "
