"""Backups as someone may have put them into a bucket: the recorded one, damaged by chance or by intent."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from tests.velero_eks.recovery.recorded import BACKUPS

NAME = "whole"
Files = dict[str, bytes]

_SCALARS: tuple[Any, ...] = (
    None, True, 0, -1, 10**18, 1.5, "", "x", [], {}, [None], [[]], {"": None}, {"a": {"b": []}}, "\x1b[31m", "a\nb",
    "[/x]", "::error::x", "\u202e", "9" * 400, "2026-13-45T00:00:00Z", "0001-01-01T00:00:00+23:59", "../../x", "\ud800",
)  # fmt: skip
_TEXTS = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\xff\xfe", b"", b"\0" * 600, b"null",
    b"[]", b'"x"', b'{"metadata": []}', b'{"kind": "A", "apiVersion": "v1", "metadata": {"name": "x"}}',
)  # fmt: skip
_PATHS = (
    "../../etc/passwd", "/resources/pods/namespaces/n/a.json", "resources/pods/namespaces/n/\x1b[31m.json", "a" * 200,
    "resources/pods/namespaces/n/" + "a" * 3000 + ".json", "resources/pods/cluster/[/x].json", "./././",
    "resources/a/b", "resources/pods/namespaces/../x.json", "resources/pods/namespaces/n/a\nb.json",
)  # fmt: skip


def _bytes(chance: random.Random, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(chance.choice((1, 3, 30))):
        if found:
            found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def _cut(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _node(chance: random.Random, value: Any) -> Any:
    """The same JSON with another value somewhere in it."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {inner: item for inner, item in value.items() if inner != key}
        return {**value, key: _node(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], _node(chance, value[at]), *value[at + 1 :]]
    return chance.choice(_SCALARS)


def _json(chance: random.Random, text: bytes) -> bytes:
    how = chance.random()
    if how < 0.2:
        return chance.choice(_TEXTS)
    if how < 0.4:
        return chance.choice((_bytes, _cut))(chance, text)
    value = json.loads(text)
    for _ in range(chance.choice((1, 1, 2, 5))):
        value = _node(chance, value)
    return json.dumps(value).encode()


def _members(chance: random.Random, tarball: bytes) -> bytes:
    """The same tarball with other members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(tarball))) as old, tarfile.open(fileobj=made, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            text = file.read() if file else b""
            if file and chance.random() < 0.3:
                text = _json(chance, text) if text.startswith(b"{") else text
            if chance.random() < 0.05:
                member.type = chance.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Z"))
                member.linkname, text = "/etc/passwd", b""
            if chance.random() < 0.05:
                member.name = chance.choice(_PATHS)
            member.size = len(text)
            for _ in range(chance.choice((1,) * 20 + (2,))):
                new.addfile(member, io.BytesIO(text))
    return gzip.compress(made.getvalue(), 1)


def _inside(chance: random.Random, packed: bytes) -> bytes:
    """Damage behind the compression, which its checksum does not tell of."""
    text = gzip.decompress(packed)
    return gzip.compress(chance.choice((_bytes, _cut))(chance, text), 1)


def _packed_json(chance: random.Random, packed: bytes) -> bytes:
    return gzip.compress(_json(chance, gzip.decompress(packed)), 1)


def _bomb(chance: random.Random, packed: bytes) -> bytes:
    return gzip.compress(chance.choice((b"\0", b" ", b"[")) * chance.choice((1 << 20, 8 << 20)))


_ANY: tuple[Callable[[random.Random, bytes], bytes], ...] = (_bytes, _cut, _inside, _bomb)
_CHANGES: dict[str, tuple[Callable[[random.Random, bytes], bytes], ...]] = {
    f"{NAME}.tar.gz": (*(_members,) * 8, *_ANY),
    f"{NAME}-resource-list.json.gz": (*(_packed_json,) * 4, *_ANY),
    f"{NAME}-results.gz": (*(_packed_json,) * 4, *_ANY),
    f"{NAME}-logs.gz": _ANY,
    "velero-backup.json": (*(_json,) * 4, _bytes, _cut),
}


def hostile(seed: int, count: int) -> Iterator[Files]:
    """So many backups called `NAME`: the files of their folders by name."""
    chance = random.Random(seed)
    original = {path.name: path.read_bytes() for path in (BACKUPS / NAME).iterdir()}
    names = [name for name in _CHANGES if name in original]
    for _ in range(count):
        files = dict(original)
        for name in {chance.choice(names) for _ in range(chance.choice((1, 2, 3)))} | {f"{NAME}.tar.gz"}:
            files[name] = chance.choice(_CHANGES[name])(chance, files[name])
        yield files
