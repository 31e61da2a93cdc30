"""Rules of the cluster side: providers, the namespace, the repository password, volume snapshots."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, is_secret, look, rule
from velero_eks.rules.plan import Plan

_ENFORCE = "pod-security.kubernetes.io/enforce"
_PLAIN_LEVELS = ("baseline", "restricted")
_CONTROLLER = "snapshot-controller"
# What Velero uses where nothing was set, and what everyone can read in its source.
_PUBLIC_PASSWORD = "static-passw0rd"  # noqa: S105 - the public one
PASSWORD_FLOOR = 20


@rule(
    "explicit-provider",
    on=("aws:", "kubernetes:"),
    what="Every resource has an explicit provider: the default one follows the caller's profile, region"
    " and kube context.",
    source="Pulumi docs, default and explicit providers",
)
def explicit_provider(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if not resource.custom:
        return
    provider = resource.provider or ""
    if not provider or provider.rsplit("::", 1)[-1].startswith("default"):
        yield ("has no explicit provider, so the caller's environment decides where it is created; pass provider=.")


@rule(
    "namespace-pod-security",
    on=kinds.RELEASE,
    scope="stack",
    what="The program creates Velero's namespace with the strictest Pod Security level that its pods can run under.",
    source="Kubernetes Pod Security Standards",
)
def namespace_pod_security(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if release not in plan.releases:
        return
    name = release.get("namespace")
    made = [found for found in plan.of(kinds.NAMESPACE) if look(found.inputs, "metadata", "name") == name]
    if not made:
        yield (f"namespace {name} is not in this plan, so it has no label; create it as a resource, with {_ENFORCE}.")
    if plan.settings and plan.settings.adopt.namespace == name:
        # Others may live in it; it keeps the labels that it has.
        return
    for namespace in made:
        level = namespace.get("metadata", "labels", _ENFORCE)
        node_agent = release.get("values", "deployNodeAgent") is True
        host_path = node_agent and release.get("values", "nodeAgent", "disableHostPath") is not True
        if level is None:
            yield f"namespace {name} has no label {_ENFORCE}; set it to restricted."
        elif host_path and level != "privileged":
            yield (
                f"namespace {name} enforces {level}, but the node agent needs host paths; set {_ENFORCE}: privileged."
            )
        elif not host_path and level not in _PLAIN_LEVELS:
            yield (f"namespace {name} enforces {level}, expected {' or '.join(_PLAIN_LEVELS)}; set restricted.")


def _repository_secrets(release: PolicyResource, plan: Plan) -> list[PolicyResource]:
    return [
        secret
        for secret in plan.of(kinds.SECRET)
        if look(secret.inputs, "metadata", "name") == kinds.REPOSITORY_SECRET
        and look(secret.inputs, "metadata", "namespace") == release.get("namespace")
    ]


@rule(
    "repository-password",
    on=kinds.RELEASE,
    scope="stack",
    what="The kopia repositories have their own password: Velero's default is public.",
    source="Velero 1.18 pkg/repository/keys/keys.go",
)
def repository_password(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if release not in plan.releases:
        return
    found = _repository_secrets(release, plan)
    if not found:
        yield (
            f"the secret {kinds.REPOSITORY_SECRET} is not in this plan, and Velero creates it"
            f" with a public password; create it in namespace {release.get('namespace')} with key"
            f" {kinds.REPOSITORY_SECRET_KEY}."
        )
    for secret in found:
        if not _has_password(secret):
            yield f"{kinds.REPOSITORY_SECRET} has no key {kinds.REPOSITORY_SECRET_KEY}; add it to stringData."
        elif _is_public(secret):
            yield f"{kinds.REPOSITORY_SECRET} holds Velero's public default password; generate one."
        elif _is_plain(secret) and not plan.from_engine:
            yield (
                f"{kinds.REPOSITORY_SECRET} holds the password as plain text, which would be in the state"
                " and in every plan; pass it as a secret output."
            )
        for password in _made_from(secret, plan):
            length = password.get("length", default=0)
            if length < PASSWORD_FLOOR:
                yield (f"the repository password has {length} characters, minimum {PASSWORD_FLOOR}; make it longer.")


def _has_password(secret: PolicyResource) -> bool:
    for block in (secret.inputs.get("stringData"), secret.inputs.get("data")):
        if is_secret(block) or _entry(block):
            return True
    return False


def _is_public(secret: PolicyResource) -> bool:
    public = (_PUBLIC_PASSWORD, base64.b64encode(_PUBLIC_PASSWORD.encode()).decode())
    return any(_entry(block) in public for block in (secret.inputs.get("stringData"), secret.inputs.get("data")))


def _is_plain(secret: PolicyResource) -> bool:
    return any(isinstance(_entry(block), str) for block in (secret.inputs.get("stringData"), secret.inputs.get("data")))


def _entry(block: Any) -> object:
    # Read without `look`: that the password is a secret is as it should be, and no reason to give up.
    return block.get(kinds.REPOSITORY_SECRET_KEY) if isinstance(block, Mapping) else None


def _made_from(secret: PolicyResource, plan: Plan) -> list[PolicyResource]:
    return [made for made in plan.of(kinds.RANDOM_PASSWORD) if plan.waits_for(secret, made) is not False]


@rule(
    "repository-password-first",
    on=kinds.RELEASE,
    scope="stack",
    what="The repository password exists before the server's first start: else the server creates a public one.",
    source="Velero 1.18 pkg/repository/keys/keys.go",
)
def repository_password_first(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if release not in plan.releases:
        return
    for secret in _repository_secrets(release, plan):
        if plan.waits_for(release, secret) is False:
            yield f"does not depend on {kinds.REPOSITORY_SECRET}; add the secret to the release's dependsOn."


@rule(
    "repository-password-kept",
    on=(kinds.SECRET, kinds.RANDOM_PASSWORD),
    scope="stack",
    what="In production the repository password is protected: without it no older backup can"
    " be read; a warning in staging.",
    source="Velero 1.18 pkg/repository/keys/keys.go",
)
def repository_password_kept(resource: PolicyResource, plan: Plan) -> Iterator[Fault]:
    ours = [secret for release in plan.releases for secret in _repository_secrets(release, plan)]
    is_ours = resource in ours or any(resource in _made_from(secret, plan) for secret in ours)
    if is_ours and resource.protect is False and plan.environment != "development":
        yield Fault(
            f"protect is off in {plan.environment}: without the repository password no volume"
            " backup can be read."
            " Set storage.protect: true.",
            "error" if plan.environment == "production" else "warning",
        )


@rule(
    "csi-before-release",
    on=kinds.RELEASE,
    scope="stack",
    what="The snapshot controller and the VolumeSnapshotClass exist before Velero starts with EnableCSI.",
    source="velero#7823",
)
def csi_before_release(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if release not in plan.releases:
        return
    controllers = [addon for addon in plan.of(kinds.ADDON) if addon.inputs.get("addonName") == _CONTROLLER]
    for needed in (*controllers, *plan.of(kinds.SNAPSHOT_CLASS)):
        if plan.waits_for(release, needed) is False:
            yield f"does not depend on {needed.label}; add it to the release's dependsOn."
    for made in plan.of(kinds.SNAPSHOT_CLASS):
        for controller in controllers:
            if plan.waits_for(made, controller) is False:
                yield (
                    f"{made.label} does not depend on {controller.label}, which installs its CRD; add it to dependsOn."
                )
