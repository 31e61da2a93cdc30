"""Backups, read straight from the bucket with the caller's AWS credentials: no Velero server and no cluster needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from velero_eks.aws import client as aws
from velero_eks.contact import Wait
from velero_eks.errors import BadTarget, OperationError, Unreachable
from velero_eks.kube.threads import Threads
from velero_eks.terminal import words
from velero_eks.velero.backup_contents import BrokenBackup, Place, Stored, Unread, read_contents, read_places
from velero_eks.velero.bounded import BOUNDS, Gunzip, Source, Unreadable, mapping, unpacked, whole
from velero_eks.velero.records import Backup, Location, is_record, newest_completed, stamped
from velero_eks.velero.results import LogLine, VeleroMessage, is_list_of_texts, is_result, log_line, messages
from velero_eks.velero.volume_info import ClaimWithoutData, VolumeData, unknown_claims, volume_data

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

_THREADS = 8
_CONNECTIONS = 16
"""As many as the threads of whoever reads most at a time."""
PIECE_SECONDS = 60.0
"""How long 64 KiB of an object may take. A line so slow is as good as none, and one byte a second is no answer."""

# What a folder of Velero's may be called: it is the name of a Kubernetes object.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Backups(NamedTuple):
    """The backups in a bucket: those that can be read, oldest first, and by name why others cannot."""

    found: list[Backup]
    damaged: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class StoreAddress:
    """Where backups lie. `account` is the bucket's owner where it is known: another one's bucket is refused."""

    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = None
    path_style: bool = False
    account: str | None = None

    @classmethod
    def of_location(cls, location: Location, *, account: str | None = None) -> StoreAddress:
        """The address that a BackupStorageLocation gives the server. Raises `BadTarget` for another provider's."""
        if location.provider not in ("aws", "velero.io/aws"):
            raise BadTarget(f"location {location.name} is of provider {location.provider!r}; only aws is supported")
        config = location.config
        # What the server calls s3Url may be known inside the cluster only; publicUrl is its address for everyone.
        return cls(
            bucket=location.bucket,
            prefix=location.prefix,
            region=config.get("region"),
            endpoint=config.get("publicUrl") or config.get("s3Url"),
            path_style=config.get("s3ForcePathStyle") == "true",
            account=account,
        )

    @classmethod
    def of_settings(cls, settings: Settings) -> StoreAddress:
        """The address of a stack's bucket: the cluster is not asked."""
        # Not by `velero_on_eks.naming`, whose names may be outputs of a program: it loads the engine's SDK.
        from velero_on_eks.settings.names import default_bucket_name

        storage, cluster = settings.storage, settings.cluster
        return cls(
            bucket=storage.bucket or default_bucket_name(cluster.name, cluster.account, settings.region),
            prefix=storage.prefix or "",
            region=settings.region,
            endpoint=storage.s3_url,
            path_style=storage.s3_force_path_style,
            account=cluster.account,
        )

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"


