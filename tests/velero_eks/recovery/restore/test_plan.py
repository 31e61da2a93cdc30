"""Which Restores, in which order, and when an object is written directly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.velero_eks.recovery.restore.made import definition, stored
from velero_eks.errors import BadTarget
from velero_eks.recovery.restore.plan import (
    DirectStep,
    VeleroStep,
    find_object,
    plan_cluster,
    plan_namespace,
    plan_objects,
)
from velero_eks.velero.backup_contents import Selection
from velero_eks.velero.filters import selects
from velero_eks.velero.restore_spec import Existing, selectors

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


@given(st.lists(LABELS, min_size=1, max_size=3), st.lists(LABELS, max_size=5))
def test_selectors_take_what_is_wanted_and_nothing_else_or_there_are_none(wanted, others):
    chosen = selectors(
        [stored("ConfigMap", f"w{number}", "shop", labels=labels) for number, labels in enumerate(wanted)],
        [stored("ConfigMap", f"o{number}", "shop", labels=labels) for number, labels in enumerate(others)],
    )
    if chosen is None:
        # Only a twin with the very same labels cannot be told apart.
        assert any(labels in wanted for labels in others)
    elif others:
        assert all(any(selects(selector, labels) for selector in chosen) for labels in wanted)
        assert not any(selects(selector, labels) for selector in chosen for labels in others)
    else:
        assert chosen == ()


def objects(contents, *wanted, existing: Existing = "update", live=(), namespace=None):
    chosen = [item for item in contents if item.place.name in wanted]
    return plan_objects(
        "b", contents, chosen, is_live=lambda item: item.place.name in live, namespace=namespace, existing=existing
    )


def test_an_object_with_labels_of_its_own_is_restored_by_velero():
    contents = [
        stored("ConfigMap", "grading", "shop", labels={"component": "grading"}),
        stored("ConfigMap", "portal", "shop", labels={"component": "portal"}),
        stored("ConfigMap", "grading", "other", labels={"component": "grading"}),
        stored("Secret", "grading", "shop"),
    ]
    (step,) = plan_objects(
        "b", contents, contents[:1], is_live=lambda _: True, namespace=None, existing="update"
    ).steps  # fmt: skip
    assert isinstance(step, VeleroStep)
    assert [str(item.place) for item in step.spec.selected(contents).values()] == ["configmaps/grading -n shop"]
    assert step.spec.document["existingResourcePolicy"] == "update"
    assert "includeClusterResources" not in step.spec.document


def test_an_object_with_a_twin_is_written_directly_and_the_twin_is_named():
    contents = [stored("ConfigMap", "a", "shop"), stored("ConfigMap", "b", "shop")]
    (step,) = objects(contents, "a").steps
    assert isinstance(step, DirectStep)
    assert [item.place.name for item in step.items] == ["a"]
    assert "configmaps/b -n shop has the same ones" in step.why


def test_twins_that_are_both_wanted_are_restored_by_velero():
    contents = [stored("ConfigMap", "a", "shop"), stored("ConfigMap", "b", "shop")]
    (step,) = objects(contents, "a", "b").steps
    assert isinstance(step, VeleroStep)
    assert "orLabelSelectors" not in step.spec.document


def test_a_crd_brings_its_objects_after_itself_with_what_velero_needs_to_take_it():
    contents = [definition(), definition("others.exam.example.com", "Other", labels={"a": "b"}),
                stored("Question", "q1", "shop"), stored("Question", "q2", "else")]  # fmt: skip
    first, second = objects(contents, "questions.exam.example.com").steps
    assert isinstance(first, VeleroStep)
    assert isinstance(second, VeleroStep)
    assert first.spec.document["includeClusterResources"] is True
    assert [item.place.name for item in first.spec.selected(contents).values()] == ["questions.exam.example.com"]
    assert sorted(item.place.name for item in second.spec.selected(contents).values()) == ["q1", "q2"]
    _, narrowed = objects(contents, "questions.exam.example.com", namespace="shop").steps
    assert isinstance(narrowed, VeleroStep)
    assert [item.place.name for item in narrowed.spec.selected(contents).values()] == ["q1"]


@pytest.mark.parametrize(("live", "position"), [(("hook",), 0), ((), 2)])
def test_a_webhook_comes_first_where_it_is_there_and_last_where_it_is_not(live, position):
    contents = [stored("ValidatingWebhookConfiguration", "hook"), definition(), stored("Question", "q", "shop")]
    steps = objects(contents, "hook", "questions.exam.example.com", live=live).steps
    assert [step.title.partition(" ")[0] for step in steps].index("ValidatingWebhookConfiguration") == position


def test_a_claim_by_itself_is_refused_with_a_way_out():
    # Velero would leave its volume and snapshot out, since only one kind is asked for.
    with pytest.raises(BadTarget, match="velero-eks restore namespace shop --from b --into shop-copy"):
        objects([stored("PersistentVolumeClaim", "a", "shop")], "a")


def test_a_pod_that_velero_cannot_choose_is_refused_with_a_way_out():
    contents = [stored("Pod", "a", "shop"), stored("Pod", "b", "shop")]
    with pytest.raises(BadTarget, match="velero-eks restore namespace shop --from b --into shop-copy"):
        objects(contents, "a")


def test_what_velero_never_restores_is_refused():
    with pytest.raises(BadTarget, match="never restores this kind"):
        objects([stored("Node", "n")], "n")


def namespace(contents, served=(("v1", "ConfigMap"),), **fields):
    arguments = {"namespace": "shop", "into": None, "existing": "keep", **fields}
    return plan_namespace("b", contents, served, **arguments)


def test_a_namespace_is_one_restore_where_every_kind_is_served():
    plan = namespace([stored("ConfigMap", "a", "shop")], into="copy")
    (step,) = plan.steps
    assert isinstance(step, VeleroStep)
    assert (step.spec.document["namespaceMapping"], plan.title) == ({"shop": "copy"}, "namespace shop into copy")


def test_the_crds_that_a_namespace_lacks_come_before_it_and_no_others():
    contents = [definition(labels={"a": "1"}), definition("others.exam.example.com", "Other", labels={"a": "2"}),
                stored("Question", "q", "shop")]  # fmt: skip
    first, second = namespace(contents).steps
    assert isinstance(first, VeleroStep)
    assert isinstance(second, VeleroStep)
    assert [item.place.name for item in first.spec.selected(contents).values()] == ["questions.exam.example.com"]
    # An existing CRD is never changed for a namespace's sake.
    assert first.spec.existing == "keep"
    assert second.spec.namespaces == ("shop",)


def test_a_namespace_that_is_not_in_the_backup_is_refused_with_those_that_are():
    with pytest.raises(BadTarget, match=r"nothing from namespace 'shpo'; it has: shop; did you mean shop\?$"):
        namespace([stored("ConfigMap", "a", "shop")], namespace="shpo")


def test_a_cluster_leaves_out_velero_and_what_every_cluster_makes_for_itself():
    plan = plan_cluster("b", [definition()], velero_namespace="velero", system=False, existing="keep")
    (step,) = plan.steps
    assert isinstance(step, VeleroStep)
    assert "nodeclaims.karpenter.sh" in step.spec.excluded_resources
    assert set(step.spec.excluded_namespaces) == {"velero", "kube-system", "kube-public", "kube-node-lease"}
    assert step.spec.document["includeClusterResources"] is True
    assert "ipaddresses.networking.k8s.io" in step.spec.excluded_resources
    with_system = plan_cluster("b", [definition()], velero_namespace="velero", system=True, existing="keep").steps[0]
    assert isinstance(with_system, VeleroStep)
    assert with_system.spec.excluded_namespaces == ("velero",)


def cluster(*contents):
    return plan_cluster("b", [definition(), *contents], velero_namespace="velero", system=False, existing="keep")


def test_a_clusters_webhooks_come_last_and_also_when_something_else_failed():
    hook, other = stored("ValidatingWebhookConfiguration", "hook"), stored("ConfigMap", "a", "shop")
    plan = cluster(hook, other)
    first, last = plan.steps
    assert isinstance(first, VeleroStep)
    assert isinstance(last, VeleroStep)
    contents = [definition(), hook, other]
    taken = [sorted(item.place.name for item in step.spec.selected(contents).values()) for step in (first, last)]
    assert taken == [["a", "questions.exam.example.com"], ["hook"]]
    assert last.spec.document["includeClusterResources"] is True
    assert plan.goes_on


def test_endpoints_that_somebody_wrote_come_back_with_a_cluster_and_those_of_controllers_do_not():
    maker = {"endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io"}
    by_name = {"kubernetes.io/service-name": "database"}
    steps = cluster(
        stored("Service", "database", "shop", spec={}),
        stored("Service", "web", "shop", spec={"selector": {"app": "web"}}),
        stored("Service", "kubernetes", "default", spec={}),
        stored("Service", "metrics", "kube-system", spec={}),
        stored("Endpoints", "database", "shop"),
        stored("Endpoints", "web", "shop", labels={"app": "web"}),
        stored("Endpoints", "kubernetes", "default"),
        stored("Endpoints", "metrics", "kube-system"),
        stored("EndpointSlice", "database-1", "shop", labels=by_name),
        stored("EndpointSlice", "database-2", "shop", labels={**by_name, **maker}),
    ).steps
    assert [step.title for step in steps[1:]] == ["Endpoints database -n shop", "EndpointSlice database-1 -n shop"]


def test_a_backup_of_a_namespace_is_none_of_a_cluster():
    with pytest.raises(BadTarget, match="not of a whole cluster"):
        plan_cluster("b", [stored("ConfigMap", "a", "shop")], velero_namespace="velero", system=False, existing="keep")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "configmap/gradin",
            "has no configmap/gradin; did you mean grading? Which backups have it: velero-eks history",
        ),
        ("configmp/grading", "has no configmp/grading; did you mean configmaps? Which backups have it"),
        ("configmap/zzz", "has no configmap/zzz. Which backups have it: velero-eks history configmap/zzz"),
    ],
)
def test_an_object_that_is_not_in_the_backup_is_answered_with_what_is_near(asked, said):
    with pytest.raises(BadTarget) as refused:
        find_object("b", [stored("ConfigMap", "grading", "shop")], Selection.parse(asked), None)
    assert said in str(refused.value)
