"""The IAM policy that whoever runs `pulumi up` and `pulumi destroy` of a stack needs, made from the stack's plan.

For each resource type that a stack can have, the AWS actions with which the provider makes, reads, changes and deletes
one, on the ARN that the plan knows. Pure: it reads the resources of a plan as JSON has them, saved or just made. What
the Kubernetes provider does is decided in the cluster, and what Pulumi's own state needs by where it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from velero_on_eks.documents.iam import POD_IDENTITY_PRINCIPAL, POLICY_VERSION, arn
from velero_on_eks.settings.aws_facts import partition_of

from velero_eks.aws.iam import statements

Resource = Mapping[str, Any]
Conditions = tuple[tuple[str, str], ...]
# IAM's limit on a managed policy, blanks not counted.
LONGEST_POLICY = 6144
WHOLE = "*"


@dataclass(frozen=True)
class Place:
    """Where a stack is deployed; `*` for what its plan does not know."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """An ARN of this place."""
        return arn(
            self.partition,
            service,
            resource,
            region=self.region if region else "",
            account=self.account if account else "",
        )


@dataclass(frozen=True)
class Grant:
    """Actions on one ARN, by what they are for. `conditions` must hold, each a key and its value."""

    on: Callable[[Resource, Place], str]
    create: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    conditions: Callable[[Resource], Conditions] = field(default=lambda resource: ())
    when: Callable[[Resource], bool] = field(default=lambda resource: True)

    def actions(self, *, deleted: bool) -> tuple[str, ...]:
        """All of them; those for a deletion only where the resource is `deleted` and not kept."""
        return (*self.create, *self.read, *self.update, *(self.delete if deleted else ()))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else WHOLE


def _bucket(resource: Resource, place: Place) -> str:
    return place.arn("s3", _text(resource["inputs"].get("bucket")), region=False, account=False)


def _objects(resource: Resource, place: Place) -> str:
    return f"{_bucket(resource, place)}/*"


def _anywhere(resource: Resource, place: Place) -> str:
    return WHOLE


def _key(resource: Resource, place: Place) -> str:
    return place.arn("kms", f"key/{resource['options'].get('import') or WHOLE}")


def _alias(resource: Resource, place: Place) -> str:
    name = resource["inputs"].get("name")
    return place.arn("kms", name if isinstance(name, str) else f"alias/{WHOLE}")


def _role(resource: Resource, place: Place) -> str:
    inputs = resource["inputs"]
    name = inputs.get("role") if resource["type"] == "aws:iam/rolePolicy:RolePolicy" else inputs.get("name")
    return place.arn("iam", f"role/{_text(name)}", region=False)


def _associated_role(resource: Resource, place: Place) -> str:
    known = resource["inputs"].get("roleArn")
    return known if isinstance(known, str) else place.arn("iam", "role/*", region=False)


def _cluster(resource: Resource, place: Place) -> str:
    return place.arn("eks", f"cluster/{_text(resource['inputs'].get('clusterName'))}")


def _addon(resource: Resource, place: Place) -> str:
    inputs = resource["inputs"]
    return place.arn("eks", f"addon/{_text(inputs.get('clusterName'))}/{_text(inputs.get('addonName'))}/*")


def _association(resource: Resource, place: Place) -> str:
    return place.arn("eks", f"podidentityassociation/{_text(resource['inputs'].get('clusterName'))}/*")


def _identified(resource: Resource, place: Place) -> str:
    """The cluster of a Kubernetes provider."""
    _, _, name = str(resource["inputs"].get("clusterIdentifier") or "").rpartition("/")
    return place.arn("eks", f"cluster/{name or WHOLE}")


def _asks_eks(resource: Resource) -> bool:
    return bool(resource["inputs"].get("clusterIdentifier"))


_TAG = "velero-eks/cluster"
_PASSED = "iam:PassedToService"


def _cluster_tag(resource: Resource) -> str:
    tags = resource["inputs"].get("tags")
    found = tags.get(_TAG) if isinstance(tags, Mapping) else None
    return found if isinstance(found, str) else ""


def _tagged(key: str) -> Callable[[Resource], Conditions]:
    """Only what bears the stack's own tag, so that no other key of the account is reached."""

    def conditions(resource: Resource) -> Conditions:
        cluster, adopted = _cluster_tag(resource), resource["options"].get("import")
        return ((f"{key}/{_TAG}", cluster),) if cluster and not adopted else ()

    return conditions


def _empties(resource: Resource) -> bool:
    return resource["inputs"].get("forceDestroy") is True


def _bounded(resource: Resource) -> bool:
    return bool(resource["inputs"].get("permissionsBoundary"))


def _boundary(resource: Resource) -> Conditions:
    """The stack's own boundary: with another one, or without one, a role could be given every right."""
    boundary = resource["inputs"].get("permissionsBoundary")
    return (("iam:PermissionsBoundary", boundary),) if isinstance(boundary, str) else ()


