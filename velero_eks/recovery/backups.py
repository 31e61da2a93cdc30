"""Which backups exist, as the bucket has them and as the cluster has them, and from which of them one can restore.

Neither side is needed: with the cluster gone the bucket says enough, and without the bucket the cluster says what it
knows. Of thousands of backups only those that are shown are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from velero_eks.errors import BadTarget, OperationError
from velero_eks.kube.threads import Threads
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.velero.bucket import BackupStore, Damaged, StoreAddress
from velero_eks.velero.records import Backup, Location, stamped
from velero_eks.velero.volume_info import VolumeData, takes_volumes

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

_THREADS = 16
_OLDEST = datetime.min.replace(tzinfo=UTC)
_OWN = "default"
"""The location that a stack makes, whose bucket is known without the cluster."""


class Files(StrEnum):
    """What the bucket has of a backup."""

    PRESENT = "present"
    MISSING = "missing"
    """Nothing at all."""
    INCOMPLETE = "incomplete"
    """Its record or its contents are missing."""
    DAMAGED = "damaged"
    UNREAD = "unread"
    """The bucket was not read."""


class Flaw(StrEnum):
    """Why a backup is not good, or what else someone who chooses one has to know of it."""

    NO_FILES = "no-files"
    NO_RECORD = "no-record"
    NO_CONTENTS = "no-contents"
    DAMAGED = "damaged"
    NO_VOLUME_DATA = "no-volume-data"
    EXPIRED = "expired"
    DELETING = "deleting"
    NOT_IN_CLUSTER = "not-in-cluster"


@dataclass(frozen=True)
class Listed:
    """One backup. `record` is what the bucket has, `item` the Backup object in the cluster."""

    name: str
    location: str
    record: Backup | None = None
    item: Backup | None = None
    files: Files = Files.UNREAD
    contents: bool = False
    damaged: str = ""
    volumes: VolumeData | None = None
    """None where the backup takes no volumes, or no one could say."""

    @property
    def backup(self) -> Backup | None:
        """The side that knows more: the cluster of a backup that has not ended, else the bucket."""
        item, record = self.item, self.record
        if item is not None and (record is None or item.deleting or not item.ended or not record.ended):
            return item
        return record

    @property
    def schedule(self) -> str | None:
        """The schedule that made it. Of a backup whose record cannot be read its name says so."""
        if self.backup is not None:
            return self.backup.schedule
        by_name = stamped(self.name)
        return by_name[0] if by_name else None

    @property
    def begun(self) -> datetime:
        """When it started, as far as anything says so."""
        if self.backup is not None and (when := self.backup.started or self.backup.created):
            return when
        by_name = stamped(self.name)
        return by_name[1] if by_name else _OLDEST

    def flaws(self, at: datetime, *, cluster_read: bool) -> Iterator[Flaw]:
        """What is wrong with it, the gravest first."""
        found = self.backup
        # What runs has no files yet, and what failed its validation never has any.
        ended = found is None or found.phase in ("Completed", "PartiallyFailed")
        if self.files is Files.DAMAGED:
            yield Flaw.DAMAGED
        elif self.files is Files.MISSING and ended:
            yield Flaw.NO_FILES
        elif self.files is Files.INCOMPLETE and ended:
            yield Flaw.NO_CONTENTS if self.record is not None else Flaw.NO_RECORD
        if self.volumes is not None and self.volumes.without_data:
            yield Flaw.NO_VOLUME_DATA
        if found is not None and found.expired(at):
            yield Flaw.EXPIRED
        if found is not None and (found.deleting or found.phase == "Deleting"):
            yield Flaw.DELETING
        if cluster_read and self.item is None and self.files is not Files.MISSING:
            yield Flaw.NOT_IN_CLUSTER

    def good(self, at: datetime) -> bool:
        """Whether everything that was asked for can be restored from it: Completed, its files are in the bucket, it
        has the data of its volumes, and its time is not over."""
        return (
            self.files is Files.PRESENT
            and self.backup is not None
            and self.backup.good
            and not any(flaw is not Flaw.NOT_IN_CLUSTER for flaw in self.flaws(at, cluster_read=False))
        )


@dataclass(frozen=True)
class Inventory:
    """The backups that exist, newest first. `more` older ones exist and were not read."""

    at: datetime
    shown: tuple[Listed, ...]
    more: int
    good: Listed | None
    """The newest good one of all; it may be older than those shown."""
    buckets: Mapping[str, StoreAddress]
    """The buckets that were read, by location."""
    unread: Mapping[str, str]
    """Why the bucket of a location was not read."""
    cluster: str
    """Why the cluster was not asked; empty where it was."""
    locations: tuple[Location, ...] = ()
    """The locations in the cluster."""

    @property
    def cluster_read(self) -> bool:
        """Whether the cluster was asked."""
        return not self.cluster

    def flaws(self, listed: Listed) -> tuple[Flaw, ...]:
        """What is wrong with a backup of it."""
        return tuple(listed.flaws(self.at, cluster_read=self.cluster_read))


def inventory(session: Session, at: datetime, *, schedule: str | None = None, last: int | None = None) -> Inventory:
    """The newest `last` backups (of a schedule), all of them by default.

    Raises `BadTarget` for a schedule that nothing knows, and `OperationError` where neither the bucket nor the cluster
    answers.
    """
    with Threads(1) as pool:
        asked = pool.submit(_cluster, session)
        # Meanwhile, what a stack says without the cluster.
        own = _own_bucket(session)
        answer = asked.result()
    cluster = None if isinstance(answer, OperationError) else answer
    buckets = _buckets(session, cluster, own)
    if isinstance(answer, OperationError):
        unread = [str(each.names) for each in buckets.values() if isinstance(each.names, OperationError)]
        if not buckets:
            raise answer
        if len(unread) == len(buckets):
            raise OperationError("\n".join(dict.fromkeys([*unread, f"the cluster was not asked either: {answer}"])))
    why = str(answer) if isinstance(answer, OperationError) else ""
    return _Reading(session.settings, at, cluster, buckets, why).inventory(schedule, last)


class _Cluster(NamedTuple):
    backups: list[Backup]
    locations: list[Location]
    schedules: list[str]


class _Bucket(NamedTuple):
    store: BackupStore | None
    names: list[str] | OperationError


def _cluster(session: Session) -> _Cluster | OperationError:
    try:
        velero = session.velero
        return _Cluster(velero.backups(), velero.locations(), [each.name for each in velero.schedules()])
    except OperationError as error:
        return error


def _own_bucket(session: Session) -> _Bucket | None:
    return _read(session.store) if session.settings is not None else None


def _read(store: Callable[[], BackupStore]) -> _Bucket:
    try:
        found = store()
    except OperationError as error:
        return _Bucket(None, error)
    try:
        return _Bucket(found, found.names())
    except OperationError as error:
        return _Bucket(found, error)


def _buckets(session: Session, cluster: _Cluster | None, own: _Bucket | None) -> dict[str, _Bucket]:
    """The buckets by location; the same one under a second location is left out."""
    found = {_OWN: own} if own is not None else {}
    for location in cluster.locations if cluster is not None else ():
        if location.name in found:
            continue
        read = _read(lambda name=location.name: session.store(name))
        address = read.store.address if read.store else None
        if address is None or all(each.store is None or each.store.address != address for each in found.values()):
            found[location.name] = read
    return found


class _Reading:
    """One look at all of it, in which each bucket is given up once it no longer answers."""

    def __init__(
        self, settings: Settings | None, at: datetime, cluster: _Cluster | None, buckets: dict[str, _Bucket], why: str
    ) -> None:
        self._settings = settings
        self._at = at
        self._cluster = cluster
        self._why = why
        self._stores = {
            name: each.store for name, each in buckets.items() if each.store and not isinstance(each.names, Exception)
        }
        self._unread = {name: str(each.names) for name, each in buckets.items() if isinstance(each.names, Exception)}
        self._folders = {
            (name, folder)
            for name, each in buckets.items()
            if not isinstance(each.names, Exception)
            for folder in each.names
        }

    def inventory(self, schedule: str | None, last: int | None) -> Inventory:
        with Threads(_THREADS) as pool:
            every = list(pool.map(self._dated, self._all()))
            self._check(schedule, every)
            wanted = [each for each in every if schedule in (None, each.schedule)]
            wanted.sort(key=lambda each: (each.begun, each.name), reverse=True)
            count = len(wanted) if last is None else last
            shown = list(pool.map(self._looked_at, wanted[:count]))
            good = next((each for each in shown if each.good(self._at)), None)
            start, step = count, max(count, _THREADS)
            while good is None and start < len(wanted):
                # An older one, twice as many at a time: most often there is none only where there are few.
                older = pool.map(self._looked_at, wanted[start : start + step])
                good = next((each for each in older if each.good(self._at)), None)
                start, step = start + step, step * 2
        shown.sort(key=lambda each: (each.begun, each.name), reverse=True)
        return Inventory(
            at=self._at,
            shown=tuple(shown),
            more=len(wanted) - len(shown),
            good=good,
            buckets={name: store.address for name, store in self._stores.items() if name not in self._unread},
            unread=self._unread,
            cluster=self._why,
            locations=tuple(self._cluster.locations) if self._cluster else (),
        )

    def _all(self) -> Iterator[Listed]:
        items = {(each.location, each.name): each for each in (self._cluster.backups if self._cluster else ())}
        for location, name in self._folders | set(items):
            files = Files.PRESENT if (location, name) in self._folders else Files.MISSING
            if location not in self._stores:
                files = Files.UNREAD
                if self._cluster and location not in {*self._unread, *(each.name for each in self._cluster.locations)}:
                    self._unread[location] = f"the cluster has no location {location}, and backups in it"
            yield Listed(name, location, item=items.get((location, name)), files=files)

    def _dated(self, listed: Listed) -> Listed:
        """With its record, where neither the cluster nor its name says when it started and of which schedule."""
        if listed.item is not None or stamped(listed.name) is not None:
            return listed
        return self._asked(listed, self._with_record)

    def _looked_at(self, listed: Listed) -> Listed:
        return self._asked(listed, self._with_files)

    def _asked(self, listed: Listed, look: Callable[[BackupStore, Listed], Listed]) -> Listed:
        """What a look into the bucket adds; once that no longer answers, no one waits for it again."""
        if listed.files in (Files.MISSING, Files.UNREAD) or listed.location in self._unread:
            return listed if listed.files is Files.MISSING else replace(listed, files=Files.UNREAD)
        try:
            return look(self._stores[listed.location], listed)
        except Damaged as error:
            return replace(listed, files=Files.DAMAGED, damaged=str(error))
        except OperationError as error:
            self._unread[listed.location] = str(error)
            return replace(listed, files=Files.UNREAD)

    @staticmethod
    def _with_record(store: BackupStore, listed: Listed) -> Listed:
        return replace(listed, record=store.find(listed.name))

    def _with_files(self, store: BackupStore, listed: Listed) -> Listed:
        if listed.files is Files.DAMAGED:
            return listed
        there = store.files(listed.name)
        if not there:
            return replace(listed, files=Files.MISSING)
        record = listed.record or store.find(listed.name)
        whole = record is not None and f"{listed.name}.tar.gz" in there
        found = replace(listed, record=record, files=Files.PRESENT if whole else Files.INCOMPLETE)
        if record is None or not whole or not takes_volumes(record.spec, self._settings):
            return found
        # Before anything is known of it: damage to what follows must not hide the record.
        try:
            return replace(found, volumes=store.volume_data(listed.name))
        except Damaged as error:
            return replace(found, files=Files.DAMAGED, damaged=str(error))
        except BadTarget:
            # Neither a volumeinfo nor a list of what is in it: one that failed before it wrote them.
            return found

    def _check(self, schedule: str | None, every: Iterable[Listed]) -> None:
        known = {each.schedule for each in every if each.schedule}
        known |= set(self._cluster.schedules if self._cluster else ())
        known |= set(self._settings.schedules if self._settings else ())
        if schedule is not None and schedule not in known:
            raise BadTarget(f"no schedule {schedule!r} and no backup of one; {words.instead(schedule, sorted(known))}")
