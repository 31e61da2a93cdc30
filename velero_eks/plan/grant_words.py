"""A grant as a sentence: what may be done, with what, and under which conditions."""

from __future__ import annotations

from typing import Any

from velero_eks.plan.grants import EVERYONE, Grant
from velero_eks.plan.model import Recording

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


def what(grant: Grant, recording: Recording) -> str:
    """What the grant allows, without its principal: `may read, write and delete objects under s3://bucket/…`."""
    verbs = f"do anything but {_joined(grant.not_actions)} with" if grant.not_actions else _verbs(grant.actions)
    if grant.not_resources:
        things = f"everything but {_joined(tuple(_thing(resource, recording) for resource in grant.not_resources))}"
    else:
        things = _joined(tuple(_thing(resource, recording) for resource in grant.resources))
    if grant.sid and grant.sid.startswith("attached: "):
        return f"may do what {grant.sid.removeprefix('attached: ')} allows, which only AWS can tell"
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


def _thing(resource: str, recording: Recording) -> str:
    if resource == EVERYONE:
        return "everything"
    parts = resource.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return resource
    service, name = parts[2], parts[5]
    if service == "s3":
        bucket, slash, keys = name.partition("/")
        if not slash:
            return f"bucket {bucket}"
        return (
            f"objects under s3://{bucket}/{keys.removesuffix('*')}" if keys.endswith("*") else f"s3://{bucket}/{keys}"
        )
    if service == "kms":
        return f"key {_alias_of(resource, recording) or name.removeprefix('key/')}"
    kind, _, rest = name.partition("/")
    return f"{kind} {rest}" if rest else resource


def _alias_of(key_arn: str, recording: Recording) -> str | None:
    for alias in recording.of_type("aws:kms/alias:Alias"):
        if (alias.outputs or {}).get("targetKeyArn") == key_arn:
            return str((alias.outputs or {}).get("name"))
    return None


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
