"""Velero's objects, read: what a Backup, a Restore, a Schedule and a location say of themselves. Pure.

Among them those that stop Velero: one text that its server cannot decode, and it sees none of that kind any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from velero_on_eks.settings.duration import Duration

from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import Object

GROUP, VERSION = "velero.io", "v1"
API_VERSION = f"{GROUP}/{VERSION}"
BACKUP = ResourceKind(GROUP, VERSION, "Backup", "backups", True)
RESTORE = ResourceKind(GROUP, VERSION, "Restore", "restores", True)
SCHEDULE = ResourceKind(GROUP, VERSION, "Schedule", "schedules", True)
LOCATION = ResourceKind(GROUP, VERSION, "BackupStorageLocation", "backupstoragelocations", True)
REPOSITORY = ResourceKind(GROUP, VERSION, "BackupRepository", "backuprepositories", True)
DELETE_REQUEST = ResourceKind(GROUP, VERSION, "DeleteBackupRequest", "deletebackuprequests", True)

SCHEDULE_LABEL = "velero.io/schedule-name"
LOCATION_LABEL = "velero.io/storage-location"

COMPLETED = "Completed"
ENDED = frozenset({"Completed", "PartiallyFailed", "Failed", "FailedValidation"})
"""The phases that a Backup or a Restore never leaves."""

# Every field of Velero's objects that is a Go duration; the API server takes any text for them.
_DURATIONS = frozenset(
    {
        "backupSyncPeriod",
        "csiSnapshotTimeout",
        "execTimeout",
        "itemOperationTimeout",
        "maintenanceFrequency",
        "timeout",
        "ttl",
        "validationFrequency",
        "waitTimeout",
    }
)
# What people name themselves, and may name like one of these.
_FREE = frozenset({"config", "labels", "matchLabels", "namespaceMapping", "orderedResources"})


_TEXTS = object()
_SELECTOR = {"matchLabels": _TEXTS, "matchExpressions": [{"key": str, "operator": str, "values": [str]}]}
_LISTS = [f"{which}{what}" for which in ("included", "excluded") for what in (
    "Namespaces", "Resources", "ClusterScopedResources", "NamespaceScopedResources")]  # fmt: skip
_BACKUP: dict[str, Any] = {
    "metadata": {
        "name": str,
        "namespace": str,
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "creationTimestamp": str,
        "deletionTimestamp": str,
    },
    "spec": {
        **{name: [str] for name in _LISTS},
        "includeClusterResources": bool,
        "labelSelector": _SELECTOR,
        "orLabelSelectors": [_SELECTOR],
        "storageLocation": str,
        "ttl": str,
    },
    "status": {
        "phase": str,
        "startTimestamp": str,
        "completionTimestamp": str,
        "expiration": str,
        "failureReason": str,
        "validationErrors": [str],
        "errors": int,
        "warnings": int,
        "progress": {"itemsBackedUp": int, "totalItems": int},
    },
}


def moment(text: Any) -> datetime | None:
    """A Kubernetes time stamp as an aware datetime, None for what is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        # In the first year and in the last, a zone can lead out of all years.
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_record(body: Any) -> bool:
    """Whether JSON of unknown origin has the shape that a `Backup` is read by: each field of the type it should have,
    or left out."""
    return _has(body, _BACKUP) and isinstance((body.get("metadata") or {}).get("name"), str)


def _has(value: Any, shape: Any) -> bool:
    if value is None:
        return True
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_has(value.get(key), inner) for key, inner in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(_has(each, shape[0]) and each is not None for each in value)
    if shape is _TEXTS:
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    if shape is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
    return isinstance(value, shape)


