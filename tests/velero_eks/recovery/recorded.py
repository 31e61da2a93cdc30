"""What a real Velero 1.18.2 on Kubernetes 1.34 said and stored, recorded in the lab; and objects made in its manner.

`whole` is a Completed backup of the sample application without its custom resources (their CRD was seconds old),
`in-part` one that could not save a Pod with a volume: no node agent ran.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from velero_eks.kube.kinds import ResourceKind, kinds_of
from velero_eks.velero.records import Backup, Location, Schedule

DATA = Path(__file__).parent / "data"
BACKUPS = DATA / "backups"
KINDS: list[ResourceKind] = [
    kind for document in json.loads((DATA / "discovery.json").read_text()) for kind in kinds_of(document)
]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def recorded(name: str) -> Any:
    """A recorded JSON document."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def recorded_backup(name: str) -> Backup:
    """A recorded backup's own record."""
    return Backup(recorded(f"backups/{name}/velero-backup.json"))


def recorded_schedule(name: str) -> Schedule:
    """A recorded Schedule: `daily-backup`, `paused`, `days` (its TTL is `30d`) or `invalid-cron`."""
    return Schedule(recorded(f"schedule-{name}.json"))


def kind(name: str) -> ResourceKind:
    """A kind of the recorded cluster."""
    return next(kind for kind in KINDS if kind.kind == name)


def ago(**length: float) -> str:
    """A time stamp before `NOW`, as Kubernetes writes it."""
    return (NOW - timedelta(**length)).strftime("%Y-%m-%dT%H:%M:%SZ")


def backup(
    name: str, *, phase: str = "Completed", schedule: str | None = "daily-backup", hours: float = 1, **spec: Any
) -> Backup:
    """A Backup that started `hours` before `NOW` and took a minute."""
    labels = {"velero.io/storage-location": "default"}
    if schedule:
        labels["velero.io/schedule-name"] = schedule
    status: dict[str, Any] = {"phase": phase, "startTimestamp": ago(hours=hours)}
    if phase in ("Completed", "PartiallyFailed", "Failed"):
        status["completionTimestamp"] = ago(hours=hours, minutes=-1)
    return Backup(
        {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": {
                "name": name, "namespace": "velero", "labels": labels, "creationTimestamp": ago(hours=hours),
            },
            "spec": {"includedNamespaces": ["*"], "storageLocation": "default", **spec},
            "status": status,
        }
    )  # fmt: skip


def location(**status: Any) -> Location:
    """The recorded location, checked just now; `status` is merged over."""
    body = recorded("location.json")
    seen = {"lastValidationTime": ago(seconds=20), "lastSyncedTime": ago(seconds=40), "phase": "Available"}
    return Location({**body, "status": {**seen, **status}})
