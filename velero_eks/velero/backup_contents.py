"""A backup's tarball, read as it comes: one object after another, and never the whole; and which of them are meant.

Pure but for the stream. There may be no cluster to ask, so `KIND[/NAME]` is matched against what lies in the backup.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from velero_eks.errors import BadTarget
from velero_eks.kube.objects import Object

_ROOT = "resources"
_CLUSTER, _NAMESPACES = "cluster", "namespaces"

# kubectl's short names of built-in kinds, by plural; those of custom kinds only a cluster could tell.
_SHORT = {
    "cm": "configmaps",
    "crd": "customresourcedefinitions",
    "crds": "customresourcedefinitions",
    "cj": "cronjobs",
    "deploy": "deployments",
    "ds": "daemonsets",
    "ep": "endpoints",
    "ev": "events",
    "hpa": "horizontalpodautoscalers",
    "ing": "ingresses",
    "limits": "limitranges",
    "netpol": "networkpolicies",
    "ns": "namespaces",
    "pc": "priorityclasses",
    "pdb": "poddisruptionbudgets",
    "po": "pods",
    "pv": "persistentvolumes",
    "pvc": "persistentvolumeclaims",
    "quota": "resourcequotas",
    "rs": "replicasets",
    "sa": "serviceaccounts",
    "sc": "storageclasses",
    "sts": "statefulsets",
    "svc": "services",
    # Spoken rather than typed, and too long to type at night.
    "mutatingwebhook": "mutatingwebhookconfigurations",
    "validatingwebhook": "validatingwebhookconfigurations",
}


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


@dataclass(frozen=True)
class Selection:
    """A kind, or one object, that somebody asked for. `group` is empty where none was given."""

    word: str
    group: str
    name: str | None

    @classmethod
    def parse(cls, text: str) -> Selection:
        """Read `KIND` or `KIND/NAME`; the kind in any form, the group behind a dot. Raises `BadTarget`."""
        kind, slash, name = text.partition("/")
        if not kind or (slash and not name) or "/" in name:
            raise BadTarget(f"{text!r} is no object; write KIND or KIND/NAME, such as configmap/grading")
        word, _, group = kind.lower().partition(".")
        return cls(_SHORT.get(word, word), group, name or None)

    def may_match(self, place: Place) -> bool:
        """Whether what lies there can be meant, before its kind is known."""
        return self.name in (None, place.name) and self.group in ("", place.group)

    def matches(self, place: Place, kind: str) -> bool:
        """Whether an object of this kind, lying there, is meant."""
        return self.may_match(place) and self.word in (place.plural, kind.lower(), *_singulars(place.plural))

    def __str__(self) -> str:
        kind = f"{self.word}.{self.group}" if self.group else self.word
        return f"{kind}/{self.name}" if self.name else kind


def selected(selections: Iterable[Selection], place: Place, kind: str) -> bool:
    """Whether any selection means an object; without selections all are meant."""
    wanted = list(selections)
    return not wanted or any(selection.matches(place, kind) for selection in wanted)


def _singulars(plural: str) -> tuple[str, ...]:
    """What a plural may be the plural of."""
    forms = [plural.removesuffix("s"), plural.removesuffix("es")]
    if plural.endswith("ies"):
        forms.append(f"{plural[:-3]}y")
    return tuple(forms)
