"""A backup's tarball, read as it comes: one object after another, and never the whole; and which of them are meant.

Pure but for the stream. There may be no cluster to ask, so `KIND[/NAME]` is matched against what is in the backup.
"""

from __future__ import annotations

import re
import sys
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from velero_eks.errors import BadTarget
from velero_eks.kube.objects import Object
from velero_eks.velero.bounded import BOUNDS, Bounds, Gunzip, Source, Unreadable, in_words, parsed

_ROOT = "resources"
_CLUSTER, _NAMESPACES = "cluster", "namespaces"
_BLOCK = 512
_NOTHING = bytes(_BLOCK)
# A part of a path that Velero makes: of the names that Kubernetes takes, none with a slash or a percent sign.
_PART = re.compile(r"(?!\.{1,2}$)[^/%\x00-\x20\x7f]{1,253}", re.ASCII)
_REGULAR = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_EMPTY = frozenset(
    {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE}
)
_STRANGE = {
    tarfile.LNKTYPE: "is a link",
    tarfile.SYMTYPE: "is a link",
    tarfile.CHRTYPE: "is a device",
    tarfile.BLKTYPE: "is a device",
    tarfile.FIFOTYPE: "is a pipe",
}

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


SHAPELESS = (AttributeError, TypeError, ValueError, LookupError)
"""What taking an object apart ends with, where a field is of another type than Kubernetes has there."""


class BrokenBackup(Exception):
    """A tarball that cannot be read to its end."""


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where an object is in a backup: its resource as Velero names it (`deployments.apps`), namespace and name.

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


@dataclass(frozen=True)
class BadMember:
    """A member of a tarball that is not an object: where it lies, None for no place of an object's, and why."""

    path: str
    why: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


@dataclass
class Unread:
    """What of a backup is not read, since it is damaged or not what Velero writes: how many members, and some.

    `concerns` says which places matter; a member elsewhere is not counted, one whose place is unknown always is.
    """

    concerns: Callable[[Place], bool] | None = None
    count: int = 0
    some: list[BadMember] = field(default_factory=list[BadMember])
    _SHOWN = 20

    def add(self, member: BadMember) -> None:
        """Count one, where it matters."""
        if self.concerns is not None and member.place is not None and not self.concerns(member.place):
            return
        self.count += 1
        if len(self.some) < self._SHOWN:
            self.some.append(member)


def place_of(path: str) -> Place | None:
    """What lies at a path of the tarball; None for what is not an object.

    The tree is `resources/<resource>/[<version>/](namespaces/<namespace>|cluster)/<name>.json`.
    """
    parts = path.removeprefix("./").split("/")
    if not 4 <= len(parts) <= 6 or parts[0] != _ROOT or not parts[-1].endswith(".json"):
        return None
    resource, *rest = parts[1:]
    version = ""
    if rest[0] not in (_CLUSTER, _NAMESPACES):
        version, *rest = rest
    name = rest[-1].removesuffix(".json")
    if len(rest) == 2 and rest[0] == _CLUSTER:
        found = Place(sys.intern(resource), "", name, version)
    elif len(rest) == 3 and rest[0] == _NAMESPACES:
        found = Place(sys.intern(resource), sys.intern(rest[1]), name, version)
    else:
        return None
    named = (resource, name, *(rest[1:-1]), *([version] if version else []))
    return found if all(map(_is_part, named)) else None


def _is_part(text: str) -> bool:
    return _PART.fullmatch(text) is not None and text.isprintable()


def read_contents(
    stream: Source,
    wanted: Callable[[Place], bool] | None = None,
    *,
    unread: Unread,
    versions: bool = False,
    bounds: Bounds = BOUNDS,
) -> Generator[Stored]:
    """The objects of a backup's tarball, in the order in which they lie there, each once.

    Velero stores an object again below its API version, and every other version where it was told to
    (`EnableAPIGroupVersions`); `versions` yields those as well. What `wanted` turns down is passed over unread, what is
    no object goes to `unread`. Raises `BrokenBackup` where what follows cannot be read either.
    """
    for member in _members(stream, unread, bounds):
        place = member.place
        if (place.version and not versions) or (wanted is not None and not wanted(place)):
            continue
        if member.size > bounds.object:
            unread.add(BadMember(member.path, f"is larger than {in_words(bounds.object)}", place))
            continue
        with _to_its_end():
            text = member.text()
        try:
            body = _object(text, place)
        except Unreadable as error:
            unread.add(BadMember(member.path, f"cannot be read: {error}", place))
        else:
            yield Stored(place, body)


def read_places(stream: Source, *, unread: Unread, bounds: Bounds = BOUNDS) -> Iterator[Place]:
    """Where the objects of a backup's tarball lie, each once, their content unread. Raises `BrokenBackup`."""
    return (member.place for member in _members(stream, unread, bounds) if not member.place.version)


@dataclass
class _Member:
    """A regular file in a tarball, at an object's place."""

    path: str
    place: Place
    size: int
    text: Callable[[], bytes]


def _members(stream: Source, unread: Unread, bounds: Bounds) -> Iterator[_Member]:
    """The files that may be objects; whatever else may be meant for one goes to `unread`.

    Not by `tarfile` but for a header: it takes a damaged header for the end of the archive, and reads whatever a header
    says of its own length into memory.
    """
    seen: set[int] = set()
    with _to_its_end():
        for number, entry in enumerate(_entries(Gunzip(stream, bounds.archive), bounds)):
            if number >= bounds.members:
                raise Unreadable(f"it has more than {bounds.members} members")
            found = _judged(entry, bounds)
            if isinstance(found, Place) and hash(entry.path) in seen:
                found = BadMember(entry.path, "is there twice", found)
            if isinstance(found, BadMember):
                unread.add(found)
            elif found is not None:
                seen.add(hash(entry.path))
                yield _Member(entry.path, found, entry.size, entry.text)


