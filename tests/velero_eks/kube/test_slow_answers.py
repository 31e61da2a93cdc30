"""Servers that never answer, answer half, byte by byte, without an end or something else: every wait has an end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.limits import HANG
from velero_eks import contact
from velero_eks.aws.client import Limits, caller
from velero_eks.aws.client import client as aws_client
from velero_eks.errors import OperationError, Unreachable
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Connection
from velero_eks.kube.credentials import FixedCredentials
from velero_eks.kube.transport import ApiServer, Transport
from velero_eks.velero.backup_contents import Unread
from velero_eks.velero.bucket import BackupStore, StoreAddress

Serve = Callable[[socket.socket, threading.Event], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def listener(serve: Serve) -> Iterator[int]:
    """A port at which each connection is served, until the block ends."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = server.accept()
                    threading.Thread(target=answer, args=(taken,), daemon=True).start()

        def answer(taken: socket.socket) -> None:
            with taken, suppress(OSError):
                serve(taken, over)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()


def never(taken: socket.socket, over: threading.Event) -> None:
    over.wait(HANG)


def reset(taken: socket.socket, over: threading.Event) -> None:
    taken.recv(1 << 16)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def says(text: bytes, *, drip: bytes = b"") -> Serve:
    """The text at once, then `drip` again and again, a byte at a time, faster than any limit for a single wait."""

    def serve(taken: socket.socket, over: threading.Event) -> None:
        taken.recv(1 << 16)
        taken.sendall(text)
        while drip and not over.wait(0.02):
            taken.sendall(drip)

    return serve


def page(status: str, body: bytes, more: str = "") -> Serve:
    return says(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)


# (what the other side does, what it says of it)
ANSWERS: list[tuple[str, Serve]] = [
    ("never answers", never),
    ("resets", reset),
    ("half a head", says(b"HTTP/1.1 200 O")),
    ("half a body", says(HEAD + b"Content-Length: 100\r\n\r\n{")),
    ("half a chunk", says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{")),
    ("a head byte by byte", says(b"HTTP/1.1 200 OK\r\nX: ", drip=b"x")),
    ("a body byte by byte", says(HEAD + b"Content-Length: 100000\r\n\r\n{", drip=b" ")),
    ("chunks without an end", says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", drip=b"1\r\n \r\n")),
    ("headers without an end", says(b"HTTP/1.1 200 OK\r\n", drip=b"X: y\r\n")),
    ("no HTTP", says(b"SSH-2.0-OpenSSH_9.6\r\n")),
    ("a page", page("200 OK", b"<html>Welcome to the Wi-Fi</html>")),
    ("JSON of another kind", page("200 OK", b"[1, 2]")),
    ("JSON 100,000 deep", page("200 OK", b"[" * 100_000)),
    ("another address", page("302 Found", b"", "Location: http://169.254.169.254/\r\n")),
    ("nothing", page("200 OK", b"")),
    ("an error of a gateway's", page("502 Bad Gateway", b"<html>")),
]
each_answer = pytest.mark.parametrize("serve", [row[1] for row in ANSWERS], ids=[row[0] for row in ANSWERS])


@each_answer
def test_an_api_server_that_does_not_answer_well_is_named_with_its_address(serve):
    with contact.patience(0.4), listener(serve) as port:
        url = f"http://127.0.0.1:{port}"
        cluster = Cluster(Connection(ApiServer(url), FixedCredentials(), "shop"))
        try:
            found = cluster.version()
        except OperationError as error:
            assert "shop" in str(error)
            assert url in str(error) or "502" in str(error)
        else:
            assert found == ""


def test_an_answer_after_the_first_has_a_limit_for_all_of_it(monkeypatch):
    monkeypatch.setattr("velero_eks.kube.transport.ANSWER_SECONDS", 0.2)
    with listener(says(HEAD + b"Content-Length: 100000\r\n\r\n{", drip=b" ")) as port:
        transport = Transport(ApiServer(f"http://127.0.0.1:{port}"), None)
        with pytest.raises(TimeoutError):
            transport.send("GET", "/version", {}, None, connect=5, read=60)


def test_an_answer_without_an_end_is_not_taken_into_memory(monkeypatch):
    monkeypatch.setattr("velero_eks.kube.transport.MOST_BYTES", 1 << 16)
    text = b" " * (1 << 17)
    with listener(page("200 OK", text)) as port:
        transport = Transport(ApiServer(f"http://127.0.0.1:{port}"), None)
        with pytest.raises(OSError, match="the answer is larger than"):
            transport.send("GET", "/version", {}, None, connect=5, read=60)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("drip", [b"H", b"\x05\x00\x05\x00\x00\x03\xff"], ids=["text", "bytes"])
def test_a_proxy_that_answers_byte_by_byte_has_a_limit_for_all_of_it(scheme, drip):
    def one_at_a_time(taken: socket.socket, over: threading.Event) -> None:
        taken.recv(1 << 16)
        for byte in drip * 1000:
            if over.wait(0.02):
                return
            taken.sendall(bytes([byte]))

    with listener(one_at_a_time) as port:
        server = ApiServer("http://192.0.2.1", proxy=f"{scheme}://127.0.0.1:{port}")
        with contact.patience(0.4), pytest.raises(Unreachable, match=f"the proxy {scheme}://127.0.0.1:{port}"):
            Cluster(Connection(server, FixedCredentials(), "shop")).version()


@pytest.fixture
def keys(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("velero_eks.aws.client.LIMITS", Limits(connect=0.2, read=0.2, call=0.3))


@each_answer
def test_an_aws_that_does_not_answer_well_is_named_with_its_address(serve, keys, monkeypatch):
    with listener(serve) as port:
        url = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        try:
            caller("eu-west-1", client=lambda service, **given: aws_client(service, **given))
        except OperationError as error:
            assert "asking AWS who is calling" in str(error)
            assert url in str(error) or "502" in str(error) or "302" in str(error)
        else:
            pytest.fail("that was no answer of AWS")


def address(port: int) -> StoreAddress:
    return StoreAddress(bucket="backups", region="eu-west-1", endpoint=f"http://127.0.0.1:{port}", path_style=True)


@each_answer
def test_a_bucket_that_does_not_answer_well_is_named(serve, keys):
    with listener(serve) as port:
        address = StoreAddress(
            bucket="backups", region="eu-west-1", endpoint=f"http://127.0.0.1:{port}", path_style=True
        )
        try:
            assert BackupStore(address).names() == []
        except OperationError as error:
            assert "backups" in str(error)


@pytest.mark.parametrize("drip", [b"x", b""], ids=["byte by byte", "half"])
def test_an_object_that_comes_byte_by_byte_is_given_up(drip, keys, monkeypatch):
    monkeypatch.setattr("velero_eks.velero.bucket.PIECE_SECONDS", 0.2)
    with listener(says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n\x1f\x8b", drip=drip)) as port:
        address = StoreAddress(
            bucket="backups", region="eu-west-1", endpoint=f"http://127.0.0.1:{port}", path_style=True
        )
        store = BackupStore(address)
        for read in (store.resource_list, store.messages, store.find):
            with pytest.raises(Unreachable, match="s3://backups"):
                read("whole")
        with pytest.raises(Unreachable, match="backup whole from s3://backups"):
            list(store.contents("whole", unread=Unread()))
        with pytest.raises(Unreachable, match="the log of backup whole"):
            list(store.log("whole"))
