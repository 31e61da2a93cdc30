"""What `--from` means, and what is read of a backup."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.velero_eks.recovery.recorded import NOW, backup
from tests.velero_eks.recovery.restore.api import Api, session
from tests.velero_eks.recovery.restore.made import body, definition, live, stored
from velero_eks.commands import restore as command
from velero_eks.commands.restore import How, run_cluster, source_of
from velero_eks.errors import BadTarget
from velero_eks.recovery.restore.prediction import predict, refuse_taken_volumes
from velero_eks.recovery.session import Session
from velero_eks.velero.restore_spec import RestoreSpec

SCHEDULED = [backup("daily-1", hours=30), backup("daily-2", hours=6)]


def source(name: str, *others, hours: float | None = None) -> str:
    api = Api(*(each.body for each in (*SCHEDULED, *others)))
    at = None if hours is None else NOW - timedelta(hours=hours)
    return source_of(session(api).velero, name, at).name


def test_a_schedule_means_its_newest_and_before_a_moment_an_older_one():
    assert source("daily-backup") == "daily-2"
    assert source("daily-backup", hours=7) == "daily-1"


def test_a_name_of_both_means_the_backup_and_says_so_and_with_a_moment_the_schedule(capsys):
    both = backup("daily-backup", schedule=None, hours=100)
    assert source("daily-backup", both) == "daily-backup"
    assert "name of a backup and of a schedule" in capsys.readouterr().err
    assert source("daily-backup", both, hours=7) == "daily-1"
    with pytest.raises(BadTarget, match="no Completed backup that had ended by"):
        source("daily-backup", both, hours=99)


def test_a_moment_and_a_backup_do_not_go_together():
    with pytest.raises(BadTarget, match="daily-1 is a backup; leave --at out"):
        source("daily-1", hours=1)


def test_a_volume_is_not_taken_from_the_claim_that_has_it():
    spec = {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "shop", "name": "data"}}
    contents = [
        stored("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "files"}, status={"phase": "Bound"}),
        stored("PersistentVolume", "files", spec=spec),
    ]
    there = live([body("Namespace", "shop"), body("PersistentVolume", "files", spec=spec)])

    def check(existing, **mapping):
        wanted = RestoreSpec(backup="b", existing=existing, namespaces=("shop",), mapping=mapping)
        refuse_taken_volumes(predict(wanted, contents, there))

    check("update")
    check("keep", shop="copy")
    with pytest.raises(BadTarget, match="would take files from the claim that has it now"):
        check("update", shop="copy")


class Bucket:
    """A backup of two objects."""

    def contents(self, name):
        return iter([definition(), stored("ConfigMap", "a", "shop")])


@pytest.mark.parametrize(("typed", "least"), [(None, 900), (60, 60)])
def test_a_restore_of_two_objects_is_waited_for_a_quarter_of_an_hour_as_it_may_stand_behind_a_backup(
    monkeypatch, typed, least
):
    waited = []

    def run(session, preview, *, seconds):
        assert preview.estimate.seconds < 10
        waited.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(Session, "store", lambda *_: Bucket())
    monkeypatch.setattr(Session, "server_ready", lambda _: True)
    api = Api(*(each.body for each in SCHEDULED))
    with pytest.raises(KeyboardInterrupt):
        run_cluster(session(api), system=False, how=How(source="daily-2", yes=True, seconds=typed))
    assert waited == [least]
