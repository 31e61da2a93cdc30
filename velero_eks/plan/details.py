"""What a person wants to know of a resource in one line: what it is called, and the setting that matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from velero_eks.aws.iam import MalformedDocument, statements
from velero_eks.plan.model import Resource
from velero_eks.plan.unknown import NOT_KNOWN, is_unknown
from velero_eks.terminal import words

Inputs = dict[str, Any]


def label(resource: Resource) -> str:
    """What kind of thing it is, in a person's words where the type's own are long."""
    return _LABELS.get(resource.type) or resource.type.rsplit(":", 1)[-1]


def title(resource: Resource) -> str:
    """The name it will have outside the program; empty where it has none of its own or the provider makes it up."""
    inputs = _shown(resource.inputs)
    if resource.type in _NAMELESS:
        return ""
    metadata = inputs.get("metadata")
    named = metadata.get("name") if isinstance(metadata, dict) else None
    return str(named or inputs.get("bucket") or inputs.get("name") or inputs.get("addonName") or "")


def detail(resource: Resource) -> str:
    """The setting that matters most; empty where there is none to single out."""
    rule = _DETAILS.get(resource.type)
    try:
        return rule(_shown(resource.inputs)) if rule else ""
    except (KeyError, IndexError, TypeError, AttributeError):
        # Another program's inputs may have another shape, and a line without its detail is better than none.
        return ""


def _shown(value: Any) -> Any:
    """The inputs with words in place of what no one knows before the deployment."""
    if is_unknown(value):
        return NOT_KNOWN
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _encryption(inputs: Inputs) -> str:
    rule = inputs["rules"][0]
    default = rule["applyServerSideEncryptionByDefault"]
    key = " with a bucket key" if rule.get("bucketKeyEnabled") else ""
    return f"{default['sseAlgorithm']}{key}"


def _key(inputs: Inputs) -> str:
    rotation = (
        f"rotates every {words.days(inputs.get('rotationPeriodInDays', 365))}"
        if inputs.get("enableKeyRotation")
        else "no rotation"
    )
    return f"{rotation}, deleting it takes {words.days(inputs.get('deletionWindowInDays', 30))}"


def _lifecycle(inputs: Inputs) -> str:
    said: list[str] = []
    for rule in inputs["rules"]:
        if "noncurrentVersionExpiration" in rule:
            said.append(f"deleted versions kept {words.days(rule['noncurrentVersionExpiration']['noncurrentDays'])}")
        if (rule.get("expiration") or {}).get("days"):
            said.append(f"objects expire after {words.days(rule['expiration']['days'])}")
        said += [
            f"moves to {move['storageClass']} after {words.days(move.get('days'))}"
            for move in rule.get("transitions") or []
        ]
        if "abortIncompleteMultipartUpload" in rule:
            said.append(
                f"unfinished uploads {words.days(rule['abortIncompleteMultipartUpload']['daysAfterInitiation'])}"
            )
    return ", ".join(said)


def _public_access(inputs: Inputs) -> str:
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    off = [switch for switch in switches if not inputs.get(switch)]
    return f"NOT set: {', '.join(off)}" if off else "all public access blocked"


def _bucket_policy(inputs: Inputs) -> str:
    if inputs["policy"] == NOT_KNOWN:
        return NOT_KNOWN
    try:
        return ", ".join(statement.sid or statement.effect for statement in statements(inputs["policy"]))
    except MalformedDocument:
        return "not a policy"


def _release(inputs: Inputs) -> str:
    image = (inputs.get("values") or {}).get("image") or {}
    # A digest is what is pulled, whatever the tag says; the half of it tells one from another.
    digest = f"@{image['digest'][:19]}" if isinstance(image.get("digest"), str) else ""
    server = f", server {image.get('tag') or ''}{digest}" if image.get("tag") or digest else ""
    return f"chart {str(inputs['chart']).rsplit('/', 1)[-1]} {inputs.get('version', '(no version)')}{server}"


def _aws_provider(inputs: Inputs) -> str:
    accounts = inputs.get("allowedAccountIds")
    allowed = json.loads(accounts) if isinstance(accounts, str) else accounts
    return f"{inputs.get('region')}, account {', '.join(allowed)}" if allowed else str(inputs.get("region"))


def _kubernetes_provider(inputs: Inputs) -> str:
    return (
        f"context {inputs['context']}" if inputs.get("context") else "endpoint from EKS, token from the AWS credentials"
    )


_LABELS = {
    "pulumi:providers:aws": "AWS provider",
    "pulumi:providers:kubernetes": "Kubernetes provider",
    "aws:s3/bucketVersioning:BucketVersioning": "versioning",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "encryption",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "public access",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "ownership",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "lifecycle",
    "aws:s3/bucketLogging:BucketLogging": "access logs",
    "aws:kms/key:Key": "KMS key",
    "aws:kms/alias:Alias": "alias",
    "aws:iam/role:Role": "IAM role",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "Pod Identity association",
    "aws:eks/addon:Addon": "EKS add-on",
    "random:index/randomPassword:RandomPassword": "random password",
    "kubernetes:helm.sh/v3:Release": "Helm release",
}

# Settings of a bucket carry its name, and the name of a rule of access says nothing.
_NAMELESS = frozenset(
    type_ for type_ in _LABELS if type_.startswith("aws:s3/bucket") and type_ != "aws:s3/bucket:Bucket"
)

_DETAILS: dict[str, Callable[[Inputs], str]] = {
    "aws:s3/bucketVersioning:BucketVersioning": lambda i: str(i["versioningConfiguration"]["status"]).lower(),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _encryption,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _public_access,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": lambda i: str(i["rule"]["objectOwnership"]),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_policy,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _lifecycle,
    "aws:s3/bucketLogging:BucketLogging": lambda i: f"to s3://{i['targetBucket']}/{i.get('targetPrefix') or ''}",
    "aws:s3/bucket:Bucket": lambda i: "emptied when destroyed" if i.get("forceDestroy") else "",
    "aws:kms/key:Key": _key,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": lambda i: f"{i['namespace']}/{i['serviceAccount']}",
    "aws:eks/addon:Addon": lambda i: str(i.get("addonVersion") or "the cluster's default version"),
    "random:index/randomPassword:RandomPassword": lambda i: f"{i['length']} characters",
    "kubernetes:helm.sh/v3:Release": _release,
    "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass": lambda i: str(i["driver"]),
    "pulumi:providers:aws": _aws_provider,
    "pulumi:providers:kubernetes": _kubernetes_provider,
}
