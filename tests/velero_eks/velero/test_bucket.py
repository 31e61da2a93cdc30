"""The bucket, read without Velero and without a cluster: recorded backups in an emulated S3."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path

import pytest

from tests.support import settings
from tests.velero_eks.aws.emulated import emulated_bucket
from tests.velero_eks.recovery.recorded import BACKUPS, location
from velero_eks.aws.client import Limits
from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.velero.backup_contents import Unread
from velero_eks.velero.bounded import Bounds
from velero_eks.velero.bucket import BackupStore, Damaged, StoreAddress

BUCKET, REGION, PREFIX = "backups-of-exam", "eu-west-1", "clusters/exam"


def upload(s3, folder: Path, prefix: str = "") -> None:
    for path in folder.iterdir():
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}backups/{folder.name}/{path.name}", Body=path.read_bytes())


@pytest.fixture(scope="module")
def s3():
    """An emulated bucket with both recorded backups, and again below a prefix; a restore's files beside them."""
    with emulated_bucket(BUCKET, REGION) as client:
        for folder in BACKUPS.iterdir():
            upload(client, folder)
        upload(client, BACKUPS / "whole", f"{PREFIX}/")
        skipped = {"v1/ConfigMap": ["exam-prod/grading(skipped)"]}
        for name, text in (
            ("restore-r1-resource-list.json.gz", json.dumps(skipped)),
            ("restore-r1-results.gz", json.dumps({"warnings": {"cluster": ["it was there"]}})),
            ("restore-r1-logs.gz", 'time="2026-11-23T11:00:00Z" level=info msg="starting restore"\n'),
        ):
            client.put_object(Bucket=BUCKET, Key=f"restores/r1/{name}", Body=gzip.compress(text.encode()))
        yield client


@pytest.fixture
def store(s3):
    return BackupStore(StoreAddress(bucket=BUCKET, region=REGION))


def test_backups_are_listed_oldest_first(store):
    assert store.names() == ["in-part", "whole"]
    assert [(backup.name, backup.phase) for backup in store.backups().found] == [
        ("whole", "Completed"), ("in-part", "PartiallyFailed"),
    ]  # fmt: skip


def test_a_backup_is_read_object_by_object(store):
    wanted = store.contents("whole", lambda place: place.plural == "configmaps", unread=Unread())
    bodies = {stored.place.name: stored.body for stored in wanted}
    assert bodies["grading"]["data"]["mode"] == "strict"
    places = store.places("whole", unread=Unread())
    assert "configmaps" not in {place.plural for place in places if place.namespace == "velero"}


def test_what_a_backup_says_of_itself_is_read(store):
    assert "exam-prod/grading" in store.resource_list("whole")["v1/ConfigMap"]
    assert [message.severity for message in store.messages("in-part")].count("error") == 1
    assert store.messages("whole") == []
    assert any(line.text == "Error backing up item" for line in store.log("in-part"))


def test_what_a_restore_did_is_read(store):
    assert store.restore_names() == ["r1"]
    assert store.restored("r1") == {"v1/ConfigMap": ["exam-prod/grading(skipped)"]}
    assert [message.text for message in store.restore_messages("r1")] == ["it was there"]
    assert [line.text for line in store.restore_log("r1")] == ["starting restore"]


def test_below_a_prefix_there_is_what_lies_there(s3):
    store = BackupStore(StoreAddress(bucket=BUCKET, prefix=PREFIX, region=REGION))
    assert store.names() == ["whole"]
    assert store.resource_list("whole")
    assert str(store.address) == f"s3://{BUCKET}/{PREFIX}"


def test_a_backup_that_is_not_there_is_called_so_with_what_there_is(store):
    with pytest.raises(BadTarget, match=r"no backup and no schedule is called 'hole'; did you mean whole\?"):
        store.backup("hole")
    with pytest.raises(BadTarget, match="no backup and no schedule is called 'x'"):
        list(store.contents("x", unread=Unread()))
    assert store.find("x") is None


