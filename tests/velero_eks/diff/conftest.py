"""What tests of the command share: running it in a repository, and that it leaves nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from velero_eks import cli

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the tool in a folder; fails where it leaves anything behind in the temporary folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def invoke(root: Path, *arguments: str) -> Result:
        monkeypatch.chdir(root)
        result = CliRunner().invoke(cli.app, ["diff", *arguments])
        assert list(temporary.iterdir()) == []
        return result

    return invoke