@dataclass(frozen=True)
class Record:
    """One object of Velero's; `body` is the whole of it."""

    body: Object

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"].get("namespace") or "")

    @property
    def labels(self) -> dict[str, str]:
        return self.body["metadata"].get("labels") or {}

    @property
    def annotations(self) -> dict[str, str]:
        return self.body["metadata"].get("annotations") or {}

    @property
    def created(self) -> datetime | None:
        return moment(self.body["metadata"].get("creationTimestamp"))

    @property
    def spec(self) -> Object:
        return self.body.get("spec") or {}

    @property
    def status(self) -> Object:
        return self.body.get("status") or {}

    @property
    def phase(self) -> str:
        """Velero's word for where it stands; `New` until the server has seen it."""
        return str(self.status.get("phase") or "New")

    @property
    def deleting(self) -> bool:
        """Whether it is being deleted, and something (a finalizer) still holds it."""
        return bool(self.body["metadata"].get("deletionTimestamp"))


@dataclass(frozen=True)
class Operation(Record):
    """What runs and ends: a Backup or a Restore."""

    @property
    def started(self) -> datetime | None:
        return moment(self.status.get("startTimestamp"))

    @property
    def completed(self) -> datetime | None:
        return moment(self.status.get("completionTimestamp"))

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def running(self) -> bool:
        """Whether it is under way or waits to be."""
        return not self.ended and self.phase != "Deleting"

    @property
    def good(self) -> bool:
        return self.phase == COMPLETED

    @property
    def errors(self) -> int:
        return int(self.status.get("errors") or 0)

    @property
    def warnings(self) -> int:
        return int(self.status.get("warnings") or 0)

    @property
    def why(self) -> str:
        """What Velero wrote on the object about a failure; empty where it wrote nothing."""
        said = [*(self.status.get("validationErrors") or ()), self.status.get("failureReason") or ""]
        return "; ".join(text for text in said if text)


@dataclass(frozen=True)
class Backup(Operation):
    """A Backup, from the cluster or from the bucket."""

    @property
    def schedule(self) -> str | None:
        """The schedule that made it, or whose it counts as."""
        return self.labels.get(SCHEDULE_LABEL)

    @property
    def location(self) -> str:
        return str(self.spec.get("storageLocation") or self.labels.get(LOCATION_LABEL) or "default")

    @property
    def expires(self) -> datetime | None:
        return moment(self.status.get("expiration"))

    def expired(self, at: datetime) -> bool:
        """Whether its time was over by then: the server removes it the next time that it looks."""
        return self.expires is not None and self.expires <= at

    @property
    def done_items(self) -> int:
        return int((self.status.get("progress") or {}).get("itemsBackedUp") or 0)

    @property
    def total_items(self) -> int:
        """How many there are in all; while it runs an estimate, 0 until Velero has one."""
        return int((self.status.get("progress") or {}).get("totalItems") or 0)


@dataclass(frozen=True)
class Restore(Operation):
    """A Restore."""

    @property
    def backup(self) -> str:
        return str(self.spec.get("backupName") or "")

    @property
    def done_items(self) -> int:
        return int((self.status.get("progress") or {}).get("itemsRestored") or 0)

    @property
    def total_items(self) -> int:
        return int((self.status.get("progress") or {}).get("totalItems") or 0)


@dataclass(frozen=True)
class Schedule(Record):
    """A Schedule."""

    @property
    def cron(self) -> str:
        return str(self.spec.get("schedule") or "")

    @property
    def paused(self) -> bool:
        return bool(self.spec.get("paused"))

    @property
    def template(self) -> Object:
        """The spec of the backups that it makes."""
        return self.spec.get("template") or {}

    @property
    def ttl(self) -> str:
        """How long its backups are kept, as written; empty for the server's default."""
        return str(self.template.get("ttl") or "")

    @property
    def location(self) -> str:
        return str(self.template.get("storageLocation") or "")

    @property
    def last_backup(self) -> datetime | None:
        """When it last made a backup, whatever became of that."""
        return moment(self.status.get("lastBackup"))

    @property
    def validation_errors(self) -> tuple[str, ...]:
        return tuple(self.status.get("validationErrors") or ())


