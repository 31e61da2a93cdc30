"""A small HTTP server that answers as an API server does, and a kubeconfig that leads to it."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    peer: int = 0
    """The client's port: which connection it came on."""
    subject: str = ""
    """The common name of the client's certificate."""


@dataclass
class Answering:
    """What the server answers: a function from the request to (status, body), and every request it got."""

    answer: Callable[[Request], tuple[int, Any]]
    asked: list[Request] = field(default_factory=list)
    url: str = ""
    retry_after: str = ""


def status(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    """A refusal as Kubernetes words it."""
    return code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}


@contextmanager
def api_server(answer: Callable[[Request], tuple[int, Any]], tls: ssl.SSLContext | None = None) -> Iterator[Answering]:
    """A server on a free loopback port for the length of the block, over TLS where a context is given."""
    answering = Answering(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle_request(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query, headers = dict(parse_qsl(parts.query)), dict(self.headers)
            asked = Request(
                self.command, parts.path, query, headers, body, self.client_address[1], _subject(self.connection)
            )
            answering.asked.append(asked)
            code, found = answering.answer(asked)
            text = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            if answering.retry_after:
                self.send_header("Retry-After", answering.retry_after)
            # Who asked may have given up meanwhile.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        # In the connection's own thread, at its first read: a client that breaks off breaks nothing else.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    answering.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield answering
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _subject(connection: Any) -> str:
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    fields = [pair for part in (connection.getpeercert() or {}).get("subject", ()) for pair in part]
    return next((str(value) for name, value in fields if name == "commonName"), "")


def kubeconfig(path: Path, contexts: dict[str, str]) -> Path:
    """A kubeconfig with these contexts (name → server's URL) and the token `a-token`; none is the current one."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in contexts.items()],
        "users": [{"name": "someone", "user": {"token": "a-token"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "someone"}} for name in contexts],
    }
    path.write_text(yaml.safe_dump(document))
    return path
