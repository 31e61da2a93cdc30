"""Taking over what exists: which resource each part of `velero-eks:adopt` is, and the `import` option on it.

The engine (3.174 and later) imports such a resource and then updates it where the program wants it otherwise, in one
`up`, and refuses to replace it for as long as the option stands.
"""

from __future__ import annotations

import copy

import pulumi
from pydantic.alias_generators import to_camel

from velero_on_eks.documents.iam import POLICY_NAME
from velero_on_eks.documents.kubernetes import (
    REPOSITORY_SECRET,
    SNAPSHOT_CLASS,
    SNAPSHOT_CONTROLLER,
    adopted_namespace_metadata,
)
from velero_on_eks.inputs import Inputs
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings
from velero_on_eks.settings.late import is_late
from velero_on_eks.settings.refusals import Refusal

BUCKET_SETTINGS = {
    "encryption": "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "lifecycle": "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "logging": "aws:s3/bucketLogging:BucketLogging",
    "ownership": "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "policy": "aws:s3/bucketPolicy:BucketPolicy",
    "publicAccess": "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "versioning": "aws:s3/bucketVersioning:BucketVersioning",
}
# The resource type behind each other field. A type is made once a stack, but for schedules.
FIELDS = {
    "bucket": "aws:s3/bucket:Bucket",
    "key": "aws:kms/key:Key",
    "key_alias": "aws:kms/alias:Alias",
    "role": "aws:iam/role:Role",
    "role_policy": "aws:iam/rolePolicy:RolePolicy",
    "pod_identity_association": "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "snapshot_controller": "aws:eks/addon:Addon",
    "snapshot_class": "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
    "namespace": "kubernetes:core/v1:Namespace",
    "repository_secret": "kubernetes:core/v1:Secret",
    "release": "kubernetes:helm.sh/v3:Release",
}
SCHEDULE = "kubernetes:velero.io/v1:Schedule"


def adopting(name: str, inputs: Inputs[Settings]) -> pulumi.ResourceOptions:
    """Options for the component `name` that put the `import` option on those of its resources that are adopted.

    Raises `InvalidArguments` where something is to be adopted that the stack calls by another name: the engine would
    have to replace it to rename it.
    """
    _check_names(inputs)
    wanted = _import_ids(name, inputs)
    if not wanted:
        return pulumi.ResourceOptions()

    def put(
        args: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult | None:
        found = wanted.get((args.type_, args.name if args.type_ == SCHEDULE else ""))
        if found is None:
            return None
        options, props = copy.copy(args.opts), args.props
        options.import_ = found
        if args.type_ == FIELDS["namespace"]:
            # Others may live in it: a Pod Security level would hold for their Pods, a deletion would take them along.
            props = {**props, "metadata": adopted_namespace_metadata(inputs.model.release.namespace)}
            options.ignore_changes = [*(options.ignore_changes or []), "metadata.labels"]
            options.retain_on_delete = True
        return pulumi.ResourceTransformationResult(props, options)

    return pulumi.ResourceOptions(transformations=[put])


def _import_ids(name: str, inputs: Inputs[Settings]) -> dict[tuple[str, str], str]:
    """Each adopted resource's id for the engine, by its type, and for schedules by its logical name as well."""
    settings = inputs.model
    adopt, namespace = settings.adopt, settings.release.namespace

    cluster = settings.cluster.name
    ids = {
        "bucket": adopt.bucket,
        "key": adopt.key,
        "key_alias": adopt.key_alias,
        "role": adopt.role,
        "role_policy": adopt.role_policy and f"{adopt.role}:{adopt.role_policy}",
        # The provider asks for the cluster too, since an association is looked up by both.
        "pod_identity_association": adopt.pod_identity_association and f"{cluster},{adopt.pod_identity_association}",
        "snapshot_controller": f"{cluster}:{SNAPSHOT_CONTROLLER}" if adopt.snapshot_controller else None,
        "snapshot_class": adopt.snapshot_class,
        "namespace": adopt.namespace,
        "repository_secret": adopt.repository_secret and f"{namespace}/{adopt.repository_secret}",
        "release": adopt.release and f"{namespace}/{adopt.release}",
    }
    found = {(FIELDS[field], ""): value for field, value in ids.items() if value}
    found |= {(BUCKET_SETTINGS[setting], ""): str(adopt.bucket) for setting in adopt.bucket_settings}
    found |= {(SCHEDULE, f"{name}-{schedule}"): f"{namespace}/{schedule}" for schedule in adopt.schedules}
    return found


def _check_names(inputs: Inputs[Settings]) -> None:
    settings, adopt = inputs.model, inputs.model.adopt
    # A name that is made from something late is known too late to compare.
    names = Names.of(settings, lambda make, *values: None if any(map(is_late, values)) else make(*values))
    made = {
        "bucket": (names.bucket, "storage.bucket"),
        "key_alias": (names.key_alias, None),
        "role": (names.role, "identity.roleName"),
        "role_policy": (POLICY_NAME, None),
        "snapshot_class": (SNAPSHOT_CLASS, None),
        "namespace": (settings.release.namespace, "release.namespace"),
        "repository_secret": (REPOSITORY_SECRET, None),
        "release": (settings.release.name, "release.name"),
    }
    refused: list[Refusal] = []
    for field, (name, setting) in made.items():
        given = getattr(adopt, field)
        if given is not None and name is not None and given != name:
            refused.append(
                Refusal(
                    "adopted-name",
                    f"this stack creates {name!r}; another name would replace it",
                    f"set {setting}: {given}, or remove it" if setting else "remove it",
                    ("adopt", to_camel(field)),
                    given,
                )
            )
    if adopt.bucket_settings and not adopt.bucket:
        refused.append(_alone("bucketSettings", "bucket"))
    if adopt.role_policy and not adopt.role:
        refused.append(_alone("rolePolicy", "role"))
    if is_late(settings.cluster.name) and (adopt.pod_identity_association or adopt.snapshot_controller):
        refused.append(
            Refusal(
                "adopted-from-a-new-cluster",
                "adopt needs a cluster that exists",
                "give cluster.name as text, or remove adopt",
                ("adopt",),
            )
        )
    if refused:
        raise inputs.invalid(refused)


def _alone(field: str, owner: str) -> Refusal:
    return Refusal(
        "adopted-alone",
        f"this belongs to a {owner}, and adopt has none",
        f"name it in adopt.{owner}, or remove it",
        ("adopt", field),
    )
