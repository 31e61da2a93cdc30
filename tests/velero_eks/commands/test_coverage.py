"""`coverage` from end to end, over canned answers: what is asked of the cluster, and what it costs."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.limits import HANG
from tests.support import settings
from tests.velero_eks.kube.api_server import Request, api_server, kubeconfig, status
from tests.velero_eks.recovery.recorded import KINDS, ago, backup, location, recorded
from velero_eks.commands.coverage import document, render
from velero_eks.errors import BadTarget
from velero_eks.kube.client import PAGE, Cluster
from velero_eks.kube.connection import Answer
from velero_eks.recovery.coverage import coverage_of
from velero_eks.terminal.output import console
from velero_eks.velero.bucket import BackupStore, StoreAddress
from velero_eks.velero.filters import NEEDED_VERBS
from velero_eks.velero.records import Backup

ROOT = "/api/v1"
QUESTIONS = "/apis/exam.example.com/v1"
LISTED = [kind for kind in KINDS if kind.verbs >= NEEDED_VERBS]


def named(count: int, namespace: str = "big") -> list[dict[str, Any]]:
    """The metadata of this many objects, with what an API server tells of each."""
    fields = {"f:data": {".": {}, "f:value": {}}, "f:metadata": {"f:labels": {".": {}, "f:number": {}}}}
    return [
        {
            "name": f"object-{number:05}", "namespace": namespace, "uid": f"{number:032x}",
            "creationTimestamp": ago(days=2), "labels": {"number": str(number)},
            "managedFields": [{"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsV1": fields}],
        }
        for number in range(count)
    ]  # fmt: skip


class ApiServer:
    """Serves the recorded kinds, and objects by the path of their collection, page by page."""

    name = "exam"
    server = "https://api.example.com"

    def __init__(self, collections: dict[str, list[dict[str, Any]]], held: threading.Event | None = None) -> None:
        self.collections = collections
        self.held = held
        self.asked: list[tuple[str, dict[str, str]]] = []

    def send(
        self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any, seconds: float
    ) -> Answer:
        if path in ("/api", "/apis"):
            core, groups = recorded("discovery.json")
            return Answer(200, {}, json.dumps(core if path == "/api" else groups).encode())
        assert (method, "as=PartialObjectMetadataList" in headers["Accept"]) == ("GET", True)
        asked = dict(query)
        self.asked.append((path, asked))
        if self.held is not None:
            self.held.wait(HANG)
        found = self.collections.get(path, [])
        start, size = int(asked.get("continue", 0)), int(asked["limit"])
        more = {"continue": str(start + size)} if start + size < len(found) else {}
        page = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": more,
                "items": [{"metadata": metadata} for metadata in found[start : start + size]]}  # fmt: skip
        return Answer(200, {}, json.dumps(page).encode())


class Bucket:
    """Holds one backup, called b."""

    def __init__(self, listed: dict[str, list[str]], paths: list[str]) -> None:
        self.files = {"backups/b/b-resource-list.json.gz": gzip.compress(json.dumps(listed).encode())}
        tarball = io.BytesIO()
        with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
            for path in paths:
                member = tarfile.TarInfo(path)
                member.size = 600
                archive.addfile(member, io.BytesIO(b"x" * 600))
        if paths:
            self.files["backups/b/b.tar.gz"] = tarball.getvalue()

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        if Key not in self.files:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.files[Key])}


def config_maps(count: int) -> Bucket:
    """A backup with this many ConfigMaps, each stored twice as Velero does."""
    paths = [
        f"resources/configmaps/{version}namespaces/big/object-{number:05}.json"
        for number in range(count)
        for version in ("", "v1-preferredversion/")
    ]
    return Bucket({"v1/ConfigMap": [f"big/object-{number:05}" for number in range(count)]}, paths)


def session(server: ApiServer, bucket: Bucket) -> Any:
    store = BackupStore(StoreAddress(bucket="backups"), bucket)
    return SimpleNamespace(
        cluster=Cluster(server), store=lambda location: store, settings=None, target=SimpleNamespace(arguments="--x")
    )


def of_namespace(name: str = "big") -> Backup:
    return backup("b", hours=1, includedNamespaces=[name])


def test_thousands_of_objects_are_asked_for_by_the_page_and_their_content_never():
    count = 4 * PAGE + 1
    server = ApiServer({f"{ROOT}/namespaces/big/configmaps": named(count)})
    bucket = config_maps(count)
    tracemalloc.start()
    try:
        found = coverage_of(session(server, bucket), of_namespace())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (kind,) = found.kinds
    assert (kind.live, kind.saved, found.whole) == (count, count, True)
    # One request a kind, and one for each page more.
    assert len(server.asked) == len(LISTED) + 4
    assert peak < 10_000 * count


def test_one_object_on_the_last_page_that_is_not_saved_is_found():
    server = ApiServer({f"{ROOT}/namespaces/big/configmaps": named(PAGE + 1)})
    found = coverage_of(session(server, config_maps(PAGE)), of_namespace())
    assert [missing.key.name for missing in found.gaps] == [f"object-{PAGE:05}"]


@pytest.mark.parametrize("need", ["exam.example.com", "questions"])
def test_what_is_needed_is_looked_for_in_every_namespace(need):
    server = ApiServer({f"{QUESTIONS}/questions": named(1, "other"), f"{ROOT}/configmaps": named(1, "other")})
    found = coverage_of(session(server, config_maps(1)), of_namespace(), needs=[need])
    (missing,) = found.gaps
    assert (str(missing.key), missing.text) == (
        "Question.exam.example.com/object-00000 -n other", "its namespace is not in includedNamespaces",
    )  # fmt: skip
    assert not found.whole
    # Of other kinds only the namespace that was backed up is looked into.
    assert [path for path, _ in server.asked if path.endswith("/configmaps")] == [f"{ROOT}/namespaces/big/configmaps"]


GP2 = {"pvcName": "data", "pvcNamespace": "big", "pvName": "pv-1", "skipped": True,
       "skippedReason": "volumeSnapshot: no applicable volumesnapshotter found;"}  # fmt: skip


def with_volumes(*volumes: dict[str, Any]) -> Bucket:
    """A whole backup, and what Velero wrote of its volumes."""
    bucket = config_maps(1)
    bucket.files["backups/b/b-volumeinfo.json.gz"] = gzip.compress(json.dumps(volumes).encode())
    return bucket


def test_a_completed_backup_that_passed_a_volume_by_is_not_good_and_its_claim_is_named(capsys):
    server = ApiServer({f"{ROOT}/namespaces/big/configmaps": named(1)})
    made = session(server, with_volumes(GP2))
    found = coverage_of(made, of_namespace())
    assert (found.backup.good, found.whole, found.gaps) == (True, False, [])
    render(found, made, console())
    said = " ".join(capsys.readouterr().out.split())
    assert "Claims without data in the backup big/data: volumeSnapshot: no applicable volumesnapshotter found" in said
    assert "Not covered: it has no data of big/data." in said
    assert document(made, found)["claims_without_data"] == [
        {
            "namespace": "big",
            "name": "data",
            "volume": "pv-1",
            "reason": "volumeSnapshot: no applicable volumesnapshotter found",
        }
    ]


@pytest.mark.parametrize(("claims", "whole"), [([], True), (["big/data", "big/logs"], False)])
def test_a_backup_whose_volumeinfo_is_gone_is_good_only_where_it_has_no_claims(claims, whole):
    bucket = config_maps(1)
    key = "backups/b/b-resource-list.json.gz"
    listed = json.loads(gzip.decompress(bucket.files[key]))
    bucket.files[key] = gzip.compress(json.dumps({**listed, "v1/PersistentVolumeClaim": claims}).encode())
    found = coverage_of(session(ApiServer({f"{ROOT}/namespaces/big/configmaps": named(1)}), bucket), of_namespace())
    assert [str(claim) for claim in found.without_data] == claims
    assert all("volumeinfo.json.gz is missing" in claim.reason for claim in found.without_data)
    assert found.whole is whole


@pytest.mark.parametrize("mode", ["a schedule that takes no volumes", "a stack that takes none"])
def test_a_backup_that_was_not_to_have_volumes_lacks_none(mode):
    made = session(ApiServer({f"{ROOT}/namespaces/big/configmaps": named(1)}), with_volumes(GP2))
    spec: dict[str, Any] = {"includedNamespaces": ["big"]}
    if mode.startswith("a stack"):
        made.settings = settings(volumes={"mode": "none"})
    else:
        spec["snapshotVolumes"] = False
    assert coverage_of(made, backup("b", hours=1, **spec)).whole


def test_a_backup_that_is_not_in_the_bucket_ends_the_asking():
    # No list is answered before the bucket has been.
    held = threading.Event()
    server = ApiServer({}, held)
    with pytest.raises(BadTarget, match="has no content in s3://backups"):
        bucket = Bucket({}, [])
        bucket.files["backups/b/velero-backup.json"] = json.dumps(of_namespace().body).encode()
        coverage_of(session(server, bucket), of_namespace())
    held.set()
    assert len(server.asked) < len(LISTED) / 2


def test_who_interrupts_is_back_at_once_though_the_cluster_does_not_answer(tmp_path):
    asked, release = threading.Event(), threading.Event()

    def answer(request: Request) -> tuple[int, Any]:
        if request.path in ("/api", "/apis"):
            return 200, recorded("discovery.json")[request.path == "/apis"]
        if request.path.endswith("/backups/b"):
            return 200, of_namespace().body
        if request.path.endswith("/backupstoragelocations/default"):
            config = {"region": "eu-west-1", "s3Url": server.url, "s3ForcePathStyle": "true"}
            return 200, {**location().body, "spec": {**location().spec, "config": config}}
        # A list, or the bucket.
        asked.set()
        release.wait(600)
        return status(404, "NotFound", "too late")

    with api_server(answer) as server:
        config = kubeconfig(tmp_path / "kubeconfig", {"exam": server.url})
        variables = {"KUBECONFIG": str(config), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        running = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from velero_eks.commands.app import main; main()",
                "coverage",
                "b",
                "--context",
                "exam",
            ],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert asked.wait(120)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=120)
        finally:
            release.set()
            running.kill()
            running.communicate()
    assert (running.returncode, said) == (130, "interrupted\n")
