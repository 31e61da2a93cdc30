"""The commands that look, from the command line, with the cluster gone: an emulated bucket with recorded backups."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from tests.velero_eks.aws.emulated import emulated_bucket
from tests.velero_eks.kube.api_server import api_server, kubeconfig, status
from tests.velero_eks.plan.projects import project, stack_text
from tests.velero_eks.recovery.recorded import BACKUPS, backup
from velero_eks.commands import app as cli
from velero_eks.errors import NotAllowed
from velero_eks.recovery.history import found_in
from velero_eks.velero.backup_contents import Place, Selection

BUCKET, REGION = "backups-of-exam", "eu-west-1"


@pytest.fixture(scope="module")
def bucket():
    """An emulated account with the recorded backups in its bucket."""
    with emulated_bucket(BUCKET, REGION) as client:
        for path in BACKUPS.rglob("*.*"):
            key = f"backups/{path.parent.name}/{path.name}"
            client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        yield client


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a project whose stack `dev` names the bucket, and a cluster that is gone."""
    stack = yaml.safe_load(stack_text())
    config = stack["config"]
    config["aws:region"] = REGION
    config["velero-eks:cluster"].update({"context": "lost", "account": "123456789012"})
    config["velero-eks:cluster"].pop("oidcIssuer", None)
    config["velero-eks:identity"] = {"mode": "pod-identity"}
    config["velero-eks:storage"] = {"bucket": BUCKET}
    monkeypatch.chdir(project(tmp_path / "p", dev=yaml.safe_dump(stack)))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "kubeconfig", {"lost": "http://127.0.0.1:9"})))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, arguments)

    return invoke


def test_an_object_is_shown_with_the_cluster_gone(bucket, run):
    result = run("show", "whole", "cm/grading", "-n", "exam-prod", "--stack", "dev")
    assert (result.exit_code, result.stderr) == (0, "")
    (document,) = yaml.safe_load_all(result.stdout)
    assert document["data"] == {"mode": "strict", "threshold": "40"}
    assert result.stdout.startswith("# From backup whole, started 2026-11-23 ")


def test_a_backup_without_the_data_of_a_claim_says_so_above_its_objects(bucket, run):
    volumes = [{"pvcName": "data", "pvcNamespace": "exam-prod", "pvName": "p", "skipped": True, "skippedReason": "gp2"}]
    key = "backups/whole/whole-volumeinfo.json.gz"
    bucket.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(json.dumps(volumes).encode()))
    stack = Path("stacks/Pulumi.dev.yaml")
    try:
        # In a stack that takes no volumes nothing is missing.
        assert run("show", "whole", "cm/grading", "-n", "exam-prod", "--stack", "dev").stderr == ""
        document = yaml.safe_load(stack.read_text())
        document["config"]["velero-eks:volumes"] = {"mode": "csi-snapshot"}
        stack.write_text(yaml.safe_dump(document))
        result = run("show", "whole", "cm/grading", "-n", "exam-prod", "--stack", "dev")
        assert result.stderr.strip() == "warning: backup whole has no data of claim exam-prod/data: gp2"
        assert result.stdout.splitlines()[0].endswith("It has no data of exam-prod/data: they would come back empty.")
        shown = run("show", "whole", "cm/grading", "-n", "exam-prod", "--stack", "dev", "--json")
        [claim] = json.loads(shown.stdout)["claims_without_data"]
        assert (claim["namespace"], claim["name"], claim["reason"]) == ("exam-prod", "data", "gp2")
    finally:
        bucket.delete_object(Bucket=BUCKET, Key=key)


def test_what_a_backup_that_failed_in_part_shows_is_said_to_be_perhaps_not_all(bucket, run):
    result = run("show", "in-part", "cm/grading", "-n", "exam-prod", "--stack", "dev")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].endswith("It is PartiallyFailed: objects may be missing.")


def test_a_namespace_is_shown_whole_in_an_order_that_a_cluster_takes(bucket, run):
    result = run("show", "whole", "-n", "exam-prod", "--stack", "dev")
    kinds = [document["kind"] for document in yaml.safe_load_all(result.stdout)]
    assert kinds[0] == "Namespace"
    assert not {"Pod", "ReplicaSet", "Event"} & set(kinds)
    assert "made by controllers left out; --derived shows them" in result.stderr
    derived = run("show", "whole", "-n", "exam-prod", "--derived", "--stack", "dev")
    assert {"Pod", "ReplicaSet"} <= {document["kind"] for document in yaml.safe_load_all(derived.stdout)}


