"""Rules of the bucket's lifecycle: it clears away what Velero no longer sees, and nothing that Velero still reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, items, look, rule
from velero_eks.rules.plan import Plan
from velero_eks.rules.values import go_seconds

_DAY = 86_400
# Below this, nobody back from a long weekend could fetch back what was deleted on its first day.
NONCURRENT_FLOOR_DAYS = {"development": 1, "staging": 7, "production": 14}
ABORT_LIMIT_DAYS = 30
# A backstop may remove what Velero should have removed this long ago.
BACKSTOP_MARGIN_DAYS = 7
IA_FLOOR_DAYS = 30
_FOLDERS = ("backups", "restores", "restic", "metadata", "plugins", "kopia")
_EXPIRED_BY_VELERO = ("backups", "restores")
_DEFAULT_TTL_DAYS = 30
_UNREADABLE = ("GLACIER", "DEEP_ARCHIVE")
_INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")


def _rules(bucket: PolicyResource, plan: Plan) -> list[Any]:
    return [
        entry
        for setting in plan.of_bucket(bucket, kinds.BUCKET_LIFECYCLE)
        for entry in setting.items("rules")
        if look(entry, "status") == "Enabled"
    ]


def _prefix(entry: Any) -> str:
    found = look(entry, "filter", "prefix") or look(entry, "filter", "and", "prefix") or look(entry, "prefix")
    return str(found or "")


def _for_whole_bucket(entry: Any) -> bool:
    narrowed = {key: value for key, value in look(entry, "filter", default={}).items() if value not in (None, "", 0)}
    return not narrowed and not look(entry, "prefix")


def _called(entry: Any) -> str:
    return f"lifecycle rule {look(entry, 'id', default='without id')}"


@rule(
    "lifecycle-aborts-uploads",
    on=kinds.BUCKET,
    scope="stack",
    what="A lifecycle rule for the whole bucket aborts unfinished uploads, which cost storage and never show"
    " in a listing.",
    source="CKV_AWS_300, CKV2_AWS_61, FSBP S3.10, S3.13",
)
def lifecycle_aborts_uploads(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    days = [
        look(entry, "abortIncompleteMultipartUpload", "daysAfterInitiation")
        for entry in _rules(bucket, plan)
        if _for_whole_bucket(entry)
    ]
    given = [value for value in days if value is not None]
    if not given:
        yield (
            "no enabled lifecycle rule aborts unfinished uploads of the whole bucket;"
            f" add one with daysAfterInitiation 1 to {ABORT_LIMIT_DAYS}."
        )
    elif min(given) > ABORT_LIMIT_DAYS:
        yield (
            f"unfinished uploads are aborted after {min(given)} days, at most {ABORT_LIMIT_DAYS}; set"
            " storage.abortMultipartDays."
        )


@rule(
    "lifecycle-current-expiry",
    on=kinds.BUCKET,
    scope="stack",
    what="No lifecycle rule expires objects that Velero or kopia still reads: Velero's own TTL removes"
    " current objects.",
    source="ionfury/homelab#953; Velero 1.18 orphan synchronisation",
)
def lifecycle_current_expiry(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    for entry in _rules(bucket, plan):
        days, date = look(entry, "expiration", "days"), look(entry, "expiration", "date")
        if not days and not date:
            continue
        touched = _touched(_prefix(entry), bucket, plan)
        kept = sorted(touched - set(_EXPIRED_BY_VELERO))
        when = f"after {days} days" if days else f"at {date}"
        if kept:
            yield (
                f"{_called(entry)} expires current objects {when} and reaches"
                f" {', '.join(f'{name}/' for name in kept)}:"
                " kopia's oldest objects are still in use. Take the expiration away, Velero's TTL does this."
            )
        elif touched:
            floor = _longest_ttl_days(plan) + BACKSTOP_MARGIN_DAYS
            if not days or days < floor:
                yield (
                    f"{_called(entry)} expires backups {when}, before Velero does: at least {floor} days, the"
                    " longest"
                    f" TTL and {BACKSTOP_MARGIN_DAYS} days. Take the expiration away, or set it to {floor} or"
                    " more."
                )


def _touched(prefix: str, bucket: PolicyResource, plan: Plan) -> set[str]:
    name = bucket.inputs.get("bucket")
    locations = [
        str(look(location, "prefix") or "")
        for release in plan.releases
        for location in release.items("values", "configuration", "backupStorageLocation")
        if name is None or look(location, "bucket") == name
    ]
    found: set[str] = set()
    for base in locations or [""]:
        for folder in _FOLDERS:
            path = f"{base}/{folder}/".lstrip("/")
            if path.startswith(prefix) or prefix.startswith(path):
                found.add(folder)
    return found


def _longest_ttl_days(plan: Plan) -> int:
    longest = 0
    for schedule in plan.of(kinds.SCHEDULE):
        try:
            seconds = go_seconds(schedule.get("spec", "template", "ttl", default=f"{24 * _DEFAULT_TTL_DAYS}h0m0s"))
        except ValueError:
            continue
        longest = max(longest, -(-seconds // _DAY))
    return longest or _DEFAULT_TTL_DAYS


@rule(
    "lifecycle-noncurrent",
    on=kinds.BUCKET,
    scope="stack",
    what="Old versions are kept for the environment's recovery window (1, 7 or 14 days at least) and cleared"
    " away after it.",
    source="FSBP S3.10; practice against ransomware",
)
def lifecycle_noncurrent(bucket: PolicyResource, plan: Plan) -> Iterator[str | Fault]:
    floor = NONCURRENT_FLOOR_DAYS.get(plan.environment, NONCURRENT_FLOOR_DAYS["production"])
    given = [
        (entry, look(entry, "noncurrentVersionExpiration", "noncurrentDays"))
        for entry in _rules(bucket, plan)
        if look(entry, "noncurrentVersionExpiration")
    ]
    if not given:
        yield Fault(
            "no enabled lifecycle rule expires noncurrent versions, so that deleted backups are paid for for"
            " ever;"
            " add one, storage.noncurrentDays.",
            "warning",
        )
    for entry, days in given:
        if not days or days < floor:
            yield (
                f"{_called(entry)} expires noncurrent versions after {days or 0} days, at least {floor} in"
                f" {plan.environment}: that is the time to undo a bad delete. Raise storage.noncurrentDays."
            )


@rule(
    "lifecycle-storage-class",
    on=(kinds.BUCKET, kinds.BUCKET_INTELLIGENT_TIERING),
    scope="stack",
    what="Nothing moves to Glacier or Deep Archive, whose objects Velero and kopia cannot read.",
    source="AWS S3 User Guide, archived objects",
)
def lifecycle_storage_class(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.kind == kinds.BUCKET_INTELLIGENT_TIERING:
        tiers = [str(look(tier, "accessTier")) for tier in resource.items("tierings")]
        if tiers:
            yield (
                f"moves objects to {', '.join(tiers)}, where a restore has to wait for hours; take the"
                " archive tiers away."
            )
        return
    for entry in _rules(resource, plan):
        for kind in ("transitions", "noncurrentVersionTransitions"):
            for transition in items(entry, kind):
                storage_class = look(transition, "storageClass")
                if storage_class in _UNREADABLE:
                    yield (
                        f"{_called(entry)} moves objects to {storage_class}, which cannot be read without a"
                        " restore of"
                        " hours; use GLACIER_IR or INTELLIGENT_TIERING, or no transition."
                    )


@rule(
    "lifecycle-infrequent-access",
    on=kinds.BUCKET,
    scope="stack",
    what="Objects move to an infrequent access class after 30 days at the earliest, the least that S3 takes and bills.",
    source="AWS S3 User Guide, lifecycle transitions",
)
def lifecycle_infrequent_access(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    for entry in _rules(bucket, plan):
        for kind, field in (("transitions", "days"), ("noncurrentVersionTransitions", "noncurrentDays")):
            for transition in items(entry, kind):
                storage_class, days = look(transition, "storageClass"), look(transition, field)
                if storage_class in _INFREQUENT and days is not None and days < IA_FLOOR_DAYS:
                    yield (
                        f"{_called(entry)} moves objects to {storage_class} after {days} days, at least"
                        f" {IA_FLOOR_DAYS};"
                        f" set {field} to {IA_FLOOR_DAYS} or more."
                    )
