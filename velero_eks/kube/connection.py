"""The way to an API server: a named kubeconfig context, or what EKS and the caller's AWS credentials give."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from velero_eks.aws import client as aws
from velero_eks.errors import Unreachable
from velero_eks.kube.credentials import Credentials, RenewedToken
from velero_eks.kube.kubeconfig import Kubeconfig
from velero_eks.kube.transport import (
    CONNECT_SECONDS,
    Answer,
    ApiServer,
    ConnectTimeout,
    Credential,
    ProxyRefused,
    Transport,
    without_password,
)

FIRST_CONTACT_SECONDS = 18.0
"""Within this the first request of a process is answered, or given up: credential plugin, connection and answer."""

_LEAST_SECONDS = 2.0
_USER_AGENT = "velero-eks"


class Connection:
    """A connection to one API server, for several threads. `name` is what messages call the cluster."""

    def __init__(self, server: ApiServer, credentials: Credentials, name: str) -> None:
        self.api_server = server
        self.name = name
        self.credentials = credentials
        self._transport: Transport | None = None
        self._answered = False

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self.api_server.url

    def send(
        self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any, seconds: float
    ) -> Answer:
        """One request; `body` goes out as JSON, bytes as they are.

        `seconds` limits the wait for each part of the answer; until the API server has answered once, all of it has to
        come within `FIRST_CONTACT_SECONDS`. What only reads is sent again where a connection breaks that worked before;
        credentials that the server refuses are renewed once, where they can be. Raises `Unreachable`, and what the
        credentials raise.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        encoded = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        deadline = None if self._answered else time.monotonic() + FIRST_CONTACT_SECONDS
        credential = self.credentials.current()

        def once() -> Answer:
            sent = {"User-Agent": _USER_AGENT, **headers, **credential.headers}
            limits: dict[str, float] = {"connect": CONNECT_SECONDS, "read": seconds}
            if deadline is not None:
                left = max(deadline - time.monotonic(), _LEAST_SECONDS)
                limits = {"connect": min(CONNECT_SECONDS, left), "read": min(seconds, left), "whole": left}
            try:
                return self._through(credential).send(method, target, sent, encoded, **limits)
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable(f"{self.name}: no answer from {self._where}: {_why(error)}") from error

        try:
            answer = once()
        except Unreachable:
            # A kept connection that the server closed meanwhile; what only reads can be asked again.
            if method != "GET" or not self._answered:
                raise
            answer = once()
        self._answered = True
        if answer.status == 401 and self.credentials.renew(credential):
            credential = self.credentials.current()
            answer = once()
        return answer

    def _through(self, credential: Credential) -> Transport:
        # Two threads that come here at once make one too many, which is closed with its last connection.
        transport = self._transport
        if transport is None or transport.certificate != credential.certificate:
            transport = self._transport = Transport(self.api_server, credential.certificate)
        return transport

    @property
    def _where(self) -> str:
        way = self.api_server.way
        return self.server + (f" through the proxy {without_password(way)}" if way else "")


def named_context(context: str, kubeconfig: Path | None = None) -> Connection:
    """The cluster of a context of `kubeconfig` (by default KUBECONFIG, else ~/.kube/config), never the current one."""
    return Connection(*Kubeconfig.load(kubeconfig).access(context), context)


def eks_cluster(name: str, region: str, account: str, *, now: Callable[[], float] = time.monotonic) -> Connection:
    """An EKS cluster by its name. Credentials of another account are refused before anything is asked of it."""
    aws.check_account(account, region)
    url, authority = aws.eks_endpoint(name, region)
    credentials = RenewedToken(lambda: aws.eks_token(name, region), aws.TOKEN_SECONDS, now=now)
    credentials.current()
    return Connection(ApiServer(url, authority), credentials, name)


def _why(error: Exception) -> str:
    match error:
        case ProxyRefused():
            return f"{error}; is it the right one (proxy-url, HTTPS_PROXY), and should NO_PROXY name the cluster?"
        case ConnectTimeout():
            return "it did not answer in time; is there a way to it from here (VPN, proxy, allowed addresses)?"
        case TimeoutError():
            return (
                "it took the connection and did not answer in time; is it overloaded, or does something stand in"
                " between (VPN, a proxy, a tunnel)?"
            )
        case socket.gaierror():
            return "its name is not known here; was the cluster deleted, or is its name known in a VPN alone?"
        case ConnectionRefusedError():
            return "the connection was refused; is the API server up, and is this its address?"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}); is this another cluster by now?"
        case ssl.SSLEOFError() | ConnectionError() | http.client.IncompleteRead():
            return "the connection was closed without an answer; does something stand in between (a proxy, a tunnel)?"
        case ssl.SSLError():
            return f"TLS came to no end ({error.reason or error}); does it speak TLS at this port?"
        case http.client.HTTPException():
            return f"it does not speak HTTP ({type(error).__name__}); is this the address of an API server?"
        case _:
            text = str(getattr(error, "strerror", None) or error)
            return f"{' '.join(text.split())}; is there a way to it from here (VPN, proxy)?"
