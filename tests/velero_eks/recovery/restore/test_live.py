"""What of a cluster a preview looks at, and what of its answers it keeps."""

from __future__ import annotations

import pytest

from tests.velero_eks.recovery.restore.api import KINDS, Api, refused, session
from tests.velero_eks.recovery.restore.made import body, definition, stored
from velero_eks.errors import NotAllowed
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.restore.live import light, look, scope_of
from velero_eks.recovery.restore.plan import plan_cluster, plan_namespace

MANAGED = [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]
CONTENTS = [
    definition(),
    stored("Namespace", "shop"),
    stored("Namespace", "kube-system"),
    stored("ConfigMap", "a", "shop"),
    stored("ConfigMap", "status", "kube-system"),
]


def names(api: Api, plan) -> list[str]:
    cluster = session(api).cluster
    return sorted(f"{key.kind}/{key.name}" for key in look(cluster, scope_of(plan, CONTENTS, KINDS.values())).objects)


def test_of_a_namespace_that_is_left_out_only_the_namespace_is_seen():
    api = Api(
        body("Namespace", "shop"), body("Namespace", "kube-system"), body("ConfigMap", "younger", "shop"),
        body("ConfigMap", "status", "kube-system"), body("Secret", "token", "kube-system"),
    )  # fmt: skip
    plan = plan_cluster("b", CONTENTS, velero_namespace="velero", system=False, existing="keep")
    assert names(api, plan) == ["ConfigMap/younger", "Namespace/kube-system", "Namespace/shop"]


def test_a_namespace_is_seen_with_what_the_backup_does_not_have():
    api = Api(body("Namespace", "shop"), body("Secret", "younger", "shop"), body("Secret", "else", "other"))
    plan = plan_namespace("b", CONTENTS, set(), namespace="shop", into=None, existing="keep")
    assert names(api, plan) == ["Namespace/shop", "Secret/younger"]


def test_node_ports_are_looked_for_everywhere_and_only_where_one_is_to_be_restored():
    ported = stored("Service", "web", "shop", spec={"ports": [{"nodePort": 30080}]})
    api = Api(body("Namespace", "shop"), body("Service", "else", "other", spec={"ports": [{"nodePort": 30090}]}))

    def seen(*contents):
        plan = plan_namespace("b", contents, set(), namespace="shop", into=None, existing="keep")
        return look(session(api).cluster, scope_of(plan, contents, KINDS.values()))

    assert seen(ported).ports == {30090: ObjectKey("", "Service", "other", "else")}
    # What other namespaces do meanwhile is not a difference from the preview.
    assert {key.namespace for key in seen(ported).objects} == {""}
    assert seen(CONTENTS[3]).ports == {}
    message = 'services is forbidden: User "nobody" cannot list resource "services"'
    api.on = lambda method, path, _: refused(403, "Forbidden", message) if path == "/api/v1/services" else None
    assert seen(ported).ports == {}


def test_who_manages_which_field_is_kept_of_a_services_backup_alone():
    assert "managedFields" in light(stored("Service", "a", "shop", managedFields=MANAGED)).body["metadata"]
    assert "managedFields" not in light(stored("ConfigMap", "a", "shop", managedFields=MANAGED)).body["metadata"]
    api = Api(body("ConfigMap", "a", "shop", managedFields=MANAGED))
    plan = plan_namespace("b", CONTENTS, set(), namespace="shop", into=None, existing="keep")
    (found,) = look(session(api).cluster, scope_of(plan, CONTENTS, KINDS.values())).objects.values()
    assert "managedFields" not in found["metadata"]


def test_a_preview_that_may_not_look_is_none():
    message = 'secrets is forbidden: User "nobody" cannot list resource "secrets"'
    api = Api(on=lambda method, path, _: refused(403, "Forbidden", message) if path.endswith("/secrets") else None)
    plan = plan_namespace("b", CONTENTS, set(), namespace="shop", into=None, existing="keep")
    with pytest.raises(NotAllowed, match="cannot list resource"):
        names(api, plan)
