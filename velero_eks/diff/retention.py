"""What is kept, and how long: backups, deleted versions, keys, and what the engine may not take away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from velero_on_eks.settings import Duration

from velero_eks.diff.model import Effect, Entry, Fact, OldBackups, ResourceChange
from velero_eks.diff.old_backups import RELEASE, SNAPSHOT_CLASS
from velero_eks.diff.words import BUCKET, is_bucket_setting, subject
from velero_eks.terminal import words

Plan = dict[str, Any]
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
KEY = "aws:kms/key:Key"

# Properties that the sentences here tell, by type.
TOLD: dict[str, tuple[str, ...]] = {
    LIFECYCLE: ("rules",),
    RELEASE: (
        "values.configuration.backupStorageLocation.bucket",
        "values.configuration.backupStorageLocation.prefix",
    ),
    KEY: ("deletionWindowInDays", "isEnabled"),
    BUCKET: ("forceDestroy",),
    "aws:s3/bucketVersioning:BucketVersioning": ("versioningConfiguration",),
    SNAPSHOT_CLASS: ("deletionPolicy",),
}
# Resources that one sentence names; the others are counted.
_NAMED = 3


def retention(
    old: Plan, new: Plan, changes: Iterable[ResourceChange], pairs: Iterable[tuple[Entry, Entry, str]]
) -> list[Fact]:
    """What is kept for another time than before. `pairs` are all the resources of both plans, with their URNs now."""
    facts = list(_of_schedules(old, new))
    for change in changes:
        if change.old and change.new:
            facts += _of_resource(change)
    return facts + list(_of_options(pairs))


def _of_schedules(old: Plan, new: Plan) -> Iterator[Fact]:
    befores = {each["name"]: each for each in old.get("schedules") or []}
    for after in new.get("schedules") or []:
        before = befores.get(after["name"])
        if before is None:
            continue
        was, now = (_seconds(each["ttl"]) for each in (before, after))
        if was == now:
            continue
        yield Fact(
            "retention",
            f"backups of {after['name']} are kept {_length(now, after)}, was {_length(was, before)}",
            _longer(was, now),
            ("Existing backups keep their expiry.",),
            (after["resource"],),
        )


def _seconds(ttl: str) -> int | None:
    try:
        return Duration.parse_go(ttl).seconds
    except ValueError:
        return None


def _length(seconds: int | None, schedule: dict[str, Any]) -> str:
    return str(schedule["ttl"]) if seconds is None else words.exact(seconds)


def _longer(was: int | None, now: int | None) -> Effect:
    if was is None or now is None:
        return ""
    return "stronger" if now > was else "weaker"


def _of_resource(change: ResourceChange) -> Iterator[Fact]:
    if change.type == LIFECYCLE:
        yield from _lifecycle(change)
    for path, told in _SWITCHES.get(change.type, {}).items():
        for one in change.properties:
            if one.place == path or path.startswith(f"{one.place}."):
                yield from _switched(change, path, told)
                break


Told = Callable[[Any, Any], tuple[str, Effect]]


def _switched(change: ResourceChange, path: str, told: Told) -> Iterator[Fact]:
    was, now = (_at(entry["inputs"], path) for entry in (change.old or {}, change.new or {}))
    if was != now:
        text, effect = told(was, now)
        lost: OldBackups = "unreadable" if effect == "risk" else ""
        yield Fact("retention", f"{subject(change.entry)} {text}", effect, (), (change.urn,), lost)


def _at(inputs: Any, path: str) -> Any:
    for part in path.split("."):
        inputs = inputs.get(part) if isinstance(inputs, dict) else None
    return inputs


def _versioning(was: Any, now: Any) -> tuple[str, Effect]:
    if now == "Enabled":
        return "is on: deleted or overwritten objects can be recovered", "stronger"
    return f"is {str(now).lower()}: objects deleted or overwritten from now on are lost", "weaker"


def _force_destroy(was: Any, now: Any) -> tuple[str, Effect]:
    if now:
        return "is emptied of backups and versions when the engine deletes it", "weaker"
    return "is deleted by the engine only if it is empty", "stronger"


def _enabled(was: Any, now: Any) -> tuple[str, Effect]:
    if now is False:
        return "is disabled: backups that it encrypts can be neither read nor created", "risk"
    return "is enabled again", "stronger"


def _deletion_window(was: Any, now: Any) -> tuple[str, Effect]:
    days = [each if isinstance(each, int) else 30 for each in (was, now)]
    return f"takes {words.days(days[1])} to be deleted, was {days[0]}", "stronger" if days[1] > days[0] else "weaker"


def _deletion_policy(was: Any, now: Any) -> tuple[str, Effect]:
    if now == "Retain":
        return "keeps a snapshot whose VolumeSnapshot is deleted, as with its namespace", "stronger"
    return "deletes a snapshot with its VolumeSnapshot: deleting a namespace deletes its snapshots", "weaker"


_SWITCHES: dict[str, dict[str, Told]] = {
    "aws:s3/bucketVersioning:BucketVersioning": {"versioningConfiguration.status": _versioning},
    BUCKET: {"forceDestroy": _force_destroy},
    KEY: {"isEnabled": _enabled, "deletionWindowInDays": _deletion_window},
    SNAPSHOT_CLASS: {"deletionPolicy": _deletion_policy},
}


def _lifecycle(change: ResourceChange) -> Iterator[Fact]:
    befores, afters = (_rules(entry["inputs"]) for entry in (change.old or {}, change.new or {}))
    for key in dict.fromkeys([*befores, *afters]):
        was, now = befores.get(key), afters.get(key)
        if was != now:
            text, effect = _lifecycle_words(key[0], was, now)
            where = f" under {key[1]}" if key[1] else ""
            # A rule of S3's holds for what is noncurrent already, too.
            undo: OldBackups = "less-undo" if key[0] == "noncurrent" and effect == "weaker" else ""
            lost: OldBackups = "gone" if key[0] == "expiration" and effect == "risk" else undo
            yield Fact("retention", f"{subject(change.entry)}: {text}{where}", effect, (), (change.urn,), lost)


def _rules(inputs: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """What the rules that are on do, by kind and prefix, in days."""
    found: dict[tuple[str, str], Any] = {}
    for rule in inputs.get("rules") or []:
        if not isinstance(rule, dict) or rule.get("status") != "Enabled":
            continue
        prefix = str((rule.get("filter") or {}).get("prefix") or rule.get("prefix") or "")
        noncurrent = (rule.get("noncurrentVersionExpiration") or {}).get("noncurrentDays")
        expiration = rule.get("expiration") or {}
        abort = (rule.get("abortIncompleteMultipartUpload") or {}).get("daysAfterInitiation")
        moves = [
            f"{one.get('storageClass')} after {words.days(one.get('days'))}" for one in rule.get("transitions") or []
        ]
        for kind, value in (
            ("noncurrent", noncurrent),
            ("expiration", expiration.get("days") or expiration.get("date")),
            ("abort", abort),
            ("transitions", ", ".join(moves) or None),
            ("markers", expiration.get("expiredObjectDeleteMarker")),
        ):
            if value is not None:
                found[kind, prefix] = value
    return found


def _lifecycle_words(kind: str, was: Any, now: Any) -> tuple[str, Effect]:
    if kind == "noncurrent":
        before = "forever" if was is None else words.days(was)
        if now is None:
            return f"deleted versions are kept forever, was {before}", "stronger"
        return (
            f"deleted versions are kept {words.days(now)}, was {before}",
            "stronger" if was and now > was else "weaker",
        )
    if kind == "expiration":
        if now is None:
            return "objects no longer expire", "stronger"
        return (
            f"objects are deleted {words.days(now)} after they were written, even if in use: this destroys backups",
            "risk",
        )
    if kind == "transitions":
        if now is None:
            return f"objects stay in their storage class, no longer moved to {was}", "stronger"
        return f"objects are moved to {now}: restores wait for them, or fail", "weaker"
    if kind == "abort":
        days = ["forever" if each is None else words.days(each) for each in (now, was)]
        return f"unfinished uploads are kept {days[0]}, was {days[1]}", ""
    return f"lone delete markers are {'removed' if now else 'kept'}", ""


def _of_options(pairs: Iterable[tuple[Entry, Entry, str]]) -> Iterator[Fact]:
    """Protection and retention by the engine, each change once for all the resources that have it."""
    groups: dict[tuple[str, bool], list[tuple[Entry, str]]] = defaultdict(list)
    for old, new, urn in pairs:
        for option in ("protect", "retainOnDelete"):
            before, after = (bool(entry["options"].get(option)) for entry in (old, new))
            if before != after:
                groups[option, after].append((new, urn))
    for (option, after), members in groups.items():
        text, effect = _OPTIONS[option, after]
        yield Fact(
            "retention", f"{_named([entry for entry, _ in members])} {text}", effect, (), tuple(u for _, u in members)
        )


def _named(entries: list[Entry]) -> str:
    # Settings of a bucket go with it; by themselves they are nothing to keep.
    main = [entry for entry in entries if not is_bucket_setting(entry)] or entries
    names = [subject(entry) for entry in main[:_NAMED]]
    more = len(entries) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


_OPTIONS: dict[tuple[str, bool], tuple[str, Effect]] = {
    ("protect", True): ("are protected: the engine refuses to delete or replace them", "stronger"),
    ("protect", False): ("are no longer protected: the engine deletes and replaces them without asking", "weaker"),
    ("retainOnDelete", True): ("remain in the account when removed from the program", "stronger"),
    ("retainOnDelete", False): ("are deleted when removed from the program", "weaker"),
}
