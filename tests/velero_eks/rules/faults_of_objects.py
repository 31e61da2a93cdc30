"""Faults of overrides of the chart's values, and of objects that the release brings along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.velero_eks.rules.faults import Injected
from tests.velero_eks.rules.plans import Draft
from velero_eks.rules import kinds

_RBAC = "rbac.authorization.k8s.io/v1"
_ALWAYS = ("helm-override",)


def _object(api_version: str, kind: str, name: str = "extra", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def _brings(*objects: dict[str, Any]) -> Callable[[Draft], None]:
    """Objects that the stack file and, with it, the release bring along."""

    def change(plan: Draft) -> None:
        plan.settings["release"]["helmValuesOverrides"] = {"extraObjects": list(objects)}
        plan.set(kinds.RELEASE, ["values", "extraObjects"], list(objects))

    return change


def _lays_over(**values: Any) -> Callable[[Draft], None]:
    def change(plan: Draft) -> None:
        plan.settings["release"]["helmValuesOverrides"] = values
        for key, value in values.items():
            plan.set(kinds.RELEASE, ["values", key], value)

    return change


def _binding(role: str, *subjects: str, kind: str = "ClusterRoleBinding") -> dict[str, Any]:
    return _object(
        _RBAC, kind, roleRef={"kind": "ClusterRole", "name": role},
        subjects=[{"kind": "Group", "name": name} for name in subjects],
    )  # fmt: skip


def _role(kind: str = "ClusterRole", **rule: list[str]) -> dict[str, Any]:
    return _object(_RBAC, kind, rules=[{"apiGroups": [""], **rule}])


def _pod(kind: str = "Pod", container: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "busybox", "securityContext": container or {}}], **pod}
    if kind == "Pod":
        return _object("v1", "Pod", spec=spec)
    return _object("apps/v1", kind, spec={"template": {"spec": spec}})


def _location(**spec: Any) -> dict[str, Any]:
    return _object("velero.io/v1", "BackupStorageLocation", spec={"objectStorage": {"bucket": "other"}, **spec})


def _schedule(name: str = "extra", **template: Any) -> dict[str, Any]:
    return _object("velero.io/v1", "Schedule", name, spec={"schedule": "0 1 * * *", "template": template})


def _brought(what: str, rule: str, *objects: dict[str, Any], also: tuple[str, ...] = (), severity: str | None = None):
    return Injected(f"extraObjects: {what}", rule, _brings(*objects), (*_ALWAYS, *also), severity=severity)


_CRONJOB = _object(
    "batch/v1", "CronJob", spec={"jobTemplate": {"spec": {"template": {"spec": {"hostPID": True, "containers": []}}}}}
)
_ROOT = {"capabilities": {"add": ["SYS_ADMIN"]}}
_TOKEN = _object("v1", "Secret", type="kubernetes.io/service-account-token")
_SECRET = _object("v1", "Secret", stringData={"password": "hunter2hunter2"})
_LIST = {"apiVersion": "v1", "kind": "List", "items": [_binding("view", "system:authenticated")]}
# A Schedule that the settings do not have takes every namespace without its cluster's resources, besides.
_FOREIGN = ("unmeant-schedule", "schedule-cluster-resources")

FAULTS = [
    Injected("an override that no one can judge", "helm-override", _lays_over(priorityClassName="important")),
    Injected(
        "an override that no one can judge, in staging", "helm-override", _lays_over(runtimeClassName="gvisor"),
        environment="staging", severity="warning",
    ),
    Injected("extraObjects: a ConfigMap", "helm-override", _brings(_object("v1", "ConfigMap", data={"a": "b"}))),
    Injected("extraObjects: a template", "helm-override", _brings(_object("v1", "ConfigMap", "{{ .Release.Name }}"))),
    Injected("extraObjects: a webhook", "helm-override", _brings(
        _object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[])
    )),
    _brought("cluster-admin for everyone", "object-rights", _binding("cluster-admin", "system:authenticated")),
    _brought("cluster-admin for one", "object-rights", _binding("cluster-admin", "ops")),
    _brought("a binding to the anonymous", "object-rights", _binding("view", "system:unauthenticated")),
    _brought("a binding to every service account", "object-rights", _binding("view", "system:serviceaccounts:shop")),
    _brought("admin of one namespace", "object-rights", _binding("admin", "ops", kind="RoleBinding")),
    _brought("a list of objects", "object-rights", _LIST),
    _brought("a role of everything", "object-rights", _role(resources=["*"], verbs=["*"])),
    _brought("a role that reads Secrets", "object-rights", _role("Role", resources=["secrets"], verbs=["get"])),
    _brought("a role that gives roles", "object-rights", _role(resources=["clusterroles"], verbs=["escalate"])),
    _brought("a role that makes tokens", "object-rights", _role(resources=["serviceaccounts/token"], verbs=["create"])),
    _brought("an account with an AWS role", "object-rights", {
        **_object("v1", "ServiceAccount"),
        "metadata": {"name": "a", "annotations": {kinds.ROLE_ANNOTATION: "arn:aws:iam::444455556666:role/x"}},
    }),
    _brought("a privileged Pod", "object-pod", _pod(container={"privileged": True})),
    _brought("a Pod with the node's network", "object-pod", _pod(hostNetwork=True)),
    _brought("a Pod with a folder of the node", "object-pod", _pod(volumes=[{"name": "n", "hostPath": {"path": "/"}}])),
    _brought("a DaemonSet with rights of root", "object-pod", _pod("DaemonSet", _ROOT)),
    _brought("a Deployment that runs as root", "object-pod", _pod("Deployment", {"runAsUser": 0})),
    _brought("a CronJob with the node's processes", "object-pod", _CRONJOB),
    _brought("a token without an end", "object-secret", _TOKEN),
    _brought("a second default location", "second-location", _location(default=True)),
    _brought("a second location", "second-location", _location(accessMode="ReadWrite")),
    _brought("a location to read", "second-location", _location(accessMode="ReadOnly"), severity="warning"),
    _brought("a Restore", "velero-object", _object("velero.io/v1", "Restore", spec={"backupName": "old"})),
    _brought("a deletion", "velero-object", _object("velero.io/v1", "DeleteBackupRequest", spec={"backupName": "old"})),
    _brought("a snapshot location", "velero-object", _object("velero.io/v1", "VolumeSnapshotLocation", spec={})),
    _brought("a Schedule with a ttl of 30d", "schedule-decodes", _schedule(ttl="30d"), also=_FOREIGN),
    _brought(
        "a Schedule with a hook's timeout of 1d",
        "schedule-decodes",
        _schedule(hooks={"resources": [{"name": "sync", "pre": [{"exec": {"command": ["sync"], "timeout": "1d"}}]}]}),
        also=_FOREIGN,
    ),
    _brought("a Schedule with a timeout of 1d", "schedule-decodes", _schedule(csiSnapshotTimeout="1d"), also=_FOREIGN),
    _brought("a Schedule of its own", "unmeant-schedule", _schedule(ttl="720h"), also=_FOREIGN[1:]),
    _brought("a Namespace that takes any Pod", "namespace-pod-security", {
        **_object("v1", "Namespace"),
        "metadata": {"name": "velero", "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
    }),
    Injected(
        "a Secret in plain text, which only the release has", "object-secret",
        lambda plan: plan.set(
            kinds.RELEASE, ["values", "extraObjects"], [_SECRET]
        ),
        implied=("unmeant-value",),
    ),
    Injected(
        "a ClusterRoleBinding that only the release has", "object-rights",
        lambda plan: plan.set(kinds.RELEASE, ["values", "extraObjects"], [_binding("cluster-admin", "ops")]),
        implied=("unmeant-value",),
    ),
]  # fmt: skip
