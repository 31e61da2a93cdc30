"""Which cluster a command means."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

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


SHOP = "arn:aws:eks:eu-west-1:111122223333:cluster/shop"


def kubeconfig(folder: Path, *contexts: tuple[str, str]) -> str:
    """A kubeconfig with contexts, each with its cluster's name there; every server is at a port of nobody."""
    clusters = [{"name": cluster, "cluster": {"server": "https://127.0.0.1:9"}} for _, cluster in contexts]
    found = [{"name": name, "context": {"cluster": cluster}} for name, cluster in contexts]
    path = folder / "kube config"
    path.write_text(yaml.safe_dump({"contexts": found, "clusters": clusters}))
    return str(path)


def test_a_kubeconfig_goes_with_a_context_and_stands_in_what_is_proposed(tmp_path):
    path = kubeconfig(tmp_path, ("exam", "exam"))
    target = Target.of(stack=None, context="exam", kubeconfig=path, namespace="backups")
    assert target.cluster.name == "exam"
    assert target.arguments == f"--context exam --kubeconfig '{path}' --velero-namespace backups"


@pytest.mark.parametrize("cluster", [SHOP, "shop.eu-west-1.eksctl.io"])
def test_a_stack_is_reached_by_the_context_that_its_kubeconfig_has_for_its_cluster(stacks, tmp_path, cluster):
    path = kubeconfig(tmp_path, ("other", SHOP.replace("shop", "shop-2")), ("mine", cluster))
    target = Target.of(stack="dev", context=None, kubeconfig=path)
    assert (target.context, target.kubeconfig) == ("mine", Path(path))
    assert target.cluster.name == "mine"


def test_a_stack_with_a_context_is_looked_for_in_the_kubeconfig_by_that(tmp_path, monkeypatch):
    text = stack_text().replace("    name: shop\n", "    name: shop\n    context: exam\n")
    monkeypatch.chdir(project(tmp_path / "p", dev=text))
    path = kubeconfig(tmp_path, ("exam", "exam"), ("mine", SHOP))
    assert Target.of(stack="dev", context=None, kubeconfig=path).context == "exam"


@pytest.mark.parametrize(
    ("contexts", "message"),
    [
        ([("exam", "exam")], f"has no context for {SHOP}. Write the context's name to the stack file"),
        ([("a", SHOP), ("b", SHOP)], "has 2 contexts for it: a, b"),
    ],
)
def test_a_kubeconfig_without_one_context_for_the_stack_is_refused(stacks, tmp_path, contexts, message):
    with pytest.raises(BadTarget) as refused:
        Target.of(stack="dev", context=None, kubeconfig=kubeconfig(tmp_path, *contexts))
    assert message in str(refused.value)


@pytest.mark.parametrize("given", [{"stack": "dev", "context": None}, {"stack": None, "context": "exam"}])
def test_a_kubeconfig_that_does_not_exist_is_named_by_its_path(stacks, given):
    with pytest.raises(BadTarget, match="--kubeconfig gone/config: no such file"):
        Target.of(**given, kubeconfig="gone/config")
    with pytest.raises(BadTarget, match="--kubeconfig stacks: not a file"):
        Target.of(**given, kubeconfig="stacks")
