"""A Backup is not waited for in vain: without a server, or where one object keeps the server from beginning."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import backup, recorded_schedule
from velero_eks.errors import TimeLimit
from velero_eks.recovery.following import SERVER_SECONDS, _Patience
from velero_eks.velero.records import Backup


def session(*schedules: str, ready: bool = True) -> Any:
    """As much of a session as is asked: the server, and what Velero has."""
    found = [recorded_schedule(name) for name in schedules]
    velero = SimpleNamespace(schedules=lambda: found, backups=list, restores=list)
    return SimpleNamespace(velero=velero, server_ready=lambda: ready, target=SimpleNamespace(namespace="velero"))


def waiting() -> Backup:
    """A Backup that has not started."""
    body = backup("by-hand", phase="Queued").body
    return Backup({**body, "status": {"phase": "Queued"}})


def patience(of: Any) -> tuple[_Patience, list[float]]:
    clock = [0.0]
    return _Patience(of, now=lambda: clock[0]), clock


def test_a_schedule_that_cannot_be_decoded_is_named_when_a_backup_does_not_begin():
    look, clock = patience(session("daily-backup", "days"))
    clock[0] = 10.0
    look(waiting())
    clock[0] = 20.0
    with pytest.raises(
        TimeLimit, match=r"Backup by-hand does not start \(phase Queued\): the server cannot decode Schedule"
    ):
        look(waiting())


def test_a_backup_that_has_begun_or_waits_its_turn_is_left_alone():
    look, clock = patience(session("days"))
    clock[0] = 60.0
    look(backup("by-hand", phase="InProgress"))
    look, clock = patience(session("daily-backup"))
    clock[0] = 60.0
    look(waiting())


def test_a_server_that_is_away_is_waited_for_three_minutes():
    look, clock = patience(session(ready=False))
    clock[0] = SERVER_SECONDS - 1
    look(waiting())
    clock[0] = SERVER_SECONDS + 10
    with pytest.raises(TimeLimit, match="the Velero server has been down for 3 min, and Backup by-hand waits for it"):
        look(waiting())
