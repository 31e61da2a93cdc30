"""Checks of the account: whose credentials, which cluster, whose bucket and key, and how the pod gets its role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from velero_on_eks.adoption import FIELDS
from velero_on_eks.documents.iam import STS_AUDIENCE
from velero_on_eks.settings.tags import CLUSTER_TAG
from velero_on_eks.settings.versions import UNTESTED, mismatches

from velero_eks.aws.account import Bucket, Key
from velero_eks.aws.eks import POD_IDENTITY_AGENT, Addon, Unknown
from velero_eks.aws.iam import Caller, statements
from velero_eks.bootstrap.preflight.check import Case, Finding, NotAsked, known

# What Velero takes for its own under a prefix; any other folder makes the location Unavailable.
VELERO_FOLDERS = frozenset({"backups", "restores", "restic", "metadata", "plugins", "kopia"})
NEEDED = ("kms:GenerateDataKey", "kms:Decrypt")


def credentials(case: Case) -> Iterator[Finding]:
    """The credentials are of the stack's account, in the partition of its region."""
    caller, wanted = case.facts.aws.caller, case.settings.cluster.account
    if isinstance(caller, Unknown):
        login = "log in, for example with 'aws sso login', or set AWS_PROFILE"
        yield Finding("error", caller.why, login if caller.refused else "fix that first: AWS cannot be queried")
        return
    if caller.account != wanted:
        yield Finding(
            "error",
            f"the AWS credentials are for account {caller.account} ({caller.arn}), and the stack for {wanted}",
            "use a profile of that account, for example with AWS_PROFILE",
        )
    partition = case.settings.partition.name
    if caller.partition != partition:
        yield Finding(
            "error",
            f"the AWS credentials are for partition {caller.partition}, and {case.settings.region} is in {partition}",
            "use credentials of that partition, or fix aws:region",
        )


def cluster(case: Case) -> Iterator[Finding]:
    """The cluster is there, active, and as the file says."""
    settings = case.settings
    found = known(case.facts.aws.cluster)
    renew = f"velero-eks init {case.stack} --cluster {settings.cluster.name} --region {settings.region}"
    if found is None:
        yield Finding(
            "error",
            f"{settings.region} has no EKS cluster {settings.cluster.name}",
            "fix cluster.name or aws:region; see 'aws eks list-clusters'",
        )
        return
    if found.status != "ACTIVE":
        yield Finding("error", f"the cluster is {found.status}, not ACTIVE", "wait for it, or fix it in EKS first")
    facts = settings.cluster
    pairs = (
        ("kubernetesVersion", facts.kubernetes_version, found.version),
        ("oidcIssuer", facts.oidc_issuer, found.issuer),
        ("autoMode", facts.auto_mode, found.auto_mode),
        ("account", facts.account, found.account),
    )
    for key, said, real in pairs:
        # An issuer that the file leaves out is needed by irsa only, and then asked for when the file is read.
        if said != real and not (key == "oidcIssuer" and said is None):
            yield Finding("error", f"cluster.{key} says {_shown(said)}, and EKS says {_shown(real)}", f"run: {renew}")


def kubernetes_version(case: Case) -> Iterator[Finding]:
    """Velero was tested on the version that the cluster runs."""
    release = case.settings.release
    if release.allow_untested_kubernetes:
        return
    found = mismatches(
        kubernetes=case.cluster.version,
        velero=release.image.release,
        plugin=release.plugin.release,
        chart=release.chart.version,
    )
    for refusal in found:
        if refusal.code == UNTESTED:
            yield Finding("error", f"the cluster runs Kubernetes {refusal.value}; {refusal.limit}", refusal.remedy)


