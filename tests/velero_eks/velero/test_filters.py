"""A backup's filters, read as Velero reads them. Against a real server: tests/lab/test_coverage.py."""

from __future__ import annotations

import pytest

from tests.velero_eks.recovery.recorded import KINDS, kind
from velero_eks.kube.kinds import ResourceKind
from velero_eks.velero.filters import Filters, selects

LISTED_ONLY = ResourceKind("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", True, frozenset({"get", "list"}))


def taken(spec: dict, name: str) -> bool:
    return Filters.of(spec, KINDS).of_kind(kind(name)) is None


@pytest.mark.parametrize(
    ("spec", "takes", "leaves"),
    [
        # As Velero 1.18.2 does it [run]: its own excludes keep "everything" from being everything.
        ({}, ["ConfigMap", "Namespace"], ["ClusterRole", "CustomResourceDefinition"]),
        ({"includedNamespaces": ["exam-prod"]}, ["ConfigMap", "Namespace"], ["ClusterRole"]),
        ({"includeClusterResources": True}, ["ConfigMap", "ClusterRole", "CustomResourceDefinition"], []),
        ({"includeClusterResources": False}, ["ConfigMap"], ["ClusterRole", "Namespace"]),
        ({"includedResources": ["cm", "deploy"]}, ["ConfigMap", "Deployment"], ["Secret", "ClusterRole"]),
        ({"includedResources": ["*"], "excludedResources": ["secrets"]}, ["ConfigMap"], ["Secret"]),
        ({"excludedResources": ["deployments.apps"]}, ["ReplicaSet", "ClusterRole"], ["Deployment"]),
        ({"includedResources": ["*.exam.example.com"]}, ["Question"], ["ConfigMap"]),
        (
            {"includedNamespaces": ["*"], "excludedNamespaces": ["velero"], "excludedResources": ["secrets"]},
            ["ConfigMap", "Namespace"],
            ["ClusterRole", "Secret"],
        ),
        (
            {"includedClusterScopedResources": ["crd"]},
            ["CustomResourceDefinition", "Namespace", "ConfigMap"],
            ["ClusterRole"],
        ),
        ({"includedClusterScopedResources": ["*"]}, ["CustomResourceDefinition", "ClusterRole"], []),
        ({"excludedClusterScopedResources": ["*"]}, ["ConfigMap"], ["ClusterRole", "Namespace"]),
        ({"excludedNamespaceScopedResources": ["*"]}, ["Namespace"], ["ConfigMap"]),
        ({"includedNamespaceScopedResources": ["cm"]}, ["ConfigMap"], ["Secret"]),
    ],
)
def test_a_kind_is_taken_or_left_as_velero_would(spec, takes, leaves):
    assert {name: taken(spec, name) for name in takes} == dict.fromkeys(takes, True)
    assert {name: taken(spec, name) for name in leaves} == dict.fromkeys(leaves, False)


def test_a_kind_that_cannot_be_made_again_is_left_out_by_velero():
    assert "cannot be recreated" in str(Filters.of({}, KINDS).of_kind(LISTED_ONLY))


@pytest.mark.parametrize(
    ("spec", "namespace", "reason"),
    [
        ({}, "exam-prod", None),
        ({"includedNamespaces": ["*"]}, "exam-prod", None),
        ({"includedNamespaces": ["exam-*"]}, "exam-prod", None),
        ({"includedNamespaces": ["exam-*"]}, "velero", "not in includedNamespaces"),
        ({"includedNamespaces": ["*"], "excludedNamespaces": ["velero"]}, "velero", "is in excludedNamespaces"),
    ],
)
def test_a_namespace_is_taken_or_left(spec, namespace, reason):
    found = Filters.of(spec, KINDS).of_namespace(namespace)
    assert found is None if reason is None else reason in str(found)


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
    ],
)
def test_a_selector_selects_as_kubernetes_does(selector, labels, selected):
    assert selects(selector, labels) is selected


def test_any_of_several_selectors_is_enough():
    filters = Filters.of({"orLabelSelectors": [{"matchLabels": {"a": "1"}}, {"matchLabels": {"b": "2"}}]}, KINDS)
    assert filters.of_labels({"b": "2"}) is None
    assert "label selector" in str(filters.of_labels({"c": "3"}))


def test_the_label_that_excludes_wins_over_everything():
    assert "exclude-from-backup" in str(Filters.of({}, KINDS).of_labels({"velero.io/exclude-from-backup": "true"}))


@pytest.mark.parametrize(
    ("namespaces", "names"),
    [
        ({}, None),
        ({"includedNamespaces": ["a", "b"]}, ("a", "b")),
        ({"includedNamespaces": ["a", "b"], "excludedNamespaces": ["b"]}, ("a",)),
        ({"includedNamespaces": ["a*"]}, None),
    ],
)
def test_the_namespaces_are_known_by_name_where_no_wildcard_is(namespaces, names):
    assert Filters.of(namespaces, KINDS).only_namespaces == names


@pytest.mark.parametrize(
    ("spec", "silent"),
    [
        ({}, True),
        ({"includedNamespaces": ["exam-prod"]}, True),
        ({"includedNamespaces": ["exam-prod"], "excludedResources": ["secrets"]}, True),
        ({"includeClusterResources": True}, False),
        ({"includeClusterResources": False}, False),
        ({"includedClusterScopedResources": ["crd"]}, False),
        ({"excludedClusterScopedResources": ["*"]}, False),
    ],
)
def test_whether_anything_was_said_about_cluster_scoped_objects(spec, silent):
    assert Filters.of(spec, KINDS).silent_on_cluster is silent
