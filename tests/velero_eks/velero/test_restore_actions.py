"""What Velero makes of an object before it writes it, and what it sends where there is one already."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.velero_eks.recovery.restore.made import body
from velero_eks.velero.restore_actions import (
    merge_patch,
    merged_service_account,
    restored_form,
    restored_namespace,
    update_patch,
    updated_form,
)

JSON = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("xyz"), JSON, max_size=3)


# A machine under load makes the examples slowly, which says nothing of the code.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def applied(target, patch):
    """RFC 7386, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = applied(result.get(key), value)
    return result


@UNHURRIED
@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_patch_makes_the_one_of_the_other(before, after):
    assert applied(before, merge_patch(before, after)) == after


@UNHURRIED
@given(DOCUMENTS)
def test_there_is_nothing_to_send_where_nothing_differs(document):
    assert merge_patch(document, document) == {}


def service(**spec):
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]
    return {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "type": "NodePort", "ports": ports, **spec}


def test_a_service_gets_a_new_address_and_new_node_ports():
    made = restored_form(body("Service", "web", "shop", spec=service()), {})
    assert made["spec"] == {"type": "NodePort", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}


@pytest.mark.parametrize(
    "chosen",
    [
        {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(
            {"spec": {"ports": [{"name": "http", "nodePort": 30080}]}})}},
        {"managedFields": [{"fieldsV1": {"f:spec": {"f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}}}]},
    ],
)  # fmt: skip
def test_a_node_port_that_somebody_chose_stays(chosen):
    made = restored_form(body("Service", "web", "shop", spec=service(), **chosen), {})
    assert made["spec"]["ports"][0]["nodePort"] == 30080


def test_a_headless_service_stays_headless():
    assert restored_form(body("Service", "db", "shop", spec={"clusterIP": "None"}), {})["spec"] == {"clusterIP": "None"}


def test_what_belongs_to_one_object_in_one_cluster_is_not_restored():
    saved = body(
        "ConfigMap", "a", "shop", uid="1", ownerReferences=[{}], managedFields=[{}], data={"k": "v"}, status={"x": 1}
    )
    assert restored_form(saved, {}) == body("ConfigMap", "a", "shop", data={"k": "v"})


def test_another_namespace_is_written_wherever_the_old_one_stands():
    subjects = [{"kind": "ServiceAccount", "namespace": "shop"}, {"kind": "ServiceAccount", "namespace": "else"}]
    made = restored_form(body("RoleBinding", "r", "shop", subjects=subjects), {"shop": "copy"})
    assert made["metadata"]["namespace"] == "copy"
    assert [subject["namespace"] for subject in made["subjects"]] == ["copy", "else"]


def test_tokens_of_service_accounts_are_made_anew():
    account = restored_form(
        body("ServiceAccount", "web", "shop", secrets=[{"name": "web-token-x"}, {"name": "registry"}]), {}
    )
    assert account["secrets"] == [{"name": "registry"}]
    secret = body(
        "Secret", "web", "shop", type="kubernetes.io/service-account-token", data={"token": "x", "ca.crt": "y"}
    )
    assert restored_form(secret, {})["data"] == {}


def test_a_webhook_without_side_effects_said_gets_none():
    made = restored_form(body("ValidatingWebhookConfiguration", "w", webhooks=[{"sideEffects": "Unknown"}]), {})
    assert made["webhooks"] == [{"sideEffects": "None"}]


def test_an_update_takes_away_what_the_backup_does_not_have():
    there = body("ConfigMap", "a", "shop", uid="1", data={"kept": "new", "added": "x"}, labels={"l": "1"})
    wanted = body("ConfigMap", "a", "shop", data={"kept": "old"})
    assert update_patch(there, wanted) == {"metadata": {"labels": None}, "data": {"added": None, "kept": "old"}}
    assert updated_form(there, wanted)["data"] == {"kept": "old"}
    assert updated_form(there, wanted)["metadata"]["uid"] == "1"


def test_a_service_account_loses_nothing_that_it_has():
    there = body("ServiceAccount", "web", "shop", labels={"a": "live"}, imagePullSecrets=[{"name": "live"}])
    wanted = body(
        "ServiceAccount", "web", "shop", labels={"a": "saved", "b": "saved"}, imagePullSecrets=[{"name": "saved"}]
    )
    merged = merged_service_account(there, wanted)
    assert merged["metadata"]["labels"] == {"a": "live", "b": "saved"}
    assert merged["imagePullSecrets"] == [{"name": "live"}, {"name": "saved"}]


def test_a_namespace_is_made_as_it_was_or_bare():
    saved = body("Namespace", "shop", labels={"team": "a", "kubernetes.io/metadata.name": "shop"}, uid="1")
    assert restored_namespace(saved, "copy") == body("Namespace", "copy", labels={"team": "a"})
    assert restored_namespace(None, "copy") == body("Namespace", "copy")
