"""Rules of overrides: the chart's values, and objects that the release brings along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, Severity, Unknown, is_secret, items, look, rule
from velero_eks.rules.plan import Plan

_RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
_ROLES = (f"{_RBAC}Role", f"{_RBAC}ClusterRole")
_BINDINGS = (f"{_RBAC}RoleBinding", f"{_RBAC}ClusterRoleBinding")
_SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
_VELERO = "kubernetes:velero.io/"
_LOCATION = f"{_VELERO}v1:BackupStorageLocation"
# Where the Pod's own part stands in each kind that makes Pods.
_PODS: dict[str, tuple[str, ...]] = {
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        (
            "kubernetes:apps/v1:DaemonSet",
            "kubernetes:apps/v1:Deployment",
            "kubernetes:apps/v1:ReplicaSet",
            "kubernetes:apps/v1:StatefulSet",
            "kubernetes:batch/v1:Job",
            "kubernetes:core/v1:ReplicationController",
        ),
        ("spec", "template", "spec"),
    ),
}
_EVERYBODY = ("system:anonymous", "system:authenticated", "system:unauthenticated", "system:serviceaccounts")
_WHOLE_ROLES = ("admin", "cluster-admin", "edit", "system:masters")
_WIDE_VERBS = ("bind", "escalate", "impersonate")
_WIDE_RESOURCES = ("nodes/proxy", "pods/attach", "pods/exec", "secrets", "serviceaccounts/token")
# What Velero makes and keeps itself, and what does once what a deployment would do again and again.
_KEPT_BY_VELERO = (
    *(f"{_VELERO}v1:{kind}" for kind in (
        "Backup", "BackupRepository", "DeleteBackupRequest", "DownloadRequest", "PodVolumeBackup", "PodVolumeRestore",
        "Restore", "ServerStatusRequest", "VolumeSnapshotLocation",
    )),
    *(f"{_VELERO}v2alpha1:{kind}" for kind in ("DataDownload", "DataUpload")),
)  # fmt: skip


@rule(
    "helm-override",
    on=kinds.RELEASE,
    scope="stack",
    what="Someone reviews each override of the chart's values that is not known to be harmless and records"
    " why: an error in production until it is waived, elsewhere a warning.",
    source="Velero chart 12 values.yaml and templates; docs/reference/overrides.md",
)
def helm_override(release: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if release not in plan.releases:
        return
    severity: Severity = "error" if plan.environment == "production" else "warning"
    for place, value, effect in _unknown_effects(release, plan):
        said = f" = {value}" if value else ""
        yield Fault(
            f"values.{place}{said} {effect or 'has an unknown effect'}. Remove it, or waive this with the reason.",
            severity,
        )


def _unknown_effects(release: PolicyResource, plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Place, value and effect of each override that is a finding; without settings of whole objects alone."""
    if plan.settings is None:
        for made in plan.resources:
            if made.within == release.urn:
                yield made.urn.rpartition("#")[2], "", f"makes the {made.kind.rpartition(':')[2]} {made.name}"
        return
    from velero_on_eks.settings import overrides
    from velero_on_eks.settings.late import is_late
    from velero_on_eks.settings.refusals import masked, shown_value

    for one in overrides.judge(plan.settings.release)[0]:
        if one.verdict == "finding":
            whole = one.path[0] == "extraObjects" or is_late(one.value)
            value = "" if whole else shown_value(masked(one.path, one.value))
            yield one.name, value, one.effect


