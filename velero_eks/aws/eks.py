"""What AWS says of an EKS cluster, and what follows for its stack file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from velero_on_eks.documents.iam import STS_AUDIENCE, arn, issuer_host
from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER
from velero_on_eks.settings.aws_facts import Arn

from velero_eks.aws import client as aws
from velero_eks.errors import NotAllowed, OperationError

POD_IDENTITY_AGENT = "eks-pod-identity-agent"
EBS_DRIVER = "aws-ebs-csi-driver"
# In these states a cluster has its API server and its issuer; UPDATING is a new version being rolled out.
SERVING = frozenset({"ACTIVE", "UPDATING"})
PRODUCTION, STAGING, DEVELOPMENT = "production", "staging", "development"
_WORDS = {
    PRODUCTION: ("prod", "production", "live"),
    STAGING: ("stage", "staging", "preprod", "uat", "qa"),
    DEVELOPMENT: ("dev", "development", "test", "sandbox", "local", "lab"),
}

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Unknown:
    """What could not be found out, and why. `refused` is whether it is for want of credentials or a right."""

    why: str
    refused: bool = False


@dataclass(frozen=True)
class Addon:
    """An EKS add-on: its version, and its status in EKS's words (`ACTIVE`, `DEGRADED`, …)."""

    version: str
    status: str

    @classmethod
    def of_answer(cls, described: Mapping[str, Any]) -> Addon:
        """An add-on as EKS describes it."""
        return cls(str(described.get("addonVersion", "")), str(described.get("status", "")))


@dataclass(frozen=True)
class OidcProvider:
    """IAM's OIDC provider for a cluster, and the audiences that it takes tokens for."""

    arn: str
    audiences: tuple[str, ...]

    @property
    def takes_sts(self) -> bool:
        """Whether a pod's token for STS, which IRSA uses, is accepted."""
        return STS_AUDIENCE in self.audiences


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """A cluster as EKS and IAM describe it. A fact that could not be asked for is `Unknown`, with the reason.

    `created` is seconds since 1970; `access_mode` is EKS's word for how users are let in (`API`, `CONFIG_MAP`, both).
    """

    name: str
    region: str
    account: str
    partition: str
    version: str
    status: str
    created: float
    issuer: str | None
    auto_mode: bool
    access_mode: str
    addons: Mapping[str, Addon] | Unknown = field(default_factory=dict)
    oidc_provider: OidcProvider | Unknown | None = None

    def addon(self, name: str) -> Addon | Unknown | None:
        """An add-on, None where the cluster does not have it."""
        return self.addons if isinstance(self.addons, Unknown) else self.addons.get(name)

    @property
    def pod_identity(self) -> bool:
        """Whether pods can get roles through Pod Identity: built into Auto Mode, an add-on elsewhere."""
        return self.auto_mode or isinstance(self.addon(POD_IDENTITY_AGENT), Addon)

    @property
    def ebs_driver(self) -> bool:
        """Whether EBS volumes come from a CSI driver that EKS knows of."""
        return self.auto_mode or isinstance(self.addon(EBS_DRIVER), Addon)


def discover(name: str, region: str, *, client: Callable[..., Any] = aws.client) -> ClusterFacts:
    """Ask EKS and IAM about a cluster. Raises `BadTarget` where there is none of this name in the region."""
    found = aws.described_cluster(name, region, client=client)
    eks = client("eks", region=region)
    where = Arn.parse(found["arn"])
    issuer = ((found.get("identity") or {}).get("oidc") or {}).get("issuer")
    return ClusterFacts(
        name=name,
        region=region,
        account=where.account,
        partition=where.partition,
        version=str(found["version"]),
        status=str(found.get("status", "")),
        created=found["createdAt"].timestamp(),
        issuer=issuer,
        auto_mode=bool((found.get("computeConfig") or {}).get("enabled")),
        access_mode=str((found.get("accessConfig") or {}).get("authenticationMode") or "CONFIG_MAP"),
        addons=asked("the cluster's add-ons", lambda: _addons(eks, name)),
        oidc_provider=asked("IAM's OIDC providers", lambda: _oidc_provider(client, region, where, issuer)),
    )


