"""Whom a command asks and waits for, and how long the first answer may take: facts, for whoever shows them.

It is below all rooms that ask someone, as logging is: each wait is announced here, and `terminal/progress.py` listens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from velero_eks.time_limit import TimeUp

FIRST_SECONDS = 20.0
"""From a command's start to the first answer, by default, or to a message that says who does not answer."""

# How much of it the command itself takes until it asks anybody.
_START_SHARE = 0.1

_LEAST_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class NoContact:
    """Why there is no answer, as a value; `terminal/no_contact.py` makes the sentences.

    `code` is one of `CODES`. `who` is what was asked or done ("context exam", "reading s3://backups"), `address` its
    URL with the port. `seconds` is how long it was waited for, 0 where the answer came at once. `said` is what the
    other side or the system said. `proxy` is the proxy's URL, and `proxy_from` the variable or the field that names it.
    `private` is whether the address is known to be open inside its VPC alone. `renew` is a command that makes the
    address again, `variables` those of the environment that change the way.
    """

    code: str
    who: str
    address: str
    seconds: float = 0.0
    said: str = ""
    proxy: str = ""
    proxy_from: str = ""
    private: bool = False
    renew: str = ""
    variables: tuple[str, ...] = ()


CODES = frozenset(
    {
        "no-connection",
        "no-answer",
        "refused",
        "unknown-name",
        "resolver-silent",
        "certificate",
        "no-tls",
        "closed",
        "no-http",
        "no-route",
        "proxy",
        "proxy-refused",
        "web-page",
        "redirect",
    }
)
"""The causes that a `NoContact` may have."""


def without_password(url: str) -> str:
    """A URL as messages show it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def shown(url: str) -> str:
    """A URL with its port, which a firewall asks for, and without a password."""
    parts = urlsplit(without_password(url))
    port = "" if parts.port else f":{443 if parts.scheme == 'https' else 80}"
    return parts._replace(netloc=f"{parts.netloc}{port}").geturl()


@dataclass(eq=False)
class Wait:
    """Something that is waited for, to be entered; nested and parallel ones are all announced.

    `whom` is a noun phrase with the address, or what makes it then; with another `verb` it says what is done. `since`
    is by `time.monotonic`. An `operation` has its progress shown already; what `asks` someone at the terminal needs it
    for itself meanwhile.
    """

    whom: str | Callable[[], str]
    verb: str = "waiting for "
    operation: bool = False
    asks: bool = False
    since: float = field(default_factory=time.monotonic)

    @property
    def text(self) -> str:
        """What is waited for: `waiting for the API server …`."""
        return self.verb + (self.whom if isinstance(self.whom, str) else self.whom())

    def __enter__(self) -> Self:
        for listener in _LISTENERS:
            listener.began(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Of a step and of an operation it is known already.
        if isinstance(error, TimeUp) and self.verb and not self.operation:
            error.doing.append(self.text)
        for listener in _LISTENERS:
            listener.ended(self)


class Listener(Protocol):
    """Who is told of waits, in the thread that waits."""

    def began(self, wait: Wait) -> None:
        """A wait begins."""
        ...

    def ended(self, wait: Wait) -> None:
        """It is over."""
        ...


_LISTENERS: tuple[Listener, ...] = ()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell a listener of every wait, of all threads, for the length of the block."""
    global _LISTENERS
    before, _LISTENERS = _LISTENERS, (*_LISTENERS, listener)
    try:
        yield
    finally:
        _LISTENERS = before


class _Patience:
    """How long first contacts may take, all together: what answered slowly leaves less to the next."""

    def __init__(self, limit: float = FIRST_SECONDS) -> None:
        self.limit = limit
        self.spent = limit * _START_SHARE
        self.lock = threading.Lock()


_PATIENCE = _Patience()


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """First contacts take at most `seconds`, for the length of the block: `--timeout` of a command."""
    global _PATIENCE
    before, _PATIENCE = _PATIENCE, _Patience(seconds)
    try:
        yield
    finally:
        _PATIENCE = before


def limit() -> float:
    """The limit for all first contacts of a command, in seconds."""
    return _PATIENCE.limit


def stretched(seconds: float) -> float:
    """A limit that is meant for the default patience, in proportion to the one that holds."""
    return seconds * _PATIENCE.limit / FIRST_SECONDS


def left() -> float:
    """How long the next first contact may take: what is left, but never too little for someone who answers."""
    return max(_PATIENCE.limit - _PATIENCE.spent, least())


def least() -> float:
    """What every first contact may take, whatever came before it."""
    return _PATIENCE.limit * _LEAST_SHARE


def spent(seconds: float) -> None:
    """A first contact took so long, and was one."""
    with _PATIENCE.lock:
        _PATIENCE.spent += seconds
