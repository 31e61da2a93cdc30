"""What a resource is called in a sentence."""

from __future__ import annotations

from velero_eks.diff.model import Entry
from velero_eks.plan import details
from velero_eks.plan.model import Options, Resource

ALIAS = "aws:kms/alias:Alias"
SCHEDULE = "kubernetes:velero.io/v1:Schedule"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
BUCKET = "aws:s3/bucket:Bucket"
_OF_A_BUCKET = "aws:s3/bucket"


def as_resource(entry: Entry) -> Resource:
    """A plan's entry as the plan's own words take it."""
    return Resource(
        urn=entry["urn"],
        type=entry["type"],
        name=entry["name"],
        parent=entry["parent"],
        custom=entry["custom"],
        inputs=entry["inputs"],
        options=Options(),
    )


def subject(entry: Entry) -> str:
    """`Bucket velero-exam`, `policy velero-backups of role velero-exam`, `versioning of bucket velero-exam`."""
    resource = as_resource(entry)
    label, title = details.label(resource), details.title(resource)
    if entry["type"] == ALIAS:
        return f"key {title}" if title else "key alias"
    named = f"{label} {title}" if title else label
    inputs = entry["inputs"]
    if entry["type"] == ROLE_POLICY:
        return f"{named} of role {inputs.get('role')}"
    if is_bucket_setting(entry):
        return f"{label} of bucket {inputs.get('bucket')}"
    return named if title else f"{label} {entry['name']}"


def is_bucket_setting(entry: Entry) -> bool:
    """Whether a resource is a setting of a bucket, which has no name of its own."""
    return entry["type"].startswith(_OF_A_BUCKET) and entry["type"] != BUCKET


def detail(entry: Entry) -> str:
    """The setting of a resource that matters most; empty where there is none to single out."""
    return details.detail(as_resource(entry))