def test_secrets_are_masked_unless_they_are_asked_for(bucket, run):
    masked = run("show", "whole", "secret", "-n", "exam-prod", "--stack", "dev")
    assert "masked" in masked.stdout and "bm90LWEtcmVhbC1zZWNyZXQ=" not in masked.stdout
    shown = run("show", "whole", "secret", "-n", "exam-prod", "--show-secrets", "--stack", "dev")
    assert "bm90LWEtcmVhbC1zZWNyZXQ=" in shown.stdout
    as_json = json.loads(run("show", "whole", "secret", "--json", "--stack", "dev").stdout)
    assert as_json["version"] == 1
    assert all("masked" in item["data"]["key"] for item in as_json["objects"])


def test_names_alone_can_be_listed(bucket, run):
    result = run("show", "whole", "-n", "exam-prod", "--list", "--stack", "dev")
    assert result.exit_code == 0
    assert "grading" in result.stdout and "strict" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("show", "whole", "cm/gradin", "-n", "exam-prod"),
            "has no configmaps/gradin in namespace exam-prod; did you mean grading?",
        ),
        (("show", "whole", "secret/grading"), "there is configmaps/grading -n exam-prod"),
        (
            ("show", "whole", "-n", "exam"),
            "has nothing in namespace exam; its namespaces are: exam-prod; did you mean exam-prod?",
        ),
        (("history", "cm/nothing"), "none of 2 backups in s3://backups-of-exam has configmaps/nothing"),
    ],
)
def test_what_is_not_in_a_backup_exits_with_1_and_says_what_comes_closest(bucket, run, arguments, message):
    result = run(*arguments, "--stack", "dev")
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "whole"), "which cluster?"),
        (("status", "--stack", "dev", "--context", "lost"), "keep one of them"),
        (("show", "gone", "--stack", "dev"), "no backup and no schedule is called 'gone'"),
        (("show", "whole", "a/b/c", "--stack", "dev"), "write KIND or KIND/NAME"),
        (("show", "daily", "--at", "yesterday", "--stack", "dev"), "write it as 2026-11-24T09:00Z"),
        (("show", "daily", "--at", "2026-11-24T09:00", "--stack", "dev"), "has no time zone"),
        (("history", "cm", "--stack", "dev"), "is a kind; write KIND/NAME"),
        (("logs", "whole", "--level", "loud", "--stack", "dev"), "expected one of error, warning, info, debug"),
        (("logs", "whole", "--kind", "pod", "--stack", "dev"), "expected backup or restore"),
        (("logs", "gone", "--stack", "dev"), "no backup or restore is called 'gone'"),
        (
            ("logs", "hole", "--stack", "dev"),
            "did you mean whole? List the backups: velero-eks backups --stack dev",
        ),
        (("status", "--stack", "dev"), "lost: no answer from http://127.0.0.1:9"),
        (("coverage", "whole", "--stack", "dev"), "lost: no answer from http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_asked_exits_with_2_and_says_why(bucket, run, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_history_is_told_with_the_cluster_gone(bucket, run):
    result = run("history", "cm/grading", "-n", "exam-prod", "--json", "--stack", "dev")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["version"], document["backups"]) == (0, 1, 2)
    assert [(change["change"], change["backup"], change["same_in_later"]) for change in document["changes"]] == [
        ("first seen", "whole", 1)
    ]
    words = run("history", "configmap/grading", "--stack", "dev")
    assert "velero-eks show --stack dev whole ConfigMap/grading -n exam-prod" in words.stdout.replace("\n", "")


def test_a_backup_that_lacks_a_kind_is_no_history_of_it(bucket, run):
    # `whole` was made before the server knew the kind; the filters would have taken it, so that it counts as absent.
    document = json.loads(run("history", "question/question-001", "--json", "--stack", "dev").stdout)
    assert [change["backup"] for change in document["changes"]] == ["in-part"]


@pytest.fixture
def stored(bucket):
    """Puts a backup into the bucket, an hour after the recorded ones; it is removed again."""
    made: list[str] = []

    def put(name: str, phase: str = "Completed", **files: bytes) -> None:
        body = json.loads((BACKUPS / "in-part" / "velero-backup.json").read_text())
        body["metadata"]["name"] = name
        body["status"].update({"phase": phase, "startTimestamp": "2026-11-23T23:00:00Z"})
        for file, content in {"velero-backup.json": json.dumps(body).encode(), **files}.items():
            made.append(f"backups/{name}/{file}")
            bucket.put_object(Bucket=BUCKET, Key=made[-1], Body=content)

    yield put
    for key in made:
        bucket.delete_object(Bucket=BUCKET, Key=key)


EMPTY = {"-resource-list.json.gz": gzip.compress(b"{}"), ".tar.gz": gzip.compress(bytes(10_240))}


@pytest.mark.parametrize(("phase", "changes"), [("Completed", ["first seen", "gone"]),
                                                ("PartiallyFailed", ["first seen"])])  # fmt: skip
