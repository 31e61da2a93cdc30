"""What Velero makes of a backed-up object before it writes it, and what it sends where there is one already. Pure.

Follows the restore item actions of Velero 1.18 (`pkg/restore/actions`), for the kinds that they touch.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from velero_eks.kube.objects import Object

# Metadata that Velero drops from what it writes, and from what it compares with.
_DROPPED = (
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
)
BACKUP_LABEL = "velero.io/backup-name"
RESTORE_LABEL = "velero.io/restore-name"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_UID_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")
_WEBHOOKS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})


def restored_form(body: Object, mapping: Mapping[str, str]) -> Object:
    """The object as Velero would create it, without the labels that name backup and restore."""
    made = without_server_fields(body)
    metadata = made["metadata"]
    if metadata.get("namespace"):
        metadata["namespace"] = mapping.get(metadata["namespace"], metadata["namespace"])
    match made["kind"]:
        case "Service":
            _service(made, body)
        case "ServiceAccount":
            _service_account(made)
        case "Secret":
            _secret(made)
        case "Job":
            _job(made)
        case "Pod":
            _pod(made)
        case "PersistentVolumeClaim" | "PersistentVolume":
            _volume(made, mapping)
        case "RoleBinding" | "ClusterRoleBinding":
            _binding(made, mapping)
        case "CustomResourceDefinition":
            _definition(made)
        case kind if kind in _WEBHOOKS:
            for webhook in made.get("webhooks") or []:
                if webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
                    webhook["sideEffects"] = "None"
    return made


def restored_namespace(saved: Object | None, name: str) -> Object:
    """The namespace that Velero makes where `name` is missing: as `saved` was, or bare where the backup has none."""
    made: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    if saved is None:
        return made
    for field in ("labels", "annotations"):
        if saved["metadata"].get(field):
            made["metadata"][field] = dict(saved["metadata"][field])
    # The server writes this label itself, with the namespace's own name.
    made["metadata"].get("labels", {}).pop("kubernetes.io/metadata.name", None)
    if saved.get("spec"):
        made["spec"] = copy.deepcopy(saved["spec"])
    return made


def without_server_fields(body: Object) -> Object:
    """A copy without status and without the metadata that belongs to one object in one cluster."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _DROPPED and key != "managedFields"}
    kept = {key: value for key, value in body.items() if key != "status"}
    return copy.deepcopy({**kept, "metadata": metadata})


def updated_form(live: Object, wanted: Object) -> Object:
    """What an existing object becomes with `--existing update`: what is wanted, in the live object's place.

    A field that is not in the backup goes. A ServiceAccount is merged instead: nothing that it has goes.
    """
    if wanted["kind"] == "ServiceAccount":
        return merged_service_account(live, wanted)
    made = copy.deepcopy(wanted)
    kept = {key: value for key, value in live["metadata"].items() if key in _DROPPED}
    made["metadata"] = {**kept, **made["metadata"]}
    if "status" in live:
        made["status"] = live["status"]
    return made


def merged_service_account(live: Object, wanted: Object) -> Object:
    """A ServiceAccount with the labels, annotations and secrets of both; where both have a label, the live one stays.

    Velero does this whatever is wanted of existing objects.
    """
    made = copy.deepcopy(live)
    for field in ("labels", "annotations"):
        both = {**(wanted["metadata"].get(field) or {}), **(live["metadata"].get(field) or {})}
        if both:
            made["metadata"][field] = both
    for field in ("secrets", "imagePullSecrets"):
        have = list(live.get(field) or [])
        names = {item["name"] for item in have}
        both_secrets = have + [item for item in wanted.get(field) or [] if item["name"] not in names]
        if both_secrets:
            made[field] = both_secrets
    return made


