"""Backups damaged by chance: whoever reads the bucket is told in words, the good ones beside them stay."""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fuzz import BACKUPS, SEED
from tests.fuzz.backups import NAME, Files, hostile
from tests.velero_eks.recovery.recorded import BACKUPS as RECORDED
from velero_eks.commands.history import run_history
from velero_eks.commands.logs import explain
from velero_eks.commands.show import Wanted, run_show
from velero_eks.errors import OperationError
from velero_eks.velero.backup_contents import Unread
from velero_eks.velero.bucket import BackupStore, StoreAddress

CPU_SECONDS = 20.0
BATCH = 20
GOOD = "in-part"


class Bucket:
    """S3 with two backups: a good one and a hostile one."""

    def __init__(self, files: Files) -> None:
        self.files = {f"backups/{NAME}/{name}": content for name, content in files.items()}
        self.files |= {f"backups/{GOOD}/{path.name}": path.read_bytes() for path in Path(RECORDED, GOOD).iterdir()}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.files:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.files[Key])}

    def get_paginator(self, _: str) -> Any:
        folders = [{"Prefix": f"backups/{name}/"} for name in (NAME, GOOD)]
        return SimpleNamespace(paginate=lambda **_: [{"CommonPrefixes": folders}])


@pytest.fixture(scope="module", params=range(0, BACKUPS, BATCH))
def batch(request: pytest.FixtureRequest) -> list[Files]:
    return list(hostile(SEED + request.param, min(BATCH, BACKUPS - request.param)))


def test_each_is_read_as_far_as_it_can_be_and_hides_no_other(batch, capsys):
    for files in batch:
        store = BackupStore(StoreAddress(bucket="b"), Bucket(files))
        began = time.process_time()
        found, damaged = store.backups()
        assert {backup.name for backup in found} | set(damaged) == {NAME, GOOD}
        assert GOOD not in damaged
        unread = Unread()
        with contextlib.suppress(OperationError):
            for stored in store.contents(NAME, unread=unread, versions=True):
                assert stored.body["metadata"]["name"] == stored.place.name
        for read in (store.resource_list, store.messages, store.log, store.restored, store.restore_messages):
            with contextlib.suppress(OperationError):
                list(read(NAME))
        session: Any = SimpleNamespace(
            store=lambda *_, store=store: store, settings=None, target=SimpleNamespace(arguments="--stack dev")
        )
        for as_json in (True, False):
            with contextlib.suppress(OperationError):
                run_show(session, NAME, Wanted(derived=True), at=None, names_only=False, as_json=as_json)
        for as_json in (True, False):
            with contextlib.suppress(OperationError):
                run_history(session, "cm/grading", namespace="exam-prod", show_secrets=False, as_json=as_json)
        for backup in found:
            explain(session, backup)
        assert time.process_time() - began < CPU_SECONDS
        printed = capsys.readouterr()
        for text in (printed.out, printed.err):
            assert text.replace("\n", "").isprintable()
            assert not re.search(r"^\s*::[a-z-]+.*::|##\[", text, re.MULTILINE | re.IGNORECASE)


def test_the_backups_are_the_same_for_a_seed(batch):
    assert [sorted(files) for files in hostile(3, 5)] == [sorted(files) for files in hostile(3, 5)]
    first, second = ({name: json.dumps(sorted(files)) for name in files} for files in (*hostile(4, 1), *hostile(4, 1)))
    assert first == second
