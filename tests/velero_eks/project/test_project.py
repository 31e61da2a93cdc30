"""The project that a command is called in, and which of its stacks is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.velero_eks.plan.projects import project, stack_text
from velero_eks.errors import BadTarget
from velero_eks.project.project import Project, matching, stack_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path):
    """A project with three stacks."""
    return project(tmp_path / "p", dev=stack_text(), prod=stack_text(), **{"prod-eu": stack_text()})


def test_a_project_is_found_from_any_folder_in_it(root, monkeypatch):
    monkeypatch.chdir(root / "stacks")
    assert Project.find() == Project.find(root / "stacks") == Project(root, "velero-eks")


def test_outside_a_project_the_remedy_is_said(tmp_path):
    # Beside the folder itself there are those of other tests, with projects in them.
    alone = tmp_path / "alone"
    alone.mkdir()
    with pytest.raises(
        BadTarget, match=r"above it; go to the project's folder, or make a project here: velero-eks init STACK$"
    ):
        Project.find(alone)


def test_stacks_are_chosen_by_name_and_by_pattern(root):
    found = Project.find(root)
    assert list(found.select([])) == ["dev", "prod", "prod-eu"]
    assert list(found.select(["prod*"])) == ["prod", "prod-eu"]
    assert list(found.select(["prod-eu", "dev"])) == ["dev", "prod-eu"]


def test_a_name_or_pattern_that_nothing_has_is_refused_with_the_nearest(root):
    with pytest.raises(BadTarget, match=r"^no stack matches 'pord'; did you mean prod or prod-eu\?$"):
        Project.find(root).select(["dev", "pord"])
    with pytest.raises(BadTarget, match=r"^no stack matches 'x\*'; there are: dev, prod, prod-eu$"):
        Project.find(root).select(["x*"])
    with pytest.raises(BadTarget, match=r"^no stack 'pord'; did you mean prod or prod-eu\? Or write one: velero-eks"):
        Project.find(root).load("pord")


def test_a_project_without_a_stack_says_how_to_write_one(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: velero-eks\nruntime: python\nstackConfigDir: stacks\n")
    with pytest.raises(BadTarget, match=r"no stack file yet\. Write one: velero-eks init prod --cluster NAME --region"):
        Project.find(tmp_path).load("prod")


def test_names_that_come_from_elsewhere_are_chosen_the_same_way():
    assert matching(["b", "a"], []) == ("b", "a")
    assert matching(["b", "a"], ["[a]"]) == ("a",)


def test_a_stack_is_meant_by_its_name_or_by_a_file_anywhere(root, tmp_path, monkeypatch):
    assert stack_of("dev", root).stack == "dev"
    monkeypatch.chdir(tmp_path)
    assert stack_of(str(root / "stacks" / "Pulumi.dev.yaml")).stack == "dev"


@pytest.mark.parametrize("word", ["Pulumi.prod.yaml", "../stacks/Pulumi.prod.yaml", "prod"])
def test_a_stack_of_the_project_is_meant_by_its_file_wherever_a_name_is_taken(root, word, monkeypatch):
    monkeypatch.chdir(root / "stacks")
    assert list(Project.find().select([word])) == ["prod"]
    assert Project.find().load(word).stack == "prod"


def test_only_this_room_looks_for_projects_and_stack_files():
    own = ROOT / "velero_eks" / "project"
    looking = {'glob("Pulumi.': own / "folder.py", ".parents):": own / "folder.py"}
    found = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in (ROOT / "velero_eks").rglob("*.py")
        for word in looking
        if word in path.read_text(encoding="utf-8")
    }
    assert found == {f"{path.relative_to(ROOT)}: {word}" for word, path in looking.items()}


def test_a_stack_of_another_project_may_have_keys_of_its_own_beside(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(stack_text(more="  shop:replicas: 3\n"))
    assert stack_of("prod", tmp_path).settings.cluster.name == "shop"
    assert Project.find(tmp_path).stack_file("new") == tmp_path / "Pulumi.new.yaml"
