"""The chart's archive is the one that its repository serves: held by its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from velero_on_eks.settings.versions import CHART_SHA256, PINNED_CHART, TABLE

from lab.chart import check_digest
from lab.processes import LabError
from tests.conftest import reference


def test_every_chart_of_the_table_has_its_digest() -> None:
    assert set(CHART_SHA256) == {row.chart for row in TABLE}
    assert PINNED_CHART in CHART_SHA256


@pytest.mark.parametrize("version", CHART_SHA256)
def test_the_archive_that_is_rehearsed_has_the_digest_of_the_table(version: str) -> None:
    archive = reference(f"velero-{version}.tgz")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == CHART_SHA256[version]
    check_digest(archive)


def test_an_archive_of_another_digest_is_refused_and_what_is_unknown_passes(tmp_path: Path) -> None:
    forged = tmp_path / f"velero-{PINNED_CHART}.tgz"
    forged.write_bytes(b"another chart")
    with pytest.raises(LabError, match=r"its SHA-256 is [0-9a-f]{64}, and .* has [0-9a-f]{64}.*download it again"):
        check_digest(forged)
    other = tmp_path / "velero-99.0.0.tgz"
    other.write_bytes(b"no one knows")
    check_digest(other)
    folder = tmp_path / "x" / f"velero-{PINNED_CHART}.tgz"
    folder.mkdir(parents=True)
    check_digest(folder)