def merge_patch(before: Any, after: Any) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes `after` of `before`: what Velero sends for an existing object."""
    patch: dict[str, Any] = {}
    for key in before:
        if key not in after:
            patch[key] = None
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before[key], dict):
            inner = merge_patch(before[key], value)
            if inner:
                patch[key] = inner
        elif value != before[key]:
            patch[key] = value
    return patch


def update_patch(live: Object, wanted: Object) -> dict[str, Any]:
    """The patch that Velero sends for an existing object; empty where it is as it should be."""
    before = without_server_fields(live)
    after = merged_service_account(before, wanted) if wanted["kind"] == "ServiceAccount" else wanted
    for body in (before, after):
        for label in (BACKUP_LABEL, RESTORE_LABEL):
            (body["metadata"].get("labels") or {}).pop(label, None)
    return merge_patch(before, after)


def _service(made: Object, saved: Object) -> None:
    spec = made.get("spec") or {}
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    if spec.get("type") == "ExternalName":
        return
    explicit = _explicit_node_ports(saved)
    for port in spec.get("ports") or []:
        if not explicit(port):
            port.pop("nodePort", None)
    if spec.get("healthCheckNodePort") and not _chose_health_port(saved):
        spec.pop("healthCheckNodePort")


def _explicit_node_ports(saved: Object) -> Any:
    """A test of a port: whether someone chose its node port, by the last `kubectl apply` or by field ownership."""
    applied = (saved["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if applied is not None:
        chosen = [port for port in _spec_of(applied).get("ports") or [] if port.get("nodePort")]
        names = {port["name"] for port in chosen if port.get("name")}
        numbers = {int(port["nodePort"]) for port in chosen if not port.get("name")}
        return lambda port: port["name"] in names if port.get("name") else port.get("nodePort") in numbers
    keys = {
        key
        for entry in saved["metadata"].get("managedFields") or []
        for key, fields in (_owned(entry).get("f:ports") or {}).items()
        if isinstance(fields, dict) and "f:nodePort" in fields
    }
    return lambda port: f'k:{{"port":{port["port"]},"protocol":"{port.get("protocol", "TCP")}"}}' in keys


def _chose_health_port(saved: Object) -> bool:
    applied = (saved["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if applied is not None and _spec_of(applied).get("healthCheckNodePort"):
        return True
    return any("f:healthCheckNodePort" in _owned(entry) for entry in saved["metadata"].get("managedFields") or [])


def _spec_of(applied: str) -> dict[str, Any]:
    try:
        return json.loads(applied).get("spec") or {}
    except (ValueError, AttributeError):
        return {}


def _owned(entry: Mapping[str, Any]) -> dict[str, Any]:
    return ((entry.get("fieldsV1") or {}).get("f:spec")) or {}


def _service_account(made: Object) -> None:
    token = f"{made['metadata']['name']}-token-"
    secrets = [item for item in made.get("secrets") or [] if not item["name"].startswith(token)]
    made.pop("secrets", None)
    if secrets:
        made["secrets"] = secrets


def _secret(made: Object) -> None:
    if made.get("type") != "kubernetes.io/service-account-token":
        return
    (made["metadata"].get("annotations") or {}).pop("kubernetes.io/service-account.uid", None)
    for key in ("token", "ca.crt"):
        (made.get("data") or {}).pop(key, None)


def _job(made: Object) -> None:
    spec = made.get("spec") or {}
    places = [
        (spec.get("selector") or {}).get("matchLabels"),
        ((spec.get("template") or {}).get("metadata") or {}).get("labels"),
    ]
    for labels in places:
        for label in _UID_LABELS:
            (labels or {}).pop(label, None)


def _pod(made: Object) -> None:
    spec = made.get("spec") or {}
    spec.pop("nodeName", None)
    spec.pop("priority", None)


def _volume(made: Object, mapping: Mapping[str, str]) -> None:
    claim = (made.get("spec") or {}).get("claimRef")
    if claim:
        claim.pop("uid", None)
        claim.pop("resourceVersion", None)
        claim["namespace"] = mapping.get(claim.get("namespace"), claim.get("namespace"))
    annotations = made["metadata"].get("annotations") or {}
    annotations.pop("pv.kubernetes.io/bind-completed", None)
    annotations.pop("pv.kubernetes.io/bound-by-controller", None)


def _binding(made: Object, mapping: Mapping[str, str]) -> None:
    for subject in made.get("subjects") or []:
        if subject.get("namespace") in mapping:
            subject["namespace"] = mapping[subject["namespace"]]


def _definition(made: Object) -> None:
    spec = made.get("spec") or {}
    if not spec.get("preserveUnknownFields"):
        return
    spec["preserveUnknownFields"] = False
    for version in spec.get("versions") or []:
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is not None:
            schema["x-kubernetes-preserve-unknown-fields"] = True
