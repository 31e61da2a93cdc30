"""Bytes out of a bucket, read within bounds: whoever can write to a bucket can write anything into it. Pure."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from velero_eks.terminal import words

_CHUNK = 1 << 16
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much of a backup is read; sizes in bytes, as they are when unpacked.

    etcd takes objects of 1.5 MB, and all of them together are some GB; a real backup stays far below each of these.
    """

    archive: int = 32 << 30
    """All of a tarball. Zeros are packed a thousand to one, and 32 GiB of them are passed over in half a minute."""
    members: int = 4_000_000
    """The members of a tarball. Velero stores an object twice."""
    header: int = 64 << 10
    """What a tarball says of one member: its path, and extensions."""
    path: int = 1024
    """Characters of a member's path: a resource, a namespace and a name of at most 253 each."""
    object: int = 16 << 20
    """One object."""
    record: int = 4 << 20
    """`velero-backup.json`."""
    document: int = 256 << 20
    """A list of what is in a backup, or its errors and warnings."""
    line: int = 1 << 20
    """One line of a log."""
    depth: int = 100
    """How deep lists and mappings are nested."""
    folders: int = 100_000
    """Backups, or restores, in a bucket."""


BOUNDS = Bounds()


class Unreadable(Exception):
    """What lies there cannot be read, or is more than anything that Velero writes. Its text has no subject."""


class Source(Protocol):
    """Where packed bytes come from."""

    def read(self, size: int, /) -> bytes: ...


class Gunzip:
    """A gzip stream, unpacked as it is read: no more of it in memory than was asked for, and no more than `limit`.

    Raises `Unreadable`, where it ends too early as well.
    """

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._left = limit
        self._packed = b""
        self._inflate: Any = None

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end. `size` is above 0."""
        while True:
            if not self._packed:
                self._packed = self._source.read(_CHUNK)
            ended = not self._packed
            found = self._some(size)
            if found:
                self._left -= len(found)
                if self._left < 0:
                    raise Unreadable(f"unpacked it is larger than {in_words(self._limit)}")
                return found
            if ended:
                if self._inflate is not None:
                    raise Unreadable("it ends in the middle")
                return b""

    def exactly(self, size: int) -> bytes:
        """So many bytes. Raises `Unreadable` where there are less."""
        first = self.read(size) if size else b""
        if len(first) == size:
            return first
        parts, left = [first], size - len(first)
        while left:
            part = self.read(min(left, _CHUNK))
            if not part:
                raise Unreadable("it ends in the middle")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over so many bytes. Raises `Unreadable` where there are less."""
        while size:
            part = self.read(min(size, 4 * _CHUNK))
            if not part:
                raise Unreadable("it ends in the middle")
            size -= len(part)

    def lines(self, longest: int) -> Iterator[bytes]:
        """The lines without their ends; one that is too long is cut."""
        rest, skipping = b"", False
        while part := self.read(_CHUNK):
            first, *others = part.split(b"\n")
            rest = rest if skipping else rest + first[: longest + 1 - len(rest)]
            if not others:
                skipping = skipping or len(rest) > longest
                continue
            yield rest[:longest]
            yield from (line[:longest] for line in others[:-1])
            rest, skipping = others[-1], False
        if rest:
            yield rest[:longest]

    def _some(self, size: int) -> bytes:
        if self._inflate is None:
            # Zeros may stand behind the end of a gzip member, and another member.
            self._packed = self._packed.lstrip(b"\0")
            if not self._packed:
                return b""
            self._inflate = zlib.decompressobj(wbits=31)
        try:
            found = self._inflate.decompress(self._packed, size)
        except zlib.error as error:
            raise Unreadable(f"it is not gzip: {error}") from error
        self._packed = self._inflate.unconsumed_tail
        if self._inflate.eof:
            self._packed, self._inflate = self._inflate.unused_data, None
        return found


def unpacked(source: Source, limit: int) -> bytes:
    """The whole of a gzip stream. Raises `Unreadable`."""
    stream, parts = Gunzip(source, limit), list[bytes]()
    while part := stream.read(_CHUNK):
        parts.append(part)
    return b"".join(parts)


def whole(source: Source, limit: int) -> bytes:
    """All that a source has. Raises `Unreadable` where that is more than `limit`."""
    parts, size = list[bytes](), 0
    while part := source.read(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise Unreadable(f"it is larger than {in_words(limit)}")
    return b"".join(parts)


def parsed(text: bytes, *, depth: int = BOUNDS.depth) -> Any:
    """JSON as Kubernetes has it: no NaN, no number beyond a float, nothing `depth` deep. Of a key that stands twice
    the last counts, for Velero's server as well. Raises `Unreadable`."""
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise Unreadable(f"it is not JSON: {said}") from error
    if _HALF.search(text):
        # Half a pair is not a character, and Go reads it as the one that stands for none.
        whole = json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        found = json.loads(whole)
    # As many brackets as that have to be there to lie so deep.
    if text.count(b"{") + text.count(b"[") > depth and _deeper(found, depth):
        raise Unreadable(f"lists and mappings are nested more than {depth} deep")
    return found


def mapping(text: bytes, *, of: Callable[[Any], bool] | None = None) -> dict[str, Any]:
    """JSON that is a mapping, each value of which passes `of`. Raises `Unreadable`."""
    found = parsed(text)
    if not isinstance(found, dict) or (of is not None and not all(map(of, found.values()))):
        raise Unreadable("it is JSON, but not as Velero writes it")
    return found


def _deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text[:20]} is too large")
    return found


def in_words(limit: int) -> str:
    """A bound: `16 MiB`."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if limit >= factor:
            return f"{words.number(limit // factor)} {unit}"
    return words.count(limit, "byte")
