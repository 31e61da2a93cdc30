"""Velero through an API server that answers as a real one does: what is there, what is meant, following to the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.velero_eks.kube.api_server import Request, api_server, kubeconfig, status
from tests.velero_eks.recovery.recorded import NOW, backup, location, recorded, recorded_schedule
from velero_eks.errors import BadTarget, NotFound, TimeLimit
from velero_eks.kube.client import Cluster
from velero_eks.project.target import Target
from velero_eks.recovery.session import Session
from velero_eks.velero.api import RESYNC_SECONDS, Velero
from velero_eks.velero.records import RESTORE

ROOT = "/apis/velero.io/v1/namespaces/velero/"


class Server:
    """The objects of an installation, by plural; what is created is kept."""

    def __init__(self, **objects: list[dict[str, Any]]) -> None:
        self.objects = objects
        self.phases = iter(["New", "InProgress", "Completed"])

    def __call__(self, asked: Request) -> tuple[int, Any]:
        if not asked.path.startswith(ROOT):
            return status(404, "NotFound", "the server could not find the requested resource")
        plural, _, name = asked.path.removeprefix(ROOT).partition("/")
        found = self.objects.setdefault(plural, [])
        if asked.method == "POST":
            found.append(asked.body)
            return 201, asked.body
        selector = asked.query.get("labelSelector", "").partition("=")
        if not name:
            chosen = [
                body for body in found if not selector[0] or body["metadata"]["labels"].get(selector[0]) == selector[2]
            ]
            return 200, {"apiVersion": "velero.io/v1", "kind": "List", "metadata": {}, "items": chosen}
        for body in found:
            if body["metadata"]["name"] == name:
                return 200, body
        return status(404, "NotFound", f'{plural}.velero.io "{name}" not found')


@pytest.fixture
def connect(tmp_path, monkeypatch):
    """A cluster of these objects, by context `exam`."""
    servers = []

    def make(server) -> Cluster:
        entered = api_server(server)
        answering = entered.__enter__()
        servers.append(entered)
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", {"exam": answering.url})))
        return Cluster.by_context("exam")

    yield make
    for entered in servers:
        entered.__exit__(None, None, None)


def installation(**objects: Any) -> Server:
    """An installation with a schedule of two backups, and whatever else is given."""
    good: dict[str, Any] = {
        "backups": [backup("daily-backup-1", hours=30).body, backup("daily-backup-2", hours=6).body],
        "schedules": [recorded("schedule-daily-backup.json")],
        "backupstoragelocations": [location().body],
    }
    return Server(**{**good, **objects})


def test_backups_come_oldest_first_and_what_has_not_begun_last(connect):
    fresh = {"metadata": {"name": "a-fresh-one", "labels": {}}, "spec": {}}
    velero = Velero(connect(installation(backups=[fresh, backup("b", hours=2).body, backup("c", hours=5).body])))
    assert [found.name for found in velero.backups()] == ["c", "b", "a-fresh-one"]


def test_the_backups_of_a_schedule_are_asked_for_by_label(connect):
    other = backup("weekly-1", schedule="weekly").body
    velero = Velero(connect(installation(backups=[other, *installation().objects["backups"]])))
    assert [found.name for found in velero.backups(schedule="weekly")] == ["weekly-1"]


def test_a_schedules_name_means_its_newest_completed_backup(connect):
    velero = Velero(connect(installation()))
    assert velero.resolve("daily-backup").name == "daily-backup-2"
    assert velero.resolve("daily-backup-1").name == "daily-backup-1"
    assert velero.resolve("daily-backup", at=NOW - timedelta(hours=12)).name == "daily-backup-1"


def test_what_means_no_backup_is_told_what_there_is_instead(connect):
    failed = [backup("daily-backup-1", phase="PartiallyFailed").body]
    velero = Velero(connect(installation(backups=failed)))
    with pytest.raises(
        BadTarget, match="schedule daily-backup has no Completed backup; its backups are: PartiallyFailed"
    ):
        velero.resolve("daily-backup")
    with pytest.raises(
        BadTarget,
        match=r"no backup and no schedule is called 'dayly-backup'; did you mean daily-backup or daily-backup-1\?"
        r" List them: velero-eks backups$",
    ):
        velero.resolve("dayly-backup")
    with pytest.raises(BadTarget, match="schedule daily-backup has no backup yet"):
        Velero(connect(installation(backups=[]))).resolve("daily-backup")
    early = NOW - timedelta(days=9)
    with pytest.raises(
        BadTarget, match=r"no Completed backup that ended by .*; its newest Completed one is daily-backup-2"
    ):
        Velero(connect(installation())).resolve("daily-backup", at=early)


def test_backups_that_a_new_server_has_not_read_yet_are_said_to_be_on_their_way(connect):
    unread = installation(backups=[], backupstoragelocations=[location(lastSyncedTime=None).body])
    with pytest.raises(BadTarget, match=r"no backup yet(.|\n)*has not read location default yet"):
        Velero(connect(unread)).resolve("daily-backup")
    with pytest.raises(BadTarget) as said:
        Velero(connect(installation(backups=[]))).resolve("daily-backup")
    assert "has not read" not in str(said.value)


def test_the_name_of_a_schedule_is_no_name_of_a_backup(connect):
    with pytest.raises(BadTarget, match="its newest Completed one is daily-backup-2"):
        Velero(connect(installation())).backup("daily-backup")


def test_a_cluster_without_velero_is_called_so(connect):
    velero = Velero(connect(lambda asked: status(404, "NotFound", "the server could not find the requested resource")))
    with pytest.raises(BadTarget, match="Velero is not installed, or this is another cluster"):
        velero.schedules()


def test_a_location_that_is_not_there_names_those_that_are(connect):
    with pytest.raises(BadTarget, match="no BackupStorageLocation 'nope' in namespace velero; there is: default"):
        Velero(connect(installation())).location("nope")


def test_an_object_is_made_in_veleros_namespace(connect):
    server = installation()
    Velero(connect(server)).create(RESTORE, "r", {"backupName": "b"}, labels={"a": "b"})
    assert server.objects["restores"] == [
        {
            "apiVersion": "velero.io/v1",
            "kind": "Restore",
            "metadata": {"name": "r", "namespace": "velero", "labels": {"a": "b"}},
            "spec": {"backupName": "b"},
        }
    ]


def test_a_backup_is_followed_to_its_end_whatever_that_is(connect):
    phases = iter(["New", "InProgress", "PartiallyFailed"])

    def answer(asked: Request):
        return 200, backup("b", phase=next(phases)).body

    seen: list[str] = []
    ended = Velero(connect(answer)).wait_for_backup("b", progress=lambda found: seen.append(found.phase))
    assert (ended.phase, seen) == ("PartiallyFailed", ["New", "InProgress", "PartiallyFailed"])


@pytest.mark.parametrize("code", [500, 504])
def test_a_server_that_stumbles_is_asked_again(connect, code):
    answers = iter([status(code, "Timeout", "etcdserver: request timed out"), (200, backup("b").body)])
    assert Velero(connect(lambda asked: next(answers))).wait_for_backup("b", seconds=10).good
    failing = Velero(connect(lambda asked: status(code, "Timeout", "etcdserver: request timed out")))
    with pytest.raises(TimeLimit, match=r"Last error: .*etcdserver: request timed out"):
        failing.wait_for_backup("b", seconds=0)


def test_a_backup_that_the_server_takes_for_gone_while_it_reads_the_bucket_is_waited_for(connect):
    """Seen in the lab: the object of a Completed Backup was deleted as an orphan, and recreated two minutes later."""
    answers = iter([None, None, backup("b").body])
    clock = iter([0.0, 0.0, 60.0])

    def answer(asked: Request) -> tuple[int, Any]:
        found = next(answers)
        return (200, found) if found else status(404, "NotFound", 'backups.velero.io "b" not found')

    assert Velero(connect(answer), now=lambda: next(clock)).wait_for_backup("b", seconds=10).good


def test_a_backup_that_stays_away_ends_the_wait_and_a_restore_that_is_removed_at_once(connect):
    velero = Velero(connect(lambda asked: status(404, "NotFound", '"b" not found')), now=lambda: next(clock))
    clock = iter([0.0, 0.0, RESYNC_SECONDS + 1])
    with pytest.raises(NotFound, match="not found"):
        velero.wait_for_backup("b", seconds=30)
    clock = iter([0.0])
    with pytest.raises(NotFound, match="not found"):
        velero.wait_for_restore("b", seconds=30)


def test_a_backup_that_does_not_end_in_time_is_given_up_with_its_phase(connect):
    velero = Velero(connect(lambda asked: (200, backup("b", phase="InProgress").body)))
    with pytest.raises(TimeLimit, match=r"the end of Backup b \(its phase is InProgress\) did not come"):
        velero.wait_for_backup("b", seconds=0)


def session() -> Session:
    return Session(Target.of(stack=None, context="exam"))


def test_without_a_stack_the_bucket_is_that_of_the_default_location(connect):
    connect(installation())
    assert session().store().address.bucket == location().bucket


def test_several_locations_and_no_default_leave_it_open(connect):
    bodies = []
    for name in ("one", "two"):
        body = recorded("location.json")
        body["metadata"]["name"] = name
        body["spec"]["default"] = False
        bodies.append(body)
    connect(installation(backupstoragelocations=bodies))
    with pytest.raises(BadTarget, match="expected one default location in namespace velero; known: one, two"):
        session().store()
    assert session().store("two").address.bucket == location().bucket


@pytest.mark.parametrize(("replicas", "ready"), [(1, True), (0, False), (None, False)])
def test_the_server_is_ready_when_its_deployment_is(connect, replicas, ready):
    body = {"status": {"availableReplicas": replicas} if replicas else {}}
    missing = status(404, "NotFound", 'deployments.apps "velero" not found')
    connect(lambda asked: missing if replicas is None else (200, body))
    assert session().server_ready() is ready


def test_a_schedule_that_the_server_cannot_decode_is_listed_all_the_same(connect):
    velero = Velero(connect(installation(schedules=[recorded_schedule("days").body])))
    assert [schedule.ttl for schedule in velero.schedules()] == ["30d"]
