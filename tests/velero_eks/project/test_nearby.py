"""What someone probably meant: files that are nearly a stack's, folders that are nearly a project's."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.velero_eks.plan.projects import LIGHT, project, stack_text
from velero_eks.commands import app as cli
from velero_eks.errors import BadTarget
from velero_eks.project.project import Project, stack_of


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the stack `shop`, the current folder."""
    made = project(tmp_path / "around" / "p", shop=stack_text())
    monkeypatch.chdir(made)
    return made


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stacks/Pulumi.acme.yml", "stacks/Pulumi.acme.yml is not read: rename it to Pulumi.acme.yaml"),
        ("stacks/acme.yaml", "stacks/acme.yaml is not read: rename it to Pulumi.acme.yaml"),
        ("stacks/acme.yml", "stacks/acme.yml is not read: rename it to Pulumi.acme.yaml"),
        ("stacks/pulumi.acme.yaml", "stacks/pulumi.acme.yaml is not read: rename it to Pulumi.acme.yaml"),
        ("stacks/Pulumi.acme.YAML", "stacks/Pulumi.acme.YAML is not read: rename it to Pulumi.acme.yaml"),
        ("Pulumi.acme.yaml", "Pulumi.acme.yaml is not read: move it to stacks/Pulumi.acme.yaml"),
        ("Pulumi.acme.yml", "Pulumi.acme.yml is not read: move it to stacks/Pulumi.acme.yaml"),
    ],
)
def test_a_file_that_is_nearly_a_stacks_is_named_with_the_mend(root, name, said):
    (root / name).write_text(stack_text(), encoding="utf-8")
    found = Project.find(root)
    assert [str(each) for each in found.misnamed()] == [said]
    assert list(found.stack_files()) == ["shop"]
    with pytest.raises(BadTarget) as refused:
        found.load("acme")
    assert str(refused.value) == f"no stack 'acme'; {said}"
    with pytest.raises(BadTarget) as refused:
        found.select(["ac*"])
    assert str(refused.value) == f"no stack matches 'ac*'; {said}"
    # Who asks for another stack does not have to hear of it.
    assert found.misnamed(["shop"]) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stacks/Pulumi..yaml", "its name has no stack; rename it to Pulumi.STACK.yaml, or delete it"),
        ("stacks/Pulumi.shop.yml", "stacks/Pulumi.shop.yaml is; delete one of the two"),
        ("Pulumi.shop.yaml", "stacks/Pulumi.shop.yaml is; delete one of the two"),
    ],
)
def test_a_file_without_a_stack_or_beside_one_that_is_read_is_named_too(root, name, said):
    (root / name).write_text(stack_text(), encoding="utf-8")
    assert [str(each) for each in Project.find(root).misnamed()] == [f"{name} is not read: {said}"]
    assert list(Project.find(root).stack_files()) == ["shop"]


def test_other_files_are_nobodys_stacks(root):
    for name in ("values.yaml", ".Pulumi.acme.yaml.swp", "Pulumi.acme.yaml~", "stacks/README.md", "stacks/.acme.yaml"):
        (root / name).write_text("", encoding="utf-8")
    (root / "stacks" / "old.yaml").mkdir()
    assert Project.find(root).misnamed() == []


def test_a_plan_of_all_stacks_warns_of_what_it_leaves_out(root):
    (root / "__main__.py").write_text(LIGHT, encoding="utf-8")
    (root / "stacks" / "Pulumi.acme.yml").write_text(stack_text(), encoding="utf-8")
    for arguments, warned in ((("plan", "--summary"), True), (("plan", "shop", "--json"), False)):
        result = CliRunner().invoke(cli.app, arguments)
        assert result.exit_code != 2, result.stderr
        assert ("warning: stacks/Pulumi.acme.yml is not read: rename it" in result.stderr) == warned


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "a stack file is a regular file, and this is a folder; put a file in its place"),
        (
            lambda path: path.symlink_to("nowhere"),
            "cannot be read: it links to nowhere, which does not exist; fix the link, or delete it",
        ),
        (lambda path: path.symlink_to(path.name), "which does not exist; fix the link, or delete it"),
        (lambda path: path.touch(), "this one is empty: fill it with velero-eks init, or delete it"),
    ],
)
def test_a_name_that_leads_to_no_settings_says_why(root, make, said):
    make(root / "stacks" / "Pulumi.acme.yaml")
    with pytest.raises(BadTarget) as refused:
        Project.find(root).load("acme")
    assert str(refused.value).startswith("stacks/Pulumi.acme.yaml: ")
    assert said in str(refused.value)


def test_a_stack_of_another_program_is_not_planned_without_the_file_that_was_meant_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.acme.yml").write_text("config: {}\n", encoding="utf-8")
    (tmp_path / "values.yaml").write_text("", encoding="utf-8")
    found = Project.find(tmp_path)
    assert [each.stack for each in found.misnamed()] == ["acme"]
    with pytest.raises(BadTarget, match=r"^Pulumi\.acme\.yml is not read: rename it to Pulumi\.acme\.yaml$"):
        found.select(["acme"])
    assert list(found.select(["other"])) == ["other"]


def test_a_stack_is_found_by_its_environment(root):
    (root / "stacks" / "Pulumi.acme.yaml").write_text(stack_text().replace("staging", "production"), encoding="utf-8")
    (root / "stacks" / "Pulumi.bad.yaml").write_text("\0[", encoding="utf-8")
    found = Project.find(root)
    for asked in ("prod", "prd", "production"):
        with pytest.raises(
            BadTarget, match=rf"^no stack '{asked}'; did you mean acme \(its environment is production\)\?"
        ):
            found.load(asked)
    with pytest.raises(
        BadTarget, match=r"^no stack matches 'stage'; did you mean shop \(its environment is staging\)\?$"
    ):
        found.select(["stage"])


def test_a_stack_file_that_is_not_there_is_answered_with_the_stack(root):
    with pytest.raises(
        BadTarget, match=r"^--stack Pulumi\.shop\.yaml: there is no such file; did you mean --stack shop\?"
    ):
        stack_of("Pulumi.shop.yaml")
    with pytest.raises(BadTarget, match=r"give a stack's name or its file$"):
        stack_of("x/Pulumi.zzz.yaml")


def test_outside_a_project_the_one_below_or_beside_is_named(root, monkeypatch):
    around = root.parent
    start = f"no Pulumi.yaml in {around} or above it; go to p (velero-eks -C p COMMAND)"
    with pytest.raises(BadTarget) as refused:
        Project.find(around)
    assert str(refused.value) == start
    monkeypatch.chdir(around)
    with pytest.raises(BadTarget) as refused:
        stack_of("shop")
    assert str(refused.value) == f"{start}, give the stack's file, or use --context"
    beside = around / "other"
    beside.mkdir()
    with pytest.raises(BadTarget, match=r"; go to \.\./p \(velero-eks -C \.\./p COMMAND\)$"):
        Project.find(beside)
    for name in "abcd":
        project(around / name, shop=stack_text())
    with pytest.raises(BadTarget, match=r"; go to a or b or c or another \(velero-eks -C DIR COMMAND\)$"):
        Project.find(around)


def test_a_project_file_of_another_name_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yml").write_text("name: velero-eks\n", encoding="utf-8")
    with pytest.raises(BadTarget, match=r"or above it; rename Pulumi\.yml to Pulumi\.yaml$"):
        Project.find(tmp_path)
