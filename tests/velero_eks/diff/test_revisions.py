"""Two revisions of the real program, each run by its own recorder; and what is printed of them."""

from __future__ import annotations

import io
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from tests.velero_eks.diff.programs import STACK
from tests.velero_eks.diff.repositories import commit, git, real, repository, write_stacks
from tests.velero_eks.plan.projects import LIGHT
from velero_eks.commands import diff as render
from velero_eks.commands.diff import compared
from velero_eks.diff import contract, markdown
from velero_eks.diff.model import Diff
from velero_eks.errors import DiffError

AT = datetime(2026, 11, 24, tzinfo=UTC)
SECURE = "  velero-eks:repositoryPassword: {{secure: v1:{}}}\n"

ENCRYPTED_ANEW = (
    "velero-eks:repositoryPassword is encrypted again: only the engine can tell whether the value is the same"
)


@pytest.fixture(scope="module")
def diff(tmp_path_factory: pytest.TempPathFactory) -> Diff:
    """From a commit to a work tree in which one stack is edited, one gone, one new and one as it was."""
    root = real(
        tmp_path_factory.mktemp("revisions") / "p",
        prod=STACK + SECURE.format("wwww" * 8),
        gone=STACK.replace("exam-prod", "exam-gone"),
        same=STACK.replace("exam-prod", "exam-same"),
    )
    commit(root)
    edited = STACK.replace("keep: 3d", "keep: 1d").replace("rpo: 24h", "rpo: 48h") + SECURE.format("zzzz" * 8)
    write_stacks(root, prod=edited, fresh=STACK.replace("exam-prod", "exam-fresh"))
    (root / "stacks" / "Pulumi.gone.yaml").unlink()
    return in_folder(root, "HEAD")


def in_folder(root: Path, *arguments: str, stack: str | None = None) -> Diff:
    here = Path.cwd()
    os.chdir(root)
    try:
        return compared(arguments, AT, stack)
    finally:
        os.chdir(here)


@pytest.fixture(scope="module")
def schema(root: Path) -> dict[str, Any]:
    return json.loads((root / "docs" / "reference" / "diff.schema.json").read_text())


def test_each_stack_has_its_status(diff: Diff):
    assert {stack.stack: stack.status for stack in diff.stacks} == {
        "fresh": "added",
        "gone": "removed",
        "prod": "changed",
        "same": "same",
    }


def test_an_edit_of_the_settings_is_told_through_both_recorders(diff: Diff):
    (prod,) = (stack for stack in diff.stacks if stack.stack == "prod")
    assert [(fact.category, fact.text, fact.effect) for fact in prod.facts] == [
        ("replaced", ENCRYPTED_ANEW, "risk"),
        ("retention", "backups of exam-hourly are kept 24 h, was 3 days", "weaker"),
        ("objectives", "exam-prod: may lose at most 2 days, was 24 h", "weaker"),
    ]
    assert [change.urn.split("::")[3] for change in prod.resources] == ["velero-exam-hourly"]


def test_the_document_is_what_the_schema_says(diff: Diff, schema: dict[str, Any]):
    document = json.loads(contract.text(diff))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["different"] is True


def test_the_schema_leaves_no_key_of_the_document_undescribed(diff: Diff, schema: dict[str, Any]):
    def strict(node: Any) -> Any:
        if isinstance(node, dict):
            closed = {"additionalProperties": False} if "properties" in node and "type" in node else {}
            return {**{key: strict(value) for key, value in node.items()}, **closed}
        return [strict(item) for item in node] if isinstance(node, list) else node

    jsonschema.Draft202012Validator(strict(schema)).validate(json.loads(contract.text(diff)))


def test_no_secret_is_in_any_form(diff: Diff):
    # Letters that no commit's id has.
    forms = [contract.text(diff), markdown.render(diff), printed(diff, 120, properties=True)]
    assert not any(word in form for form in forms for word in ("wwww", "zzzz", "encrypted-until"))


def printed(diff: Diff, width: int, *, properties: bool = False) -> str:
    out = io.StringIO()
    render.render(Console(file=out, width=width, highlight=False), diff, properties=properties)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("properties", [False, True])
def test_a_terminal_of_any_width_shows_all_of_it(diff: Diff, width: int, properties: bool):
    text = printed(diff, width, properties=properties)
    assert max(map(len, text.splitlines())) <= width
    plain = " ".join(text.split())
    for stack in diff.different:
        for fact in stack.facts:
            assert all(word in plain for word in fact.text.split()), fact.text
    assert ("spec.template.ttl: 72h0m0s → 24h0m0s" in plain) == properties
    assert plain.endswith("3 of 4 stacks differ. Data at risk in prod. Weaker in gone.")


def test_a_revision_without_a_recorder_is_run_by_this_one_which_is_said(tmp_path: Path):
    root = real(tmp_path / "p", prod=STACK)
    shutil.rmtree(root / "velero_eks")
    commit(root)
    git(root, "tag", "before")
    write_stacks(root, prod=STACK.replace("keep: 3d", "keep: 1d"))
    made = in_folder(root, "before")
    assert [fact.text for fact in made.stacks[0].facts] == ["backups of exam-hourly are kept 24 h, was 3 days"]
    assert "has no recorder; it was planned with the current one." in made.notes[0]


def foreign(root: Path, **files: str) -> Path:
    """A repository with a project of another name, whose stack files stand beside its program; nothing committed."""
    repository(root)
    (root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (root / "__main__.py").write_text(LIGHT)
    for stack, text in files.items():
        (root / f"Pulumi.{stack}.yaml").write_text(text)
    return root


def test_a_project_of_another_name_has_its_stack_files_beside_its_program(tmp_path: Path):
    root = foreign(tmp_path / "p", dev="config: {}\n", prod="config: {}\n")
    commit(root)
    (root / "Pulumi.dev.yaml").write_text("config: {shop:a: b}\n")
    of_a_file = in_folder(root, "HEAD")
    assert {stack.stack: stack.status for stack in of_a_file.stacks} == {"dev": "same", "prod": "same"}
    assert of_a_file.notes == ()
    (root / "__main__.py").write_text(LIGHT.replace("168h", "24h"))
    of_the_program = in_folder(root, "HEAD", "dev")
    assert {stack.stack: stack.status for stack in of_the_program.stacks} == {"dev": "changed"}


def test_a_stack_of_another_project_needs_no_file(tmp_path: Path):
    root = foreign(tmp_path / "p")
    commit(root)
    (root / "__main__.py").write_text(LIGHT.replace("168h", "24h"))
    with pytest.raises(DiffError, match=r"has a stack file .*; name the stack: --stack STACK"):
        in_folder(root, "HEAD")
    made = in_folder(root, "HEAD", stack="dev")
    assert {stack.stack: stack.status for stack in made.stacks} == {"dev": "changed"}
