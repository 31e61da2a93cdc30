"""`velero-eks backups`, typed: an emulated bucket, with the cluster gone or answering."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from tests.velero_eks.aws.emulated import emulated_bucket
from tests.velero_eks.kube.api_server import api_server, kubeconfig, status
from tests.velero_eks.plan.projects import project, stack_text
from tests.velero_eks.recovery.recorded import NOW, ago, backup, location
from velero_eks.commands import app as cli
from velero_eks.commands import backups as command
from velero_eks.velero.records import Backup

BUCKET, REGION = "backups-of-exam", "eu-west-1"
Run = Callable[..., Result]


class _Clock:
    """Now is when the backups of these tests were recorded."""

    @staticmethod
    def now(_: Any) -> Any:
        return NOW


@pytest.fixture
def bucket() -> Iterator[Any]:
    """An emulated account with an empty bucket."""
    with emulated_bucket(BUCKET, REGION) as client:
        yield client


def put(bucket: Any, record: Backup, volumes: Any = (), *, contents: bool = True) -> None:
    folder = f"backups/{record.name}"
    bucket.put_object(Bucket=BUCKET, Key=f"{folder}/velero-backup.json", Body=json.dumps(record.body).encode())
    packed = gzip.compress(json.dumps(list(volumes)).encode())
    bucket.put_object(Bucket=BUCKET, Key=f"{folder}/{record.name}-volumeinfo.json.gz", Body=packed)
    if contents:
        bucket.put_object(Bucket=BUCKET, Key=f"{folder}/{record.name}.tar.gz", Body=b"x")


def made(name: str, *, items: int = 2412, left: float = 240, **given: Any) -> Backup:
    """A backup of so many objects that expires in `left` hours."""
    found = backup(name, **given)
    found.body["status"] |= {
        "expiration": ago(hours=-left), "progress": {"itemsBackedUp": items}, "errors": 2 if not found.good else 0,
    }  # fmt: skip
    return found


@pytest.fixture
def run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a project whose stack `dev` names the bucket, and a cluster that is gone."""
    stack = yaml.safe_load(stack_text())
    config = stack["config"]
    config["aws:region"] = REGION
    config["velero-eks:cluster"].update({"context": "lost", "account": "123456789012"})
    config["velero-eks:cluster"].pop("oidcIssuer", None)
    config["velero-eks:identity"] = {"mode": "pod-identity"}
    config["velero-eks:storage"] = {"bucket": BUCKET}
    config["velero-eks:volumes"] = {"mode": "csi-snapshot"}
    monkeypatch.chdir(project(tmp_path / "p", dev=yaml.safe_dump(stack)))
    monkeypatch.setattr(command, "datetime", _Clock)

    def invoke(*arguments: str, url: str = "http://127.0.0.1:9", columns: int = 160) -> Result:
        contexts = {"lost": url}
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "kubeconfig", contexts)))
        monkeypatch.setenv("COLUMNS", str(columns))
        return CliRunner().invoke(cli.app, ["backups", *arguments])

    return invoke


def velero(*backups: Backup) -> Any:
    """An API server with Velero's objects."""
    items = {"backups": [each.body for each in backups], "backupstoragelocations": [location().body], "schedules": []}

    def answer(request: Any) -> Any:
        kind = request.path.rpartition("/")[2]
        return (200, {"items": items[kind]}) if kind in items else status(404, "NotFound", "no")

    return api_server(answer)


DONE = {"pvcName": "data", "pvcNamespace": "exam-prod", "pvName": "pv-1", "result": "succeeded"}
LOST = {"pvcName": "logs", "pvcNamespace": "exam-prod", "pvName": "pv-2", "skipped": True, "skippedReason": "gp2"}


@pytest.fixture
def filled(bucket: Any) -> Any:
    put(bucket, made("daily-backup-20261123090000", hours=3), [DONE])
    put(bucket, made("daily-backup-20261122090000", hours=27, phase="PartiallyFailed"), [DONE])
    put(bucket, made("first", hours=50, left=-1), [DONE, LOST])
    return bucket


def test_with_the_cluster_gone_the_bucket_says_what_there_is(filled, run):
    result = run("dev")
    assert result.exit_code == 0
    assert "the cluster was not asked; this is what the bucket has: context lost: no answer" in result.stderr
    head, _, title, _, *rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert head == f"stack dev · s3://{BUCKET} · 2026-11-23 12:00:00 UTC"
    assert title == "Backup Schedule Ended Phase Errors Objects Volumes Expires"
    assert rows[:3] == [
        "daily-backup-20261123090000 daily-backup 2 h ago Completed 2,412 1 in 10 days",
        "daily-backup-20261122090000 daily-backup 26 h ago PartiallyFailed 2 2,412 1 in 10 days",
        "first daily-backup 2 days ago Completed 2,412 1 of 2 expired",
    ]
    assert rows[4:] == [
        "daily-backup-20261122090000: PartiallyFailed. Objects may be missing",
        "velero-eks logs --stack dev daily-backup-20261122090000 says why",
        "first: no data of exam-prod/logs. Restored, these claims would be empty",
        "gp2",
        "first: expired. A Velero server deletes it within an hour of seeing it",
        "",
        "Newest good backup: daily-backup-20261123090000, ended 2 h 59 min ago.",
        "velero-eks show --stack dev daily-backup-20261123090000 --list",
    ]