@contextmanager
def _to_its_end() -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise BrokenBackup(f"the tarball of the backup cannot be read to its end: {error}") from error


def _judged(entry: _Entry, bounds: Bounds) -> Place | BadMember | None:
    """Where an entry's object lies; None for what is none and is not meant to be one."""
    shown = entry.path[:200]
    if len(entry.path) > bounds.path:
        return BadMember(shown, f"has a path of more than {bounds.path} characters")
    if entry.path.startswith("/") or ".." in entry.path.split("/"):
        return BadMember(shown, "is outside the backup")
    if entry.kind in _STRANGE or entry.sparse:
        return BadMember(shown, _STRANGE.get(entry.kind, "is a sparse file"), place_of(entry.path))
    if entry.kind not in _REGULAR:
        return None if entry.kind == tarfile.DIRTYPE else BadMember(shown, "is of an unknown kind")
    found = place_of(entry.path)
    if found is None and entry.path.removeprefix("./").startswith(f"{_ROOT}/"):
        return BadMember(shown, "is not the path of an object")
    return found


@dataclass
class _Entry:
    path: str
    kind: bytes
    size: int
    sparse: bool
    text: Callable[[], bytes]


def _entries(stream: Gunzip, bounds: Bounds) -> Iterator[_Entry]:
    said: dict[str, str] = {}
    header = 0
    while True:
        block = stream.exactly(_BLOCK)
        if block == _NOTHING:
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            raise Unreadable(f"a header is damaged: {error}") from error
        size = _number(said["size"]) if "size" in said else info.size
        if size < 0:
            raise Unreadable("a member has a size below 0")
        if info.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            header += _padded(info.size) + _BLOCK
            if header > bounds.header or info.size < 0:
                raise Unreadable(f"a member's header is larger than {in_words(bounds.header)}")
            text = stream.exactly(_padded(info.size))[: info.size]
            if info.type == tarfile.XHDTYPE:
                said.update(_extended(text))
            elif info.type == tarfile.GNUTYPE_LONGNAME:
                said["path"] = text.rstrip(b"\0").decode("utf-8", "surrogateescape")
            continue
        sparse = info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in said)
        if info.type == tarfile.GNUTYPE_SPARSE:
            more = bool(block[482])
            while more:
                header += _BLOCK
                if header > bounds.header:
                    raise Unreadable(f"a member's header is larger than {in_words(bounds.header)}")
                more = bool(stream.exactly(_BLOCK)[504])
        length = 0 if info.type in _EMPTY else size
        left = _padded(length)

        def content(length: int = length) -> bytes:
            nonlocal left
            found = stream.exactly(left)[:length]
            left = 0
            return found

        yield _Entry(said.get("path", info.name), info.type, length, sparse, content)
        stream.skip(left)
        said, header = {}, 0


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Unreadable("a member's size is not a number")
    return int(text)


def _extended(text: bytes) -> dict[str, str]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a line's end each."""
    found: dict[str, str] = {}
    while text.strip(b"\0"):
        length = text.partition(b" ")[0]
        if not re.fullmatch(rb"[0-9]{1,6}", length) or not len(length) + 1 < int(length) <= len(text):
            raise Unreadable("an extended header is damaged")
        record, text = text[len(length) + 1 : int(length)], text[int(length) :]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not equals:
            raise Unreadable("an extended header is damaged")
        found[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
    return found


def _object(text: bytes, place: Place) -> Object:
    """A Kubernetes object of the shape that every reader of one counts on, and the one that its place names."""
    body = parsed(text)
    if not isinstance(body, dict):
        raise Unreadable("it is not a Kubernetes object")
    metadata = body.get("metadata")
    if not _texts(body, "apiVersion", "kind") or not isinstance(metadata, dict) or not _texts(metadata, "name"):
        raise Unreadable("it is not a Kubernetes object")
    if (metadata["name"], metadata.get("namespace") or "") != (place.name, place.namespace):
        raise Unreadable("its content does not match its path")
    for key in ("labels", "annotations"):
        if not _is_text_map(metadata.get(key)):
            raise Unreadable(f"its metadata.{key} is not a mapping of strings")
    owners = metadata.get("ownerReferences")
    if owners is not None and not (isinstance(owners, list) and all(isinstance(each, dict) for each in owners)):
        raise Unreadable("its metadata.ownerReferences is not a list of owners")
    return body


def _texts(body: dict[str, Any], *keys: str) -> bool:
    return all(isinstance(body.get(key), str) and body[key] for key in keys)


def _is_text_map(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(each, str) for each in value.values()))


@dataclass(frozen=True)
class Selection:
    """A kind, or one object, that someone asked for. `group` is empty where none was given."""

    word: str
    group: str
    name: str | None

    @classmethod
    def parse(cls, text: str) -> Selection:
        """Read `KIND` or `KIND/NAME`; the kind in any form, the group behind a dot. Raises `BadTarget`."""
        kind, slash, name = text.partition("/")
        if not kind or (slash and not name) or "/" in name:
            raise BadTarget(f"{text!r} is not an object; write KIND or KIND/NAME, such as configmap/grading")
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
