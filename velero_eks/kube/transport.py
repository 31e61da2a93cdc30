"""HTTP/1.1 to one API server: kept connections, proxies, TLS, and a time limit on every wait.

On the standard library: of all that was measured it costs least CPU a request (docs/adr/0008-kubernetes-client.md).
"""

from __future__ import annotations

import base64
import http.client
import io
import ipaddress
import os
import select
import socket
import ssl
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from velero_eks.contact import shown, without_password
from velero_eks.errors import BadTarget, OperationError
from velero_eks.kube.threads import Threads

CONNECT_SECONDS = 10.0
"""The limit for a connection: the name's addresses, one after another, a proxy and TLS together."""

ANSWER_SECONDS = 300.0
"""The limit for a whole answer: a list of 500 objects may come over a line of a hotel's."""

MOST_BYTES = 512 << 20
# How much of the limit for a connection the first of a name's addresses may take.
_ADDRESS_SHARE = 0.5
_PROXIES = ("http", "https", "socks5", "socks5h")
_PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SOCKS_WORDS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the connection was refused",
    6: "the time to live expired",
}


@dataclass(frozen=True)
class Answer:
    """What an API server answered."""

    status: int
    headers: Mapping[str, str] | Message
    body: bytes


@dataclass(frozen=True)
class ApiServer:
    """Where an API server is, and how it is known: `authority` is PEM (None: the system's), `server_name` the name
    that its certificate must have (None: the URL's), `proxy` a URL (None: what the environment says).

    Raises `BadTarget` for a URL or a proxy that cannot be used.
    """

    url: str
    authority: str | None = None
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = None

    def __post_init__(self) -> None:
        _address(self.url, "the server's URL", ("http", "https"))
        if self.proxy:
            _address(self.proxy, "proxy-url", _PROXIES)

    @property
    def way(self) -> str | None:
        """The URL of the proxy to it, None where there is none."""
        return self.proxy or environment_proxy(self.url)

    @property
    def address(self) -> str:
        """Its URL with the port, for messages."""
        return shown(self.url)


@dataclass(frozen=True)
class Credential:
    """What a request carries: headers, and a client certificate with its key in PEM."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    certificate: str | None = None


class NoProxy(OSError):
    """The proxy cannot be reached. Its text has no subject."""


class ProxyRefused(NoProxy):
    """The proxy answers, and does not make a way to the API server."""


class ConnectTimeout(TimeoutError):
    """No connection came within its time limit. `private` is whether all addresses of the name are private ones."""

    private = False


class ResolverTimeout(ConnectTimeout):
    """Nothing said in time which address the name has."""


class HandshakeTimeout(ConnectTimeout):
    """The connection was taken, and TLS came to no end in time."""


class Transport:
    """Connections to one API server under one client certificate, kept while they last. For several threads."""

    def __init__(self, server: ApiServer, certificate: str | None) -> None:
        self.certificate = certificate
        self._way = _Way(server, certificate)
        self._base = self._way.url.path.rstrip("/")
        # Appending and popping need no lock. The newest first: what is not needed grows old and is dropped.
        self._idle: deque[_Connection] = deque()

    def send(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        connect: float,
        read: float,
        whole: float | None = None,
    ) -> Answer:
        """One request on a kept or a new connection. `target` is path and query; `connect`, `read` (for each part of
        the answer) and `whole` (for all of it, by default `ANSWER_SECONDS`) are seconds.

        Raises `OSError` and `http.client.HTTPException`.
        """
        connection = self._kept() or _Connection(self._way, connect)
        try:
            connection.within(read, whole)
            connection.request(method, self._base + target, body, headers)
            with connection.getresponse() as response:
                answer = Answer(response.status, response.headers, _all_of(response))
                ended = response.will_close
        except BaseException:
            connection.close()
            raise
        if ended:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def _kept(self) -> _Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # Something to read before anything was asked is its end: the server or a balancer closed it.
            if not _readable(connection.sock):
                return connection
            connection.close()


class _Way:
    """How a socket to the API server is made."""

    def __init__(self, server: ApiServer, certificate: str | None) -> None:
        self.url = urlsplit(server.url)
        self.tls = tls_context(server, certificate) if self.url.scheme == "https" else None
        self.host = self.url.hostname or ""
        self.default_port = 443 if self.tls else 80
        self.port = self.url.port or self.default_port
        self._name = server.server_name or self.host
        self._proxy = urlsplit(server.way) if server.way else None

    def dial(self, seconds: float) -> Any:
        """A socket, through the proxy where there is one, TLS done. Raises `OSError`."""
        deadline = time.monotonic() + seconds
        try:
            if self._proxy is None:
                sock = _connected(self.host, self.port, deadline)
            else:
                sock = _through(self._proxy, self.host, self.port, deadline)
        except ConnectTimeout:
            raise
        except TimeoutError as error:
            raise ConnectTimeout(str(error)) from error
        try:
            return sock if self.tls is None else self._secured(sock, self.tls, deadline)
        except TimeoutError as error:
            raise HandshakeTimeout(str(error)) from error

    def _secured(self, sock: Any, tls: ssl.SSLContext, deadline: float) -> Any:
        try:
            sock.settimeout(_left(deadline))
            if isinstance(sock, ssl.SSLSocket):
                # `ssl` cannot wrap what is TLS already (a proxy that speaks it).
                from urllib3.util.ssltransport import SSLTransport

                return SSLTransport(sock, tls, server_hostname=self._name)
            return tls.wrap_socket(sock, server_hostname=self._name)
        except BaseException:
            sock.close()
            raise


class _Connection(http.client.HTTPConnection):
    """One connection, made the way that it is given."""

    def __init__(self, way: _Way, seconds: float) -> None:
        super().__init__(way.host, way.port)
        # It decides whether `Host` names the port.
        self.default_port = way.default_port
        # Only `within` opens it: a request that found it closed would do so without a limit.
        self.auto_open = 0
        self._dial = lambda: way.dial(seconds)
        self._limits = seconds, 0.0
        self.response_class = self._response  # pyright: ignore[reportAttributeAccessIssue]

    def __del__(self) -> None:
        self.close()

    def within(self, seconds: float, whole: float | None) -> None:
        """Be open, and wait no longer than `seconds` for each part of the next answer, and `whole` for all of it."""
        if self.sock is None:
            self.sock = self._dial()
        self.sock.settimeout(seconds)
        self._limits = seconds, time.monotonic() + (ANSWER_SECONDS if whole is None else whole)

    def _response(self, sock: Any, *given: Any, **named: Any) -> http.client.HTTPResponse:
        return http.client.HTTPResponse(_Reading(sock, *self._limits), *given, **named)  # pyright: ignore[reportArgumentType]


class _Reading(io.RawIOBase):
    """What a socket gives, within what is left of the time for the whole answer: each byte on its way, but one a
    second, would be waited for without an end."""

    def __init__(self, sock: Any, seconds: float, deadline: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._seconds, self._deadline = seconds, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Itself, as http.client asks a socket for it."""
        return io.BufferedReader(self, 1 << 16)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """What is there, or comes in time."""
        self._sock.settimeout(min(self._seconds, _left(self._deadline)))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """The connection stays open."""
        self._raw.close()
        super().close()


