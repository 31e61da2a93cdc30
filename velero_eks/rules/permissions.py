"""Rules of what Velero's role may do: enough to back up and restore, and nothing that could end the backups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from velero_eks.aws.iam import Statement, named_actions, statements
from velero_eks.aws.iam_conditions import matches
from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, look, rule
from velero_eks.rules.plan import Plan

_GRANTS = (kinds.ROLE_POLICY, kinds.ROLE)
_ARN = re.compile(r"\barn:(aws[a-z0-9-]*):[a-z0-9-]+:")

# What would change or end the bucket, its protection, or the versions that are the undo.
STORAGE_CONTROL = (
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:DeleteBucket",
    "s3:DeleteObjectVersion",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutEncryptionConfiguration",
    "s3:PutReplicationConfiguration",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:PutInventoryConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutBucketLogging",
    "s3:PutBucketNotification",
    "s3:PutBucketAcl",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:BypassGovernanceRetention",
    "s3:ObjectOwnerOverrideToBucketOwner",
)
KEY_CONTROL = (
    "kms:ScheduleKeyDeletion",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:DisableKeyRotation",
    "kms:DeleteImportedKeyMaterial",
    "kms:UpdatePrimaryRegion",
    "kms:DeleteAlias",
    "kms:UpdateAlias",
    "kms:RevokeGrant",
    "kms:RetireGrant",
)
_KEY_USE = ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:Encrypt",
            "kms:ReEncryptFrom", "kms:ReEncryptTo")  # fmt: skip
_OBJECT_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
_BACKUP_OBJECTS = (*_OBJECT_ACTIONS, "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
# Services that some volume mode needs; anything else is a way out of Velero's own business.
_SERVICES = ("s3", "kms", "ec2")
# Actions that IAM cannot narrow to a resource.
_WITHOUT_RESOURCE = ("ec2:Describe*", "sts:GetCallerIdentity")


def _grants(resource: PolicyResource, plan: Plan) -> Iterator[Statement]:
    """The statements of a policy of Velero's role, inline on the role or a resource of its own."""
    if resource.kind == kinds.ROLE:
        if resource in plan.velero_roles:
            for inline in resource.items("inlinePolicies"):
                if look(inline, "policy"):
                    yield from statements(look(inline, "policy"))
        return
    owner = plan.role_of(resource)
    if owner is None or owner in plan.velero_roles:
        yield from statements(resource.get("policy"))


def _allowed(resource: PolicyResource, plan: Plan) -> Iterator[Statement]:
    return (statement for statement in _grants(resource, plan) if statement.allows)


