"""The way to an API server: a named kubeconfig context, or what EKS and the caller's AWS credentials give."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from velero_eks import contact
from velero_eks.aws import client as aws
from velero_eks.errors import NotAllowed, Unreachable
from velero_eks.kube.credentials import Credentials, RenewedToken
from velero_eks.kube.kubeconfig import Kubeconfig
from velero_eks.kube.transport import (
    CONNECT_SECONDS,
    Answer,
    ApiServer,
    ConnectTimeout,
    Credential,
    HandshakeTimeout,
    NoProxy,
    ProxyRefused,
    ResolverTimeout,
    Transport,
    proxy_variable,
)

_USER_AGENT = "velero-eks"
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What messages call a cluster, and what helps where it does not answer.

    `who` is a noun phrase ("context exam"), `renew` the command that says its address, `entries` a sentence with the
    one that says who may use it. `private` is whether EKS says that it answers inside its VPC only."""

    who: str
    renew: str = ""
    entries: str = ""
    private: bool = False


class Connection:
    """A connection to one API server, for several threads. `name` is what messages call the cluster."""

    def __init__(self, server: ApiServer, credentials: Credentials, name: str, place: Place | None = None) -> None:
        self.api_server = server
        self.name = name
        self.credentials = credentials
        self._place = place or Place(who=name)
        self._transport: Transport | None = None
        self._answered = False

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self.api_server.url

    @cached_property
    def _whom(self) -> str:
        return f"the API server of {self._place.who} ({self.api_server.address})"

    def send(
        self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: Any, seconds: float
    ) -> Answer:
        """One request; `body` goes out as JSON, bytes as they are.

        `seconds` limits the wait for each part of the answer; until the API server has answered once, all of it has to
        come within what `contact` leaves for a first contact. What only reads is sent again where a connection breaks
        that worked before; credentials that the server refuses are renewed once, where they can be. Raises
        `Unreachable`, `NotAllowed`, and what the credentials raise.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        encoded = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        began, patience = time.monotonic(), None if self._answered else contact.left()
        credential = self.credentials.current()
        if patience is not None:
            # A plugin may have asked someone for a password meanwhile; the server has its chance anyway.
            patience = max(patience - (time.monotonic() - began), contact.least())

        def once() -> Answer:
            sent = {"User-Agent": _USER_AGENT, **headers, **credential.headers}
            limits: dict[str, float] = {"connect": contact.stretched(CONNECT_SECONDS), "read": seconds}
            if patience is not None:
                limits = {"connect": min(limits["connect"], patience), "read": min(seconds, patience)}
                limits["whole"] = patience
            started = time.monotonic()
            try:
                return self._through(credential).send(method, target, sent, encoded, **limits)
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable(contact=self._why(error, time.monotonic() - started)) from error

        with contact.Wait(self._whom):
            try:
                answer = once()
            except Unreachable:
                # A kept connection that the server closed meanwhile; what only reads can be asked again.
                if method != "GET" or not self._answered:
                    raise
                answer = once()
            if not self._answered:
                self._refuse_a_stranger(answer)
                contact.spent(time.monotonic() - began)
            self._answered = True
            if answer.status == 401 and self.credentials.renew(credential):
                credential = self.credentials.current()
                answer = once()
        if answer.status == 401:
            raise NotAllowed(self._unknown_credentials, code="credentials-refused")
        return answer

    def _refuse_a_stranger(self, answer: Answer) -> None:
        """Raise for the answer of a login page or of a proxy, where the API server's is expected."""
        if 300 <= answer.status < 400:
            raise Unreachable(contact=self._no_contact("redirect", said=answer.headers.get("Location") or "nowhere"))
        if answer.status < 300 and (answer.headers.get("Content-Type") or "").startswith("text/html"):
            title = _TITLE.search(answer.body)
            page = " ".join(title[1].decode(errors="replace").split()) if title else "without a title"
            raise Unreachable(contact=self._no_contact("web-page", said=page))

    @property
    def _unknown_credentials(self) -> str:
        which = f" of {self.credentials.source}" if self.credentials.source else ""
        return (
            f"{self._place.who}: the API server {self.api_server.address} does not know these credentials{which} (401)."
            " Usually they have expired, or the user has no access entry in the cluster."
            f"{f' {self._place.entries}' if self._place.entries else ''}"
        )

    def _why(self, error: Exception, seconds: float) -> contact.NoContact:
        """Why a request has no answer. `seconds` is how long it was waited for."""
        match error:
            case NoProxy():
                field = "" if self.api_server.proxy else proxy_variable(self.api_server.url)
                code = "proxy-refused" if isinstance(error, ProxyRefused) else "proxy"
                return self._no_contact(code, seconds, said=str(error), proxy_from=field or "proxy-url")
            case ResolverTimeout():
                return self._no_contact("resolver-silent", seconds)
            case HandshakeTimeout():
                return self._no_contact("no-answer", seconds)
            case ConnectTimeout():
                return self._no_contact("no-connection", seconds, private=error.private)
            case TimeoutError():
                return self._no_contact("no-answer", seconds)
            case socket.gaierror():
                return self._no_contact("unknown-name")
            case ConnectionRefusedError():
                return self._no_contact("refused")
            case ssl.SSLCertVerificationError():
                return self._no_contact("certificate", said=error.verify_message)
            case ssl.SSLEOFError() | ConnectionError() | http.client.IncompleteRead():
                return self._no_contact("closed")
            case ssl.SSLError():
                return self._no_contact("no-tls", said=error.reason or str(error))
            case http.client.HTTPException():
                return self._no_contact("no-http", said=type(error).__name__)
            case _:
                said = " ".join(str(getattr(error, "strerror", None) or error).split())
                return self._no_contact("no-route", seconds, said=said)

    def _no_contact(
        self, code: str, seconds: float = 0, *, said: str = "", proxy_from: str = "", private: bool = False
    ) -> contact.NoContact:
        way = self.api_server.way
        return contact.NoContact(
            code=code,
            who=self._place.who,
            address=self.api_server.address,
            seconds=seconds,
            said=said,
            proxy=contact.without_password(way) if way else "",
            proxy_from=proxy_from,
            private=private or (self._place.private and code in ("no-connection", "unknown-name")),
            renew=self._place.renew,
        )

    def _through(self, credential: Credential) -> Transport:
        # Two threads that come here at once make one too many, which is closed with its last connection.
        transport = self._transport
        if transport is None or transport.certificate != credential.certificate:
            transport = self._transport = Transport(self.api_server, credential.certificate)
        return transport


def named_context(context: str, kubeconfig: Path | None = None) -> Connection:
    """The cluster of a context of `kubeconfig` (by default KUBECONFIG, else ~/.kube/config), never the current one."""
    renew = "aws eks update-kubeconfig --name CLUSTER"
    place = Place(who=f"context {context}", renew=renew, entries=f"Write the context again: {renew}")
    return Connection(*Kubeconfig.load(kubeconfig).access(context), context, place)


def eks_cluster(name: str, region: str, account: str, *, now: Callable[[], float] = time.monotonic) -> Connection:
    """An EKS cluster by its name. Credentials of another account are refused before anything is asked of it."""
    aws.check_account(account, region)
    found = aws.eks_endpoint(name, region)
    credentials = RenewedToken(
        lambda: aws.eks_token(name, region), aws.TOKEN_SECONDS, now=now, source="the AWS credentials"
    )
    credentials.current()
    place = Place(
        who=f"EKS cluster {name}",
        renew=f"aws eks describe-cluster --region {region} --name {name}",
        entries=f"See who has one: aws eks list-access-entries --region {region} --cluster-name {name}",
        private=found.private,
    )
    return Connection(ApiServer(found.url, found.authority), credentials, name, place)
