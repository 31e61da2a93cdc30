"""Which backups exist, from the bucket and from the cluster, where either may be gone, damaged or thousands long."""

from __future__ import annotations

import copy
import gzip
import io
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import settings
from tests.velero_eks.recovery.recorded import NOW, ago, backup, location
from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.project.target import Target
from velero_eks.recovery.backups import Files, Flaw, Inventory, Listed, inventory
from velero_eks.recovery.session import Session
from velero_eks.velero.bucket import BackupStore, StoreAddress
from velero_eks.velero.records import Backup, Location

SETTINGS = settings(volumes={"mode": "csi-snapshot"})
DONE = [{"pvcName": "data", "pvcNamespace": "exam-prod", "pvName": "pv-1", "result": "succeeded"}]
LOST = [{"pvcName": "data", "pvcNamespace": "exam-prod", "pvName": "pv-1", "skipped": True, "skippedReason": "gp2"}]


class S3:
    """What an S3 client answers of a bucket, and how often it was asked what."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refuses: dict[str, Exception] = {}

    def put(self, record: Backup, *, volumes: Any = (), contents: bool = True) -> None:
        folder = f"backups/{record.name}"
        self.keys[f"{folder}/velero-backup.json"] = json.dumps(record.body).encode()
        self.keys[f"{folder}/{record.name}-volumeinfo.json.gz"] = gzip.compress(json.dumps(list(volumes)).encode())
        if contents:
            self.keys[f"{folder}/{record.name}.tar.gz"] = b"x"

    def get_object(self, *, Key: str, **_: Any) -> Any:
        self._ask("GET")
        if Key not in self.keys:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.keys[Key])}

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> Any:
        self._ask("LIST")
        return {"Contents": [{"Key": key, "Size": 1} for key in sorted(self.keys) if key.startswith(Prefix)]}

    def get_paginator(self, _: str) -> Any:
        def pages(*, Prefix: str, **_: Any) -> Any:
            self._ask("NAMES")
            folders = {key[len(Prefix) :].partition("/")[0] for key in self.keys if key.startswith(Prefix)}
            return [{"CommonPrefixes": [{"Prefix": f"{Prefix}{folder}/"} for folder in sorted(folders)]}]

        return SimpleNamespace(paginate=pages)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.refuses:
            raise self.refuses[what]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    made = S3()
    monkeypatch.setattr(BackupStore, "_s3", lambda _: made)
    return made


class Velero:
    """Velero in a cluster: its objects, or the error that it answers with."""

    def __init__(self, *backups: Backup, error: OperationError | None = None, locations: Any = None) -> None:
        self._backups, self._error = backups, error
        self._locations: list[Location] = [location()] if locations is None else locations

    def backups(self) -> list[Backup]:
        if self._error:
            raise self._error
        return list(self._backups)

    def locations(self) -> list[Location]:
        return self._locations

    def location(self, name: str) -> Location:
        return next(each for each in self._locations if each.name == name)

    def schedules(self) -> list[Any]:
        return [SimpleNamespace(name="daily-backup"), SimpleNamespace(name="empty")]


GONE = Velero(error=Unreachable("https://exam does not answer"))


def look(velero: Velero, *, stack: bool = True, **options: Any) -> Inventory:
    made = Session(Target("dev", None, "velero", SETTINGS) if stack else Target(None, "exam", "velero"))
    made.__dict__["velero"] = velero
    return inventory(made, NOW, **options)


def names(found: Inventory) -> list[str]:
    return [each.name for each in found.shown]


def flaws(found: Inventory) -> dict[str, list[Flaw]]:
    return {each.name: list(found.flaws(each)) for each in found.shown}


def expiring(made: Backup, **length: float) -> Backup:
    body = copy.deepcopy(made.body)
    body["status"]["expiration"] = ago(**length)
    return Backup(body)


def test_the_bucket_alone_says_what_there_is_newest_first(s3):
    for hours in (30, 2, 54):
        s3.put(backup(f"b-{hours}", hours=hours))
    found = look(GONE)
    assert names(found) == ["b-2", "b-30", "b-54"]
    assert (found.good, found.more, found.cluster) == (found.shown[0], 0, "https://exam does not answer")
    assert found.cluster_read is False
    assert [each.files for each in found.shown] == [Files.PRESENT] * 3
    assert flaws(found) == {"b-2": [], "b-30": [], "b-54": []}
    assert str(found.buckets["default"]).startswith("s3://")


def test_both_sides_are_joined_and_what_one_alone_knows_is_said(s3):
    s3.put(backup("both", hours=1))
    s3.put(backup("bucket", hours=2))
    running = backup("running", phase="InProgress", hours=0.1)
    found = look(Velero(backup("both", hours=1), backup("cluster", hours=3), running))
    assert names(found) == ["running", "both", "bucket", "cluster"]
    assert flaws(found) == {
        "running": [], "both": [], "bucket": [Flaw.NOT_IN_CLUSTER], "cluster": [Flaw.NO_FILES],
    }  # fmt: skip
    assert [each.good(NOW) for each in found.shown] == [False, True, True, False]
    assert found.good is found.shown[1]


def test_the_cluster_says_more_of_what_runs_or_is_deleted_and_the_bucket_of_the_rest(s3):
    s3.put(backup("done", hours=1))
    s3.put(backup("late", phase="WaitingForPluginOperations", hours=2))
    s3.put(backup("leaving", hours=3))
    leaving = copy.deepcopy(backup("leaving", hours=3).body)
    leaving["metadata"]["deletionTimestamp"] = ago(minutes=1)
    found = look(Velero(backup("done", phase="Failed", hours=1), backup("late", hours=2), Backup(leaving)))
    phases = {each.name: each.backup.phase for each in found.shown if each.backup}
    assert phases == {"done": "Completed", "late": "Completed", "leaving": "Completed"}
    assert flaws(found)["leaving"] == [Flaw.DELETING]
    assert found.good is not None and found.good.name == "done"


def test_what_is_not_whole_in_the_bucket_is_not_good(s3):
    s3.put(backup("no-contents", hours=1), contents=False)
    s3.put(backup("no-record", hours=2))
    del s3.keys["backups/no-record/velero-backup.json"]
    s3.put(backup("damaged", hours=3))
    s3.keys["backups/damaged/velero-backup.json"] = b"{"
    s3.put(backup("no-volumes", hours=4))
    s3.keys["backups/no-volumes/no-volumes-volumeinfo.json.gz"] = b"no gzip"
    found = look(GONE)
    assert flaws(found) == {
        "no-contents": [Flaw.NO_CONTENTS],
        "no-record": [Flaw.NO_RECORD],
        "damaged": [Flaw.DAMAGED],
        "no-volumes": [Flaw.DAMAGED],
    }
    assert "velero-backup.json" in next(each.damaged for each in found.shown if each.name == "damaged")
    assert found.good is None


def test_a_failed_backup_has_no_files_and_that_is_no_second_flaw(s3):
    failed = backup("failed", phase="FailedValidation")
    found = look(Velero(failed))
    assert flaws(found) == {"failed": []}
    assert found.good is None


def test_a_backup_without_the_data_of_its_volumes_or_past_its_time_is_not_good(s3):
    s3.put(backup("lost", hours=1), volumes=LOST)
    s3.put(expiring(backup("over", hours=40), hours=1))
    s3.put(expiring(backup("kept", hours=30), hours=-20), volumes=DONE)
    s3.put(backup("objects", hours=50, snapshotVolumes=False), volumes=LOST)
    found = look(GONE)
    assert flaws(found) == {
        "lost": [Flaw.NO_VOLUME_DATA], "kept": [], "over": [Flaw.EXPIRED], "objects": [],
    }  # fmt: skip
    assert found.good is not None and found.good.name == "kept"
    assert {each.name: each.volumes and each.volumes.with_data for each in found.shown} == {
        "lost": 0, "kept": 1, "over": 0, "objects": None,
    }  # fmt: skip


def test_of_thousands_only_those_shown_are_read(s3):
    for number in range(3000):
        stamp = f"2026{1 + number // 250:02}{1 + number // 10 % 25:02}0{number % 10}0000"
        s3.put(backup(f"daily-backup-{stamp}", hours=3000 - number))
    s3.put(backup("before-upgrade", schedule=None, hours=2.5))
    found = look(GONE, last=20)
    assert (len(found.shown), found.more) == (20, 2981)
    assert names(found)[:2] == ["daily-backup-20261225090000", "daily-backup-20261225080000"]
    assert found.good is found.shown[0]
    assert len(s3.asked) <= 1 + 3 * 21


def test_of_a_schedule_with_thousands_the_newest_good_one_is_found_with_few_questions(s3):
    for number in range(1000):
        stamp = f"2026{1 + number // 250:02}{1 + number // 10 % 25:02}0{number % 10}0000"
        phase = "Failed" if number > 990 else "Completed"
        s3.put(backup(f"daily-backup-{stamp}", phase=phase, hours=1000 - number))
    s3.put(backup("weekly-20261225090000", schedule="weekly", hours=0.5))
    store = BackupStore(StoreAddress(bucket="b"))
    found, damaged = store.newest("daily-backup")
    assert (found and found.name, damaged) == ("daily-backup-20260425000000", {})
    assert len(s3.asked) <= 1 + 2 * 8
    # One that a person named counts where it is newer, and a damaged one is told of.
    s3.put(backup("by-hand", hours=0.2))
    s3.put(backup("damaged", hours=0.1))
    s3.keys["backups/damaged/velero-backup.json"] = b"{"
    found, damaged = store.newest("daily-backup")
    assert (found and found.name, list(damaged)) == ("by-hand", ["damaged"])
    assert store.newest("daily-backup", at=NOW - timedelta(hours=900))[0] is not None
    assert store.newest("monthly") == (None, damaged)


def test_a_good_one_is_looked_for_behind_those_shown(s3):
    for hours in range(1, 60):
        s3.put(backup(f"b-{hours}", phase="PartiallyFailed" if hours < 55 else "Completed", hours=hours))
    found = look(GONE, last=5)
    assert names(found) == [f"b-{hours}" for hours in range(1, 6)]
    assert found.good is not None and found.good.name == "b-55"
    assert found.more == 54


def test_one_schedule_can_be_chosen_also_by_the_label_of_a_backup_with_a_name_of_its_own(s3):
    s3.put(backup("daily-backup-20261123020000", hours=10))
    s3.put(backup("weekly-20261122020000", schedule="weekly", hours=34))
    s3.put(backup("first", schedule="weekly", hours=50))
    assert names(look(GONE, schedule="weekly")) == ["weekly-20261122020000", "first"]
    assert names(look(Velero(), schedule="empty")) == []
    with pytest.raises(BadTarget, match=r"^no schedule 'week' and no backup of one; did you mean weekly\?$"):
        look(GONE, schedule="week")


def test_a_bucket_that_may_not_be_read_leaves_what_the_cluster_says(s3):
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")
    s3.refuses["NAMES"] = denied
    found = look(Velero(backup("b", hours=1)))
    assert [(each.name, each.files, each.good(NOW)) for each in found.shown] == [("b", Files.UNREAD, False)]
    assert "AWS refused it" in found.unread["default"]
    assert (found.good, found.buckets) == (None, {})
    with pytest.raises(
        OperationError, match=r"(?s)AWS refused it.*the cluster was not asked either: https://exam does"
    ):
        look(GONE)


def test_a_bucket_whose_content_may_not_be_read_is_asked_no_more(s3):
    for number in range(40):
        s3.put(backup(f"b-{number}", hours=number))
    s3.refuses["GET"] = ClientError({"Error": {"Code": "AccessDenied", "Message": "kms:Decrypt"}}, "GetObject")
    found = look(GONE)
    assert {each.files for each in found.shown} == {Files.UNREAD}
    assert "kms:Decrypt" in found.unread["default"]
    assert len(s3.asked) < 40


def test_with_a_context_alone_the_cluster_says_where_the_buckets_are(s3):
    s3.put(backup("b", hours=1))
    found = look(Velero(backup("b", hours=1)), stack=False)
    assert (names(found), flaws(found)) == (["b"], {"b": []})
    refused = NotAllowed("no right to list backups")
    with pytest.raises(NotAllowed, match=r"^no right to list backups$"):
        look(Velero(error=refused), stack=False)


def test_the_backups_of_a_second_location_are_looked_for_there(s3):
    second = copy.deepcopy(location().body)
    second["metadata"]["name"] = "archive"
    second["spec"]["objectStorage"] = {"bucket": "archive", "prefix": "old"}
    s3.keys |= {f"old/{key}": value for key, value in _of(backup("kept", hours=900)).items()}
    velero = Velero(
        backup("kept", hours=900, storageLocation="archive"),
        backup("lost", hours=901, storageLocation="gone"),
        locations=[location(), Location(second)],
    )
    found = look(velero)
    assert [(each.name, each.location, each.files) for each in found.shown] == [
        ("kept", "archive", Files.PRESENT), ("lost", "gone", Files.UNREAD),
    ]  # fmt: skip
    assert found.unread == {"gone": "the cluster has no location gone, and backups in it"}


def _of(record: Backup) -> dict[str, bytes]:
    made = S3()
    made.put(record)
    return made.keys


def test_a_name_that_ends_in_no_time_at_all_is_no_scheduled_backup():
    assert Listed("daily-20269999999999", "default").schedule is None
    assert Listed("daily", "default").schedule is None
    assert Listed("daily-20261123020000", "default").begun.hour == 2