def _to_pods(resource: Resource) -> Conditions:
    return ((_PASSED, POD_IDENTITY_PRINCIPAL),)


def _bucket_setting(name: str, *, clears: bool = False) -> tuple[Grant, ...]:
    put, get = (f"s3:Put{name}",), (f"s3:Get{name}",)
    # Only a policy has an action of its own for its end; other settings end by the one that sets them.
    return (Grant(_bucket, create=put, read=get, update=put, delete=(f"s3:Delete{name}",) if clears else put),)


ROWS: Mapping[str, tuple[Grant, ...]] = {
    "aws:s3/bucket:Bucket": (
        Grant(
            _bucket,
            create=("s3:CreateBucket", "s3:PutBucketTagging", "s3:TagResource"),
            # The provider reads every setting of a bucket, also those that are resources of their own.
            read=(
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetBucketTagging",
                "s3:ListTagsForResource",
                "s3:GetAccelerateConfiguration",
                "s3:GetBucketAcl",
                "s3:GetBucketCORS",
                "s3:GetBucketLogging",
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetBucketPolicy",
                "s3:GetBucketRequestPayment",
                "s3:GetBucketVersioning",
                "s3:GetBucketWebsite",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
                "s3:GetReplicationConfiguration",
            ),
            update=("s3:PutBucketTagging", "s3:TagResource", "s3:UntagResource"),
            delete=("s3:DeleteBucket",),
        ),
        Grant(_bucket, delete=("s3:ListBucketVersions", "s3:ListBucketMultipartUploads"), when=_empties),
        Grant(
            _objects,
            delete=("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"),
            when=_empties,
        ),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket_setting("LifecycleConfiguration"),
    "aws:s3/bucketLogging:BucketLogging": _bucket_setting("BucketLogging"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket_setting("BucketOwnershipControls"),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_setting("BucketPolicy", clears=True),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket_setting("BucketPublicAccessBlock"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket_setting(
        "EncryptionConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket_setting("BucketVersioning"),
    "aws:kms/key:Key": (
        Grant(_anywhere, create=("kms:CreateKey", "kms:TagResource"), conditions=_tagged("aws:RequestTag")),
        Grant(
            _key,
            # KMS asks for what concerns an alias on the key as well.
            create=("kms:EnableKeyRotation", "kms:CreateAlias", "kms:UpdateAlias"),
            read=("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"),
            update=(
                "kms:DisableKey",
                "kms:DisableKeyRotation",
                "kms:EnableKey",
                "kms:PutKeyPolicy",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateKeyDescription",
            ),
            delete=("kms:ScheduleKeyDeletion", "kms:DeleteAlias"),
            conditions=_tagged("aws:ResourceTag"),
        ),
    ),
    "aws:kms/alias:Alias": (
        Grant(_anywhere, read=("kms:ListAliases",)),
        Grant(_alias, create=("kms:CreateAlias",), update=("kms:UpdateAlias",), delete=("kms:DeleteAlias",)),
    ),
    "aws:iam/role:Role": (
        Grant(_role, create=("iam:CreateRole",), conditions=_boundary),
        Grant(
            _role,
            create=("iam:TagRole",),
            read=(
                "iam:GetRole",
                "iam:ListRolePolicies",
                "iam:ListAttachedRolePolicies",
                "iam:ListRoleTags",
            ),
            update=(
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
                "iam:UpdateAssumeRolePolicy",
                "iam:UntagRole",
            ),
            delete=("iam:DeleteRole", "iam:ListInstanceProfilesForRole"),
        ),
        # Whoever deploys may set the boundary, and not remove it.
        Grant(_role, create=("iam:PutRolePermissionsBoundary",), conditions=_boundary, when=_bounded),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        Grant(
            _role,
            create=("iam:PutRolePolicy",),
            read=("iam:GetRolePolicy",),
            update=("iam:PutRolePolicy",),
            delete=("iam:DeleteRolePolicy",),
        ),
    ),
    "aws:eks/addon:Addon": (
        Grant(_cluster, create=("eks:CreateAddon",), update=("eks:DescribeUpdate",)),
        Grant(
            _addon,
            create=("eks:TagResource",),
            read=("eks:DescribeAddon",),
            update=("eks:UpdateAddon", "eks:DescribeUpdate", "eks:UntagResource"),
            delete=("eks:DeleteAddon",),
        ),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        Grant(_cluster, create=("eks:CreatePodIdentityAssociation",)),
        Grant(
            _association,
            create=("eks:TagResource",),
            read=("eks:DescribePodIdentityAssociation",),
            update=("eks:UpdatePodIdentityAssociation", "eks:UntagResource"),
            delete=("eks:DeletePodIdentityAssociation",),
        ),
        Grant(_associated_role, create=("iam:GetRole",)),
        Grant(_associated_role, create=("iam:PassRole",), update=("iam:PassRole",), conditions=_to_pods),
    ),
    "pulumi:providers:aws": (Grant(_anywhere, read=("sts:GetCallerIdentity",)),),
    # Where the cluster's address is, and nothing else: who may do what in it is decided there.
    "pulumi:providers:kubernetes": (Grant(_identified, read=("eks:DescribeCluster",), when=_asks_eks),),
}
"""The actions for each resource type that a stack can have on AWS."""


def policy(resources: Iterable[Resource]) -> dict[str, Any]:
    """The policy for these resources of one stack, as `plan --json` has them.

    Actions that delete are left out for what stays in the account when removed from the program. It has nothing for
    resources of AWS of other types, which a program of one's own may have (`unknown_types`).
    """
    resources = list(resources)
    place = place_of(resources)
    found: dict[tuple[str, Conditions], set[str]] = {}
    for on, conditions, actions in _grants(resources, place):
        found.setdefault((on, conditions), set()).update(actions)
    # What is the same on several resources is written once: a managed policy has little room.
    same: dict[tuple[tuple[str, ...], Conditions], list[str]] = {}
    for (on, conditions), actions in sorted(found.items()):
        same.setdefault((tuple(sorted(actions)), conditions), []).append(on)
    return {
        "Version": POLICY_VERSION,
        "Statement": [_statement(actions, on, conditions) for (actions, conditions), on in same.items()],
    }


def length(made: Mapping[str, Any]) -> int:
    """How long a policy is as IAM counts it: without blanks."""
    return len(json.dumps(made, separators=(",", ":")))


def unknown_types(resources: Iterable[Resource]) -> tuple[str, ...]:
    """The resource types of AWS whose actions are not in `ROWS`."""
    found = {one["type"] for one in resources if one["type"].startswith("aws:") and one["type"] not in ROWS}
    return tuple(sorted(found))


def beyond(made: Mapping[str, Any]) -> tuple[str, ...]:
    """The ARNs in a policy that reach more than the stack's own resources, since the plan does not know a name."""
    found = {
        on
        for one in made["Statement"]
        if "Condition" not in one or set(one["Condition"]["StringEquals"]) == {_PASSED}
        for on in ([one["Resource"]] if isinstance(one["Resource"], str) else one["Resource"])
        if on.endswith((":::*", ":::*/*", ":key/*", ":alias/*", ":role/*"))
    }
    return tuple(sorted(found))


def place_of(resources: Iterable[Resource]) -> Place:
    """Where these resources are deployed, by what their components and AWS providers say."""
    found: dict[str, set[str]] = {"region": set(), "account": set()}
    for one in resources:
        inputs = one["inputs"]
        if one["type"] == "pulumi:providers:aws" or one["type"].startswith("velero-eks:"):
            for name, values in found.items():
                if isinstance(inputs.get(name), str):
                    values.add(inputs[name])
    # A program of one's own may deploy in several; which resource is where is not worth a wrong ARN.
    region, account = (next(iter(values)) if len(values) == 1 else WHOLE for values in found.values())
    partition = next((partition_of(each).name for each in sorted(found["region"])), "aws")
    return Place(partition, region, account)


def _grants(resources: Sequence[Resource], place: Place) -> Iterator[tuple[str, Conditions, tuple[str, ...]]]:
    if any(one["type"] == "aws:iam/role:Role" for one in resources):
        # Whose issuer the role trusts: a program of one's own asks EKS for it, and for the API server's address.
        for name in sorted({tag for one in resources if (tag := _cluster_tag(one))}) or [WHOLE]:
            yield place.arn("eks", f"cluster/{name}"), (), ("eks:DescribeCluster",)
    for one in resources:
        for grant in ROWS.get(one["type"], ()):
            actions = grant.actions(deleted=not one["options"].get("retainOnDelete"))
            if actions and grant.when(one):
                yield grant.on(one, place), grant.conditions(one), actions
        if one["type"] == "aws:s3/bucketPolicy:BucketPolicy":
            # The program looks whether the deployer is among those whom the bucket's policy lets through.
            for principal in _spared(one["inputs"].get("policy")):
                if ":role/" in principal:
                    yield principal, (), ("iam:GetRole",)


def _spared(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        for statement in statements(document):
            if not statement.allows:
                for condition in statement.on_key("aws:PrincipalArn"):
                    yield from condition.values


def _statement(actions: tuple[str, ...], on: list[str], conditions: Conditions) -> dict[str, Any]:
    resource = on[0] if len(on) == 1 else on
    made: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if conditions:
        made["Condition"] = {"StringEquals": dict(conditions)}
    return made
