"""What the tests of this package share."""

from __future__ import annotations

import pytest

from tests.velero_eks.bootstrap.pulumi import Pulumi


@pytest.fixture
def pulumi(tmp_path, monkeypatch) -> Pulumi:
    """A Pulumi CLI on PATH that answers what the test says."""
    return Pulumi(tmp_path / "pulumi-cli", monkeypatch)
