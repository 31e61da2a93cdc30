"""KIND[/NAME] as it is typed."""

from __future__ import annotations

import pytest

from velero_eks.errors import BadTarget
from velero_eks.velero.backup_contents import Place, Selection, selected

CONFIG = Place("configmaps", "exam-prod", "grading")
POLICY = Place("networkpolicies.networking.k8s.io", "exam-prod", "deny")
INGRESS = Place("ingresses.networking.k8s.io", "exam-prod", "portal")


@pytest.mark.parametrize(
    ("text", "place", "kind", "matches"),
    [
        ("cm/grading", CONFIG, "ConfigMap", True),
        ("ConfigMap/grading", CONFIG, "ConfigMap", True),
        ("configmaps", CONFIG, "ConfigMap", True),
        ("configmap/portal", CONFIG, "ConfigMap", False),
        ("secret/grading", CONFIG, "ConfigMap", False),
        ("networkpolicy", POLICY, "NetworkPolicy", True),
        ("netpol", POLICY, "NetworkPolicy", True),
        ("networkpolicies.networking.k8s.io/deny", POLICY, "NetworkPolicy", True),
        ("networkpolicy.crd.example.com", POLICY, "NetworkPolicy", False),
        ("ingress/portal", INGRESS, "Ingress", True),
        ("ing", INGRESS, "Ingress", True),
        ("validatingwebhook", Place("validatingwebhookconfigurations.admissionregistration.k8s.io", "", "x"),
         "ValidatingWebhookConfiguration", True),
        ("clusterrole/system:node", Place("clusterroles.rbac.authorization.k8s.io", "", "system:node"), "ClusterRole",
         True),
    ],
)  # fmt: skip
def test_what_is_typed_matches_what_it_means(text, place, kind, matches):
    assert Selection.parse(text).matches(place, kind) is matches


@pytest.mark.parametrize("text", ["", "/grading", "cm/", "cm/a/b"])
def test_what_names_no_object_is_refused_with_an_example(text):
    with pytest.raises(BadTarget, match="such as configmap/grading"):
        Selection.parse(text)


def test_without_a_selection_everything_is_meant():
    assert selected([], CONFIG, "ConfigMap")
    assert not selected([Selection.parse("secret"), Selection.parse("deploy")], CONFIG, "ConfigMap")
    assert selected([Selection.parse("secret"), Selection.parse("cm")], CONFIG, "ConfigMap")
