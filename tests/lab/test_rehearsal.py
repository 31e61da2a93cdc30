"""The three incidents, against the real server: nothing is lost, nothing differs."""

from __future__ import annotations

import time

import pytest

from lab.rehearsal.incidents import Rehearsal

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def rehearsal(deployment, velero):
    return Rehearsal(deployment.lab.cluster.api, velero, time.strftime("%H%M%S"))


@pytest.mark.parametrize("incident", ["namespace_deleted", "hotfix_overwritten", "definition_removed"])
def test_every_object_comes_back_as_it_was(rehearsal, incident):
    outcome = getattr(rehearsal, incident)()
    assert outcome.comparison.lost == ()
    assert outcome.comparison.changed == {}
    assert outcome.comparison.compared > 20