def identity(case: Case) -> Iterator[Finding]:
    """IAM trusts the cluster's tokens (irsa), or the cluster has a Pod Identity agent and no other association."""
    names = case.names
    if case.settings.identity.mode == "irsa":
        yield from _irsa(case)
    else:
        yield from _pod_identity(case)
    if known(case.facts.aws.role) is not None:
        yield from case.taken(f"the role {names.role}", FIELDS["role"], case.settings.adopt.role, id_=str(names.role))
    if case.settings.identity.permissions_boundary and known(case.facts.aws.boundary) is None:
        yield Finding(
            "error",
            f"identity.permissionsBoundary {case.settings.identity.permissions_boundary} does not exist",
            "create the policy first, or fix the ARN",
        )


def _irsa(case: Case) -> Iterator[Finding]:
    found = case.cluster
    provider = known(found.oidc_provider)
    command = f"eksctl utils associate-iam-oidc-provider --cluster {found.name} --region {found.region} --approve"
    if provider is None:
        yield Finding(
            "error",
            "IAM has no OIDC provider for the cluster's issuer: the pod's token would be refused",
            f"{command}; or set identity.mode: pod-identity",
        )
    elif not provider.takes_sts:
        audiences = ", ".join(provider.audiences) or "none"
        yield Finding(
            "error",
            f"IAM's OIDC provider accepts tokens for {audiences}, not for STS",
            f"aws iam add-client-id-to-open-id-connect-provider --client-id {STS_AUDIENCE}"
            f" --open-id-connect-provider-arn {provider.arn}",
        )


def _pod_identity(case: Case) -> Iterator[Finding]:
    found = case.cluster
    if not found.auto_mode:
        agent = found.addon(POD_IDENTITY_AGENT)
        if isinstance(agent, Unknown):
            raise NotAsked(agent.why)
        if not isinstance(agent, Addon):
            yield Finding(
                "error",
                "the cluster has no Pod Identity agent: the pod would get no credentials",
                f"aws eks create-addon --cluster-name {found.name} --addon-name {POD_IDENTITY_AGENT}",
            )
        elif agent.status != "ACTIVE":
            yield Finding("error", f"the add-on {POD_IDENTITY_AGENT} is {agent.status}", "fix it in EKS first")
    association = known(case.facts.aws.association)
    if association is not None:
        release = case.settings.release
        what = f"a Pod Identity association of {release.namespace}/{release.service_account} ({association})"
        adopted = case.settings.adopt.pod_identity_association
        yield from case.taken(what, FIELDS["pod_identity_association"], adopted)


def bucket(case: Case) -> Iterator[Finding]:
    """The bucket's name is free or ours, in the region, and what is in it is Velero's."""
    name, settings = str(case.names.bucket), case.settings
    found = known(case.facts.aws.bucket)
    if found is None:
        return
    rename = "set storage.bucket to another name"
    if not found.owned:
        yield Finding("error", f"the bucket name {name} belongs to another account", rename)
        return
    if found.region and found.region != settings.region:
        yield Finding(
            "error",
            f"the bucket {name} is in {found.region}, and the stack in {settings.region}",
            f"{rename}, or fix aws:region",
        )
        return
    ours = found.tags.get(CLUSTER_TAG) == settings.cluster.name
    yield from case.taken(f"the bucket {name}", FIELDS["bucket"], settings.adopt.bucket, ours=ours, id_=name)
    contents = known(case.facts.aws.contents)
    foreign = sorted(set(contents.folders) - VELERO_FOLDERS) if contents else []
    if foreign:
        place = f"{name}/{settings.storage.prefix}" if settings.storage.prefix else name
        yield Finding(
            "error",
            f"{place} has folders that are not Velero's ({_some(foreign)}): the location would be Unavailable",
            "set storage.prefix to an empty folder, or move them elsewhere",
        )


