"""Which objects come into being by themselves, so that no one restores, counts or misses them."""

from __future__ import annotations

from typing import Any

import pytest

from velero_eks.kube.objects import ObjectKey, is_derived
from velero_eks.recovery.restore.run import hold


def api_service(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata}


OF_A_CRD = api_service("v1.exam.example.com", **{"kube-aggregator.kubernetes.io/automanaged": "true"})
OF_A_SERVER = api_service("v1beta1.metrics.k8s.io")


@pytest.mark.parametrize(("body", "derived"), [(OF_A_CRD, True), (OF_A_SERVER, False)], ids=["of a CRD", "by hand"])
def test_the_api_server_makes_the_api_services_of_crds_itself(body, derived):
    assert is_derived(body) is derived


def test_what_comes_with_a_restored_crd_is_no_surprise():
    assert hold([], {}, {ObjectKey.of(OF_A_CRD): OF_A_CRD}).surprises == ()
    (surprise,) = hold([], {}, {ObjectKey.of(OF_A_SERVER): OF_A_SERVER}).surprises
    assert surprise.found == "came"
