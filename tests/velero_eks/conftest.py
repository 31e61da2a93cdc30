"""What tests of several rooms share: `diff` in a repository, and a Pulumi CLI that answers as told."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore import loaders, session
from typer.testing import CliRunner, Result

from tests.velero_eks.bootstrap.pulumi import Pulumi
from velero_eks.commands import app as cli

Run = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def one_reading_of_the_service_models() -> Iterator[None]:
    """Every session of botocore's shares one loader: reading the models of the services again was half the time."""
    loader = loaders.Loader()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(session, "create_loader", lambda _: loader)
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `diff` in a folder; fails where it leaves anything behind in the temporary folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def invoke(root: Path, *arguments: str) -> Result:
        monkeypatch.chdir(root)
        result = CliRunner().invoke(cli.app, ["diff", *arguments])
        assert list(temporary.iterdir()) == []
        return result

    return invoke


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """A Pulumi CLI on PATH that answers what the test says."""
    return Pulumi(tmp_path / "pulumi-cli", monkeypatch)