def _all_of(response: http.client.HTTPResponse) -> bytes:
    """The body. Raises `OSError` for one that no API server gives."""
    found = response.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise OSError(f"the answer is larger than {MOST_BYTES >> 20} MiB")
    if response.length:
        raise http.client.IncompleteRead(found, response.length)
    return found


def tls_context(server: ApiServer, certificate: str | None) -> ssl.SSLContext:
    """Which certificates are trusted, and which is shown. Raises `BadTarget` for one that cannot be read."""
    try:
        context = ssl.create_default_context(cadata=server.authority or None)
    except (ssl.SSLError, ValueError) as error:
        raise BadTarget(f"the certificate authority of {server.url} cannot be read: {_said(error)}") from error
    # Python 3.13 asks more of a certificate authority than Kubernetes' own clients do, and EKS's has no key identifier.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if server.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        # `ssl` loads a certificate from a file only, and has read it when the folder goes.
        with tempfile.TemporaryDirectory(prefix="velero-eks-") as folder:
            path = Path(folder, "client.pem")
            path.touch(mode=0o600)
            path.write_text(certificate)
            try:
                context.load_cert_chain(path, password=_no_password)
            except (ssl.SSLError, ValueError) as error:
                raise BadTarget(f"the client certificate for {server.url} cannot be used: {_said(error)}") from error
    return context


