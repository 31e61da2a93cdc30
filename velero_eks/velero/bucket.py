"""Backups, read straight from the bucket with the caller's AWS credentials: no Velero server and no cluster needed."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from velero_eks.aws import client as aws
from velero_eks.errors import BadTarget, OperationError
from velero_eks.kube.threads import Threads
from velero_eks.velero.backup_contents import BrokenBackup, Place, Stored, read_contents, read_places
from velero_eks.velero.records import Backup, Location
from velero_eks.velero.results import LogLine, VeleroMessage, log_line, messages

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

_THREADS = 8


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
            raise BadTarget(f"location {location.name} is of provider {location.provider!r}; only aws can be read here")
        config = location.config
        # What the server calls s3Url may be known inside the cluster only; publicUrl is its address for everybody.
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

    def backups(self) -> list[Backup]:
        """Every backup as Velero last wrote it, oldest first. One without its `velero-backup.json` is left out."""
        with Threads(_THREADS) as pool:
            found = [backup for backup in pool.map(self.find, self.names()) if backup is not None]
        return sorted(found, key=lambda backup: (str(backup.status.get("startTimestamp") or ""), backup.name))

    def find(self, name: str) -> Backup | None:
        """A backup's own record, None where the bucket has none of that name."""
        text = self._optional(f"backups/{name}/velero-backup.json")
        return None if text is None else Backup(_json(text, f"velero-backup.json of {name}"))

    def backup(self, name: str) -> Backup:
        """A backup's own record. Raises `BadTarget` with the names that there are."""
        found = self.find(name)
        if found is None:
            raise BadTarget(self._no_backup(name))
        return found

    def resource_list(self, name: str) -> dict[str, list[str]]:
        """What a backup says is in it: `group/version/Kind` → names, the namespace in front."""
        return self._json(f"backups/{name}/{name}-resource-list.json.gz", f"backup {name} has no resource list")

    def messages(self, name: str) -> list[VeleroMessage]:
        """The errors and warnings of a backup; none where it failed before there could be any."""
        return self._messages(f"backups/{name}/{name}-results.gz")

    def restore_messages(self, name: str) -> list[VeleroMessage]:
        """The errors and warnings of a restore."""
        return self._messages(f"restores/{name}/restore-{name}-results.gz")

    def restored(self, name: str) -> dict[str, list[str]]:
        """What a restore did: `group/version/Kind` → `namespace/name(created|updated|skipped|failed)`."""
        key = f"restores/{name}/restore-{name}-resource-list.json.gz"
        return self._json(key, f"restore {name} has no resource list")

    def log(self, name: str) -> Iterator[LogLine]:
        """The log of a backup, line by line. Raises `BadTarget` where it has none, as one that failed validation."""
        return self._log(f"backups/{name}/{name}-logs.gz", f"backup {name}")

    def restore_log(self, name: str) -> Iterator[LogLine]:
        """The log of a restore, line by line."""
        return self._log(f"restores/{name}/restore-{name}-logs.gz", f"restore {name}")

    def contents(
        self, name: str, wanted: Callable[[Place], bool] | None = None, *, versions: bool = False
    ) -> Generator[Stored]:
        """The objects in a backup, as `read_contents`, while they are downloaded. Close it to stop early."""
        with self._tarball(name) as stream:
            yield from read_contents(stream, wanted, versions=versions)

    def places(self, name: str) -> Iterator[Place]:
        """Where the objects in a backup lie, their content unread."""
        with self._tarball(name) as stream:
            yield from read_places(stream)

    @contextmanager
    def _tarball(self, name: str) -> Iterator[IO[bytes]]:
        body = self._open(f"backups/{name}/{name}.tar.gz")
        if body is None:
            raise BadTarget(self._no_contents(name))
        try:
            yield body
        except BrokenBackup as error:
            raise OperationError(f"backup {name} in {self.address}: {error}") from error
        except _stream_errors() as error:
            raise aws.explained(error, f"reading backup {name} from {self.address}") from error
        finally:
            body.close()

    def _no_backup(self, name: str) -> str:
        from velero_eks.velero.api import no_backup

        return f"{self.address}: {no_backup(name, self.backups(), [], None)}"

    def _no_contents(self, name: str) -> str:
        found = self.find(name)
        if found is None:
            return self._no_backup(name)
        why = f": {found.why}" if found.why else ""
        return f"backup {name} is {found.phase} and has no content in {self.address}{why}"

    def _log(self, key: str, what: str) -> Iterator[LogLine]:
        body = self._open(key)
        if body is None:
            raise BadTarget(f"{what} has no log in {self.address}; it has not ended, or never began")
        return _lines(body, what)

    def _messages(self, key: str) -> list[VeleroMessage]:
        text = self._optional(key)
        return [] if text is None else messages(_json(_unzipped(text, key), key))

    def _json(self, key: str, missing: str) -> Any:
        text = self._optional(key)
        if text is None:
            raise BadTarget(f"{missing} in {self.address}")
        return _json(_unzipped(text, key), key)

    def _optional(self, key: str) -> bytes | None:
        body = self._open(key)
        if body is None:
            return None
        try:
            return body.read()
        except _stream_errors() as error:
            raise aws.explained(error, f"reading {key} from {self.address}") from error
        finally:
            body.close()

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
                names += [item["Prefix"][len(prefix) : -1] for item in page.get("CommonPrefixes") or ()]
        except (BotoCoreError, ClientError) as error:
            raise self._explained(error) from error
        return sorted(names)

    def _explained(self, error: Exception) -> OperationError:
        if aws.error_code(error) == "NoSuchBucket":
            return BadTarget(f"there is no bucket {self.address.bucket}; was it deleted, or is it another account's?")
        return aws.explained(error, f"reading {self.address}", account=self.address.account)

    def _whose(self) -> dict[str, str]:
        owner = {"ExpectedBucketOwner": self.address.account} if self.address.account else {}
        return {"Bucket": self.address.bucket, **owner}

    def _s3(self) -> Any:
        if self._client is None:
            from botocore.config import Config

            address = self.address
            style = (
                Config(s3={"addressing_style": "path"}, max_pool_connections=_THREADS) if address.path_style else None
            )
            options = {"endpoint_url": address.endpoint} if address.endpoint else {}
            self._client = aws.client("s3", region=address.region, config=style, **options)
        return self._client


def _stream_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, HTTPError, OSError


def _lines(body: Any, what: str) -> Iterator[LogLine]:
    stream: IO[bytes] = body
    try:
        with gzip.GzipFile(fileobj=stream) as unzipped:
            for line in io.TextIOWrapper(unzipped, encoding="utf-8", errors="replace"):
                yield log_line(line)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise OperationError(f"the log of {what} cannot be read to its end: {error}") from error
    except _stream_errors() as error:
        raise aws.explained(error, f"reading the log of {what}") from error
    finally:
        body.close()


def _unzipped(text: bytes, key: str) -> bytes:
    try:
        return gzip.decompress(text)
    except (OSError, EOFError, zlib.error) as error:
        raise OperationError(f"{key} is damaged: {error}") from error


def _json(text: bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise OperationError(f"{what} is damaged: {error}") from error
