"""Versions: what a program says about itself, and which answers the lab accepts."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.processes import LabError

_ASK_SECONDS = 30.0
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(.*)", re.DOTALL)
_BUILD_INFO = b"\xff Go buildinf:"
_BUILD_INFO_FLAGS = 15
_BUILD_INFO_HEADER = 32
_BUILD_INFO_INLINE = 2


class ProgramError(LabError):
    """A program is missing, of a wrong version, or could not be built. The message says what to do."""


@dataclass(frozen=True, order=True)
class Version:
    """`major.minor.patch`. What follows the patch (`-rc.1`, `+k3s1`) is kept for people and not compared."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `1.34.1`, `v1.34.1` or `v1.34.1-eks-113cf36`. Raises `ValueError` for anything else."""
        match = _NUMBERS.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a version such as 1.34.1")
        return cls(*(int(number) for number in match.groups()[:3]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class Accepted:
    """Versions from `minimum` on, up to but without `below`. Both are written `1.34.0`."""

    minimum: str
    below: str

    def contains(self, version: Version) -> bool:
        return Version.parse(self.minimum) <= version < Version.parse(self.below)

    def __str__(self) -> str:
        low, high = Version.parse(self.minimum), Version.parse(self.below)
        if high == Version(low.major, low.minor, low.patch + 1):
            return f"exactly {low}"
        return f"{low} or newer, below {high}"


def version_in(output: str, pattern: str) -> Version:
    """The version in a program's answer; `pattern` has one group. Raises `ValueError` when it is not there."""
    match = re.search(pattern, output, re.MULTILINE)
    if match is None:
        said = output.strip().splitlines()
        raise ValueError(f"no version in its answer {said[0][:80]!r}" if said else "it answered nothing")
    return Version.parse(match[1])


def ask(path: Path, arguments: tuple[str, ...], pattern: str) -> Version:
    """Run a program to learn its version; at most 30 seconds. Raises `ValueError` with the reason."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"}
    try:
        answer = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"`{path.name} {' '.join(arguments)}` did not end within {_ASK_SECONDS:g} s") from None
    except OSError as error:
        raise ValueError(f"it cannot be run: {error.strerror}") from None
    if answer.returncode != 0:
        raise ValueError(f"`{path.name} {' '.join(arguments)}` ended with exit code {answer.returncode}")
    return version_in(answer.stdout + answer.stderr, pattern)


def build_info_version(path: Path, module: str) -> Version:
    """The version of `module` that a Go program was built from, for programs that cannot be asked.

    Go (1.18 and newer) writes the modules into each program: a mark, a header of 32 bytes, then two strings, each
    behind its length as a varint; the second one lists the modules. Raises `ValueError` with the reason.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from None
    start = content.find(_BUILD_INFO)
    try:
        if start < 0 or not content[start + _BUILD_INFO_FLAGS] & _BUILD_INFO_INLINE:
            raise ValueError("it carries no Go build information, and has no other way to tell its version")
        _, end = _string(content, start + _BUILD_INFO_HEADER)
        modules, _ = _string(content, end)
    except IndexError:
        raise ValueError("its Go build information is cut short") from None
    for line in modules.decode(errors="replace").splitlines():
        kind, *fields = line.split("\t")
        if kind in {"mod", "dep"} and len(fields) > 1 and fields[0] == module:
            return Version.parse(fields[1])
    raise ValueError(f"it was not built from {module}")


def _string(content: bytes, position: int) -> tuple[bytes, int]:
    """A string behind its varint length, and where it ends. Raises `IndexError` when the content ends before."""
    length = shift = 0
    while True:
        byte = content[position]
        position += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    end = position + length
    if end > len(content):
        raise IndexError(end)
    return content[position:end], end
