"""`backup`: what is asked of the server, and the report on the result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import recorded_schedule
from tests.velero_eks.recovery.restore.api import Api, refused, session
from tests.velero_eks.recovery.restore.made import body
from velero_eks.commands import backup as backup_command
from velero_eks.commands import logs as logs_command
from velero_eks.commands.backup import BackupRequest, run_backup
from velero_eks.errors import BadTarget, OperationError, TimeLimit
from velero_eks.recovery.coverage import Coverage
from velero_eks.recovery.session import Session
from velero_eks.velero.records import Schedule

BACKUPS = "/apis/velero.io/v1/namespaces/velero/backups"


class Server(Api):
    """A cluster in which Velero runs and gives a Backup this phase at once."""

    def __init__(self, phase: str = "Completed", **status: Any) -> None:
        super().__init__(body("Namespace", "shop"), on=self.velero)
        self.status = {"phase": phase, **status}
        self.spec: dict[str, Any] = {}
        self.labels: dict[str, str] = {}

    def velero(self, method: str, path: str, sent: Any) -> tuple[int, Any] | None:
        if path.endswith("/deployments/velero"):
            return 200, {"status": {"availableReplicas": 1}}
        if (method, path) == ("POST", BACKUPS):
            self.spec, self.labels = sent["spec"], sent["metadata"].get("labels") or {}
            return 201, sent
        if path.startswith(BACKUPS + "/") and self.spec:
            return 200, {"metadata": {"name": path.rpartition("/")[2]}, "spec": self.spec, "status": self.status}
        return None


class Bucket:
    address = "s3://backups"

    def messages(self, name: str) -> list[Any]:
        raise OperationError(f"backups/{name}/{name}-results.gz is damaged")


def made(server: Api, monkeypatch, asked: BackupRequest, *, whole: bool = True, seconds: float = 5) -> int:
    def coverage(session, found, *, needs):
        return Coverage(found, (), (), {}, {} if whole else {"secrets": "not allowed"})

    monkeypatch.setattr(backup_command, "coverage_of", coverage)
    monkeypatch.setattr(Session, "store", lambda *_: Bucket())
    return run_backup(session(server), asked, yes=True, everything=False, seconds=seconds, as_json=True)


def schedule(**template: Any) -> Schedule:
    found = recorded_schedule("daily-backup")
    return Schedule({**found.body, "spec": {**found.spec, "template": {"ttl": "24h0m0s", **template}}})


def test_a_backup_is_made_followed_and_covered(monkeypatch, capsys):
    server = Server()
    assert made(server, monkeypatch, BackupRequest(name="b", namespaces=("shop",), keep="7d")) == 0
    assert server.spec == {"ttl": "168h0m0s", "includedNamespaces": ["shop"]}
    assert "velero.io/schedule-name" not in server.labels
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["phase"], document["good"]) == (1, "Completed", True)


@pytest.mark.parametrize("phase", ["PartiallyFailed", "Failed", "FailedValidation"])
def test_what_is_not_completed_exits_with_1_and_says_why_though_its_files_are_damaged(monkeypatch, capsys, phase):
    server = Server(phase, validationErrors=["no such location"])
    assert made(server, monkeypatch, BackupRequest(name="b", namespaces=("shop",))) == 1
    why = json.loads(capsys.readouterr().out)["why"]
    assert why[0] == "no such location"
    assert "Velero's result cannot be read: backups/b/b-results.gz is damaged" in why[1]


def test_what_is_completed_and_lacks_something_exits_with_1(monkeypatch):
    assert made(Server(), monkeypatch, BackupRequest(name="b", namespaces=("shop",)), whole=False) == 1


def test_a_namespace_that_is_not_there_is_refused_before_anything_is_made(monkeypatch):
    server = Server()
    with pytest.raises(BadTarget, match=r"has no namespace 'shpo'; .* did you mean shop\?$"):
        made(server, monkeypatch, BackupRequest(name="b", namespaces=("shop", "shpo")))
    assert server.spec == {}


def test_who_may_not_see_namespaces_may_back_them_up(monkeypatch):
    server = Server()
    forbidden = refused(403, "Forbidden", 'namespaces "shop" is forbidden: User "ci" cannot get resource "namespaces"')
    server.on = lambda method, path, sent: (
        forbidden if path == "/api/v1/namespaces/shop" else server.velero(method, path, sent)
    )
    assert made(server, monkeypatch, BackupRequest(name="b", namespaces=("shop",))) == 0


def test_without_a_yes_and_nobody_to_ask_nothing_is_made(monkeypatch):
    server = Server()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(BadTarget, match="give --yes"):
        run_backup(session(server), BackupRequest(name="b"), yes=False, everything=False, seconds=5, as_json=True)
    assert server.spec == {}


def test_a_backup_that_takes_too_long_exits_with_1_and_goes_on(monkeypatch, capsys):
    with pytest.raises(TimeLimit, match=r"its phase is InProgress") as error:
        made(Server("InProgress"), monkeypatch, BackupRequest(name="b", namespaces=("shop",)), seconds=0.1)
    assert error.value.exit_code == 1
    assert "Backup b continues in the server" in capsys.readouterr().err


def test_who_interrupts_is_told_that_the_backup_goes_on(monkeypatch, capsys):
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("velero_eks.velero.api.wait_for", interrupt)
    with pytest.raises(KeyboardInterrupt):
        made(Server(), monkeypatch, BackupRequest(name="b", namespaces=("shop",)))
    assert "velero-eks logs --context test b" in capsys.readouterr().err


def test_a_schedules_template_is_taken_without_its_labels_and_what_is_asked_is_laid_over():
    template = schedule(metadata={"labels": {"a": "b"}}, includedNamespaces=["*"], excludedNamespaces=["velero"])
    request = BackupRequest(name="b", schedule="daily-backup", namespaces=("shop",))
    assert request.spec(template, "velero", "1h0m0s") == {
        "ttl": "24h0m0s", "includedNamespaces": ["shop"],
    }  # fmt: skip
    assert BackupRequest(name="b").spec(None, "velero", "1h0m0s") == {
        "ttl": "1h0m0s", "includedNamespaces": ["*"], "excludedNamespaces": ["velero"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "template", "expected"),
    [
        ({"groups": ("exam.example.com",)}, {}, {"includeClusterResources": True}),
        ({"cluster_resources": False}, {}, {"includeClusterResources": False}),
        (
            {"groups": ("exam.example.com",)},
            {"includedNamespaceScopedResources": ["*"], "excludedClusterScopedResources": ["nodes"]},
            {"includedClusterScopedResources": ["*"], "excludedClusterScopedResources": []},
        ),
        (
            {"cluster_resources": False},
            {"includedClusterScopedResources": ["nodes"]},
            {"includedClusterScopedResources": [], "excludedClusterScopedResources": ["*"]},
        ),
    ],
)
def test_cluster_scoped_objects_are_asked_for_in_the_filters_that_the_template_has(asked, template, expected):
    spec = BackupRequest(name="b", schedule="daily-backup", **asked).spec(schedule(**template), "velero", "1h0m0s")
    # Velero refuses a Backup with filters of both kinds.
    assert {key: value for key, value in spec.items() if "Cluster" in key} == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (BackupRequest(name="Upper"), "1 to 63 of a-z"),
        (BackupRequest(name="b" * 64), "1 to 63 of a-z"),
        (BackupRequest(name="b", count_for_schedule=True), "needs --schedule"),
        (BackupRequest(name="b", groups=("g",), cluster_resources=False), "remove --no-cluster-resources"),
        (BackupRequest(name="b", keep="long"), "--keep 'long'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_made(monkeypatch, asked, message):
    server = Server()
    with pytest.raises(BadTarget, match=message):
        made(server, monkeypatch, asked)
    assert server.spec == {}


def test_a_name_that_is_taken_is_refused(monkeypatch):
    server = Server()
    server.spec = {"ttl": "1h0m0s"}
    with pytest.raises(BadTarget, match="backup b already exists"):
        made(server, monkeypatch, BackupRequest(name="b", namespaces=("shop",)))


def test_why_a_restore_failed_is_never_an_error_of_its_own(monkeypatch):
    monkeypatch.setattr(Session, "store", lambda *_: Bucket())
    found = logs_command.explain(session(Api()), backup_command.Backup({"metadata": {"name": "b"}, "status": {}}))
    assert found == ["Velero's result cannot be read: backups/b/b-results.gz is damaged"]