def proxy_variable(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The variable that names the proxy for a URL's scheme as it is spelt in the environment; empty where none does."""
    variable = f"{urlsplit(url).scheme.upper()}_PROXY"
    return next((name for name in (variable, variable.lower()) if environment.get(name)), "")


def environment_proxy(url: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The proxy that HTTPS_PROXY (for http: HTTP_PROXY) and NO_PROXY name for a URL, as kubectl reads them.

    Loopback addresses never have one. NO_PROXY takes names (with all below them), addresses, CIDR blocks and `*`, each
    with or without a port. Raises `BadTarget` for a proxy that cannot be used.
    """
    parts = urlsplit(url)
    variable = f"{parts.scheme.upper()}_PROXY"
    proxy = environment.get(variable) or environment.get(variable.lower())
    host = (parts.hostname or "").lower()
    address = _ip(host)
    if not proxy or host == "localhost" or (address is not None and address.is_loopback):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if any(_excepted(entry.strip().lower(), host, address, port) for entry in exceptions.split(",")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    _address(proxy, variable, _PROXIES)
    return proxy


def _address(url: str, what: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, known = None, False
    if parts is None or not known:
        said = without_password(url) if parts else url
        one_of = ", ".join(f"{scheme}://" for scheme in schemes)
        raise BadTarget(f"{what} is {said!r}; a URL that begins with one of {one_of} is expected")
    return parts


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _excepted(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    if _ip(entry.strip("[]")) is None:
        entry, _, only = entry.rpartition(":") if ":" in entry else (entry, "", "")
        if only and only != str(port):
            return False
    if address is not None:
        return address == _ip(entry.strip("[]"))
    # `.example.com` and `*.example.com` are what lies below alone.
    if entry.startswith((".", "*.")):
        return host.endswith(entry.removeprefix("*"))
    return host == entry or host.endswith(f".{entry}")


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    last: OSError | None = None
    addresses = _addresses(host, port, deadline)
    longest = _left(deadline) * _ADDRESS_SHARE
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(longest, _left(deadline)))
            sock.connect(address)
            # Header and body go out in two pieces; the second would wait for the first one's receipt.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except TimeoutError as error:
            sock.close()
            last = ConnectTimeout(str(error))
            last.private = _ip(host) is None and all(_is_private(each[4][0]) for each in addresses)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
    raise last or OSError(f"{host} has no address")


def _is_private(address: str) -> bool:
    found = _ip(address)
    return found is not None and not found.is_global and not found.is_loopback


def _addresses(host: str, port: int, deadline: float) -> list[Any]:
    if _ip(host) is not None:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A resolver that does not answer keeps its caller for half a minute, and takes no limit.
    with Threads(1) as thread:
        try:
            return thread.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(_left(deadline))
        except TimeoutError:
            raise ResolverTimeout(f"looking up {host}") from None


def _through(proxy: SplitResult, host: str, port: int, deadline: float) -> Any:
    """A socket to host and port through a proxy."""
    default = _PROXY_PORTS[proxy.scheme]
    try:
        sock: Any = _connected(proxy.hostname or "", proxy.port or default, deadline)
    except OSError as error:
        raise NoProxy(f"cannot be reached ({_said(error)})") from error
    try:
        sock.settimeout(_left(deadline))
        if proxy.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=proxy.hostname)
        if proxy.scheme.startswith("socks5"):
            _socks(sock, proxy, host, port, deadline)
        else:
            _tunnel(sock, proxy, host, port, deadline)
    except TimeoutError as error:
        sock.close()
        raise NoProxy("did not answer in time") from error
    except ProxyRefused:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        raise NoProxy(f"broke off ({_said(error)})") from error
    except BaseException:
        sock.close()
        raise
    return sock


def _tunnel(sock: Any, proxy: SplitResult, host: str, port: int, deadline: float) -> None:
    """Ask an HTTP proxy for a way."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.username:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        # Byte by byte: what comes after the head belongs to TLS.
        sock.settimeout(_left(deadline))
        byte = sock.recv(1)
        if not byte or len(head) > 65536:
            raise ProxyRefused("closed the connection; is it a proxy?")
        head += byte
    first = head.split(b"\r\n", 1)[0].decode("latin-1")
    if first.split(" ")[1:2] != ["200"]:
        raise ProxyRefused(f"answered {first!r} to CONNECT {place}")


def _socks(sock: Any, proxy: SplitResult, host: str, port: int, deadline: float) -> None:
    """Ask a SOCKS 5 proxy for a way (RFC 1928, 1929); the proxy looks the name up."""
    user, password = unquote(proxy.username or "").encode(), unquote(proxy.password or "").encode()
    sock.sendall(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    version, method = _exactly(sock, deadline, 2)
    if version != 5:
        raise ProxyRefused("does not speak SOCKS 5")
    if method == 2 and user:
        sock.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if _exactly(sock, deadline, 2)[1] != 0:
            raise ProxyRefused("refused user and password")
    elif method != 0:
        raise ProxyRefused("wants a login, and proxy-url has none")
    address = _ip(host)
    if address is None:
        name = host.encode("idna")
        where = bytes([3, len(name)]) + name
    else:
        where = bytes([1 if address.version == 4 else 4]) + address.packed
    sock.sendall(b"\x05\x01\x00" + where + port.to_bytes(2, "big"))
    _, code, _, kind = _exactly(sock, deadline, 4)
    if code != 0:
        raise ProxyRefused(f"did not connect to {host}:{port}: {_SOCKS_WORDS.get(code, f'code {code}')}")
    _exactly(sock, deadline, {1: 4, 4: 16}.get(kind) or _exactly(sock, deadline, 1)[0])
    _exactly(sock, deadline, 2)


def _exactly(sock: Any, deadline: float, count: int) -> bytes:
    found = b""
    while len(found) < count:
        sock.settimeout(_left(deadline))
        part = sock.recv(count - len(found))
        if not part:
            raise ProxyRefused("closed the connection; is it a SOCKS 5 proxy?")
        found += part
    return found


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left")
    return left


def _readable(sock: Any) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _no_password() -> str:
    raise ValueError("its key is encrypted, and no one can be asked for the password here")


def _said(error: BaseException) -> str:
    if isinstance(error, OperationError):
        return str(error)
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
