"""Requests to the emulator, and the refusals it gives, at the level of WSGI."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_LARGEST_READ = 4 * 1024 * 1024
_BLOCK = 64 * 1024


class Refused(Exception):
    """A request that AWS would refuse, with AWS's error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def body_of(environ: Environ) -> bytes:
    """The request's body, left in place for the emulator."""
    length = min(int(environ.get("CONTENT_LENGTH") or 0), _LARGEST_READ)
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def drain(environ: Environ) -> None:
    """Read what is left of the request: a client that is still sending would see a broken connection, no refusal."""
    stream = environ["wsgi.input"]
    left = int(environ.get("CONTENT_LENGTH") or 0)
    if environ.get("wsgi.input_terminated"):
        while stream.read(_BLOCK):
            pass
    while left > 0:
        block = stream.read(min(left, _BLOCK))
        if not block:
            return
        left -= len(block)


def service_of(environ: Environ) -> str:
    """The service a request is signed for; empty for one without credentials."""
    scope = _credential(environ).split("/")
    return scope[3].lower() if len(scope) >= 5 else ("s3" if access_key_of(environ) else "")


def access_key_of(environ: Environ) -> str:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return _credential(environ).split("/")[0] or query.get("AWSAccessKeyId", [""])[0]


def _credential(environ: Environ) -> str:
    found = re.search(r"Credential=([^,\s]+)", environ.get("HTTP_AUTHORIZATION", ""))
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return found[1] if found else query.get("X-Amz-Credential", [""])[0]