@dataclass(frozen=True)
class Location(Record):
    """A BackupStorageLocation."""

    @property
    def bucket(self) -> str:
        return str((self.spec.get("objectStorage") or {}).get("bucket") or "")

    @property
    def prefix(self) -> str:
        return str((self.spec.get("objectStorage") or {}).get("prefix") or "")

    @property
    def config(self) -> dict[str, str]:
        return self.spec.get("config") or {}

    @property
    def provider(self) -> str:
        return str(self.spec.get("provider") or "")

    @property
    def access_mode(self) -> str:
        return str(self.spec.get("accessMode") or "ReadWrite")

    @property
    def read_only(self) -> bool:
        return self.access_mode == "ReadOnly"

    @property
    def validation_frequency(self) -> str:
        """How often the server looks at it, a Go duration; empty for the server's own minute."""
        return str(self.spec.get("validationFrequency") or "")

    @property
    def default(self) -> bool:
        return bool(self.spec.get("default"))

    @property
    def available(self) -> bool:
        return self.phase == "Available"

    @property
    def validated(self) -> datetime | None:
        """When the server last looked."""
        return moment(self.status.get("lastValidationTime"))

    @property
    def synced(self) -> datetime | None:
        """When the server last took up backups that it found in the bucket."""
        return moment(self.status.get("lastSyncedTime"))

    @property
    def message(self) -> str:
        return str(self.status.get("message") or "")


@dataclass(frozen=True)
class Repository(Record):
    """A BackupRepository: where kopia keeps volumes' data."""

    @property
    def message(self) -> str:
        return str(self.status.get("message") or "")

    @property
    def maintained(self) -> datetime | None:
        return moment(self.status.get("lastMaintenanceTime"))

    @property
    def maintenance_every(self) -> str:
        """The wanted time between two maintenances, a Go duration."""
        return str(self.spec.get("maintenanceFrequency") or "")

    @property
    def volume_namespace(self) -> str:
        return str(self.spec.get("volumeNamespace") or "")


# What Velero's server and its client append to a schedule's name for a backup of it.
_STAMPED = re.compile(r"(.+)-(20\d{12})")


def stamped(name: str) -> tuple[str, datetime] | None:
    """The schedule of a backup and when it started, by its name; None where its name does not say."""
    found = _STAMPED.fullmatch(name)
    try:
        return (found[1], datetime.strptime(found[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)) if found else None
    except ValueError:
        return None


def newest_completed(
    backups: Iterable[Backup], *, schedule: str | None = None, at: datetime | None = None
) -> Backup | None:
    """The newest Completed backup (of a schedule), None where there is none.

    With `at`, one that had ended by then: all that is in it was read before that moment. The order is that of the
    starts, as Velero's own choice for a schedule is.
    """
    good = [
        backup
        for backup in backups
        if backup.good
        and backup.started is not None
        and not backup.deleting
        and (schedule is None or backup.schedule == schedule)
        and (at is None or (backup.completed or backup.started) <= at)
    ]
    return max(good, key=lambda backup: (backup.started or datetime.min.replace(tzinfo=UTC), backup.name), default=None)


@dataclass(frozen=True)
class Undecodable:
    """A field that the server cannot decode: the object, the path to it, and what is wrong with it."""

    record: Record
    path: tuple[str, ...]
    value: str
    problem: str

    @property
    def field(self) -> str:
        """The path in dots."""
        return ".".join(self.path)

    @property
    def patch(self) -> str | None:
        """The merge patch that fixes it, as JSON, where it is clear what was meant."""
        try:
            meant: Any = Duration.parse(self.value).go
        except ValueError:
            return None
        if any(part.isdigit() for part in self.path):
            return None
        for part in reversed(self.path):
            meant = {part: meant}
        return json.dumps(meant, separators=(",", ":"))


def undecodable(record: Record) -> list[Undecodable]:
    """The fields of one of Velero's objects that stop the controllers of its kind."""
    return list(_walk(record, record.spec, ("spec",)))


def _walk(record: Record, node: Any, path: tuple[str, ...]) -> Iterator[Undecodable]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _DURATIONS and isinstance(value, str | int | float):
                try:
                    Duration.parse_go(str(value))
                except ValueError as error:
                    yield Undecodable(record, (*path, key), str(value), str(error))
            elif key not in _FREE:
                yield from _walk(record, value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _walk(record, value, (*path, str(index)))