class BackupStore:
    """The backups in one bucket. Methods raise `BadTarget` for what is not there, `OperationError` for the rest."""

    def __init__(self, address: StoreAddress, client: Any = None) -> None:
        self.address = address
        self._client = client
        self._root = f"{address.prefix}/" if address.prefix else ""

    def names(self) -> list[str]:
        """The names of the backups that have a folder, sorted."""
        return self._folders("backups")

    def restore_names(self) -> list[str]:
        """The names of the restores whose log was kept, sorted."""
        return self._folders("restores")

    def backups(self) -> Backups:
        """Every backup as Velero last wrote it. One without its `velero-backup.json` is left out."""
        return self._records(self.names())

    def newest(self, schedule: str, *, at: datetime | None = None) -> tuple[Backup | None, dict[str, str]]:
        """The newest Completed backup of a schedule, as `newest_completed`; and by name why others cannot be read.

        Of thousands few are read: the newest by the times in their names, and those whose names have none.
        """
        times = {name: stamped(name) for name in self.names()}
        of_it = sorted((name for name, found in times.items() if found and found[0] == schedule), reverse=True)
        found, damaged = self._records([name for name, time in times.items() if time is None])
        for start in range(0, len(of_it), _THREADS):
            read = self._records(of_it[start : start + _THREADS])
            damaged |= read.damaged
            if (good := newest_completed(read.found, schedule=schedule, at=at)) is not None:
                found.append(good)
                break
        return newest_completed(found, schedule=schedule, at=at), damaged

    def _records(self, names: Sequence[str]) -> Backups:
        def look(name: str) -> Backup | str | None:
            try:
                return self.find(name)
            except Damaged as error:
                return str(error)

        with Threads(_THREADS) as pool:
            answers = list(pool.map(look, names))
        found = [each for each in answers if isinstance(each, Backup)]
        damaged = {name: each for name, each in zip(names, answers, strict=True) if isinstance(each, str)}
        found.sort(key=lambda backup: (str(backup.status.get("startTimestamp") or ""), backup.name))
        return Backups(found, damaged)

    def find(self, name: str) -> Backup | None:
        """A backup's own record, None where the bucket has none of that name. Raises `Damaged`."""
        key = f"backups/{name}/velero-backup.json"
        if _NAME.fullmatch(name) is None:
            return None
        text = self._optional(key, lambda body: whole(body, BOUNDS.record))
        if text is None:
            return None
        try:
            body = mapping(text)
            if not is_record(body) or body["metadata"]["name"] != name:
                raise Unreadable("it is not the record of this backup")
        except Unreadable as error:
            raise Damaged(f"backup {name} in {self.address} is damaged: velero-backup.json: {error}") from error
        return Backup(body)

    def backup(self, name: str) -> Backup:
        """A backup's own record. Raises `BadTarget` with the names that there are."""
        found = self.find(name)
        if found is None:
            raise BadTarget(self._no_backup(name))
        return found

    def resource_list(self, name: str) -> dict[str, list[str]]:
        """What a backup says is in it: `group/version/Kind` → names, the namespace in front."""
        return self._lists(f"backups/{name}/{name}-resource-list.json.gz", f"backup {name} has no resource list")

    def messages(self, name: str) -> list[VeleroMessage]:
        """The errors and warnings of a backup; none where it failed before there could be any."""
        return self._messages(f"backups/{name}/{name}-results.gz")

    def files(self, name: str) -> frozenset[str]:
        """The names of the files in a backup's folder that have any content; none where there is no such folder."""
        if _NAME.fullmatch(name) is None:
            return frozenset()
        prefix = f"{self._root}backups/{name}/"
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            # Velero writes a dozen; whoever puts thousands beside them hides none of its own, which sort by the name.
            found = self._s3().list_objects_v2(Prefix=prefix, **self._whose()).get("Contents") or ()
        except (BotoCoreError, ClientError) as error:
            raise self._explained(error) from error
        # No file of Velero's is empty: an empty one is what an upload or a copy that failed has left.
        return frozenset(item["Key"][len(prefix) :] for item in found if item["Size"])

    def claims_without_data(self, name: str) -> list[ClaimWithoutData]:
        """The claims whose volumes have no data in a backup."""
        return list(self.volume_data(name).without_data)

    def volume_data(self, name: str) -> VolumeData:
        """How many volumes have their data in a backup, and which claims have not.

        Velero writes of the volumes of every backup. Where that is gone, nothing says that any claim has its data.
        """
        key = f"backups/{name}/{name}-volumeinfo.json.gz"
        text = self._document(key)
        if text is None:
            return VolumeData(0, tuple(unknown_claims(self.resource_list(name))))
        try:
            return volume_data(text)
        except Unreadable as error:
            raise Damaged(f"{key} in {self.address} is damaged: {error}") from error

    def restore_messages(self, name: str) -> list[VeleroMessage]:
        """The errors and warnings of a restore."""
        return self._messages(f"restores/{name}/restore-{name}-results.gz")

    def restored(self, name: str) -> dict[str, list[str]]:
        """What a restore did: `group/version/Kind` → `namespace/name(created|updated|skipped|failed)`."""
        key = f"restores/{name}/restore-{name}-resource-list.json.gz"
        return self._lists(key, f"restore {name} has no resource list")

    def log(self, name: str) -> Iterator[LogLine]:
        """The log of a backup, line by line. Raises `BadTarget` where it has none, as one that failed validation."""
        return self._log(f"backups/{name}/{name}-logs.gz", f"backup {name}")

    def restore_log(self, name: str) -> Iterator[LogLine]:
        """The log of a restore, line by line."""
        return self._log(f"restores/{name}/restore-{name}-logs.gz", f"restore {name}")

    def contents(
        self, name: str, wanted: Callable[[Place], bool] | None = None, *, unread: Unread, versions: bool = False
    ) -> Generator[Stored]:
        """The objects in a backup, as `read_contents`, while they are downloaded. Close it to stop early."""
        with self._tarball(name) as stream:
            yield from read_contents(stream, wanted, unread=unread, versions=versions)

    def places(self, name: str, *, unread: Unread) -> Iterator[Place]:
        """Where the objects in a backup lie, their content unread."""
        with self._tarball(name) as stream:
            yield from read_places(stream, unread=unread)

    @contextmanager
    def _tarball(self, name: str) -> Iterator[Source]:
        body = self._open(f"backups/{name}/{name}.tar.gz")
        if body is None:
            raise BadTarget(self._no_contents(name))
        try:
            with self._paced(body, f"backup {name}") as stream:
                yield stream
        except BrokenBackup as error:
            raise Damaged(f"backup {name} in {self.address}: {error}") from error

    @contextmanager
    def _paced(self, body: Any, what: str) -> Iterator[Source]:
        """A body to read from, which is given up where it comes too slowly."""
        paced = _Paced(body, f"{what} from {self.address}")
        try:
            yield paced
        except _TooSlow as error:
            raise Unreachable(
                f"reading {what} from {self.address}: less than 64 KiB came in {words.duration(error.seconds)}."
                " Usually the VPN, a proxy or a firewall is the cause"
            ) from error
        except _stream_errors() as error:
            raise aws.explained(error, f"reading {what} from {self.address}") from error
        finally:
            paced.close()

    def _no_backup(self, name: str) -> str:
        from velero_eks.velero.api import no_backup

        return f"{self.address}: {no_backup(name, self.backups().found, [], None)}"

    def _no_contents(self, name: str) -> str:
        found = self.find(name)
        if found is None:
            return self._no_backup(name)
        why = f": {found.why}" if found.why else ""
        return f"backup {name} is {found.phase} and has no content in {self.address}{why}"

    def _log(self, key: str, what: str) -> Iterator[LogLine]:
        body = self._open(key)
        if body is None:
            raise BadTarget(f"{what} has no log in {self.address}; it has not ended, or never started")
        return self._lines(body, what)

    def _lines(self, body: Any, what: str) -> Iterator[LogLine]:
        try:
            with self._paced(body, f"the log of {what}") as stream:
                for line in Gunzip(stream, BOUNDS.archive).lines(BOUNDS.line):
                    yield log_line(line.decode(errors="replace"))
        except Unreadable as error:
            raise Damaged(f"the log of {what} cannot be read to its end: {error}") from error

    def _messages(self, key: str) -> list[VeleroMessage]:
        text = self._document(key)
        return [] if text is None else messages(self._mapping(text, key, is_result))

    def _lists(self, key: str, missing: str) -> dict[str, list[str]]:
        text = self._document(key)
        if text is None:
            raise BadTarget(f"{missing} in {self.address}")
        return self._mapping(text, key, is_list_of_texts)

    def _document(self, key: str) -> bytes | None:
        return self._optional(key, lambda body: unpacked(body, BOUNDS.document))

    def _mapping(self, text: bytes, key: str, of: Callable[[Any], bool] | None = None) -> dict[str, Any]:
        try:
            return mapping(text, of=of)
        except Unreadable as error:
            raise Damaged(f"{key} in {self.address} is damaged: {error}") from error

    def _optional(self, key: str, read: Callable[[Source], bytes]) -> bytes | None:
        body = self._open(key)
        if body is None:
            return None
        try:
            with self._paced(body, key) as stream:
                return read(stream)
        except Unreadable as error:
            raise Damaged(f"{key} in {self.address} is damaged: {error}") from error

    def _open(self, key: str) -> Any:
        """An object's body, None where there is no such object."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._s3().get_object(Key=self._root + key, **self._whose())["Body"]
        except ClientError as error:
            if aws.error_code(error) in ("NoSuchKey", "404"):
                return None
            raise self._explained(error) from error
        except BotoCoreError as error:
            raise self._explained(error) from error

    def _folders(self, kind: str) -> list[str]:
        from botocore.exceptions import BotoCoreError, ClientError

        prefix = f"{self._root}{kind}/"
        names: list[str] = []
        try:
            for page in self._s3().get_paginator("list_objects_v2").paginate(
                Prefix=prefix, Delimiter="/", **self._whose()
            ):  # fmt: skip
                folders = [item["Prefix"][len(prefix) : -1] for item in page.get("CommonPrefixes") or ()]
                names += [name for name in folders if _NAME.fullmatch(name)]
                if len(names) > BOUNDS.folders:
                    raise OperationError(f"{self.address} has more than {BOUNDS.folders} folders in {kind}/")
        except (BotoCoreError, ClientError) as error:
            raise self._explained(error) from error
        return sorted(names)

    def _explained(self, error: Exception) -> OperationError:
        if aws.error_code(error) == "NoSuchBucket":
            return BadTarget(
                f"bucket {self.address.bucket} does not exist; was it deleted, or does it belong to another account?"
            )
        return aws.explained(error, f"reading {self.address}", account=self.address.account)

    def _whose(self) -> dict[str, str]:
        owner = {"ExpectedBucketOwner": self.address.account} if self.address.account else {}
        return {"Bucket": self.address.bucket, **owner}

    def _s3(self) -> Any:
        if self._client is None:
            from botocore.config import Config

            address = self.address
            style = Config(
                s3={"addressing_style": "path"} if address.path_style else None, max_pool_connections=_CONNECTIONS
            )
            options = {"endpoint_url": address.endpoint} if address.endpoint else {}
            self._client = aws.client("s3", region=address.region, config=style, **options)
        return self._client


def _stream_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, HTTPError, OSError


class Damaged(OperationError):
    """What is in the bucket is not what Velero wrote; what lies beside it may well be."""

    code = "damaged-backup"


class _TooSlow(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(seconds)


class _Paced:
    """A body that is read by a thread of its own: whoever asks has the next piece in time, or gives up."""

    def __init__(self, body: Any, whom: str) -> None:
        self._body = body
        self._whom = whom
        self._seconds = PIECE_SECONDS
        self._thread = Threads(1)
        self._slow = False

    def read(self, size: int, /) -> bytes:
        coming = self._thread.submit(self._body.read, size)
        try:
            with Wait(self._whom):
                return coming.result(self._seconds)
        except FutureTimeout:
            if coming.done():
                raise
            self._slow = True
            raise _TooSlow(self._seconds) from None

    def close(self) -> None:
        self._thread.shutdown()
        # Closing would wait for the read that is under way.
        if not self._slow:
            self._body.close()