def test_where_both_answer_it_is_said_what_one_alone_has(filled, run):
    lone = made("daily-backup-20261121090000", hours=51)
    with velero(made("daily-backup-20261122090000", hours=27, phase="PartiallyFailed"), lone) as server:
        result = run("dev", url=server.url)
    assert (result.exit_code, result.stderr) == (0, "")
    said = " ".join(result.stdout.split())
    assert "daily-backup-20261121090000: not in the bucket, only in the cluster. Nothing can be restored" in said
    assert "daily-backup-20261123090000, first: in the bucket and not in the cluster The Velero server takes" in said
    assert "It last read it 40 s ago." in said


def test_the_document_has_every_backup_and_what_is_wrong_with_it(filled, run):
    result = run("--stack", "dev", "--json")
    found = json.loads(result.stdout)
    assert (found["version"], found["stack"], found["cluster_read"], found["more"]) == (1, "dev", False, 0)
    assert found["newest_good"] == "daily-backup-20261123090000"
    assert found["buckets"] == {"default": f"s3://{BUCKET}"}
    assert [error["subject"] for error in found["errors"]] == ["cluster"]
    first = found["backups"][-1]
    assert first == {
        "name": "first",
        "location": "default",
        "schedule": "daily-backup",
        "phase": "Completed",
        "good": False,
        "started": "2026-11-21T10:00:00+00:00",
        "completed": "2026-11-21T10:01:00+00:00",
        "expires": "2026-11-23T11:00:00+00:00",
        "errors": 0,
        "warnings": 0,
        "objects": 2412,
        "volumes": {
            "with_data": 1,
            "claims_without_data": [{"namespace": "exam-prod", "name": "logs", "volume": "pv-2", "reason": "gp2"}],
        },
        "files": "present",
        "in_cluster": None,
        "flaws": ["no-volume-data", "expired"],
        "damage": None,
    }


def test_a_long_list_is_cut_to_a_screen_and_programs_get_all(bucket, run):
    for number in range(25):
        put(bucket, made(f"b-{number}", hours=number + 1))
    cut = run("dev")
    assert "… and 5 more; --full lists them" in cut.stdout
    assert "b-19" in cut.stdout and "b-20" not in cut.stdout
    assert "b-24" in run("dev", "--full").stdout
    assert "… and 23 more" in run("dev", "--last", "2").stdout
    assert len(json.loads(run("dev", "--json").stdout)["backups"]) == 25
    assert len(json.loads(run("dev", "--json", "--last", "3").stdout)["backups"]) == 3


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_each_backup_has_one_line_however_narrow_the_window_is(filled, run, columns):
    lines = run("dev", columns=columns).stdout.splitlines()
    table = lines[lines.index("") + 3 :][:3]
    assert all(len(line.rstrip()) <= columns for line in lines)
    assert [line.split()[0] for line in table] == [
        "daily-backup-20261123090000", "daily-backup-20261122090000", "first",
    ]  # fmt: skip
    assert "PartiallyFailed" in table[1]


def test_markdown_has_the_same_rows(filled, run):
    lines = run("dev", "--markdown").stdout.splitlines()
    assert lines[0] == "Newest good backup: daily-backup-20261123090000, ended 2 h 59 min ago."
    assert lines[4].startswith("| daily-backup-20261123090000 | daily-backup | 2 h ago | Completed |")
    assert "- first: no data of exam-prod/logs. Restored, these claims would be empty. gp2" in lines


def test_no_good_backup_exits_with_1(bucket, run):
    empty = run("dev")
    assert (empty.exit_code, "There is no backup." in empty.stdout) == (1, True)
    assert "velero-eks backup NAME --stack dev makes one" in empty.stdout
    put(bucket, made("half", hours=1), contents=False)
    result = run("dev")
    assert (result.exit_code, "There is no good backup." in result.stdout) == (1, True)
    assert "half: the objects (NAME.tar.gz) are missing in the bucket. Nothing can be restored" in result.stdout


def test_an_empty_file_of_contents_is_none(bucket, run):
    put(bucket, made("half", hours=1))
    assert run("dev").exit_code == 0
    bucket.put_object(Bucket=BUCKET, Key="backups/half/half.tar.gz", Body=b"")
    result = run("dev")
    assert result.exit_code == 1
    assert "half: the objects (NAME.tar.gz) are missing in the bucket. Nothing can be restored" in result.stdout


def test_a_bucket_that_cannot_be_read_exits_with_2_and_the_cluster_still_says_what_it_knows(bucket, run):
    bucket.delete_bucket(Bucket=BUCKET)
    with velero(made("b", hours=1)) as server:
        result = run("dev", url=server.url)
    assert result.exit_code == 2
    assert f"error: the bucket of location default was not read: bucket {BUCKET} does not exist" in result.stderr
    assert "b " in result.stdout and "is unknown: the bucket was not read." in result.stdout
    lost = run("dev")
    assert (lost.exit_code, lost.stdout) == (2, "")
    assert "error: the cluster was not asked either: context lost: no answer" in lost.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dev", "--json", "--markdown"), "Give one of them"),
        (("dev", "--last", "3", "--full"), "Give one of them"),
        (("dev", "--last", "0"), "Invalid value for '--last'"),
        (("dev", "--schedule", "daily"), "no schedule 'daily' and no backup of one; did you mean daily-backup?"),
        ((), "which cluster?"),
    ],
)
def test_bad_input_exits_with_2(filled, run, arguments, said):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_what_somebody_put_into_the_bucket_commands_no_terminal(bucket, run):
    evil = made("evil", hours=1, schedule="x\x1b[31m::error::y")
    put(bucket, evil, [{**LOST, "skippedReason": "\x1b[2J|x"}])
    for arguments in ((), ("--markdown",), ("--json",)):
        result = run("dev", *arguments)
        assert result.exit_code == 1
        assert "\x1b" not in result.stdout + result.stderr
