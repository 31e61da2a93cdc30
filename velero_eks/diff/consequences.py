"""What replacing or deleting a resource means for the backups, and whether the engine would do it at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from velero_on_eks.settings import Duration

from velero_eks.diff.model import Effect, Fact, Late, OldBackups, PropertyChange, ResourceChange
from velero_eks.diff.old_backups import PASSWORD
from velero_eks.diff.properties import shown
from velero_eks.diff.words import ALIAS, BUCKET, SCHEDULE, subject
from velero_eks.terminal import words

KEY = "aws:kms/key:Key"
# Without these, or with others in their place, backups that exist cannot be found or read.
DATA = frozenset({BUCKET, KEY, "aws:kms/replicaKey:ReplicaKey", PASSWORD})
# Without these Velero makes no backups; while they are replaced it does not either.
_WORKING = frozenset({"kubernetes:core/v1:Namespace", "kubernetes:helm.sh/v3:Release", "aws:iam/role:Role"})
# Reasons that a sentence names; the property level has them all.
_NAMED_REASONS = 3

Meaning = Callable[[ResourceChange, bool], str]


def replaced(change: ResourceChange, with_it: Iterable[ResourceChange] = ()) -> Fact:
    """The fact of a replacement; `with_it` are replacements of what belongs to the resource."""
    details = _order(change), _stopped(change), _meaning(change), _company(with_it)
    return Fact(
        "replaced",
        f"{subject(change.old or {})} is replaced: {_because(change)}",
        _effect(change),
        tuple(detail for detail in details if detail),
        tuple(one.urn for one in (change, *with_it)),
        _old_backups(change),
    )


def _because(change: ResourceChange) -> str:
    if change.type == "pulumi:providers:kubernetes":
        return "it points to another cluster"
    reasons = [_reason(one) for one in change.reasons[:_NAMED_REASONS]]
    more = len(change.reasons) - len(reasons)
    return ", ".join(reasons) + (f" and {more} more" if more > 0 else "")


def _reason(one: PropertyChange) -> str:
    if isinstance(one.new, Late):
        return f"{one.path} follows {one.new.source}"
    return f"{one.path} {shown(one.old)} → {shown(one.new)}"


def deleted(change: ResourceChange, with_it: Iterable[ResourceChange], made_again: ResourceChange | None) -> Fact:
    """The fact of a deletion. `made_again` is a new resource of the same type and name: a rename without an alias."""
    meaning = _renamed(change, made_again) if made_again else _meaning(change)
    details = _stopped(change), meaning, _company(with_it)
    text = f"{subject(change.entry)} is removed from the program"
    if not _protected(change):
        text += " and remains in the account" if _kept(change) else " and is deleted"
    return Fact(
        "deleted",
        text,
        _effect(change),
        tuple(detail for detail in details if detail),
        tuple(one.urn for one in (change, *with_it)),
        _old_backups(change),
    )


def _effect(change: ResourceChange) -> Effect:
    if change.type in DATA:
        return "risk"
    protects = change.type in _WEAKENING or change.type == SCHEDULE
    return "weaker" if change.type in _WORKING or (protects and change.new is None) else ""


def _old_backups(change: ResourceChange) -> OldBackups:
    """What becomes of the backups that exist where the resource is no longer what it was.

    A key that stays in the account is left out: whether the role may still use it is told of the bucket.
    """
    if change.type == PASSWORD:
        return "no-volume-data"
    if _kept(change):
        return "not-found" if change.type == BUCKET and change.new else ""
    if change.type == KEY:
        return "gone"
    if change.type == BUCKET:
        destroyed = (change.old or {}).get("inputs", {}).get("forceDestroy")
        return "gone" if destroyed else "not-found" if change.new else ""
    return ""


def _options(change: ResourceChange, side: str = "old") -> Mapping[str, Any]:
    return (getattr(change, side) or {}).get("options") or {}


def _kept(change: ResourceChange) -> bool:
    return bool(_options(change).get("retainOnDelete"))


def _protected(change: ResourceChange) -> bool:
    """Whether the engine refuses: a deletion by the old flag, a replacement by both."""
    old = bool(_options(change).get("protect"))
    return old and (change.new is None or bool(_options(change, "new").get("protect")))


def _stopped(change: ResourceChange) -> str:
    if _protected(change):
        if change.new is None:
            return "It is protected: 'pulumi up' refuses to delete it until you run 'pulumi state unprotect'."
        return "It is protected: 'pulumi up' refuses to replace it and stops."
    if _options(change).get("protect"):
        return "The same change removes its protection, so 'pulumi up' will not stop."
    return ""


def _order(change: ResourceChange) -> str:
    return "The old one is deleted before the new one is created." if change.delete_first else ""


def _company(with_it: Iterable[ResourceChange]) -> str:
    names = [subject(one.entry).removesuffix(f" of bucket {one.entry['inputs'].get('bucket')}") for one in with_it]
    return f"With it: {', '.join(sorted(names))}." if names else ""


def _renamed(change: ResourceChange, made_again: ResourceChange) -> str:
    name = change.entry["name"]
    where = ""
    if made_again.entry["parent"] != change.entry["parent"]:
        where = ", and the old parent's URN as parent"
    return (
        f"{subject(made_again.entry)} is created in its place, as {made_again.entry['name']!r}: a rename without"
        f" an alias, and both cannot exist together. Give the new one aliases=[pulumi.Alias(name={name!r})]{where}."
    )


def _meaning(change: ResourceChange) -> str:
    rule = _MEANINGS.get(change.type)
    return rule(change, _kept(change)) if rule else ""


def _bucket(change: ResourceChange, kept: bool) -> str:
    instead = "; Velero writes to the new one and cannot see the backups in the old" if change.new else ""
    if kept:
        return f"The old bucket remains in the account with its backups, unmanaged{instead}."
    if (change.old or {}).get("inputs", {}).get("forceDestroy"):
        return f"The old bucket is emptied and deleted: every backup in it is lost{instead}."
    return f"The old bucket cannot be deleted while it has backups{instead}."


def _key(change: ResourceChange, kept: bool) -> str:
    days = (change.old or {}).get("inputs", {}).get("deletionWindowInDays", 30)
    other = " Velero's role may use only the new key and cannot read what the old one encrypted." if change.new else ""
    if kept:
        return f"The old key remains in the account, unmanaged.{other}"
    when = words.days(days)
    return f"The old key is gone after {when}, and then no backup that it encrypted can be read.{other}"


def _password(change: ResourceChange, kept: bool) -> str:
    made = "Another password is generated" if change.new else "The password is removed from the state"
    return f"{made}: what kopia wrote with the old one cannot be read without it. Escrow the old one first."


def _namespace(change: ResourceChange, kept: bool) -> str:
    if kept:
        return "The namespace remains in the cluster with everything in it."
    return (
        "Everything in it is deleted: the server, its Schedules, its list of backups. The backups remain"
        " in the bucket, and Velero reads the list back from there."
    )


def _release(change: ResourceChange, kept: bool) -> str:
    return "Velero is uninstalled" + (
        " and reinstalled: a backup or restore that is running fails." if change.new else ": no backups, no restores."
    )


def _schedule(change: ResourceChange, kept: bool) -> str:
    if change.new:
        return "Its backups remain until they expire."
    template = ((change.old or {}).get("inputs", {}).get("spec") or {}).get("template") or {}
    return f"It creates no more backups; its backups remain until they expire, {_time(template)} after each was made."


def _time(template: Mapping[str, Any]) -> str:
    try:
        return words.exact(Duration.parse_go(str(template.get("ttl"))).seconds)
    except ValueError:
        return str(template.get("ttl"))


def _access(change: ResourceChange, kept: bool) -> str:
    return (
        "Until the new one exists, Velero reaches neither bucket nor key."
        if change.new
        else "Velero's pod no longer gets a role."
    )


def _says(on_deletion: str, on_replacement: str = "") -> Meaning:
    return lambda change, kept: "" if kept and not change.new else on_replacement if change.new else on_deletion


_WEAKENING: dict[str, Meaning] = {
    "aws:s3/bucketVersioning:BucketVersioning": _says(
        "The bucket no longer keeps versions: a backup deleted by mistake cannot be recovered."
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _says(
        "A policy or an ACL could make the bucket public.",
        "Until the new one exists, the bucket could be made public.",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _says("The bucket no longer denies anything itself."),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _says(
        "New objects are encrypted with S3's own key, not with the bucket's."
    ),
    "aws:s3/bucketLogging:BucketLogging": _says("Reads and deletions in the bucket are no longer logged."),
    "aws:eks/addon:Addon": _says("Without the snapshot controller, backups of volumes fail."),
    "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass": _says("Velero has no class to snapshot volumes with."),
}

_MEANINGS: dict[str, Meaning] = {
    **_WEAKENING,
    BUCKET: _bucket,
    KEY: _key,
    PASSWORD: _password,
    SCHEDULE: _schedule,
    ALIAS: _says("References to the key by its alias fail."),
    "kubernetes:core/v1:Namespace": _namespace,
    "kubernetes:core/v1:Secret": _says(
        "If it holds the repository password, Velero creates a secret with a public password.",
        "Velero reads the new content when it next opens a repository.",
    ),
    "kubernetes:helm.sh/v3:Release": _release,
    "aws:iam/role:Role": _access,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _access,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _says(
        "Old versions and unfinished uploads are never deleted and cost money forever."
    ),
    "pulumi:providers:kubernetes": _says("", "Everything that uses it is replaced."),
}
