"""One lab for all tests that need the real programs, with the stack `local` deployed once by the real engine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from velero_on_eks.settings.versions import PINNED_CHART

from tests.conftest import reference

# Rehearsals of the commands for day 2 and for adoption, which take as long as all others together.
_DAY2 = (
    "test_adopt", "test_coverage", "test_day2", "test_first_hour", "test_runbooks", "test_show_history", "test_status",
)  # fmt: skip


@pytest.fixture(scope="session")
def programs():
    """The lab's programs. Missing ones are built; what cannot be built fails in CI and skips elsewhere, saying why."""
    from lab.programs import ProgramError, require_programs

    try:
        return require_programs()
    except ProgramError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def chart() -> Path:
    """The pinned chart."""
    return reference(f"velero-{PINNED_CHART}.tgz")


@pytest.fixture(scope="session")
def lab(programs, tmp_path_factory) -> Iterator:
    """A running lab; nothing of it is left after the tests."""
    from lab.environment import running_lab

    with running_lab(programs, tmp_path_factory.mktemp("lab") / "lab", keep=True) as running:
        yield running


@pytest.fixture(scope="session")
def deployment(lab, chart):
    """The stack `local`, up, with its location Available, in a cluster that has the sample application."""
    from lab.__main__ import deployed
    from lab.chart import ChosenChart
    from lab.rehearsal.incidents import deploy

    deploy(lab.cluster.api)

    return deployed(lab, ChosenChart("the pinned chart", path=chart), Console(stderr=True))


@pytest.fixture(scope="session")
def velero(deployment):
    """Velero of the deployed stack."""
    from lab.rehearsal.velero import Velero

    return Velero(deployment.lab.cluster.api)


@pytest.fixture(scope="session")
def api(deployment):
    """The cluster of the deployed stack, with every right."""
    return deployment.lab.cluster.api


@pytest.fixture(scope="session")
def tool(deployment):
    """`velero-eks` with the deployed stack."""
    from tests.lab.tool import Tool

    return Tool(deployment)


@pytest.fixture(scope="module")
def run() -> str:
    """What tells a module's backups from those of another run in the same lab."""
    return time.strftime("%H%M%S")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Labs of a test's own come first: beside the shared one, which stays to the end, a second Velero cannot start.

    Tests that take the shared lab apart run after all others.
    """

    for item in items:
        if item.get_closest_marker("lab") and item.path.stem.startswith(_DAY2):
            item.add_marker(pytest.mark.day2)

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("destructive"):
            return 2
        return 1 if "deployment" in getattr(item, "fixturenames", ()) else 0

    items.sort(key=turn)
