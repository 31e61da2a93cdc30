"""What a release is made of: `python tools/release.py v0.2.0 build/release`, with the standard library and uv alone.

Writes the wheels and sdists of both distributions, what they are made of (sbom.cdx.json, CycloneDX), and the release's
notes (notes.md, its section of the CHANGELOG) into an empty folder. Refuses a tag that is not the version of both
distributions, or has no section with a date and a state impact. In a workflow the README that PyPI shows links to the
repository's files as they are at the tag.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNRELEASED = "Unreleased"
IMPACTS = ("in place", "replace", "import", "none")
"""What a release does to deployed stacks: resources are updated, recreated, taken over by an import, or left alone."""
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>.+))?$", re.MULTILINE)
_IMPACT = re.compile(rf"^State impact: \**(?P<impact>{'|'.join(IMPACTS)})\b", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)[^)\s]+")
_PICTURE = re.compile(r'(?<=src=")(?![a-z]+:)[^"]+|(?<=srcset=")(?![a-z]+:)[^"]+')
_VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


class NotReady(Exception):
    """The release cannot be made; the message says what to do first."""


@dataclass(frozen=True)
class Section:
    """A release's section of the CHANGELOG. `impacts` are the words that its state impact begins with."""

    version: str
    date: str | None
    text: str

    @property
    def impacts(self) -> list[str]:
        """The state impact, once in a section that is right."""
        return [match["impact"] for match in _IMPACT.finditer(self.text)]


def sections(changelog: str) -> Iterator[Section]:
    """The sections of a CHANGELOG, the newest first."""
    headings = list(_HEADING.finditer(changelog))
    for heading, following in zip_longest(headings, headings[1:]):
        end = following.start() if following else len(changelog)
        yield Section(heading["version"], heading["date"], changelog[heading.end() : end].strip())


def notes(version: str, changelog: str) -> str:
    """The notes of a release. Raises `NotReady` where its section is missing or lacks its date or its state impact."""
    found = next((each for each in sections(changelog) if each.version == version), None)
    if found is None:
        raise NotReady(f"CHANGELOG.md has no section [{version}]; rename [{UNRELEASED}] and begin a new one")
    if not _DATE.fullmatch(found.date or ""):
        raise NotReady(f"CHANGELOG.md: write the heading as ## [{version}] - YYYY-MM-DD, with the day of the release")
    if len(found.impacts) != 1:
        raise NotReady(
            f"CHANGELOG.md: [{version}] needs one line 'State impact: …' that begins with {', '.join(IMPACTS[:-1])}"
            f" or {IMPACTS[-1]}"
        )
    return found.text + "\n"


def version_of(tag: str, root: Path = ROOT) -> str:
    """The version that a tag names. Raises `NotReady` where a distribution has another one."""
    version = tag.removeprefix("v")
    if tag == version or not _VERSION.fullmatch(version):
        raise NotReady(f"the tag {tag!r} is not a release's; write it as v1.2.3")
    component = re.search(r'^VERSION = "(.+)"$', (root / "components/velero_on_eks/component.py").read_text(), re.M)
    own = {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"],
        "components/velero_on_eks/component.py": component[1] if component else None,
    }
    for file, found in own.items():
        if found != version:
            raise NotReady(f"{file} has version {found}, and the tag is {tag}; both distributions have one version")
    return version


def sbom(text: str) -> str:
    """A bill of materials without what a second export would not have: the time, and a number drawn at random."""
    document = json.loads(text)
    document.pop("serialNumber", None)
    document.get("metadata", {}).pop("timestamp", None)
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def published(readme: str, repository: str, tag: str) -> str:
    """The README with whole addresses: PyPI has none of the files that it links to. `repository` is an https:// URL."""
    linked = _LINK.sub(lambda link: f"{repository}/blob/{tag}/{link[0]}", readme)
    return _PICTURE.sub(lambda picture: f"{repository}/raw/{tag}/{picture[0]}", linked)


@contextlib.contextmanager
def _readme_of(tag: str) -> Iterator[None]:
    """The README as it is published, for as long as the distributions are built; unchanged outside of a workflow."""
    path = ROOT / "README.md"
    own = path.read_text(encoding="utf-8")
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    try:
        if server and name:
            path.write_text(published(own, f"{server}/{name}", tag), encoding="utf-8")
        yield
    finally:
        path.write_text(own, encoding="utf-8")


def make(tag: str, folder: Path) -> None:
    """Write everything that belongs to the release of a tag. Raises `NotReady`."""
    version = version_of(tag)
    written = notes(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if folder.exists() and any(folder.iterdir()):
        raise NotReady(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    with _readme_of(tag):
        _uv("build", "--all-packages", "--quiet", "--out-dir", str(folder.resolve()))
    (folder / ".gitignore").unlink(missing_ok=True)
    exported = _uv(
        "export", "--quiet", "--frozen", "--no-default-groups", "--all-packages", "--format", "cyclonedx1.5",
        "--preview-features", "sbom-export",
    )  # fmt: skip
    (folder / "sbom.cdx.json").write_text(sbom(exported), encoding="utf-8")
    (folder / "notes.md").write_text(written, encoding="utf-8")


def _uv(*arguments: str) -> str:
    program = shutil.which("uv") or os.environ.get("UV") or str(ROOT / ".tools/uv/bin/uv")
    return subprocess.run([program, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(arguments: list[str]) -> int:
    """Make the release that the arguments name."""
    if len(arguments) != 2:
        sys.stderr.write("error: give the tag and a folder: python tools/release.py v0.2.0 build/release\n")
        return 2
    try:
        make(arguments[0], Path(arguments[1]))
    except NotReady as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
