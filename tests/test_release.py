"""A release: the CHANGELOG says what each does to deployed stacks, and the script makes what the workflow publishes."""

from __future__ import annotations

import json
import re
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools import release
from tools.release import IMPACTS, UNRELEASED, NotReady, notes, sections, version_of

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SECTION = "## [1.2.0] - 2026-12-01\n\n### Added\n\n- A thing.\n\nState impact: **in place**. The role changes.\n"


@pytest.mark.parametrize("section", list(sections(CHANGELOG)), ids=lambda section: section.version)
def test_each_release_says_what_it_does_to_deployed_stacks(section):
    assert len(section.impacts) == 1
    assert section.impacts[0] in IMPACTS


def test_the_changelog_begins_with_what_is_not_released():
    versions = [section.version for section in sections(CHANGELOG)]
    assert versions[0] == UNRELEASED
    assert len(set(versions)) == len(versions)


def test_the_notes_are_the_releases_own_section():
    text = f"# Changelog\n\n## [Unreleased]\n\nState impact: none.\n\n{SECTION}\n## [1.1.0] - 2026-11-01\n\nOld.\n"
    assert notes("1.2.0", text) == "### Added\n\n- A thing.\n\nState impact: **in place**. The role changes.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Changelog\n", r"has no section \[1\.2\.0\]; rename \[Unreleased\]"),
        (SECTION.replace(" - 2026-12-01", ""), r"write the heading as ## \[1\.2\.0\] - YYYY-MM-DD"),
        (SECTION.replace("2026-12-01", "soon"), "with the day of the release"),
        (SECTION.replace("State impact", "Impact"), "needs one line 'State impact: …'"),
        (SECTION.replace("**in place**", "small"), "begins with in place, replace, import or none"),
    ],
)
def test_a_section_that_is_not_ready_is_refused(text, said):
    with pytest.raises(NotReady, match=said):
        notes("1.2.0", text)


@pytest.mark.parametrize("tag", [VERSION, "v1", "latest", "v1.2.3; rm -rf .", ""])
def test_a_tag_that_is_not_a_releases_is_refused(tag):
    with pytest.raises(NotReady, match="write it as v1"):
        version_of(tag)


def test_both_distributions_have_the_version_of_the_tag(tmp_path):
    assert version_of(f"v{VERSION}") == VERSION
    for name in ("pyproject.toml", "components/velero_on_eks/component.py"):
        root = tmp_path / name.replace("/", "-")
        for each in ("pyproject.toml", "components/velero_on_eks/component.py"):
            text = (ROOT / each).read_text()
            (root / each).parent.mkdir(parents=True, exist_ok=True)
            (root / each).write_text(text.replace(f'"{VERSION}"', '"9.9.9"') if each == name else text)
        with pytest.raises(NotReady, match=f"{name} has version 9.9.9"):
            version_of(f"v{VERSION}", root)


def test_a_wrong_call_says_how_it_is_called(capsys):
    assert release.main([]) == 2
    assert "python tools/release.py v0.2.0 build/release" in capsys.readouterr().err
    assert release.main(["v0", "somewhere"]) == 1
    assert capsys.readouterr().err == "error: the tag 'v0' is not a release's; write it as v1.2.3\n"


def test_the_readme_on_pypi_links_to_the_files_of_the_tag():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    address = "https://github.example.com/acme/velero-eks"
    shown = release.published(readme, address, "v1.2.0")
    targets = re.findall(r"\]\(([^)]+)\)", shown) + re.findall(r'(?:src|srcset)="([^"]+)"', shown)
    assert [each for each in targets if not each.startswith(("https://", "#"))] == []
    own = [each.removeprefix(address).partition("#")[0] for each in targets if each.startswith(address)]
    assert "/raw/v1.2.0/docs/pictures/plan-light.svg" in own
    assert "/blob/v1.2.0/docs/tutorial.md" in own
    files = [each.replace("/raw/", "/blob/").removeprefix("/blob/v1.2.0/") for each in own]
    assert [each for each in files if not (ROOT / each).exists()] == []
    assert release.published(shown, address, "v1.2.0") == shown


@pytest.mark.package
def test_a_release_is_four_distributions_a_bill_of_materials_and_notes(tmp_path, monkeypatch):
    folder = tmp_path / "release"
    monkeypatch.setattr(release, "notes", lambda version, text: f"Notes of {version}\n")
    release.make(f"v{VERSION}", folder)
    names = {f"{package}-{VERSION}" for package in ("velero_eks", "velero_on_eks")}
    distributions = {f"{name}{end}" for name in names for end in ("-py3-none-any.whl", ".tar.gz")}
    assert {path.name for path in folder.iterdir()} == distributions | {"sbom.cdx.json", "notes.md"}
    with tarfile.open(folder / f"velero_eks-{VERSION}.tar.gz") as archive:
        assert f"velero_eks-{VERSION}/CHANGELOG.md" in archive.getnames()
    bill = json.loads((folder / "sbom.cdx.json").read_text())
    components = {each["name"] for each in bill["components"]}
    assert {"pulumi", "pulumi-aws", "boto3", "velero-on-eks"} <= components
    assert not components & {"pytest", "moto", "ruff"}
    with pytest.raises(NotReady, match="is not empty"):
        release.make(f"v{VERSION}", folder)


def test_a_bill_of_materials_is_the_same_twice():
    first = '{"serialNumber": "urn:uuid:1", "metadata": {"timestamp": "2026-12-01", "tools": []}, "components": []}'
    assert release.sbom(first) == release.sbom(first.replace("uuid:1", "uuid:2").replace("12-01", "12-02"))
    assert json.loads(release.sbom(first)) == {"metadata": {"tools": []}, "components": []}


def test_what_is_published_is_what_was_tested():
    """The release workflow builds once; the test of the package takes what it built."""
    text = Path(ROOT / ".github/workflows/release.yml").read_text()
    assert text.count("tools/release.py") == 1
    assert "VELERO_EKS_DIST: ${{ github.workspace }}/build/release" in text
