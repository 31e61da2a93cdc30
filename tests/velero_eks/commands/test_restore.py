"""What `--from` means, and what is read of a backup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.velero_eks.recovery.recorded import NOW, backup
from tests.velero_eks.recovery.restore.api import Api, session
from tests.velero_eks.recovery.restore.made import body, definition, live, stored
from velero_eks.commands import app as cli
from velero_eks.commands import restore as command
from velero_eks.commands.restore import RestoreOptions, run_cluster, run_namespace, run_objects, source_of
from velero_eks.errors import BadTarget
from velero_eks.recovery.restore.prediction import predict, refuse_taken_volumes
from velero_eks.recovery.session import Session
from velero_eks.velero.backup_contents import BadMember, Place
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
    with pytest.raises(BadTarget, match="no Completed backup that ended by"):
        source("daily-backup", both, hours=99)


def test_a_moment_and_a_backup_do_not_go_together():
    with pytest.raises(BadTarget, match="daily-1 is a backup; remove --at"):
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
    with pytest.raises(BadTarget, match="would move files from its current claim"):
        check("update", shop="copy")


class Bucket:
    """A backup of two objects."""

    def __init__(self, *damaged):
        self.read = []
        self.damaged = damaged

    def contents(self, name, wanted=None, *, unread):
        for place in self.damaged:
            unread.add(BadMember("resources/x.json", "cannot be read: it is not JSON", place))
        inside = [definition(), stored("ConfigMap", "a", "shop")]
        self.read = [item for item in inside if wanted is None or wanted(item.place)]
        return iter(self.read)


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
        run_cluster(session(api), system=False, how=RestoreOptions(source="daily-2", yes=True, seconds=typed))
    assert waited == [least]


def test_of_other_namespaces_a_namespaces_restore_reads_the_names_alone(monkeypatch):
    bucket = Bucket()
    monkeypatch.setattr(Session, "store", lambda *_: bucket)
    api = Api(*(each.body for each in SCHEDULED))
    with pytest.raises(BadTarget, match="nothing from namespace 'shpo'; it has: shop"):
        run_namespace(session(api), "shpo", into=None, how=RestoreOptions(source="daily-2", preview=True))
    assert [item.place.resource for item in bucket.read] == ["customresourcedefinitions.apiextensions.k8s.io"]


@pytest.mark.parametrize(
    ("restored", "damaged", "code"),
    [
        ("namespace", Place("secrets", "shop", "key"), 1),
        ("namespace", None, 1),
        ("namespace", Place("secrets", "other", "key"), 0),
        ("object", Place("configmaps", "shop", "b"), 0),
        ("object", Place("configmaps", "shop", "a"), 1),
        ("definition", Place(definition().body["metadata"]["name"], "shop", "one"), 1),
        ("cluster", Place("secrets", "other", "key"), 1),
    ],
)
def test_a_restore_that_a_damaged_member_of_the_backup_concerns_is_not_good(
    monkeypatch, capsys, restored, damaged, code
):
    monkeypatch.setattr(Session, "store", lambda *_: Bucket(damaged))
    made = session(Api(*(each.body for each in SCHEDULED)))
    how = RestoreOptions(source="daily-2", preview=True)
    if restored == "namespace":
        ended = run_namespace(made, "shop", into=None, how=how)
    elif restored == "cluster":
        ended = run_cluster(made, system=False, how=how)
    else:
        name = "configmap/a" if restored == "object" else f"crd/{definition().body['metadata']['name']}"
        ended = run_objects(made, [name], namespace=None, how=how)
    out = capsys.readouterr().out
    assert ended == code
    assert ("cannot be read, and may not come back" in out) is bool(code)


TYPED = (
    "--from", "daily-backup", "--at", "2026-11-24T09:00Z", "--existing", "update", "--preview", "--yes", "--all",
    "--timeout", "60", "--json", "--context", "exam",
)  # fmt: skip
HOW = RestoreOptions(
    source="daily-backup",
    at=datetime(2026, 11, 24, 9, tzinfo=UTC),
    existing="update",
    preview=True,
    yes=True,
    everything=True,
    as_json=True,
    seconds=60,
)


@pytest.mark.parametrize(
    ("name", "arguments", "called", "what"),
    [
        ("namespace", ("exam-prod", "--into", "copy"), "run_namespace", ("exam-prod", {"into": "copy"})),
        ("object", ("cm/a", "cm/b", "-n", "exam"), "run_objects", (["cm/a", "cm/b"], {"namespace": "exam"})),
        ("cluster", ("--system",), "run_cluster", ({"system": True},)),
    ],
)
def test_a_restore_is_told_all_that_was_typed(monkeypatch, name, arguments, called, what):
    told = []

    def restore(session, *positional, how, **named):
        told.append((session.target.context, (*positional, named), how))
        return 1

    monkeypatch.setattr(command, called, restore)
    result = CliRunner().invoke(cli.app, ("restore", name, *arguments, *TYPED))
    assert result.exit_code == 1, result.output
    assert told == [("exam", what, HOW)]


def test_without_options_objects_are_updated_and_all_else_is_kept(monkeypatch):
    told = []
    for called in ("run_namespace", "run_objects", "run_cluster"):
        monkeypatch.setattr(command, called, lambda *_, how, **__: told.append(how) or 0)
    for arguments in (("namespace", "exam"), ("object", "cm/a"), ("cluster",)):
        CliRunner().invoke(cli.app, ("restore", *arguments, "--from", "b", "--context", "exam"))
    assert told == [RestoreOptions(source="b", existing=existing) for existing in ("keep", "update", "keep")]