def asked(what: str, ask: Callable[[], Answer]) -> Answer | Unknown:
    """The answer, or `Unknown` where AWS does not give one: a missing right must not hide all the rest."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        told = aws.explained(error, f"asking for {what}")
        return Unknown(str(told), refused=isinstance(told, NotAllowed))
    except OperationError as error:
        return Unknown(str(error), refused=isinstance(error, NotAllowed))


def guessed_environment(*names: str) -> str | None:
    """The environment that a stack's or cluster's name speaks of, None where it speaks of none."""
    for name in names:
        parts = name.lower().replace("_", "-").replace(".", "-").split("-")
        for environment, words in _WORDS.items():
            if any(word in parts for word in words):
                return environment
    return None


def identity_for(facts: ClusterFacts) -> tuple[str, str]:
    """The identity mode that fits the cluster as it is, and why."""
    if isinstance(facts.oidc_provider, OidcProvider) and facts.oidc_provider.takes_sts:
        return "irsa", "IAM has an OIDC provider for this cluster"
    if facts.auto_mode:
        return "pod-identity", "IAM has no OIDC provider for this cluster, and Auto Mode has the agent built in"
    if facts.pod_identity:
        return "pod-identity", f"IAM has no OIDC provider for this cluster, and it has the add-on {POD_IDENTITY_AGENT}"
    if isinstance(facts.oidc_provider, Unknown):
        return "irsa", "IAM could not be asked for an OIDC provider; preflight will"
    if isinstance(facts.addons, Unknown):
        why = (
            "IAM has no OIDC provider for this cluster, so create one first; with the add-on"
            f" {POD_IDENTITY_AGENT}, which could not be asked for, use pod-identity"
        )
        return "irsa", why
    why = f"the cluster has no OIDC provider in IAM, nor the add-on {POD_IDENTITY_AGENT}: create one of them first"
    return "irsa", why


def volumes_for(facts: ClusterFacts) -> tuple[str, str, str]:
    """The volume mode that fits the cluster, where its snapshot controller comes from, and why."""
    controller = "existing" if isinstance(facts.addon(SNAPSHOT_CONTROLLER), Addon) else "addon"
    if facts.auto_mode:
        return "csi-snapshot", controller, "Auto Mode has an EBS CSI driver built in"
    if facts.ebs_driver:
        return "csi-snapshot", controller, f"the cluster has the add-on {EBS_DRIVER}"
    if isinstance(facts.addons, Unknown):
        return "none", controller, "the add-ons could not be asked for; with an EBS CSI driver use csi-snapshot"
    return "none", controller, f"the cluster has no add-on {EBS_DRIVER}; volumes are not backed up"


def _addons(eks: Any, name: str) -> dict[str, Addon]:
    names = [addon for page in eks.get_paginator("list_addons").paginate(clusterName=name) for addon in page["addons"]]
    found: dict[str, Addon] = {}
    for addon in names:
        found[addon] = Addon.of_answer(eks.describe_addon(clusterName=name, addonName=addon)["addon"])
    return found


def _oidc_provider(client: Callable[..., Any], region: str, where: Arn, issuer: str | None) -> OidcProvider | None:
    from botocore.exceptions import ClientError

    if issuer is None:
        return None
    wanted = arn(where.partition, "iam", f"oidc-provider/{issuer_host(issuer)}", account=where.account)
    try:
        found = client("iam", region=region).get_open_id_connect_provider(OpenIDConnectProviderArn=wanted)
    except ClientError as error:
        if aws.error_code(error) in ("NoSuchEntity", "NoSuchEntityException"):
            return None
        raise
    return OidcProvider(wanted, tuple(found.get("ClientIDList") or ()))
