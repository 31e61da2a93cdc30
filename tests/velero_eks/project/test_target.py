"""Which cluster a command means."""

from __future__ import annotations

import pytest

from tests.velero_eks.plan.projects import project, stack_text
from velero_eks.errors import BadTarget
from velero_eks.project.target import Target


@pytest.fixture
def stacks(tmp_path, monkeypatch):
    """A project with the stack `dev` and a broken one."""
    root = project(tmp_path / "p", dev=stack_text(), broken=stack_text().replace("staging", "stagnig"))
    monkeypatch.chdir(root)
    return root


def test_a_stack_names_its_cluster_and_its_velero(stacks):
    target = Target.of(stack="dev", context=None)
    assert target.settings is not None
    assert (target.namespace, target.name, target.arguments) == ("velero", "stack dev", "--stack dev")


def test_a_stack_is_found_from_a_folder_below(stacks, monkeypatch):
    monkeypatch.chdir(stacks / "stacks")
    assert Target.of(stack="dev", context=None).stack == "dev"


def test_a_stack_file_can_be_given_by_its_path(stacks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Target.of(stack=str(stacks / "stacks" / "Pulumi.dev.yaml"), context=None).stack == "dev"


def test_a_context_has_velero_in_its_usual_namespace_unless_told():
    assert Target.of(stack=None, context="exam").namespace == "velero"
    assert Target.of(stack=None, context="exam", namespace="backups").namespace == "backups"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stack": None, "context": None}, "the current context is never used"),
        ({"stack": "dev", "context": "exam"}, "keep one of them"),
        (
            {"stack": "pord", "context": None},
            "no stack 'pord'; there are: broken, dev. Or write one: velero-eks init pord",
        ),
        ({"stack": "other/Pulumi.dev.yaml", "context": None}, "there is no such file"),
        ({"stack": "broken", "context": None}, "stagnig"),
    ],
)
def test_what_names_nothing_is_refused_with_what_there_is(stacks, given, message):
    with pytest.raises(BadTarget, match=message):
        Target.of(**given)


def test_outside_a_project_a_context_is_proposed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadTarget, match=r"no Pulumi\.yaml .* use --context"):
        Target.of(stack="dev", context=None)
