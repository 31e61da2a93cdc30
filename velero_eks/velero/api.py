"""Velero through its API objects: what there is, which backup is meant, and following one to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from velero_eks.errors import ApiError, BadTarget, NotAllowed, NotFound, Unreachable
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import Object
from velero_eks.kube.waiting import wait_for
from velero_eks.terminal import words
from velero_eks.velero.records import (
    API_VERSION,
    BACKUP,
    LOCATION,
    REPOSITORY,
    RESTORE,
    SCHEDULE,
    SCHEDULE_LABEL,
    Backup,
    Location,
    Operation,
    Record,
    Repository,
    Restore,
    Schedule,
    newest_completed,
)

AnyRecord = TypeVar("AnyRecord", bound=Record)
AnyOperation = TypeVar("AnyOperation", bound=Operation)

_CLOSE = 3

BACKUP_SECONDS = 4 * 3600.0
RESTORE_SECONDS = 4 * 3600.0
"""As long as Velero itself waits for an item's operation."""
RESYNC_SECONDS = 180.0
"""A Backup that ends while the server reads the bucket, as it does at its start, is taken for one that the bucket no
longer has: its object is deleted, and recreated when the bucket is read again, a minute or two later."""


class Velero:
    """One Velero installation. All methods raise what `Cluster` raises."""

    def __init__(
        self, cluster: Cluster, namespace: str = "velero", *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._now = now

    def locations(self) -> list[Location]:
        """The BackupStorageLocations, by name. Raises `BadTarget` where Velero is not installed."""
        return self._all(LOCATION, Location)

    def schedules(self) -> list[Schedule]:
        """The Schedules, by name, also those that the server cannot decode."""
        return self._all(SCHEDULE, Schedule)

    def backups(self, *, schedule: str | None = None) -> list[Backup]:
        """The Backups (of a schedule), oldest first; those not started yet come last."""
        labels = f"{SCHEDULE_LABEL}={schedule}" if schedule else None
        return sorted(self._all(BACKUP, Backup, labels=labels), key=_order)

    def restores(self) -> list[Restore]:
        """The Restores, oldest first."""
        return sorted(self._all(RESTORE, Restore), key=_order)

    def repositories(self) -> list[Repository]:
        """The BackupRepositories, by name. There are none where no volume's data is kept."""
        return self._all(REPOSITORY, Repository)

    def location(self, name: str) -> Location:
        """The location of this name. Raises `BadTarget` with those there are."""
        return self._named(LOCATION, Location, name)

    def schedule(self, name: str) -> Schedule:
        """The schedule of this name. Raises `BadTarget` with those there are."""
        return self._named(SCHEDULE, Schedule, name)

    def backup(self, name: str) -> Backup:
        """The backup of this name. Raises `BadTarget`, and says so where the name is a schedule's."""
        return self._named(BACKUP, Backup, name)

    def restore(self, name: str) -> Restore:
        """The restore of this name. Raises `BadTarget` with those there are."""
        return self._named(RESTORE, Restore, name)

    def resolve(self, name: str, *, at: datetime | None = None) -> Backup:
        """The backup that `name` means: the backup itself, or the newest Completed one of the schedule `name`.

        With `at`, a schedule's newest that ended by then. Raises `BadTarget`, saying what there is instead.
        """
        found = self.cluster.find(BACKUP.path(self.namespace, name))
        if found is not None:
            return Backup({**found, "kind": BACKUP.kind})
        backups = self.backups()
        chosen = newest_completed(backups, schedule=name, at=at)
        if chosen is not None:
            return chosen
        raise BadTarget(self._no_backup(name, backups, at))

    def create(self, kind: ResourceKind, name: str, spec: Object, *, labels: dict[str, str] | None = None,
               annotations: dict[str, str] | None = None, dry_run: bool = False) -> Object:  # fmt: skip
        """Make an object of Velero's in its namespace. Raises `Conflict` where it exists."""
        metadata: Object = {"name": name, "namespace": self.namespace}
        if labels:
            metadata["labels"] = labels
        if annotations:
            metadata["annotations"] = annotations
        body = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": spec}
        return self.cluster.create(kind.path(self.namespace), body, dry_run=dry_run)

    def wait_for_backup(
        self, name: str, *, seconds: float = BACKUP_SECONDS, progress: Callable[[Backup], None] | None = None
    ) -> Backup:
        """Follow a Backup to its end, whatever that is. `progress` is called at every look. Raises `TimeLimit`."""
        return self._follow(BACKUP, Backup, name, seconds, progress)

    def wait_for_restore(
        self, name: str, *, seconds: float = RESTORE_SECONDS, progress: Callable[[Restore], None] | None = None
    ) -> Restore:
        """Follow a Restore to its end, whatever that is. `progress` is called at every look. Raises `TimeLimit`."""
        return self._follow(RESTORE, Restore, name, seconds, progress)

    def _follow(
        self,
        kind: ResourceKind,
        make: Callable[[Object], AnyOperation],
        name: str,
        seconds: float,
        progress: Callable[[AnyOperation], None] | None,
    ) -> AnyOperation:
        path = kind.path(self.namespace, name)
        last = "New"
        gone: float | None = None

        def look() -> AnyOperation | None:
            nonlocal last, gone
            try:
                found = make(self.cluster.get(path))
            except NotFound as error:
                gone = self._now() if gone is None else gone
                if kind != BACKUP or self._now() - gone > RESYNC_SECONDS:
                    raise
                raise Unreachable(f"{error}; the server may soon read it from the bucket again") from error
            except ApiError as error:
                # An API server that restarts, or has lost etcd for a moment, answers 500 or 504: asked again.
                if error.status < 500:
                    raise
                raise Unreachable(str(error)) from error
            gone, last = None, found.phase
            if progress is not None:
                progress(found)
            return found if found.ended else None

        # The phase of the last look belongs into the message, so that it is made when the time is up.
        return wait_for(look, seconds=seconds, what=lambda: f"the end of {kind.kind} {name} (its phase is {last})")

    def _all(
        self, kind: ResourceKind, make: Callable[[Object], AnyRecord], *, labels: str | None = None
    ) -> list[AnyRecord]:
        try:
            bodies = list(self.cluster.list(kind.path(self.namespace), labels=labels))
        except NotFound as error:
            raise BadTarget(
                f"{self.cluster.name} does not serve Velero's {kind.plural}: Velero is not installed,"
                " or this is another cluster"
            ) from error
        return sorted((make(body) for body in bodies), key=lambda record: record.name)

    def _named(self, kind: ResourceKind, make: Callable[[Object], AnyRecord], name: str) -> AnyRecord:
        found = self.cluster.find(kind.path(self.namespace, name))
        if found is not None:
            return make({**found, "kind": kind.kind})
        there = [record.name for record in self._all(kind, make)]
        if kind == BACKUP:
            raise BadTarget(self._no_backup(name, self.backups(), None))
        raise BadTarget(f"no {kind.kind} {name!r} in namespace {self.namespace}; {words.instead(name, there)}")

    def _no_backup(self, name: str, backups: list[Backup], at: datetime | None) -> str:
        said = no_backup(name, backups, [schedule.name for schedule in self.schedules()], at)
        try:
            unread = [each.name for each in self.locations() if each.available and each.synced is None]
        except NotAllowed:
            unread = []
        if not unread:
            return said
        # A server that was started a moment ago, as on a cluster that was built again.
        return (
            f"{said}\nthe server has not read location {unread[0]} yet, which takes up to a minute after its start:"
            " backups in it may still appear"
        )


def no_backup(name: str, backups: list[Backup], schedules: list[str], at: datetime | None) -> str:
    """Why `name` means no backup, and what to give instead."""
    of_schedule = [backup for backup in backups if backup.schedule == name]
    when = f" that ended by {words.stamp(at)}" if at else ""
    if of_schedule:
        states = ", ".join(sorted({backup.phase for backup in of_schedule}))
        good = newest_completed(of_schedule, schedule=name)
        mend = f"its newest Completed one is {good.name}" if good else f"its backups are: {states}"
        return f"schedule {name} has no Completed backup{when}; {mend}"
    if name in schedules:
        return f"schedule {name} has no backup yet; make one: velero-eks backup NAME --schedule {name}"
    names = [backup.name for backup in backups]
    schedules = sorted({*schedules, *(backup.schedule for backup in backups if backup.schedule)})
    # A schedule is nearer than its backups, whose names all begin with its own.
    close = [*words.nearest(name, schedules), *words.nearest(name, names)][:_CLOSE]
    instead = f"did you mean {' or '.join(close)}?" if close else f"{words.instead(name, [*names, *schedules])}."
    return f"no backup and no schedule is called {name!r}; {instead} List them: velero-eks backups"


def _order(operation: Operation) -> tuple[bool, str, str]:
    # Time stamps of Kubernetes sort as text; what has none is younger than all that have.
    stamp = str(operation.status.get("startTimestamp") or "")
    return not stamp, stamp, operation.name
