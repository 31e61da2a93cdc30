"""A backup's tarball, read as it comes: one object after another, and never the whole. Pure but for the stream."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import IO, Any

from velero_eks.kube.objects import Object

_ROOT = "resources"
_CLUSTER, _NAMESPACES = "cluster", "namespaces"


class BrokenBackup(Exception):
    """A tarball that cannot be read to its end."""


@dataclass(frozen=True, order=True)
class Place:
    """Where an object lies in a backup: its resource as Velero names it (`deployments.apps`), namespace and name.

    `version` is empty but for the copies that Velero keeps for each API version.
    """

    resource: str
    namespace: str
    name: str
    version: str = ""

    @property
    def group(self) -> str:
        return self.resource.partition(".")[2]

    @property
    def plural(self) -> str:
        return self.resource.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.resource}/{self.name}" + (f" -n {self.namespace}" if self.namespace else "")


@dataclass(frozen=True)
class Stored:
    """One object in a backup, as it was when it was backed up."""

    place: Place
    body: Object


def place_of(path: str) -> Place | None:
    """What lies at a path of the tarball; None for what is no object.

    The tree is `resources/<resource>/[<version>/](namespaces/<namespace>|cluster)/<name>.json`.
    """
    parts = path.removeprefix("./").split("/")
    if len(parts) < 4 or parts[0] != _ROOT or not parts[-1].endswith(".json"):
        return None
    resource, *rest = parts[1:]
    version = ""
    if rest[0] not in (_CLUSTER, _NAMESPACES):
        version, *rest = rest
    name = rest[-1].removesuffix(".json")
    if len(rest) == 2 and rest[0] == _CLUSTER:
        return Place(resource, "", name, version)
    if len(rest) == 3 and rest[0] == _NAMESPACES:
        return Place(resource, rest[1], name, version)
    return None


def read_contents(
    stream: IO[bytes], wanted: Callable[[Place], bool] | None = None, *, versions: bool = False
) -> Generator[Stored]:
    """The objects of a backup's tarball, in the order in which they lie there, each once.

    Velero stores an object once more below its API version, and every other version where it was told to
    (`EnableAPIGroupVersions`); `versions` yields those as well. What `wanted` turns down is passed over unread.
    Raises `BrokenBackup`.
    """
    for archive, member, place in _members(stream):
        if (place.version and not versions) or (wanted is not None and not wanted(place)):
            continue
        file = archive.extractfile(member)
        if file is not None:
            yield Stored(place, _parsed(file.read(), member.name))


def read_places(stream: IO[bytes]) -> Iterator[Place]:
    """Where the objects of a backup's tarball lie, each once, their content unread. Raises `BrokenBackup`."""
    return (place for _, _, place in _members(stream) if not place.version)


def _members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, Place]]:
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                # The archive remembers every member that it passed.
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue]
                place = place_of(member.name) if member.isfile() else None
                if place is not None:
                    yield archive, member, place
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise BrokenBackup(f"the tarball of the backup cannot be read to its end: {error}") from error


def _parsed(text: bytes, path: str) -> Any:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BrokenBackup(f"{path} in the tarball of the backup is no JSON: {error}") from error
    if not isinstance(body, dict) or "kind" not in body or "metadata" not in body:
        raise BrokenBackup(f"{path} in the tarball of the backup is no Kubernetes object")
    return body
