"""What several tests share: the project's root, and inputs that come from outside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from velero_eks import contact

ROOT = Path(__file__).resolve().parent.parent

# How wide and how colourful the terminal of whoever runs the tests is says nothing; a test that asks for a width or for
# colours says so itself. Before anything is imported that looks.
for _variable in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_variable, None)
os.environ["TERM"] = "xterm-256color"
# Nor whose cloud and cluster are at hand: a test that needs one says which.
for _variable in list(os.environ):
    if _variable.startswith("AWS_") or _variable in (
        "KUBECONFIG", "PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
    ):  # fmt: skip
        del os.environ[_variable]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def reference_folder() -> Path:
    """Where reference inputs are looked for."""
    return Path(os.environ.get("VELERO_REFERENCE", ROOT.parent / "shared" / "reference"))


def reference(name: str) -> Path:
    """A reference input (Velero's CRDs, its chart). Missing, it skips the test and says why; in CI it fails."""
    folder = reference_folder()
    path = folder / name
    if path.exists():
        return path
    message = (
        f"{name} is not in {folder}: set VELERO_REFERENCE to a folder that holds it"
        " (the CRDs: `velero install --crds-only --dry-run -o yaml`; the chart: `helm pull velero`)"
    )
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def fresh_patience() -> Iterator[None]:
    """Each test has the patience of a command of its own: what others waited is not taken from it."""
    with contact.patience(contact.FIRST_SECONDS):
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT
