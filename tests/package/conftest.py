"""Both distributions, built once for all tests that install them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.package.bare import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels and sdists of both distributions: what was built for a release, else built now."""
    if released := os.environ.get("VELERO_EKS_DIST"):
        return Path(released)
    return build(tmp_path_factory.mktemp("dist"))
