"""Kinds out of a recorded discovery document, their paths, and the words that mean them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from velero_eks.kube.kinds import NAMESPACE, ResourceKind, kinds_of, matching, stale_groups

DISCOVERY = json.loads((Path(__file__).parents[1] / "recovery" / "data" / "discovery.json").read_text(encoding="utf-8"))
KINDS = [kind for document in DISCOVERY for kind in kinds_of(document)]


def kind(name: str) -> ResourceKind:
    return next(kind for kind in KINDS if kind.kind == name)


def test_a_kind_knows_its_paths():
    deployment = kind("Deployment")
    assert deployment.path() == "/apis/apps/v1/deployments"
    assert deployment.path("exam-prod") == "/apis/apps/v1/namespaces/exam-prod/deployments"
    assert deployment.path("exam-prod", "portal") == "/apis/apps/v1/namespaces/exam-prod/deployments/portal"
    assert NAMESPACE.path("exam-prod", "exam-prod") == "/api/v1/namespaces/exam-prod"


def test_a_name_with_a_colon_is_one_part_of_the_path():
    assert kind("ClusterRole").path(name="system:aggregate-to-view").endswith("/system%3Aaggregate-to-view")


def test_a_kind_that_several_versions_serve_comes_once_in_the_preferred_one():
    autoscalers = [kind for kind in KINDS if kind.kind == "HorizontalPodAutoscaler"]
    assert [found.version for found in autoscalers] == ["v2"]
    both = [kind.version for document in DISCOVERY for kind in kinds_of(document, all_versions=True)
            if kind.kind == "HorizontalPodAutoscaler"]  # fmt: skip
    assert both == ["v2", "v1"]


@pytest.mark.parametrize(
    ("word", "resources"),
    [
        ("cm", ["configmaps"]),
        ("ConfigMap", ["configmaps"]),
        ("configmap", ["configmaps"]),
        ("deployments.apps", ["deployments.apps"]),
        ("deploy", ["deployments.apps"]),
        ("question.exam.example.com", ["questions.exam.example.com"]),
        # Served twice; the bare word is the core kind, as kubectl reads it.
        ("events", ["events"]),
        ("events.events.k8s.io", ["events.events.k8s.io"]),
        ("crd", ["customresourcedefinitions.apiextensions.k8s.io"]),
        ("deployments.exam.example.com", []),
        ("nonsense", []),
    ],
)
def test_a_word_means_what_it_means_to_kubectl(word, resources):
    assert [kind.resource for kind in matching(KINDS, word)] == resources


def test_a_group_whose_own_server_is_down_is_named():
    version = {"version": "v1beta1", "freshness": "Stale", "resources": []}
    document = {"items": [{"metadata": {"name": "metrics.k8s.io"}, "versions": [version]}]}
    assert stale_groups(document) == ["metrics.k8s.io/v1beta1"]
    assert [group for document in DISCOVERY for group in stale_groups(document)] == []
