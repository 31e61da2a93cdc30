"""Rules of the bucket and its key: protected, logged, replicated, recoverable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, look, rule
from velero_eks.rules.plan import Plan
from velero_eks.terminal import words


@rule(
    "bucket-force-destroy",
    on=kinds.BUCKET,
    what="Outside development a destroy refuses to delete a bucket that has backups.",
    source="practice against ransomware",
)
def bucket_force_destroy(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if bucket.get("forceDestroy") is True and plan.environment != "development":
        yield (
            f"forceDestroy is true in {plan.environment}, allowed in development only: a"
            " destroy would delete every backup. Set storage.forceDestroy: false."
        )


@rule(
    "unmeant-name",
    on=(kinds.BUCKET, kinds.ROLE),
    scope="stack",
    what="Bucket and role have the names of the settings: grants, trust and Velero's location use them.",
    source="AWS S3 User Guide, bucket naming rules; IAM API reference, RoleName",
)
def unmeant_name(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.meant is None or (resource.kind == kinds.ROLE and resource not in plan.velero_roles):
        return
    key = "bucket" if resource.kind == kinds.BUCKET else "name"
    meant = plan.meant.bucket_name if resource.kind == kinds.BUCKET else plan.meant.role_name
    if resource.get(key) != meant:
        yield f"the name is {resource.get(key)!r}, expected {meant!r}; rename it."


@rule(
    "storage-kept",
    on=(kinds.BUCKET, kinds.KEY),
    what="In production the bucket and its key are protected and outlive the stack; a warning in staging.",
    source="practice against ransomware",
)
def storage_kept(resource: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if plan.environment == "development":
        return
    missing = [
        name
        for name, value in (("protect", resource.protect), ("retainOnDelete", resource.retain_on_delete))
        if value is False
    ]
    if missing:
        yield Fault(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} off in {plan.environment}:"
            " a program change could delete every backup. Set storage.protect: true.",
            "error" if plan.environment == "production" else "warning",
        )


@rule(
    "bucket-access-logs",
    on=kinds.BUCKET,
    scope="stack",
    severity="warning",
    what="In production S3 logs who reads and deletes backups.",
    source="FSBP S3.9, CKV_AWS_18",
)
def bucket_access_logs(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.environment == "production" and not plan.of_bucket(bucket, kinds.BUCKET_LOGGING):
        yield "writes no access logs; set storage.accessLogs to a log bucket, or waive this with the reason."


@rule(
    "bucket-break-glass",
    on=kinds.BUCKET,
    scope="stack",
    severity="warning",
    what="In production only named roles may delete old versions or change what protects them: an administrator's"
    " stolen credentials are not enough.",
    source="S3 User Guide, bucket policies by aws:PrincipalArn; practice against ransomware",
)
def bucket_break_glass(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.environment != "production" or plan.settings is None or plan.settings.storage.break_glass:
        return
    yield (
        "every administrator of the account can delete old versions, which undo a deletion, and the settings that"
        " protect them; list the only roles that may in storage.breakGlass, including the one that deploys, or waive"
        " this with the reason."
    )


@rule(
    "bucket-replication",
    on=kinds.BUCKET,
    scope="stack",
    severity="warning",
    what="In production a replica in another region or account survives the loss of this one (3-2-1).",
    source="FSBP S3.7, CKV_AWS_144",
)
def bucket_replication(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.environment != "production":
        return
    found = plan.of_bucket(bucket, *kinds.REPLICATIONS)
    if not any(look(entry, "status") == "Enabled" for one in found for entry in one.items("rules")):
        yield (
            "has no replica: if its region or account is lost, every backup is lost. No setting creates"
            " one: add a BucketReplicationConfig to the program, or waive this with the reason."
        )


@rule(
    "lifecycle-noncurrent",
    on=kinds.BUCKET,
    scope="stack",
    what="Old versions are kept for the environment's recovery window (1, 7 or 14 days at least) and deleted after it.",
    source="FSBP S3.10; practice against ransomware",
)
def lifecycle_noncurrent(bucket: PolicyResource, plan: Plan) -> Iterator[str | Fault]:
    from velero_on_eks.settings.defaults import NONCURRENT_FLOOR_DAYS

    floor = NONCURRENT_FLOOR_DAYS[plan.environment]
    given = [
        (entry, look(entry, "noncurrentVersionExpiration", "noncurrentDays"))
        for entry in _rules(bucket, plan)
        if look(entry, "noncurrentVersionExpiration")
    ]
    if not given:
        yield Fault(
            "no enabled lifecycle rule expires noncurrent versions, so deleted backups cost money"
            " forever; add one, storage.noncurrentDays.",
            "warning",
        )
    for entry, days in given:
        if not days or days < floor:
            yield (
                f"{_called(entry)} expires noncurrent versions after {words.days(days or 0)}, at least {floor} in"
                f" {plan.environment}: for this long a deletion can be undone. Raise storage.noncurrentDays."
            )


def _rules(bucket: PolicyResource, plan: Plan) -> list[Any]:
    return [
        entry
        for setting in plan.of_bucket(bucket, kinds.BUCKET_LIFECYCLE)
        for entry in setting.items("rules")
        if look(entry, "status") == "Enabled"
    ]


def _called(entry: Any) -> str:
    return f"lifecycle rule {look(entry, 'id', default='without id')}"