def key(case: Case) -> Iterator[Finding]:
    """The key can encrypt, and its policy lets IAM decide who may use it."""
    storage = case.settings.storage
    if not storage.kms_key_arn:
        if known(case.facts.aws.alias_target) is not None:
            alias = str(case.names.key_alias)
            adopted = case.settings.adopt.key_alias
            yield from case.taken(f"the key alias {alias}", FIELDS["key_alias"], adopted, id_=alias)
            behind = known(case.facts.aws.key)
            if behind is not None:
                yield from _enabled(behind)
        return
    found = known(case.facts.aws.key)
    if found is None:
        yield Finding("error", f"storage.kmsKeyArn {storage.kms_key_arn} does not exist", "fix the ARN, or remove it")
        return
    yield from _enabled(found)
    if found.manager == "AWS":
        yield Finding("error", "AWS manages this key: its policy cannot be set", "name a customer managed key")
    if (found.usage, found.spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
        yield Finding(
            "error",
            f"the key is {found.spec} for {found.usage}; S3 encrypts with symmetric keys",
            "name a symmetric key for encryption",
        )
    if found.manager != "AWS" and not delegates(found.policy, _role_arn(case)):
        yield Finding(
            "error",
            f"the key's policy allows {' and '.join(NEEDED)} neither to the account nor to Velero's role",
            f"allow them in its policy to arn:{case.settings.partition.name}:iam::{case.settings.cluster.account}:root",
        )


def _enabled(found: Key) -> Iterator[Finding]:
    if found.state == "Enabled":
        return
    yield Finding(
        "error", f"the key {found.arn} is {found.state}, not Enabled: nothing can be encrypted", found.enabling
    )


def delegates(policy: Mapping[str, Any], role: str) -> bool:
    """Whether a key's policy lets the account's IAM policies decide, or names the role itself. Conditions are not
    judged: whoever wrote them knows what they are for."""
    caller = Caller(arn=role)
    allowing = [one for one in statements(policy) if one.allows and one.covers_caller(caller)]
    return all(any(one.covers_action(need) for one in allowing) for need in NEEDED)


def access_logs(case: Case) -> Iterator[Finding]:
    """The bucket for access logs is there, ours, and in the region."""
    logs = case.settings.storage.access_logs
    if logs is None:
        return
    found: Bucket | None = known(case.facts.aws.logs)
    if found is None:
        yield Finding(
            "error", f"storage.accessLogs.bucket {logs.bucket} does not exist", "create it first, or fix the name"
        )
    elif not found.owned or (found.region and found.region != case.settings.region):
        where = "another account's" if not found.owned else f"in {found.region}"
        yield Finding(
            "error",
            f"storage.accessLogs.bucket {logs.bucket} is {where}: S3 writes logs only to the same account and region",
            f"name a bucket of {case.settings.cluster.account} in {case.settings.region}",
        )


def break_glass(case: Case) -> Iterator[Finding]:
    """Whoever deploys is among those who alone may change the bucket, and all of them are in IAM."""
    named = case.settings.storage.break_glass
    if not named:
        return
    caller, deployer = known(case.facts.aws.caller), case.facts.aws.deployer
    if caller.account != case.settings.cluster.account:
        raise NotAsked("the AWS credentials are for another account")
    for arn in named:
        found = case.facts.aws.principals.get(arn)
        if found is None:
            yield Finding(
                "error",
                f"storage.breakGlass names {arn}, but IAM has no such {_kind(arn)}",
                "fix the name, or create it first",
            )
        elif isinstance(found, str) and found != arn:
            yield Finding(
                "error",
                f"storage.breakGlass names {arn}, and IAM has it as {found}: the policy would not match it",
                f"write {found}",
            )
    session = Caller(arn=caller.arn).role
    if isinstance(deployer, Unknown) and session and session.rpartition("/")[2] in map(_name, named):
        # It is one of them by its name. Whether its path is as written, only IAM could say.
        raise NotAsked(deployer.why)
    who = deployer if isinstance(deployer, str) else session or caller.arn
    if who not in named:
        yield Finding(
            "error",
            f"{who} deploys and is not in storage.breakGlass: after the first 'pulumi up' it could not"
            " change the bucket's policy or settings",
            f"deploy as one of {', '.join(named)}, or add it",
        )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _kind(arn: str) -> str:
    return "user" if ":user/" in arn else "role"


def _role_arn(case: Case) -> str:
    return f"arn:{case.settings.partition.name}:iam::{case.settings.cluster.account}:role/{case.names.role}"


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