def test_an_object_is_gone_only_where_a_backup_that_is_whole_lacks_it(bucket, run, stored, phase, changes):
    stored("later", phase, **{f"later{end}": content for end, content in EMPTY.items()})
    told = json.loads(run("history", "cm/grading", "-n", "exam-prod", "--json", "--stack", "dev").stdout)
    assert [change["change"] for change in told["changes"]] == changes
    words = run("history", "cm/grading", "--stack", "dev").stdout
    assert ("Not counted: 1 backup, whose filters exclude" in words) == (phase == "PartiallyFailed")


def test_two_objects_of_one_name_are_no_history_though_no_backup_has_both(bucket, run, stored):
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "grading", "namespace": "other"}})
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
        member = tarfile.TarInfo("resources/configmaps/namespaces/other/grading.json")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body.encode()))
    listed = gzip.compress(json.dumps({"v1/ConfigMap": ["other/grading"]}).encode())
    stored("later", **{"later-resource-list.json.gz": listed, "later.tar.gz": tarball.getvalue()})
    result = run("history", "cm/grading", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "configmaps/grading is in namespaces exam-prod, other; choose one with -n" in result.stderr


def test_a_backup_that_cannot_be_read_does_not_hide_what_the_others_have(bucket, run, stored):
    listed = (BACKUPS / "whole" / "whole-resource-list.json.gz").read_bytes()
    tarball = (BACKUPS / "whole" / "whole.tar.gz").read_bytes()
    stored("damaged", **{"damaged-resource-list.json.gz": listed, "damaged.tar.gz": tarball[:300]})
    stored("expiring")
    result = run("history", "cm/grading", "-n", "exam-prod", "--json", "--stack", "dev")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["backups"], len(document["changes"])) == (0, 2, 1)
    assert "cannot be read to its end" in document["not_read"]["damaged"]
    assert "warning: backup expiring is left out: backup expiring has no resource list" in result.stderr


def test_who_gives_up_on_a_history_does_not_wait_for_whole_tarballs():
    class Store:
        def resource_list(self, name):
            if name == "refused":
                time.sleep(0.1)
                raise NotAllowed("no")
            return {"v1/ConfigMap": ["exam-prod/grading"]}

        def contents(self, name, wanted, *, unread):
            for _ in range(60_000):
                time.sleep(0.01)
                wanted(Place("configmaps", "exam-prod", "other"))
            yield from ()

    began = time.monotonic()
    with pytest.raises(NotAllowed):
        found_in(Store(), [backup(name) for name in ("long", "refused")], Selection.parse("cm/grading"), None)  # pyright: ignore[reportArgumentType]
    # Ten minutes and more is what reading to the end takes.
    assert time.monotonic() - began < 120


def test_the_log_of_a_backup_is_read_from_the_bucket_alone(bucket, run):
    result = run("logs", "in-part", "--stack", "dev")
    assert result.exit_code == 1
    assert "this is what the bucket has" in result.stderr
    assert "vol2: Error backing up item: daemonset pod not found" in result.stdout
    assert run("logs", "whole", "--stack", "dev").exit_code == 0


def test_a_context_that_is_gone_from_the_kubeconfig_leaves_the_bucket(bucket, run, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    result = run("logs", "whole", "--stack", "dev")
    assert result.exit_code == 0
    assert "there is no kubeconfig" in result.stderr and "this is what the bucket has" in result.stderr


def test_the_log_for_programs_has_the_level_that_was_asked_for(bucket, run):
    errors = json.loads(run("logs", "in-part", "--level", "error", "--json", "--stack", "dev").stdout)
    everything = json.loads(run("logs", "in-part", "--level", "debug", "--json", "--stack", "dev").stdout)
    assert (errors["version"], errors["phase"], len(errors["log"])) == (1, "PartiallyFailed", 1)
    assert len(everything["log"]) > 100
    assert [message["severity"] for message in errors["messages"]].count("error") == 1


def test_a_user_without_rights_is_told_which_one_is_missing(run, tmp_path, monkeypatch):
    said = 'schedules.velero.io is forbidden: User "oncall" cannot list resource "schedules" in API group "velero.io"'
    with api_server(lambda asked: status(403, "Forbidden", said)) as answering:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "other", {"exam": answering.url})))
        result = run("status", "--context", "exam")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize("command", ["status", "coverage b", "show b", "backup b --yes", "drill --yes"])
def test_no_command_of_day_2_loads_the_engines_sdk(run, command):
    # It takes longer to load than most of them take to answer. No address of either is one that answers.
    program = (
        "import sys; from velero_eks.commands.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, 'pulumi' in sys.modules)"
    )
    variables = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
    nowhere = "http://127.0.0.1:9"
    said = subprocess.run(
        [sys.executable, "-c", program, *command.split(), "--stack", "dev"],
        env={**os.environ, **variables, "AWS_ENDPOINT_URL": nowhere, "HTTPS_PROXY": nowhere},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["2", "False"], said.stderr
