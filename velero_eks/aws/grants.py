"""Grants, and their words: who may do what, with what, and under which conditions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from velero_eks.aws.iam import EVERYONE

# Verbs a person uses: the action it needs, what belongs to it without a word of its own, the verb. What is not here is
# named by its action.
_VERBS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("s3:GetObject", frozenset(), "read"),
    ("s3:PutObject", frozenset({"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}), "write"),
    ("s3:DeleteObject", frozenset(), "delete"),
    ("s3:ListBucket", frozenset(), "list"),
    ("kms:GenerateDataKey", frozenset({"kms:Encrypt"}), "encrypt with"),
    ("kms:Decrypt", frozenset(), "decrypt with"),
    ("sts:AssumeRole", frozenset({"sts:TagSession"}), "become"),
    ("sts:AssumeRoleWithWebIdentity", frozenset(), "become"),
)
_WHOLE_SERVICE = "do anything with"
# How a grant is marked whose policy cannot be looked into.
_ATTACHED = "attached: "


@dataclass(frozen=True)
class Grant:
    """One Allow statement for one principal. `source` is the URN of the resource that carries the policy.

    `not_actions` and `not_resources` are what a statement leaves out of `*`: the statement had NotAction, NotResource.
    `conditions` is the Condition element as it is written.
    """

    principal: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: dict[str, Any]
    source: str
    sid: str | None = None
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()

    @classmethod
    def by_attachment(cls, principal: str, policy_arn: str, source: str) -> Grant:
        """What a policy grants that no one can read here: everything, as far as anybody can tell."""
        return cls(principal, (EVERYONE,), (EVERYONE,), {}, source, sid=f"{_ATTACHED}{policy_arn}")

    @property
    def attached(self) -> str:
        """The ARN of the policy that no one can read here; empty for other grants."""
        sid = self.sid or ""
        return sid.removeprefix(_ATTACHED) if sid.startswith(_ATTACHED) else ""


def who(principal: str) -> str:
    """A principal as a person calls it: `role NAME`, `account ID`, `everyone`, a service by its name."""
    if principal == EVERYONE:
        return "everyone"
    kind, _, name = principal.rsplit(":", 1)[-1].partition("/")
    if principal.startswith("arn:"):
        if kind == "root":
            return f"account {principal.split(':')[4]}, through its IAM policies"
        if kind == "oidc-provider":
            return f"OIDC issuer …/{name.rsplit('/', 1)[-1]}"
        return f"{kind} {name}" if name else principal
    if principal.isdigit():
        return f"account {principal}, through its IAM policies"
    return f"service {principal}" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else principal


def what(grant: Grant, keys: Mapping[str, str]) -> str:
    """What the grant allows, without its principal: `may read, write and delete objects under s3://bucket/…`.

    `keys` are the aliases of KMS keys by the ARN of the key; a key without one is called by its id.
    """
    verbs = f"do anything but {_joined(grant.not_actions)} with" if grant.not_actions else _verbs(grant.actions)
    if grant.not_resources:
        things = f"everything but {_joined(tuple(_thing(resource, keys) for resource in grant.not_resources))}"
    else:
        things = _joined(tuple(_thing(resource, keys) for resource in grant.resources))
    if grant.attached:
        return f"may do what {grant.attached} allows, which only AWS can tell"
    return f"may {verbs} {things}"


def conditions(grant: Grant) -> list[str]:
    """The conditions, each as words: `only as service account velero/velero-server`."""
    said: list[str] = []
    for operator, tests in sorted(grant.conditions.items()):
        for key, value in sorted(tests.items()):
            said.append(_condition(operator, key, value))
    return said


def _verbs(actions: tuple[str, ...]) -> str:
    services = {action.partition(":")[0] for action in actions}
    if EVERYONE in actions or (len(services) == 1 and any(action.endswith(":*") for action in actions)):
        return _WHOLE_SERVICE
    left = list(actions)
    said: list[str] = []
    for needed, belonging, verb in _VERBS:
        if needed in left:
            said.append(verb)
            left = [action for action in left if action != needed and action not in belonging]
    said += [
        f"{_WHOLE_SERVICE} {action.partition(':')[0]} on" if action.endswith(":*") else f"call {action} on"
        for action in left
    ]
    # "encrypt and decrypt with", not "encrypt with and decrypt with".
    if len(said) > 1 and all(verb.endswith(" with") for verb in said):
        said = [*(verb.removesuffix(" with") for verb in said[:-1]), said[-1]]
    return _joined(tuple(dict.fromkeys(said)))


def _thing(resource: str, keys: Mapping[str, str]) -> str:
    if resource == EVERYONE:
        return "everything"
    parts = resource.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return resource
    service, name = parts[2], parts[5]
    if service == "s3":
        bucket, slash, path = name.partition("/")
        if not slash:
            return f"bucket {bucket}"
        return (
            f"objects under s3://{bucket}/{path.removesuffix('*')}" if path.endswith("*") else f"s3://{bucket}/{path}"
        )
    if service == "kms":
        return f"key {keys.get(resource) or name.removeprefix('key/')}"
    kind, _, rest = name.partition("/")
    return f"{kind} {rest}" if rest else resource


def _condition(operator: str, key: str, value: Any) -> str:
    text = _joined(tuple(str(item) for item in value), "or") if isinstance(value, list) else str(value)
    name = key.rsplit(":", 1)[-1] if "oidc" in key else key
    if operator in ("StringEquals", "ArnEquals", "StringLike"):
        if name == "sub" and text.startswith("system:serviceaccount:"):
            return f"only as service account {text.removeprefix('system:serviceaccount:').replace(':', '/', 1)}"
        known = {
            "aud": f"only with a token for {text}",
            "aws:SourceAccount": f"only from account {text}",
            "s3:ResourceAccount": f"only in account {text}",
            "aws:ResourceAccount": f"only in account {text}",
            "kms:ViaService": f"only through {text}",
            "aws:RequestTag/eks-cluster-arn": f"only from cluster {text.rsplit('/', 1)[-1]}",
            "aws:RequestTag/kubernetes-namespace": f"only from namespace {text}",
            "aws:RequestTag/kubernetes-service-account": f"only as service account {text}",
        }
        if name in known:
            return known[name]
    return f"only when {key} {operator} {text}"


def _joined(words: tuple[str, ...], last: str = "and") -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
