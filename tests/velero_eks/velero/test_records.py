"""Velero's objects, read; and which backup is the newest good one."""

from __future__ import annotations

from datetime import timedelta

from tests.velero_eks.recovery.recorded import NOW, backup, location, recorded_backup, recorded_schedule
from velero_eks.velero.records import Backup, Restore, moment, newest_completed


def test_a_recorded_backup_says_how_it_ended():
    found = recorded_backup("in-part")
    assert (found.phase, found.errors, found.warnings, found.ended, found.good) == (
        "PartiallyFailed",
        1,
        3,
        True,
        False,
    )
    assert found.done_items == found.total_items > 40
    assert found.location == "default"
    assert found.completed and found.started and found.expires
    assert found.completed - found.started < timedelta(minutes=1)
    assert found.expires - found.started == timedelta(hours=24)


def test_a_recorded_schedule_and_location_say_what_they_are():
    schedule = recorded_schedule("invalid-cron")
    assert (schedule.phase, schedule.cron, schedule.ttl) == ("FailedValidation", "0 25 * * *", "1h0m0s")
    assert schedule.validation_errors == ("invalid schedule: end of range (25) above maximum (23): 25",)
    found = location()
    assert (found.available, found.default, found.provider) == (True, True, "aws")
    assert found.bucket.startswith("velero-") and found.config["region"] == "ap-south-1"


def test_what_the_server_has_not_seen_is_new_and_runs():
    fresh = Restore({"metadata": {"name": "r"}, "spec": {"backupName": "b"}})
    assert (fresh.phase, fresh.running, fresh.ended, fresh.backup) == ("New", True, False, "b")


def test_what_is_being_deleted_runs_no_more():
    assert not backup("b", phase="Deleting").running


def test_a_time_stamp_that_is_none_is_none():
    assert moment(None) is moment("") is moment("soon") is None
    assert moment("2026-11-23T12:00:00Z") == NOW


def names(found: Backup | None) -> str | None:
    return found.name if found else None


def test_the_newest_completed_backup_of_a_schedule_is_by_label_and_never_by_name():
    backups = [
        backup("daily-backup-20261122020000", hours=30),
        backup("daily-backup-20261123020000", hours=6),
        backup("daily-backup-20261123080000", hours=2, phase="PartiallyFailed"),
        backup("daily-backup", hours=1, schedule=None),
        backup("weekly-20261123090000", hours=1, schedule="weekly"),
    ]
    assert names(newest_completed(backups, schedule="daily-backup")) == "daily-backup-20261123020000"
    assert names(newest_completed(backups)) in ("daily-backup", "weekly-20261123090000")
    assert newest_completed(backups, schedule="monthly") is None


def test_at_a_time_counts_what_had_ended_by_then():
    backups = [backup("old", hours=30), backup("new", hours=6)]
    while_new_ran = NOW - timedelta(hours=6) + timedelta(seconds=30)
    assert names(newest_completed(backups, at=while_new_ran)) == "old"
    assert names(newest_completed(backups, at=NOW)) == "new"
    assert newest_completed(backups, at=NOW - timedelta(days=3)) is None
