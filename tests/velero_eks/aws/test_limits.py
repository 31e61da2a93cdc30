"""AWS that is there and never answers, against a real socket: an end after the limit, and words that help."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from velero_eks.aws import client as aws
from velero_eks.aws.client import Limits
from velero_eks.aws.eks import discover
from velero_eks.errors import BadTarget, OperationError, Unreachable
from velero_eks.velero.bucket import BackupStore, StoreAddress

REGION = "eu-west-1"
# A limit that only a hang reaches.
HANGS = 120
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Mute:
    """Accepts connections, counts them, and answers the first `answers` of them; all others hear nothing."""

    def __init__(self, answers: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def requests(self) -> int:
        return len(self._open)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                if self.requests <= self._answers:
                    connection.recv(65536)
                    connection.sendall(BUSY)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(HANGS)
        for connection in self._open:
            connection.close()


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mute]:
    listener = Mute()
    surroundings(monkeypatch, listener.url)
    yield listener
    listener.close()


def surroundings(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(aws, "LIMITS", Limits(connect=HANGS, read=0.2, credentials=HANGS))


def test_an_sts_that_never_answers_is_asked_once_and_named(mute):
    with pytest.raises(
        Unreachable, match=f"asking AWS who is calling: no answer from {mute.url}: it accepted"
    ) as raised:
        aws.caller(REGION)
    assert "Usually a proxy, a VPN or a tunnel in between is the cause (AWS_ENDPOINT_URL is set)" in str(raised.value)
    assert mute.requests == 1


def test_an_s3_that_never_answers_is_named_with_the_bucket(mute):
    store = BackupStore(StoreAddress(bucket="backups", region=REGION, endpoint=mute.url, path_style=True))
    with pytest.raises(Unreachable, match=f"reading s3://backups: no answer from {mute.url}"):
        store.names()
    with pytest.raises(Unreachable, match="no answer from"):
        store.find("daily")
    assert mute.requests == 2


def test_an_eks_that_never_answers_is_named_with_the_cluster(mute):
    with pytest.raises(Unreachable, match=f"EKS cluster shop in {REGION}: no answer from {mute.url}"):
        discover("shop", REGION)
    with pytest.raises(Unreachable, match="no answer from"):
        aws.eks_endpoint("shop", REGION)


def test_a_proxy_that_is_set_is_named(mute, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    with pytest.raises(Unreachable) as raised:
        aws.caller(REGION)
    assert "HTTPS_PROXY" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_an_address_that_has_answered_once_is_asked_again(monkeypatch):
    listener = Mute(answers=1)
    surroundings(monkeypatch, listener.url)
    # What botocore waits between two attempts.
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    try:
        with pytest.raises(Unreachable):
            aws.caller(REGION)
        assert listener.requests == 3
    finally:
        listener.close()


def profile(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    config = folder / "config"
    config.write_text("\n".join(["[profile work]", *lines]) + "\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "work")


def test_a_credential_process_that_hangs_is_named_and_not_started_twice(mute, monkeypatch, tmp_path):
    # It ends when the test lets go of the pipe that it reads.
    pipe, started = tmp_path / "pipe", tmp_path / "started"
    script = tmp_path / "hang.py"
    script.write_text(f"open({str(started)!r}, 'a').write('x'); open({str(pipe)!r}).read()")
    os.mkfifo(pipe)
    program = f"{sys.executable} {script}"
    profile(monkeypatch, tmp_path, f"credential_process = {program} --password hunter2")
    monkeypatch.setattr(aws, "LIMITS", Limits(credentials=2))
    try:
        for _ in range(2):
            with pytest.raises(Unreachable, match="credentials of profile work did not arrive within 2 s") as raised:
                aws.client("sts", region=REGION)
            assert f"credential_process ({program} --password (hidden)) has not ended" in str(raised.value)
        assert started.read_text() in ("", "x")
    finally:
        pipe.open("w").close()


def test_what_fails_at_the_last_instant_has_failed(monkeypatch):
    class EndsWhenAsked:
        def __init__(self, target: Any, daemon: bool) -> None:
            self._run = target

        def start(self) -> None: ...

        def join(self, seconds: float) -> None: ...

        def is_alive(self) -> bool:
            self._run()
            return False

    def fail() -> None:
        raise ConnectionError("closed")

    monkeypatch.setattr(aws.threading, "Thread", EndsWhenAsked)
    with pytest.raises(ConnectionError, match="closed"):
        aws._done_within(1, fail)


def test_a_role_that_sts_never_gives_is_named(mute, monkeypatch, tmp_path):
    profile(
        monkeypatch,
        tmp_path,
        "role_arn = arn:aws:iam::111122223333:role/ops",
        "source_profile = base",
        "region = eu-west-1",
        "[profile base]",
        "aws_access_key_id = AKIAEXAMPLE",
        "aws_secret_access_key = example",
    )
    monkeypatch.setattr(aws, "LIMITS", Limits(credentials=0.5))
    with pytest.raises(Unreachable, match="STS has not given the role arn:aws:iam::111122223333:role/ops"):
        aws.client("s3", region=REGION)


def test_a_profile_that_does_not_exist_is_a_wrong_argument(mute, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(BadTarget, match=r"nobody.*list-profiles"):
        aws.client("sts", region=REGION)


@pytest.mark.parametrize("error", [OSError("broken"), ValueError("no answer")])
def test_an_error_without_an_answer_has_no_code(error):
    error.response = None
    assert aws.error_code(error) == ""
    assert isinstance(aws.explained(error, "reading"), OperationError)
