"""The way of a request: kept connections, TLS, proxies, and the error when nothing answers."""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab.certificates import CertificateAuthority
from tests.networks import serving
from tests.velero_eks.kube.api_server import Request, api_server
from velero_eks import contact
from velero_eks.errors import BadTarget, Unreachable
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Connection
from velero_eks.kube.credentials import FixedCredentials
from velero_eks.kube.transport import ApiServer, Credential, environment_proxy

VERSION = {"gitVersion": "v1.34.1"}
CONFIG_MAPS = "/api/v1/namespaces/exam-prod/configmaps"
# A hang alone reaches it.
LIMIT = 120.0


def cluster(server: ApiServer, credential: Credential | None = None) -> Cluster:
    return Cluster(Connection(server, FixedCredentials(credential or Credential()), "exam"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls(authority):
    """The server's side: a certificate for 127.0.0.1 and `localhost`; a client may show one."""
    pair = authority.server("api")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
def secure(tls):
    with api_server(lambda asked: (200, {**VERSION, "subject": asked.subject}), tls) as answering:
        yield answering


def spliced(one: Any, other: Any) -> None:
    """Carry bytes between two sockets until one of them ends."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)
            while isinstance(ready, ssl.SSLSocket) and ready.pending():
                other.sendall(ready.recv(65536))


def read_head(sock: Any) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1)
    return head.decode()


# Kept connections


def test_requests_one_after_another_share_a_connection():
    with api_server(lambda asked: (200, VERSION)) as answering:
        asking = cluster(ApiServer(answering.url))
        for _ in range(3):
            asking.create(CONFIG_MAPS, {"metadata": {"name": "x"}})
        assert len({asked.peer for asked in answering.asked}) == 1


def test_threads_have_a_connection_each_and_no_more():
    together = threading.Barrier(8)

    def answer(asked: Request):
        if asked.query.get("first"):
            together.wait(LIMIT)
        return 200, VERSION

    with api_server(answer) as answering, ThreadPoolExecutor(8) as pool:
        asking = cluster(ApiServer(answering.url))
        list(pool.map(lambda _: asking.request("GET", "/version", query={"first": "1"}), range(8)))
        list(pool.map(lambda _: asking.version(), range(100)))
        assert len({asked.peer for asked in answering.asked}) == 8


def test_a_connection_that_was_closed_meanwhile_is_not_written_to():
    closed = threading.Event()

    def once(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        sock.close()
        closed.set()

    with serving(once) as port:
        asking = cluster(ApiServer(f"http://127.0.0.1:{port}"))
        for _ in range(2):
            # A write is never sent twice, so that a stale connection would fail here.
            closed.clear()
            asking.request("POST", CONFIG_MAPS)
            assert closed.wait(LIMIT)


def test_what_reads_is_asked_again_and_what_writes_is_not():
    answers = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b""] * 4)
    asked: list[str] = []

    def serve(sock: socket.socket) -> None:
        while True:
            asked.append(read_head(sock).split()[0])
            answer = next(answers)
            if not answer:
                return
            sock.sendall(answer)

    with serving(serve) as port:
        asking = cluster(ApiServer(f"http://127.0.0.1:{port}"))
        asking.request("GET", "/version")
        asking.request("GET", "/version")
        with pytest.raises(Unreachable, match="closed the connection without an answer"):
            asking.request("POST", CONFIG_MAPS)
    assert asked == ["GET", "GET", "GET", "POST"]


# TLS


def test_the_servers_certificate_is_verified(secure, authority, tmp_path):
    trusted, stranger = authority.certificate.read_text(), CertificateAuthority(tmp_path).certificate.read_text()
    assert cluster(ApiServer(secure.url, trusted)).version() == "v1.34.1"
    for untrusted in (stranger, None):
        with pytest.raises(Unreachable, match=r"its certificate is not trusted .*or this is another cluster"):
            cluster(ApiServer(secure.url, untrusted)).version()
    assert cluster(ApiServer(secure.url, insecure=True)).version() == "v1.34.1"


def test_the_name_that_the_certificate_must_have_can_be_another_than_the_urls(secure, authority):
    trusted = authority.certificate.read_text()
    assert cluster(ApiServer(secure.url, trusted, server_name="kubernetes.default.svc")).version() == "v1.34.1"
    with pytest.raises(Unreachable, match=r"Hostname mismatch.*elsewhere\.example"):
        cluster(ApiServer(secure.url, trusted, server_name="elsewhere.example")).version()


def test_a_client_certificate_is_shown(secure, authority):
    pair = authority.client("oncall", ["operators"])
    credential = Credential({}, pair.certificate.read_text() + pair.key.read_text())
    asking = cluster(ApiServer(secure.url, authority.certificate.read_text()), credential)
    assert asking.request("GET", "/version")["subject"] == "oncall"


def test_the_certificate_of_a_credential_plugin_can_change(secure, authority):
    server = ApiServer(secure.url, authority.certificate.read_text())
    held: list[Credential] = []

    class Changing:
        source = ""

        def current(self) -> Credential:
            return held[-1]

        def renew(self, refused: Credential) -> bool:
            return False

    asking = Cluster(Connection(server, Changing(), "exam"))
    for user in ("first", "second"):
        pair = authority.client(user)
        held.append(Credential({}, pair.certificate.read_text() + pair.key.read_text()))
        assert asking.request("GET", "/version")["subject"] == user


@pytest.mark.parametrize(
    ("server", "credential", "said"),
    [
        (ApiServer("https://127.0.0.1:1", "no certificate"), Credential(), "the certificate authority of https://127"),
        (ApiServer("https://127.0.0.1:1"), Credential({}, "no pair"), "the client certificate for https://127.0.0.1:1"),
    ],
)
def test_certificates_that_cannot_be_read_are_named(server, credential, said):
    with pytest.raises(BadTarget, match=said):
        cluster(server, credential).version()


def test_a_key_with_a_password_asks_nobody(authority):
    from cryptography.hazmat.primitives import serialization

    pair = authority.client("locked")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    credential = Credential({}, pair.certificate.read_text() + locked.decode())
    with pytest.raises(BadTarget, match="its key is encrypted"):
        cluster(ApiServer("https://127.0.0.1:1"), credential).version()


def test_a_server_that_does_not_speak_tls_is_told_so(authority):
    with api_server(lambda asked: (200, VERSION)) as answering:
        url = answering.url.replace("http:", "https:")
        with pytest.raises(Unreachable, match="it does not speak TLS at this port"):
            cluster(ApiServer(url, authority.certificate.read_text())).version()


def test_a_path_in_the_servers_url_comes_before_every_path():
    with api_server(lambda asked: (200, VERSION)) as answering:
        cluster(ApiServer(f"{answering.url}/k8s/clusters/c-1/")).request("GET", "/version", query={"a": "b c"})
        assert (answering.asked[0].path, answering.asked[0].query) == ("/k8s/clusters/c-1/version", {"a": "b c"})
        assert answering.asked[0].headers["Host"] == answering.url.removeprefix("http://")


# No one answers


@pytest.fixture
def hurried():
    """The first contact is given up after a moment."""
    with contact.patience(0.2):
        yield


def test_a_server_that_takes_connections_and_says_nothing_is_given_up_after_one_attempt(hurried):
    asked: list[str] = []

    def silent(sock: socket.socket) -> None:
        asked.append(read_head(sock))
        sock.recv(1)

    with serving(silent) as port:
        said = f"exam: no answer from http://127.0.0.1:{port}: it accepted the connection but sent no complete answer"
        with pytest.raises(Unreachable, match=said) as error:
            cluster(ApiServer(f"http://127.0.0.1:{port}")).version()
    assert "VPN" in str(error.value) and len(asked) == 1


def test_tls_that_comes_to_no_end_is_given_up(hurried, authority):
    with serving(lambda sock: sock.recv(65536) and select.select([sock], [], [], LIMIT)) as port:
        server = ApiServer(f"https://127.0.0.1:{port}", authority.certificate.read_text())
        with pytest.raises(
            Unreachable, match=r"accepted the connection but sent no complete answer\. Usually a proxy, a VPN"
        ):
            cluster(server).version()


def test_a_resolver_that_hangs_is_given_up(hurried, monkeypatch):
    hanging = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: hanging.wait(LIMIT))
    try:
        with pytest.raises(
            Unreachable, match=r"no answer from https://exam\.internal:443: the DNS lookup of its name got no answer"
        ):
            cluster(ApiServer("https://exam.internal")).version()
    finally:
        hanging.set()


@pytest.mark.parametrize(
    ("address", "private"), [("10.0.3.4", True), ("100.64.3.4", True), ("3.7.1.9", False), ("127.0.0.9", False)]
)
def test_a_name_that_leads_into_a_private_network_alone_is_told_so(address, private, monkeypatch):
    def lost(self: socket.socket, where: Any) -> None:
        raise TimeoutError("timed out")

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: found)
    monkeypatch.setattr(socket.socket, "connect", lost)
    with pytest.raises(Unreachable, match="it does not accept the connection") as error:
        cluster(ApiServer("https://exam.internal")).version()
    assert ("The endpoint is private" in str(error.value)) is private


def test_the_first_address_that_answers_is_taken(monkeypatch):
    with socket.socket() as free, api_server(lambda asked: (200, VERSION)) as answering:
        free.bind(("127.0.0.1", 0))
        refusing, port = free.getsockname()[1], int(answering.url.rpartition(":")[2])
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number)) for number in (refusing, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: addresses)
        assert cluster(ApiServer("http://exam.internal")).version() == "v1.34.1"


def test_a_name_that_nobody_knows_is_told_so(monkeypatch):
    def unknown(*given: Any, **named: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(
        Unreachable, match=r"its name is unknown here\. Usually the VPN is off, or the name no longer exists"
    ):
        cluster(ApiServer("https://exam.internal")).version()


# Proxies


def reach(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=LIMIT)


@pytest.fixture
def http_proxy(secure):
    """A proxy that takes every host for the API server, and the heads of what it was asked."""
    heads: list[str] = []

    def serve(sock: Any) -> None:
        heads.append(read_head(sock))
        with reach(("127.0.0.1", int(secure.url.rpartition(":")[2]))) as server:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\nVia: exam\r\n\r\n")
            spliced(sock, server)

    with serving(serve) as port:
        yield port, heads, serve


def test_an_http_proxy_is_asked_for_a_way(http_proxy, authority):
    port, heads, _ = http_proxy
    server = ApiServer(
        "https://api.internal:6443", authority.certificate.read_text(), server_name="localhost",
        proxy=f"http://user:p%40ss@127.0.0.1:{port}",
    )  # fmt: skip
    assert cluster(server).version() == "v1.34.1"
    assert heads[0].startswith("CONNECT api.internal:6443 HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'user:p@ss').decode()}\r\n" in heads[0]


def test_the_environments_proxy_is_taken_where_the_kubeconfig_names_none(http_proxy, authority, monkeypatch):
    port, heads, _ = http_proxy
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    server = ApiServer("https://api.internal", authority.certificate.read_text(), server_name="localhost")
    assert cluster(server).version() == "v1.34.1"
    assert heads[0].startswith("CONNECT api.internal:443 ")


def test_a_proxy_may_speak_tls_itself(http_proxy, authority, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    _, heads, serve = http_proxy

    def secured(sock: socket.socket) -> None:
        with tls.wrap_socket(sock, server_side=True) as wrapped:
            serve(wrapped)

    with serving(secured) as port:
        server = ApiServer(
            "https://api.internal", authority.certificate.read_text(), server_name="localhost",
            proxy=f"https://127.0.0.1:{port}",
        )  # fmt: skip
        asking = cluster(server)
        assert asking.version() == asking.version() == "v1.34.1"
    assert len(heads) == 1


@pytest.mark.parametrize("login", ["", "user:secret@"])
def test_a_socks_proxy_is_given_the_name(secure, authority, login):
    asked: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        version, count = sock.recv(2)
        methods = sock.recv(count)
        assert version == 5
        if 2 in methods:
            sock.sendall(b"\x05\x02")
            assert sock.recv(64) == b"\x01\x04user\x06secret"
            sock.sendall(b"\x01\x00")
        else:
            sock.sendall(b"\x05\x00")
        asked.append(sock.recv(256))
        with reach(("127.0.0.1", int(secure.url.rpartition(":")[2]))) as server:
            sock.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            spliced(sock, server)

    with serving(serve) as port:
        server = ApiServer(
            "https://api.internal:6443", authority.certificate.read_text(), server_name="localhost",
            proxy=f"socks5://{login}127.0.0.1:{port}",
        )  # fmt: skip
        assert cluster(server).version() == "v1.34.1"
    assert asked == [b"\x05\x01\x00\x03\x0capi.internal" + (6443).to_bytes(2, "big")]


@pytest.mark.parametrize(
    ("scheme", "answer", "said"),
    [
        ("http", b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answered 'HTTP/1.1 407 Proxy Authentication"),
        ("http", b"", "closed the connection; is it a proxy"),
        ("socks5", b"\x05\xff", "wants a login, and proxy-url has none"),
        ("socks5", b"\x05\x00\x05\x04\x00\x01", "did not connect to api.internal:443: the host is unreachable"),
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SOCKS 5"),
    ],
)
def test_a_proxy_that_makes_no_way_is_named_without_its_password(scheme, answer, said):
    def serve(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)

    with serving(serve) as port:
        server = ApiServer("https://api.internal", proxy=f"{scheme}://u:hunter2@127.0.0.1:{port}")
        with pytest.raises(Unreachable) as error:
            cluster(server).version()
    assert f"no answer from https://api.internal:443: the proxy {scheme}://127.0.0.1:{port} (proxy-url) {said}" in str(
        error.value
    )
    assert "NO_PROXY" in str(error.value) and "hunter2" not in str(error.value)


def test_a_proxy_that_is_not_there_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(
            Unreachable, match=rf"the proxy {proxy} \(proxy-url\) cannot be reached \(Connection refused\)"
        ):
            cluster(ApiServer("https://api.internal", proxy=proxy)).version()


@pytest.mark.parametrize(
    ("url", "no_proxy", "taken"),
    [
        ("https://api.example.com", "", True),
        ("http://api.example.com", "", False),
        ("https://api.example.com", "*", False),
        ("https://api.example.com", "other.com, example.com", False),
        ("https://example.com", ".example.com", True),
        ("https://example.com", "*.example.com", True),
        ("https://API.example.com", "*.example.com", False),
        ("https://notexample.com", "example.com", True),
        ("https://api.example.com:6443", "example.com:443", True),
        ("https://api.example.com:6443", "example.com:6443", False),
        ("https://10.1.2.3", "10.0.0.0/8", False),
        ("https://11.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "10.1.2.3:443", True),
        ("https://[fd00::1]:6443", "fd00::1", False),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
        ("https://[fd00::1]", "fd00::/8", False),
        ("https://localhost:6443", "", False),
        ("https://127.0.0.2:6443", "", False),
        ("https://[::1]:6443", "", False),
    ],
)
def test_whether_the_environments_proxy_is_taken(url, no_proxy, taken):
    found = environment_proxy(url, {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": no_proxy})
    assert (found == "http://proxy:3128") is taken


def test_an_environment_with_a_proxy_that_cannot_be_used_names_the_variable():
    with pytest.raises(BadTarget, match="HTTPS_PROXY is 'ftp://proxy'"):
        environment_proxy("https://api.example.com", {"https_proxy": "ftp://proxy"})
