"""Texts that stop a whole kind: found in every object, with the patch that fixes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import location, recorded_backup, recorded_schedule
from velero_eks.velero.records import Record, undecodable


def record(**spec: Any) -> Record:
    return Record({"metadata": {"name": "x"}, "spec": spec})


def test_a_recorded_ttl_in_days_is_found_and_its_patch_says_hours():
    (found,) = undecodable(recorded_schedule("days"))
    assert (found.field, found.value) == ("spec.template.ttl", "30d")
    assert "30d as 720h" in found.problem
    assert json.loads(found.patch or "") == {"spec": {"template": {"ttl": "720h0m0s"}}}


@pytest.mark.parametrize("sound", [recorded_schedule("paused"), recorded_backup("in-part"), location()])
def test_what_the_server_can_decode_is_not_reported(sound):
    assert undecodable(sound) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"ttl": "1w"},
        {"csiSnapshotTimeout": "10 minutes"},
        {"backupSyncPeriod": "1min"},
        {"template": {"itemOperationTimeout": ""}},
        {"hooks": {"resources": [{"pre": [{"exec": {"timeout": "30"}}]}]}},
    ],
)
def test_every_duration_of_velero_is_looked_at(spec):
    assert len(undecodable(record(**spec))) == 1


def test_what_people_name_themselves_is_no_duration():
    assert undecodable(record(config={"timeout": "x"}, labelSelector={"matchLabels": {"ttl": "long"}})) == []


def test_where_nobody_can_say_what_was_meant_there_is_no_patch():
    (found,) = undecodable(record(ttl="a while"))
    assert found.patch is None
    (nested,) = undecodable(record(hooks={"resources": [{"pre": [{"exec": {"timeout": "1d"}}]}]}))
    assert nested.patch is None
