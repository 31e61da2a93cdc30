"""What a resource is called in a sentence, and the sentences that every rendering of a comparison shares."""

from __future__ import annotations

from velero_eks.diff.model import Diff, Entry, StackDiff
from velero_eks.plan import details
from velero_eks.plan.model import Options, Resource
from velero_eks.terminal.words import count

ALIAS = "aws:kms/alias:Alias"
SCHEDULE = "kubernetes:velero.io/v1:Schedule"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
BUCKET = "aws:s3/bucket:Bucket"
_OF_A_BUCKET = "aws:s3/bucket"
_VERBS = (("replace", "replaced"), ("delete", "deleted"), ("update", "updated"), ("create", "created"))


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


def counted(stack: StackDiff) -> tuple[int, int, int, int]:
    """How many resources are replaced, deleted, updated and created."""
    return tuple(stack.count(operation) for operation, _ in _VERBS)  # type: ignore[return-value]


def operations(stack: StackDiff) -> str:
    """What happens to the stack's resources, in one line."""
    if stack.status == "added":
        return f"New stack, {count(stack.count('create'), 'resource')} to create"
    if stack.status == "removed":
        return "Stack removed"
    if stack.status == "unplanned":
        return "Not compared"
    said = [f"{number} {word}" for (_, word), number in zip(_VERBS, counted(stack), strict=True) if number]
    return ", ".join([*said, f"{stack.same} the same"]) if said else f"{count(stack.same, 'resource')}, unchanged"


def verdict(diff: Diff) -> str:
    """The outcome in a sentence or two."""
    compared = f"{diff.old} to {diff.new}"
    total = len(diff.stacks)
    if not diff.different:
        return f"{compared}: no difference in {count(total, 'stack')}."
    risky = [stack.stack for stack in diff.different if stack.effects("risk")]
    weaker = [stack.stack for stack in diff.different if stack.effects("weaker") and stack.stack not in risky]
    verb = "differs" if len(diff.different) == 1 else "differ"
    said = f"{compared}: {len(diff.different)} of {count(total, 'stack')} {verb}."
    if risky:
        said += f" Data at risk in {', '.join(risky)}."
    if weaker:
        said += f" Weaker in {', '.join(weaker)}."
    return said