@rule(
    "object-rights",
    on=(*_ROLES, *_BINDINGS, _SERVICE_ACCOUNT),
    what="Nothing beside Velero gets cluster-wide rights, the rights of others, Secrets, or an AWS role.",
    source="Kubernetes docs, RBAC good practices; CIS Kubernetes 5.1",
)
def object_rights(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.kind == _SERVICE_ACCOUNT:
        arn = resource.get("metadata", "annotations", kinds.ROLE_ANNOTATION)
        if arn is not None:
            yield f"its Pods get the AWS role {arn}; remove the annotation; the chart sets Velero's."
    elif resource.kind in _BINDINGS:
        yield from _binding(resource)
    else:
        yield from _role(resource)


def _binding(resource: PolicyResource) -> Iterator[str]:
    role = str(resource.get("roleRef", "name", default="nothing"))
    subjects = [str(look(subject, "name", default="no one")) for subject in resource.items("subjects")]
    everyone = [name for name in subjects if name.startswith(_EVERYBODY)]
    if everyone:
        yield f"gives {role} to {', '.join(everyone)}, which is everyone; remove it, or name one account."
    elif role in _WHOLE_ROLES:
        yield f"gives {role} to {', '.join(subjects) or 'no one'}; remove it, or grant a role with only what it needs."


def _role(resource: PolicyResource) -> Iterator[str]:
    for entry in resource.items("rules"):
        verbs, resources = items_of(entry, "verbs"), items_of(entry, "resources")
        wide = [verb for verb in verbs if verb in _WIDE_VERBS] + [one for one in resources if one in _WIDE_RESOURCES]
        stars = [key for key in ("verbs", "resources", "apiGroups") if "*" in items_of(entry, key)]
        if stars:
            yield f"allows '*' in {', '.join(stars)}; list what it needs."
        elif wide:
            yield f"allows {', '.join(wide)}, which lets it gain more rights; remove these."


def items_of(entry: Any, key: str) -> list[str]:
    """A list of text in a mapping."""
    return [str(one) for one in look(entry, key, default=[])]


@rule(
    "object-pod",
    on=tuple(_PODS),
    what="A Pod beside Velero meets the Pod Security baseline: no host access, not privileged.",
    source="Kubernetes Pod Security Standards",
)
def object_pod(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    from velero_on_eks.settings.overrides import dotted, weakened

    pod = resource.get(*_PODS[resource.kind], default={})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if look(pod, key) is True:
            yield f"{key} is true: it shares the node's namespace; remove it."
    for volume in items(pod, "volumes"):
        path = look(volume, "hostPath", "path")
        if path is not None:
            yield f"mounts {path} of its node; use another volume."
    contexts: list[tuple[str, Any]] = [("securityContext", look(pod, "securityContext"))]
    for block in ("initContainers", "containers", "ephemeralContainers"):
        contexts += [
            (f"{block}[{look(one, 'name', default=at)}].securityContext", look(one, "securityContext"))
            for at, one in enumerate(items(pod, block))
        ]
    for where, context in contexts:
        for path, value, why in weakened(context):
            yield f"{where}.{dotted(path)} is {str(value).lower()}: {why}; remove it."


@rule(
    "object-secret",
    on=kinds.SECRET,
    what="No Secret has plain text values in the program or its state, and none is a token without expiry.",
    source="Pulumi docs, secrets; Kubernetes docs, service account tokens",
)
def object_secret(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.inputs.get("type") == "kubernetes.io/service-account-token":
        yield "is a service account token without expiry; remove it, a Pod gets its own."
    # The engine shows its policies what is secret: only a recorded plan distinguishes the two.
    for block in () if plan.from_engine else ("data", "stringData"):
        held = resource.inputs.get(block)
        plain = [key for key, value in held.items() if _is_plain(value)] if isinstance(held, Mapping) else []
        if plain and not is_secret(held):
            yield (
                f"{block}.{', '.join(plain)} is in plain text in the program and its state; encrypt it:"
                " pulumi config set --secret --path."
            )


def _is_plain(value: Any) -> bool:
    return value not in (None, "") and not is_secret(value) and not isinstance(value, Unknown)


@rule(
    "second-location",
    on=_LOCATION,
    what="Velero has only the BackupStorageLocation of the settings: with a second default it is unclear"
    " where a backup goes.",
    source="Velero 1.18 backup_storage_location_controller.go",
)
def second_location(location: PolicyResource, plan: Plan) -> Iterator[str | Fault]:
    bucket = location.get("spec", "objectStorage", "bucket", default="no bucket")
    if location.get("spec", "default") is True:
        yield f"is a second default location, on {bucket}: backups could go there; remove it, or set default: false."
    elif location.get("spec", "accessMode") == "ReadOnly":
        yield Fault(
            f"lets Velero read backups of {bucket}, which no setting asks for; waive this with the reason.", "warning"
        )
    else:
        yield f"lets Velero write to {bucket}, which no setting asks for; remove it, or set accessMode: ReadOnly."


@rule(
    "velero-object",
    on=_KEPT_BY_VELERO,
    what="Nothing deploys what Velero creates itself: a Restore or a deletion would run again at each deployment.",
    source="Velero 1.18 pkg/apis/velero/v1",
)
def velero_object(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    kind = resource.kind.rpartition(":")[2]
    yield f"is a {kind}, which Velero or a command creates; remove it."


@rule(
    "schedule-decodes",
    on=kinds.SCHEDULE,
    what="Every duration of a Schedule is a Go duration: one that cannot be decoded stops all the others.",
    source="seen on Velero 1.18.2: a ttl of 30d",
)
def schedule_decodes(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    from velero_eks.velero.records import Schedule, undecodable

    for found in undecodable(Schedule({"spec": schedule.get("spec", default={})})):
        yield f"{found.field} is {found.value}, and no Schedule runs while it exists: {found.problem}."
