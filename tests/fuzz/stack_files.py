"""Stack files as no one should write them: the tests' own, changed by chance."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from tests.stacks import FILES

_BOMB = "&a0 [x, x, x, x, x, x, x, x, x, x]"
VALUES = (
    "yes", "No", "ON", "off", "y", "n", "true", "FALSE", "null", "~", "Null", '""', "''", "0", "00", "0777", "0o17",
    "0x1F", "0b11", "1_000", "1e3", "1E+3", "-1", "+1", "1.0", ".5", "5.", "1.", ".inf", "-.INF", ".NaN", "1:30",
    "190:20:30", "12:30:45.5", "2026-13-45", "2026-01-02", "2026-01-02T03:04:05Z", "2026-1-2 3:4:5", "=", "<<", "*",
    "!!binary aGFsbG8=", "!!python/object/apply:os.system [id]", "!foo x", "!!int x", "!!float 1", "!!bool yes",
    "!!str 1", "!!null x", "!!set {a, b}", "!!omap [a: 1]", "!!timestamp x", "!<tag:yaml.org,2002:int> 3", "! x",
    "&a [*a]", "&a {b: *a}", "*nope", "&x", "&a", "[", "]", "{", "}", "[]", "{}", "[a, b", "{a: b", "{a, b}",
    "[a: b]", "|", ">", "|+\n    a\n\n", ">-\n    a\n    b", "|9", "- a", "? a", "? [a, b]\n    : c", ": x", "@a",
    "`a`", "%a", '"\\x00"', '"\\u202e"', '"\\ud800"', '"\\q"', '"unended', "'unended", "a: b: c", "a #b", "# only",
    "\x07", "\x1b[2J", "\x85", "\u2028", "\ufeff", "\U0001f600", "\u00e9", "0" * 5000, "9" * 5000, "1e999",
    "-9223372036854775809", "18446744073709551616", "a" * 70_000, "[" * 500, "{a: " * 400, "[" * 40 + "]" * 40,
    "- " * 100, "? " * 100, "!a " * 50, "[" + "a, " * 20_000 + "]", "{<<: x}", "{<<: [x]}",
    "{<<: {a: b}, <<: {c: d}}", "{<<: &b {c: 1}}",
    f"[{_BOMB}, &a1 [{', '.join(['*a0'] * 10)}], &a2 [{', '.join(['*a1'] * 10)}], &a3 [{', '.join(['*a2'] * 10)}],"
    f" &a4 [{', '.join(['*a3'] * 10)}], &a5 [{', '.join(['*a4'] * 10)}]]",
    "{secure: v1:AAAA}", "{secure: [x]}", "{secure: 1, a: b}", "arn:aws:kms:eu-west-1:1:key/${aws:userid}", "*.*",
    "..", "-----BEGIN PRIVATE KEY-----", "AKIAABCDEFGHIJKLMNOP", "1h", "1M", "30d", "@daily", "0 2 * * *",
    "CRON_TZ=X 0 2 * * *",
)  # fmt: skip
LINES = (
    "---", "...", "--- x", "%YAML 1.2", "%YAML 9.9", "%TAG ! tag:x,2000:", "config:", "config: {}", "  config: x",
    "config: &c", "  <<: *c", "  velero-eks:storage: {}", "  velero-eks:environment: production",
    "  velero-eks:Environment: production", "  aws:region: us-east-1", "  velero-eks:schedules:", "    a: b",
    "\tvelero-eks:tags: {}", "  ? x", "  : y", "  - x", "", "  velero-eks:tags: {a: b, a: c}",
    "  velero-eks:repositoryPassword: hunter2", "encryptionsalt: v1:x", "secretsprovider: x", "  '<<': {a: b}",
    '  "velero-eks:tags": {1: 2, true: 3, null: 4, 1.5: 6}', "  velero-eks: x", "  :x: y", "  x:y:z: 1", "  a: 1",
    "environment: [x]", "  velero-eks:waivers: {x: }", "  velero-eks:recovery: [{namespaces: ['*']}]", "  [a]: b",
    "  {a: b}: c",
)  # fmt: skip

_LARGE = 0.03

_KEYS = (b"*a", b"1", b"null", b"true", b"<<", b"[a]", b"1e3", b"2026-01-02", b"0x10", b"~", b"=", b"''")

Change = Callable[[random.Random, bytes], bytes]


def _bytes(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text) + 1)
    marks = (0, 1, 7, 9, 10, 13, 27, 32, 0x7F, 0x85, 0xC0, 0xED, 0xFE, 0xFF, *b"[]{}&*!|>'\"%@`#,?:-")
    new = bytes(chance.choice(marks) for _ in range(chance.choice((1, 1, 2, 5))))
    return text[:at] + new + text[at + chance.choice((0, 0, 1, 3)) :]


def _cut(chance: random.Random, text: bytes) -> bytes:
    return text[: chance.randrange(len(text) + 1)]


def _value(chance: random.Random, text: bytes) -> bytes:
    """Another value behind a colon, or in a list."""
    places = list(re.finditer(rb"(?<=: )[^\s#{\[][^\n#]*|(?<=- )[^\n]+|(?<=: )[{\[][^\n]*", text))
    if not places:
        return _line(chance, text)
    place = chance.choice(places)
    return text[: place.start()] + chance.choice(VALUES).encode("utf-8", "surrogatepass") + text[place.end() :]


def _part(chance: random.Random, text: bytes) -> bytes:
    """Another value for a word inside of braces or brackets."""
    places = list(re.finditer(rb"(?<=[{\[,:] )[\w.*-]+|(?<=[{\[])[\w.*-]+", text))
    if not places:
        return _value(chance, text)
    place = chance.choice(places)
    return text[: place.start()] + chance.choice(VALUES).encode("utf-8", "surrogatepass") + text[place.end() :]


def _line(chance: random.Random, text: bytes) -> bytes:
    lines = text.split(b"\n")
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(LINES).encode())
    return b"\n".join(lines)


def _lines(chance: random.Random, text: bytes) -> bytes:
    """Lines twice, gone, in another order, or further in."""
    lines = text.split(b"\n")
    first = chance.randrange(len(lines))
    last = min(len(lines), first + chance.choice((1, 1, 2, 5)))
    some = lines[first:last]
    how = chance.randrange(5)
    if how == 0:
        lines[first:first] = some
    elif how == 1:
        del lines[first:last]
    elif how == 2:
        lines[first:last] = [b" " * chance.choice((1, 2, 4, 40)) + line for line in some]
    elif how == 3:
        lines[first:last] = [line.lstrip() for line in some]
    else:
        chance.shuffle(some)
        lines[first:last] = some
    return b"\n".join(lines)


def _key(chance: random.Random, text: bytes) -> bytes:
    places = list(re.finditer(rb"(?<![\w:-])[\w:-]{1,99}(?=:[ \n])", text))
    if not places:
        return _line(chance, text)
    place = chance.choice(places)
    word = place[0]
    others = (word.upper(), word[:-1], word + b"x", b'"' + word + b'"', b"? " + word, b"&a " + word, b"!x " + word)
    new = chance.choice((*others, *_KEYS))
    return text[: place.start()] + new + text[place.end() :]


def _ends(chance: random.Random, text: bytes) -> bytes:
    """Other ends of lines, another encoding, a mark in front."""
    how = chance.randrange(6)
    if how == 0:
        return text.replace(b"\n", b"\r\n")
    if how == 1:
        return text.replace(b"\n", b"\r")
    if how == 2:
        return b"\xef\xbb\xbf" + text
    if how == 3:
        return text.decode(errors="replace").encode("utf-16")
    if how == 4:
        return text.decode(errors="replace").encode("latin-1", "replace")
    return text.replace(b"  ", b"\t")


def _large(chance: random.Random, text: bytes) -> bytes:
    how = chance.randrange(4)
    if how == 0:
        return text + b"# " + b"x" * chance.choice((1 << 19, 1 << 20, 3 << 20))
    if how == 1:
        return (
            text
            + b"  velero-eks:tags: {"
            + b", ".join(b"k%d: v" % n for n in range(chance.choice((100, 40_000))))
            + b"}\n"
        )
    if how == 2:
        return text + b"".join(b"  velero-eks:k%d: v\n" % n for n in range(5_000))
    return text + b"\n" * chance.choice((10_000, 900_000))


_CHANGES: tuple[Change, ...] = (
    *(_bytes, _value, _value, _value, _value, _part, _part, _line, _line, _lines, _lines, _key, _key) * 3,
    *(_cut, _ends) * 2,
)


def mutated(seed: int, count: int) -> Iterator[bytes]:
    """So many files, none of them as it was."""
    chance = random.Random(seed)
    originals = [path.read_bytes() for path in FILES.values()]
    for _ in range(count):
        text = original = chance.choice(originals)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
            text = chance.choice(_CHANGES)(chance, text)
        if chance.random() < _LARGE:
            text = _large(chance, text)
        yield text if text != original else text + b"\0"