def test_a_backup_without_content_says_how_it_ended(s3, store):
    record = {"metadata": {"name": "failed"}, "status": {"phase": "Failed", "failureReason": "the server restarted"}}
    key = "backups/failed/velero-backup.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(record).encode())
    try:
        with pytest.raises(BadTarget, match=r"failed is Failed and has no content .*: the server restarted"):
            list(store.contents("failed", unread=Unread()))
        with pytest.raises(BadTarget, match="has no log"):
            store.log("failed")
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("suffix", ["-resource-list.json.gz", "-results.gz", ".tar.gz", "-logs.gz"])
def test_a_damaged_file_is_called_so(s3, store, suffix):
    key = f"backups/torn/torn{suffix}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"\x1f\x8b torn")
    contents = functools.partial(store.contents, unread=Unread())
    reads = (store.resource_list, store.messages, contents, store.log)
    try:
        read = dict(zip(("-resource-list.json.gz", "-results.gz", ".tar.gz", "-logs.gz"), reads, strict=True))[suffix]
        with pytest.raises(OperationError, match=r"damaged|cannot be read"):
            list(read("torn"))
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


def test_a_bucket_that_is_not_there_is_called_so(s3):
    with pytest.raises(BadTarget, match="bucket gone-with-the-wind does not exist"):
        BackupStore(StoreAddress(bucket="gone-with-the-wind", region=REGION)).names()


def test_a_store_that_does_not_answer_is_unreachable(s3, monkeypatch):
    monkeypatch.setattr("velero_eks.aws.client.LIMITS", Limits(connect=0.2))
    address = StoreAddress(bucket=BUCKET, region=REGION, endpoint="http://127.0.0.1:9", path_style=True)
    with pytest.raises(Unreachable, match=f"reading s3://{BUCKET}"):
        BackupStore(address).names()


def test_the_owner_of_the_bucket_is_said_with_every_request(s3):
    asked: list[dict] = []

    class Client:
        def get_object(self, **arguments):
            from botocore.exceptions import ClientError

            asked.append(arguments)
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    store = BackupStore(StoreAddress(bucket=BUCKET, account="111122223333"), Client())
    with pytest.raises(NotAllowed, match=f"reading s3://{BUCKET}: AWS refused it"):
        store.find("x")
    assert asked[0]["ExpectedBucketOwner"] == "111122223333"


def test_the_address_is_the_locations_own():
    found = StoreAddress.of_location(location())
    assert (found.bucket, found.region, found.path_style) == (location().bucket, "ap-south-1", True)
    assert found.endpoint is not None and found.endpoint.startswith("https://127.0.0.1:")


def test_a_public_address_is_taken_before_the_one_that_the_server_uses():
    made = location()
    made.body["spec"]["config"]["publicUrl"] = "https://s3.example.com"
    assert StoreAddress.of_location(made).endpoint == "https://s3.example.com"


def test_another_providers_location_cannot_be_read():
    made = location()
    made.body["spec"]["provider"] = "azure"
    with pytest.raises(BadTarget, match="only aws is supported"):
        StoreAddress.of_location(made)


def test_a_stacks_address_is_known_without_its_cluster():
    found = StoreAddress.of_settings(settings(storage={"prefix": "clusters/shop"}))
    assert (found.bucket, found.prefix, found.region, found.account) == (
        "velero-shop-111122223333-eu-west-1", "clusters/shop", "eu-west-1", "111122223333",
    )  # fmt: skip


GOOD_RECORD = {"metadata": {"name": "hostile"}, "status": {"phase": "Completed"}}
# (what is wrong, `velero-backup.json`, the message). Each is beside two good backups.
DAMAGED = [
    ("torn", b'{"metadata": {"na', "it is not JSON"),
    ("empty", b"", "it is not JSON"),
    ("a list", b"[]", "not as Velero writes it"),
    ("text", b'"whole"', "not as Velero writes it"),
    ("lists 100,000 deep", b"[" * 100_000, "too deep"),
    ("mappings 500 deep", b'{"metadata": ' * 500 + b"{}" + b"}" * 500, "more than 100 deep"),
    ("of another name", {**GOOD_RECORD, "metadata": {"name": "whole"}}, "not the record of this backup"),
    ("without a name", {"metadata": {}}, "not the record of this backup"),
    ("without metadata", {}, "not the record of this backup"),
    ("a name that is a number", {"metadata": {"name": 1}}, "not the record of this backup"),
    ("a status of text", {**GOOD_RECORD, "status": "Completed"}, "not the record of this backup"),
    ("labels that are a list", {"metadata": {"name": "hostile", "labels": ["a"]}}, "not the record of this backup"),
    ("a count that is text", {**GOOD_RECORD, "status": {"errors": "many"}}, "not the record of this backup"),
    ("a phase that is a list", {**GOOD_RECORD, "status": {"phase": []}}, "not the record of this backup"),
    (
        "namespaces that are numbers",
        {**GOOD_RECORD, "spec": {"includedNamespaces": [1]}},
        "not the record of this backup",
    ),
    ("a selector of text", {**GOOD_RECORD, "spec": {"labelSelector": "app=x"}}, "not the record of this backup"),
    ("a number beyond all", b'{"metadata": {"name": "hostile"}, "status": {"errors": 1e999}}', "is too large"),
    ("5 MiB", b" " * (5 << 20) + b"{}", "is larger than 4 MiB"),
    ("bytes that are no text", b"\xff\xfe\x00", "it is not JSON"),
]


