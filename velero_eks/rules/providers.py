"""Rules of the providers: the account, region and cluster of the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from velero_eks.rules import kinds
from velero_eks.rules.model import NotKnown, PolicyResource, Unknown, is_secret, rule
from velero_eks.rules.plan import Plan

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

    from velero_eks.rules.meant import Meant

# Keys that say which provider it is, and one that Pulumi's own SDK switches on.
_PASSED_BY = frozenset({"version", "pluginDownloadURL", "skipRegionValidation"})
# What is wrong in whosever program: each sends what is made elsewhere, or nowhere.
_NEVER = {
    "deleteUnreachable": "a brief outage would remove resources from the state as if deleted",
    "renderYamlToDirectory": "nothing would be applied to the cluster",
    "skipUpdateUnreachable": "changes would be ignored silently",
}
_NOTHING = (None, False, "", [], {})


@rule(
    "unmeant-provider",
    on=(kinds.AWS_PROVIDER, kinds.KUBERNETES_PROVIDER),
    scope="stack",
    what="The providers use the account, region and cluster of the settings, with the caller's own credentials.",
    source="Pulumi docs, AWS and Kubernetes provider configuration",
)
def unmeant_provider(provider: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.meant is None or plan.settings is None or provider.urn not in plan.providers:
        return
    found = {key: _read(value) for key, value in provider.inputs.items() if key not in _PASSED_BY}
    of_aws = provider.kind == kinds.AWS_PROVIDER
    unknown: list[NotKnown] = []
    said = _of_aws(plan, plan.meant, found, unknown) if of_aws else _of_kubernetes(plan, plan.settings, found, unknown)
    yield from said
    if unknown:
        raise unknown[0]


def _of_aws(plan: Plan, meant: Meant, found: dict[str, Any], unknown: list[NotKnown]) -> Iterator[str]:
    region, account = _late(lambda: meant.region), _late(lambda: meant.account)
    there = _known(found, "region", unknown)
    if region is not None and there is not None and there != region:
        yield f"region is {there}, and the settings name {region}; write that."
    allowed = _known(found, "allowedAccountIds", unknown)
    if account is not None and _is_ours(plan) and allowed != [account]:
        yield (
            f"allowedAccountIds is {_said(allowed)}, so credentials of another account would be accepted; write"
            f" {json.dumps([account])}."
        )
    elif account is not None and isinstance(allowed, list) and allowed and account not in allowed:
        yield f"allowedAccountIds is {_said(allowed)}, without the settings' account {account}; add it."
    for key in ("assumeRole", "assumeRoles", "assumeRoleWithWebIdentity"):
        for arn in re.findall(r"arn:[a-z-]+:iam::(\d{12}):role/", json.dumps(_known(found, key, unknown))):
            if account is not None and arn != account and not _is_ours(plan):
                yield f"{key} belongs to account {arn}, and the settings name {account}; assume a role of that account."
    if _is_ours(plan):
        yield from _beside(found, ("region", "allowedAccountIds"), unknown)


def _of_kubernetes(plan: Plan, settings: Settings, found: dict[str, Any], unknown: list[NotKnown]) -> Iterator[str]:
    from velero_on_eks.settings.late import is_late

    meant = plan.meant
    account, region = _late(lambda: meant.account if meant else ""), _late(lambda: meant.region if meant else "")
    cluster = settings.cluster
    context = _known(found, "context", unknown)
    if cluster.context is not None and context != cluster.context:
        yield f"context is {_said(context)}, and the settings name {cluster.context}; write that."
    if _known(found, "enableServerSideApply", unknown) is False:
        yield "enableServerSideApply is off, so changes by others are overwritten silently; remove it."
    for key, why in _NEVER.items():
        if _known(found, key, unknown) not in _NOTHING:
            yield f"{key} is on: {why}; remove it."
    if not _is_ours(plan):
        return
    identity = f"{account}/{region}/{cluster.name}"
    if account and region and not is_late(cluster.name) and _known(found, "clusterIdentifier", unknown) != identity:
        yield (
            f"clusterIdentifier is {_said(found.get('clusterIdentifier'))}, and {identity} is expected: with"
            " another, everything in the cluster would be replaced; write that."
        )
    expected = {"clusterIdentifier", "enableServerSideApply", *_NEVER}
    if cluster.context is not None:
        # Which files it is looked for in is the caller's affair.
        expected |= {"context", "kubeconfig"}
    else:
        expected.add("kubeconfig")
        yield from _kubeconfig(_known(found, "kubeconfig", unknown), plan, settings, unknown)
    if settings.adopt.model_fields_set:
        expected.add("enablePatchForce")
    yield from _beside(found, tuple(expected), unknown)


def _kubeconfig(found: Any, plan: Plan, settings: Settings, unknown: list[NotKnown]) -> Iterator[str]:
    """A kubeconfig against the one that the settings make, but for what EKS alone knows: the server and its CA."""
    from velero_on_eks.documents.kubernetes import eks_kubeconfig

    if unknown:
        return
    try:
        server = found["clusters"][0]["cluster"]["server"]
        authority = found["clusters"][0]["cluster"]["certificate-authority-data"]
    except (KeyError, IndexError, TypeError):
        yield (
            "no kubeconfig of the cluster is set, so the caller's decides where everything is"
            " created; build it from EKS's answer, or set cluster.context."
        )
        return
    region = settings.region
    meant = eks_kubeconfig(name=settings.cluster.name, region=region, endpoint=server, certificate_authority=authority)
    if found != json.loads(meant):
        yield (
            f"kubeconfig is not for cluster {settings.cluster.name} of {region} with the caller's own token;"
            " build it from EKS's answer."
        )
    elif not plan.from_engine and not re.match(
        rf"https://[^/]*\b{re.escape(region)}\b[^/]*(amazonaws|api\.aws|\.gov)", server
    ):
        yield f"kubeconfig names {server}, which is not an EKS cluster in {region}; build it from EKS's answer."


def _beside(found: Mapping[str, Any], expected: tuple[str, ...], unknown: list[NotKnown]) -> Iterator[str]:
    for key in sorted(set(found) - set(expected)):
        if is_secret(found[key]) or isinstance(found[key], Unknown) or _known(found, key, unknown) not in _NOTHING:
            yield f"{key} is set, which no setting asks for; remove it."


def _is_ours(plan: Plan) -> bool:
    """Whether the program is this project's, which makes its providers from the settings."""
    return plan.alone and plan.is_of_component


def _known(found: Mapping[str, Any], key: str, unknown: list[NotKnown]) -> Any:
    value = found.get(key)
    if isinstance(value, Unknown) or is_secret(value):
        unknown.append(NotKnown((key,), value if isinstance(value, Unknown) else None))
        return None
    return value


def _late(value: Any) -> Any:
    try:
        return value()
    except NotKnown:
        return None


def _read(value: Any) -> Any:
    """A provider's input: what is not text travels as JSON."""
    if not isinstance(value, str):
        return value
    if value in ("true", "false") or value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _said(value: Any) -> str:
    return "not set" if value is None else json.dumps(value) if isinstance(value, list) else str(value)
