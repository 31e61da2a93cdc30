"""`python -m benchmarks kube`: what a request to an API server costs in CPU, beside http.client by hand.

Creates and gets of objects of 1 kB over TLS, with kept connections, by one thread and by eight. The server is a process
of its own, which answers the same to everything; the machine's speed is in both figures and not in their ratio.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lab.certificates import CertificateAuthority
from velero_eks.kube.client import Cluster
from velero_eks.kube.connection import Connection
from velero_eks.kube.credentials import FixedCredentials
from velero_eks.kube.transport import ApiServer

REQUESTS, ROUNDS = 1000, 3
BUDGET = 1.5
_PATH = "/api/v1/namespaces/benchmark/configmaps"
_BODY = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "object", "namespace": "benchmark"},
    "data": {"text": "x" * 900},
}
Request = Callable[[str], Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = json.dumps(_BODY).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer


def _serve(certificate: str, key: str, port: Pipe) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    port.send(server.server_address[1])
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def by_hand(port: int, authority: str) -> Request:
    """What no one can do cheaper in Python: one connection a thread, nothing looked at."""
    context, local = ssl.create_default_context(cadata=authority), threading.local()

    def request(method: str) -> Any:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
        body = json.dumps(_BODY).encode() if method == "POST" else None
        local.connection.request(method, _PATH, body, {"Accept": "application/json"})
        return json.loads(local.connection.getresponse().read())

    return request


def by_cluster(port: int, authority: str) -> Request:
    """The tool's client."""
    server = ApiServer(f"https://127.0.0.1:{port}", authority)
    cluster = Cluster(Connection(server, FixedCredentials(), "benchmark"))
    return lambda method: cluster.get(_PATH) if method == "GET" else cluster.create(_PATH, _BODY)


def milliseconds(request: Request, method: str, threads: int) -> float:
    """CPU of this process for one request: the least of some rounds."""
    found: list[float] = []
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(request, [method] * threads))
        for _ in range(ROUNDS):
            begin = time.process_time()
            list(pool.map(lambda _: [request(method) for _ in range(REQUESTS // threads)], range(threads)))
            found.append(1000 * (time.process_time() - begin) / REQUESTS)
    return min(found)


def main() -> int:
    """Measure, print, and return 1 where the client is over its budget."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("CPU ms a request")
    for heading in ("http.client", "this client", "ratio"):
        table.add_column(heading, justify="right")
    ratios: list[float] = []
    with tempfile.TemporaryDirectory(prefix="velero-eks-bench-") as folder:
        authority = CertificateAuthority(Path(folder))
        pair = authority.server("api")
        trusted = authority.certificate.read_text()
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(str(pair.certificate), str(pair.key), there), daemon=True)
        process.start()
        try:
            if not here.poll(60):
                raise TimeoutError("the server did not start within 60 s")
            port = here.recv()
            for method, threads in (("GET", 1), ("POST", 1), ("GET", 8), ("POST", 8)):
                bare, ours = (milliseconds(make(port, trusted), method, threads) for make in (by_hand, by_cluster))
                ratios.append(ours / bare)
                what = f"{'get' if method == 'GET' else 'create'}, {threads} thread{'s' if threads > 1 else ''}"
                table.add_row(what, f"{bare:.3f}", f"{ours:.3f}", f"{ours / bare:.2f}")
        finally:
            process.terminate()
            process.join(10)
    console.print(table)
    mean = sum(ratios) / len(ratios)
    verdict = "[green]within[/]" if mean <= BUDGET else "[bold red]over[/]"
    console.print(f"\nThe client costs {mean:.2f} times http.client by hand; budget {BUDGET:g}: {verdict}.")
    return 0 if mean <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