@pytest.mark.parametrize(("record", "why"), [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED])
def test_a_damaged_record_hides_no_other(s3, store, record, why):
    key = "backups/hostile/velero-backup.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=record if isinstance(record, bytes) else json.dumps(record).encode())
    try:
        found, damaged = store.backups()
        assert [backup.name for backup in found] == ["whole", "in-part"]
        assert (list(damaged), why in damaged["hostile"]) == (["hostile"], True), damaged
        with pytest.raises(Damaged, match=r"hostile.* is damaged"):
            store.find("hostile")
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(
    "status",
    [{"startTimestamp": "0001-01-01T00:00:00+23:59"}, {"startTimestamp": "9999-12-31T23:59:59-23:59"}, {"phase": ""},
     {"startTimestamp": "soon"}, {"errors": None}],
)  # fmt: skip
def test_a_record_that_says_nonsense_of_the_right_type_is_read(s3, store, status):
    key = "backups/hostile/velero-backup.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"metadata": {"name": "hostile"}, "status": status}).encode())
    try:
        backup = store.find("hostile")
        assert (backup.started, backup.errors, backup.good) == (None, 0, False)
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("folder", ["..", "\x1b[31m", "a\nb", "[", "UPPER", "x" * 254, "::error::x"])
def test_a_folder_of_a_name_that_no_backup_has_is_none(s3, store, folder):
    key = f"backups/{folder}/velero-backup.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"metadata": {"name": folder}}).encode())
    try:
        assert store.names() == ["in-part", "whole"]
        assert store.find(folder) is None
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("-resource-list.json.gz", b"[]"),
        ("-resource-list.json.gz", b'{"v1/ConfigMap": "a"}'),
        ("-resource-list.json.gz", b'{"v1/ConfigMap": [1]}'),
        ("-resource-list.json.gz", b"[" * 100_000),
        ("-results.gz", b'{"errors": []}'),
        ("-results.gz", b'{"errors": {"namespaces": []}}'),
        ("-results.gz", b'{"errors": {"velero": "no"}}'),
        ("-results.gz", b'{"errors": {"namespaces": {"a": [{}]}}}'),
    ],
)
def test_a_document_of_another_shape_is_damaged(s3, store, suffix, text):
    key = f"backups/torn/torn{suffix}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text))
    try:
        with pytest.raises(Damaged, match=f"{key} in s3://{BUCKET} is damaged"):
            (store.resource_list if "list" in suffix else store.messages)("torn")
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


def test_a_document_that_unpacks_to_more_than_its_bound_is_damaged_and_not_in_memory(s3, store, monkeypatch):
    monkeypatch.setattr("velero_eks.velero.bucket.BOUNDS", Bounds(document=1 << 20))
    key = "backups/torn/torn-resource-list.json.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(b" " * (4 << 20)))
    try:
        with pytest.raises(Damaged, match="unpacked it is larger than 1 MiB"):
            store.resource_list("torn")
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(
    "line", ["time=" + "a" * 500_000, "x" * 3_000_000, '{"a":' + "[" * 50_000, "time=" + 'a="' * 1000], ids=len
)
def test_a_log_of_nonsense_is_read_line_by_line(s3, store, line):
    key = "backups/torn/torn-logs.gz"
    text = f'{line}\ntime="2026-11-23T11:00:00Z" level=error msg="no"\n'
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text.encode()))
    try:
        found = list(store.log("torn"))
        assert (len(found), len(found[0].text) <= 1 << 20, found[1].text) == (2, True, "no")
    finally:
        s3.delete_object(Bucket=BUCKET, Key=key)
