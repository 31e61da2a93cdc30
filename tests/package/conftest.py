"""Both distributions, built once for all tests that install them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.limits import HANG
from tests.package.bare import UV


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels and sdists of both distributions."""
    folder = tmp_path_factory.mktemp("dist")
    command = [UV, "build", "--all-packages", "--out-dir", str(folder), "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=HANG)
    return folder