@rule(
    "iam-wildcard-action",
    on=_GRANTS,
    scope="stack",
    what="Velero's actions are written out: a wildcard also grants what AWS adds next year.",
    source="CKV_AWS_62, CKV_AWS_63, CKV_AWS_290, FSBP IAM.1, IAM.21",
)
def iam_wildcard_action(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        wild = [action for action in statement.actions if "*" in action or "?" in action]
        if wild:
            yield f"{statement} allows {', '.join(wild)}; write out the actions that Velero needs."


@rule(
    "iam-wildcard-resource",
    on=_GRANTS,
    scope="stack",
    what="Velero's grants name their bucket and key; only actions that IAM cannot narrow have the resource *.",
    source="CKV_AWS_355, CKV_AWS_288, CKV_AWS_289",
)
def iam_wildcard_resource(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        actions = statement.actions
        if actions and all(
            any(matches(free, action, ignore_case=True) for free in _WITHOUT_RESOURCE) for action in actions
        ):
            continue
        wide = [arn for arn in statement.resources if _reaches_others(arn)]
        if wide:
            yield f"{statement} reaches {', '.join(wide)}; name the one bucket or key it is for."


def _reaches_others(arn: str) -> bool:
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return "*" in arn
    service, named = parts[2], parts[5]
    if service == "s3":
        named = named.split("/", 1)[0]
    elif service not in ("kms", "*"):
        # Snapshots have no name before they are taken; the conditions on them are their own rule.
        return named == "*"
    return "*" in named or "?" in named or "*" in service


@rule(
    "iam-not-action",
    on=(*_GRANTS, kinds.BUCKET_POLICY, kinds.KEY, kinds.KEY_POLICY, kinds.MANAGED_POLICY),
    scope="stack",
    what="No Allow says NotAction, NotResource or NotPrincipal: it would grant everything but what is written.",
    source="CKV_AWS_286; IAM User Guide, NotAction with Allow",
)
def iam_not_action(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    document = resource.get("policy")
    found = _grants(resource, plan) if resource.kind in _GRANTS else statements(document) if document else ()
    for statement in found:
        given = [
            (name, value)
            for name, value in (
                ("NotAction", statement.not_actions),
                ("NotResource", statement.not_resources),
                ("NotPrincipal", [text for _, text in statement.not_principals]),
            )
            if value
        ]
        for name, value in given if statement.allows else ():
            yield f"{statement} allows by {name} {', '.join(value)}; write out what is allowed instead."


@rule(
    "iam-storage-control",
    on=_GRANTS,
    scope="stack",
    what="Velero cannot delete versions, lift a lock or change the bucket's settings: whoever takes its pod"
    " cannot either.",
    source="practice against ransomware",
)
def iam_storage_control(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    yield from _forbidden(resource, plan, STORAGE_CONTROL, "the bucket's protection")


@rule(
    "iam-key-control",
    on=_GRANTS,
    scope="stack",
    what="Velero uses its key and cannot disable, delete or re-grant it.",
    source="practice against ransomware",
)
def iam_key_control(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    yield from _forbidden(resource, plan, KEY_CONTROL, "the key")


def _forbidden(resource: PolicyResource, plan: Plan, actions: tuple[str, ...], what: str) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        granted = named_actions(statement, actions)
        if granted:
            shown = ", ".join(granted[:4]) + (f" and {len(granted) - 4} more" if len(granted) > 4 else "")
            yield (f"{statement} allows {shown}, which ends or changes {what}; take it away, Velero never needs it.")


@rule(
    "iam-key-grants",
    on=_GRANTS,
    scope="stack",
    what="Grants on a key are made for AWS services only (kms:GrantIsForAWSResource).",
    source="AWS KMS Developer Guide, kms:GrantIsForAWSResource",
)
def iam_key_grants(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        pinned = statement.on_key("kms:GrantIsForAWSResource")
        if statement.covers_action("kms:CreateGrant") and not any(entry.values == ("true",) for entry in pinned):
            yield (
                f"{statement} allows kms:CreateGrant to anybody; add Bool kms:GrantIsForAWSResource true, or"
                " take it away."
            )


@rule(
    "iam-kms-via-service",
    on=_GRANTS,
    scope="stack",
    what="Velero uses its key through S3 or EC2 alone (kms:ViaService), never by itself.",
    source="AWS KMS Developer Guide, kms:ViaService",
)
def iam_kms_via_service(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        used = named_actions(statement, _KEY_USE)
        through = statement.exact_on("kms:ViaService")
        if used and not (through and all(re.match(r"^(s3|ec2)\.[a-z0-9-]+\.", value) for value in through)):
            yield (
                f"{statement} allows {', '.join(used[:2])} from anywhere, by"
                f" {', '.join(through) or 'any service'};"
                " add StringEquals kms:ViaService s3.REGION.amazonaws.com."
            )


@rule(
    "iam-resource-account",
    on=_GRANTS,
    scope="stack",
    severity="warning",
    what="Grants on objects are for buckets of this account (s3:ResourceAccount), not for one that takes a freed name.",
    source="AWS S3 User Guide, s3:ResourceAccount",
)
def iam_resource_account(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        if named_actions(statement, _OBJECT_ACTIONS) and not statement.exact_on("s3:ResourceAccount"):
            yield (
                f"{statement} grants objects in whoever's account the bucket is; add StringEquals s3:ResourceAccount."
            )


@rule(
    "iam-other-services",
    on=_GRANTS,
    scope="stack",
    what="Velero's role acts on S3, KMS and EC2 alone; rights on IAM or STS would be a way to more rights.",
    source="CKV_AWS_286, CKV_AWS_287, CKV2_AWS_56",
)
def iam_other_services(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in _allowed(resource, plan):
        services = {action.split(":", 1)[0].lower() for action in statement.actions}
        others = sorted(service for service in services if service not in _SERVICES and "*" not in service)
        if others:
            yield (
                f"{statement} grants actions of {', '.join(others)}; Velero needs {', '.join(_SERVICES)}"
                " alone, take them away."
            )


@rule(
    "role-reaches-backups",
    on=kinds.RELEASE,
    scope="stack",
    what="The role may read, write and list what the storage location names, and use the bucket's key.",
    source="velero-plugin-for-aws 1.14 README",
)
def role_reaches_backups(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if release not in plan.releases or not plan.of(*_GRANTS):
        return
    allowed = [statement for resource in plan.of(*_GRANTS) for statement in _allowed(resource, plan)]
    partition = plan.partition(release) or "aws"
    for location in release.items("values", "configuration", "backupStorageLocation"):
        for action, arn in _needed(location, partition, plan):
            if not any(entry.covers_action(action) and entry.covers_resource(arn) for entry in allowed):
                yield (
                    f"the role may not {action} on {arn}, which location"
                    f" {look(location, 'name', default='default')}"
                    " needs; give role, location and bucket the same bucket, prefix and key."
                )


def _needed(location: Any, partition: str, plan: Plan) -> Iterator[tuple[str, str]]:
    name, prefix = look(location, "bucket"), look(location, "prefix")
    bucket = f"arn:{partition}:s3:::{name}"
    key = f"{bucket}/{prefix}/" if prefix else f"{bucket}/"
    read_only = look(location, "accessMode") == "ReadOnly"
    # A restore writes its log beside the backups, on a read-only location too.
    yield "s3:ListBucket", bucket
    yield "s3:GetObject", f"{key}backups/any"
    yield "s3:PutObject", f"{key}restores/any"
    if not read_only:
        for action in _BACKUP_OBJECTS:
            yield action, f"{key}kopia/any"
    for setting in plan.of(kinds.BUCKET_ENCRYPTION):
        used = look(next(iter(setting.items("rules")), None), "applyServerSideEncryptionByDefault", "kmsMasterKeyId")
        if setting.inputs.get("bucket") == name and str(used).startswith("arn:"):
            yield "kms:Decrypt", str(used)
            yield "kms:GenerateDataKey", str(used)


@rule(
    "arn-partition",
    on=("aws:", "kubernetes:"),
    scope="stack",
    what="Every ARN is of the region's partition (aws, aws-cn, aws-us-gov, …): others do not exist there.",
    source="AWS General Reference, ARNs and partitions",
)
def arn_partition(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    expected = plan.partition(resource)
    if expected is None:
        return
    strange = sorted({found for text in _texts(resource.inputs) for found in _ARN.findall(text) if found != expected})
    if strange:
        yield (
            f"has ARNs of partition {', '.join(strange)}, and {plan.region_of(resource)} lies in {expected};"
            f" write arn:{expected}:…"
        )


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _texts(value)
