"""What a drill restores, what it only tries, and what it changes so that nothing outside notices."""

from __future__ import annotations

import json

from tests.velero_eks.recovery.restore.made import body, stored
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.drill.plan import plan_drill
from velero_eks.recovery.drill.verdict import CopyState, compare, tried

MAPPING = {"shop": "drill-1-shop"}


def names(items) -> list[str]:
    return sorted(item.place.name for item in items)


CONTENTS = [
    stored("ConfigMap", "config", "shop"),
    stored("ConfigMap", "elsewhere", "other"),
    stored("Deployment", "web", "shop"),
    stored("Pod", "web-1", "shop", ownerReferences=[{"kind": "ReplicaSet"}]),
    stored("Pod", "alone", "shop"),
    stored("PersistentVolumeClaim", "data", "shop"),
    stored("Ingress", "web", "shop"),
    stored("Question", "question", "shop"),
    stored("Event", "event", "shop"),
    stored("Namespace", "shop"),
]


def test_pods_are_left_out_and_what_others_act_on_is_only_tried():
    found = plan_drill(CONTENTS, MAPPING, {"questions.exam.example.com"}, custom_too=False)
    assert names(found.restored) == ["config", "web"]
    assert names(found.tried) == ["data", "question", "web"]
    assert {"pods", "replicasets.apps", "persistentvolumeclaims", "questions.exam.example.com"} <= set(found.excluded)
    assert found.spec("b", None).document["includeClusterResources"] is False


def test_custom_resources_are_restored_where_that_is_wanted():
    found = plan_drill(CONTENTS, MAPPING, {"questions.exam.example.com"}, custom_too=True)
    assert names(found.restored) == ["config", "question", "web"]
    assert "questions.exam.example.com" not in found.excluded


def test_a_load_balancer_becomes_a_plain_service_by_a_rule_of_its_own():
    spec = {
        "type": "LoadBalancer", "clusterIP": "10.0.0.7", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30001,
        "ports": [{"port": 80, "nodePort": 30080}], "selector": {"app": "web"},
    }  # fmt: skip
    service = stored("Service", "web.v1", "shop", spec=spec, finalizers=["service.kubernetes.io/load-balancer-cleanup"])
    found = plan_drill([service], MAPPING, (), custom_too=False)
    assert found.modifiers is not None
    (rule,) = json.loads(found.modifiers)["resourceModifierRules"]
    assert rule["conditions"] == {
        "groupResource": "services", "namespaces": ["shop"], "resourceNameRegex": "^web[.]v1$",
    }  # fmt: skip
    patch = json.loads(rule["mergePatches"][0]["patchData"])
    assert patch["metadata"] == {"finalizers": None}
    assert patch["spec"]["type"] == "ClusterIP"
    assert patch["spec"]["externalTrafficPolicy"] is None
    expected = found.expected(service)
    assert expected["metadata"]["namespace"] == "drill-1-shop"
    assert expected["spec"] == {"type": "ClusterIP", "ports": [{"port": 80}], "selector": {"app": "web"}}


def test_node_ports_that_somebody_chose_are_the_originals_and_the_copy_gets_others():
    applied = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"spec": {"ports": [{"nodePort": 30080}]}})
    }
    spec = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}
    service = stored("Service", "web", "shop", spec=spec, annotations=applied)
    found = plan_drill([service], MAPPING, (), custom_too=False)
    assert found.modifiers is not None
    (rule,) = json.loads(found.modifiers)["resourceModifierRules"]
    assert json.loads(rule["mergePatches"][0]["patchData"]) == {"spec": {"ports": [{"port": 80}]}}
    given = body(
        "Service", "web", "drill-1-shop", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 31999}]}
    )
    compared = compare(found.restored, found.expected, {ObjectKey.of(given): given})
    assert [each.state for each in compared] == [CopyState.SAME]


def test_a_stateful_set_gets_no_replicas_since_its_claims_would_come_before_its_pods():
    item = stored("StatefulSet", "db", "shop", spec={"replicas": 3, "serviceName": "db"})
    found = plan_drill([item], MAPPING, (), custom_too=False)
    assert found.modifiers is not None
    (rule,) = json.loads(found.modifiers)["resourceModifierRules"]
    assert rule["conditions"] == {"groupResource": "statefulsets.apps", "namespaces": ["shop"]}
    assert json.loads(rule["mergePatches"][0]["patchData"]) == {"spec": {"replicas": 0}}
    assert found.expected(item)["spec"] == {"replicas": 0, "serviceName": "db"}


def test_a_finalizer_would_hold_the_scratch_namespace_and_is_taken_off_its_kind():
    held = stored("ConfigMap", "held", "shop", finalizers=["example.com/hold"])
    found = plan_drill([held, stored("ConfigMap", "free", "shop")], MAPPING, (), custom_too=False)
    assert found.modifiers is not None
    (rule,) = json.loads(found.modifiers)["resourceModifierRules"]
    assert rule["conditions"] == {"groupResource": "configmaps", "namespaces": ["shop"]}
    assert json.loads(rule["mergePatches"][0]["patchData"]) == {"metadata": {"finalizers": None}}
    assert "finalizers" not in found.expected(held)["metadata"]


def test_where_nothing_would_act_nothing_is_modified():
    assert plan_drill([stored("ConfigMap", "a", "shop")], MAPPING, (), custom_too=False).modifiers is None


def test_the_copy_is_compared_under_the_originals_name():
    items = [stored("ConfigMap", name, "shop", data={"k": "saved"}) for name in ("same", "other", "gone")]
    found = plan_drill(items, MAPPING, (), custom_too=False)
    copies = [
        body("ConfigMap", "same", "drill-1-shop", data={"k": "saved"}, labels={"velero.io/restore-name": "r"}),
        body("ConfigMap", "other", "drill-1-shop", data={"k": "else"}),
    ]
    compared = compare(found.restored, found.expected, {ObjectKey.of(copy): copy for copy in copies})
    assert {each.key.name: each.state for each in compared} == {
        "same": CopyState.SAME, "other": CopyState.DIFFERENT, "gone": CopyState.MISSING,
    }  # fmt: skip
    assert {each.key.namespace for each in compared} == {"shop"}


def test_an_object_that_is_tried_is_compared_with_what_the_server_would_make_of_it():
    item = stored("Question", "q", "shop", spec={"points": 1})
    wanted = body("Question", "q", "copy", spec={"points": 1})
    assert tried(item, wanted, wanted, "").state is CopyState.ACCEPTED
    pruned = tried(item, wanted, body("Question", "q", "copy", spec={}), "")
    assert (pruned.state, [each.path for each in pruned.fields]) == (CopyState.DIFFERENT, ["spec.points"])
    refused = tried(item, wanted, None, "no")
    assert (refused.state, refused.reason, refused.good) == (CopyState.REFUSED, "no", False)
