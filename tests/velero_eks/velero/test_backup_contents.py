"""A backup's tarball: recorded ones, and broken ones."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from tests.velero_eks.recovery.recorded import BACKUPS
from velero_eks.velero.backup_contents import BrokenBackup, Place, place_of, read_contents, read_places


def recorded_tarball() -> io.BytesIO:
    return io.BytesIO((BACKUPS / "in-part" / "in-part.tar.gz").read_bytes())


def tarball(files: dict[str, str]) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return io.BytesIO(made.getvalue())


def config_map(name: str, version: str = "v1") -> str:
    return json.dumps({"apiVersion": version, "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}})


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("resources/configmaps/namespaces/n/x.json", Place("configmaps", "n", "x")),
        ("./resources/configmaps/namespaces/n/x.json", Place("configmaps", "n", "x")),
        ("resources/deployments.apps/v1-preferredversion/namespaces/n/x.json",
         Place("deployments.apps", "n", "x", "v1-preferredversion")),
        ("resources/clusterroles.rbac.authorization.k8s.io/cluster/system:a.json",
         Place("clusterroles.rbac.authorization.k8s.io", "", "system:a")),
        ("resources/configmaps/namespaces/cluster/x.json", Place("configmaps", "cluster", "x")),
        ("resources/namespaces/cluster/n.json", Place("namespaces", "", "n")),
        ("resources/configmaps/namespaces/n/a.json.json", Place("configmaps", "n", "a.json")),
        ("metadata/version", None),
        ("resources/configmaps/namespaces/n", None),
        ("resources/configmaps/namespaces/n/deeper/x.json", None),
    ],
)  # fmt: skip
def test_a_path_says_what_lies_there(path, place):
    assert place_of(path) == place


def test_a_recorded_tarball_has_each_object_once():
    found = {stored.place: stored.body for stored in read_contents(recorded_tarball())}
    assert len(found) == 48
    assert all(place.version == "" for place in found)
    body = found[Place("configmaps", "exam-prod", "grading")]
    assert body["data"] == {"mode": "strict", "threshold": "40"}
    assert {place.name for place in found if place.resource == "questions.exam.example.com"} >= {"question-001"}


def test_the_copies_for_each_version_come_when_they_are_asked_for():
    found = [stored.place for stored in read_contents(recorded_tarball(), versions=True)]
    assert len(found) == 96
    assert {place.version for place in found} == {"", "v1-preferredversion"}


def test_places_are_those_of_the_contents():
    assert set(read_places(recorded_tarball())) == {stored.place for stored in read_contents(recorded_tarball())}


def test_what_is_not_wanted_is_not_even_parsed():
    files = {"resources/configmaps/namespaces/n/a.json": config_map("a"), "resources/secrets/namespaces/n/b.json": "{"}
    found = list(read_contents(tarball(files), lambda place: place.plural == "configmaps"))
    assert [stored.body["metadata"]["name"] for stored in found] == ["a"]


def test_whoever_has_seen_enough_can_stop():
    reading = read_contents(recorded_tarball())
    assert next(reading).body["kind"]
    reading.close()


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (io.BytesIO(b"not a tarball"), "cannot be read to its end"),
        (io.BytesIO(recorded_tarball().getvalue()[:6000]), "cannot be read to its end"),
        (io.BytesIO(gzip.compress(b"\0" * 100)), "cannot be read to its end"),
        (tarball({"resources/configmaps/namespaces/n/a.json": "{"}), "is no JSON"),
        (tarball({"resources/configmaps/namespaces/n/a.json": "[]"}), "is no Kubernetes object"),
    ],
)
def test_a_broken_tarball_is_called_so(stream, message):
    with pytest.raises(BrokenBackup, match=message):
        list(read_contents(stream))


def test_an_empty_backup_has_nothing_in_it():
    assert list(read_contents(tarball({"metadata/version": "1.1.0"}))) == []
