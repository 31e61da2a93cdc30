"""One configured view of the emulated AWS: its clients, its account and region, and the tags that go on everything."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.providers.base import ProviderError
from lab.providers.store import Store

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def check_endpoint(endpoint: str) -> None:
    """Refuses an endpoint that is not on this machine: with real credentials it would change a real account."""
    host = urlsplit(endpoint).hostname
    if host not in _LOOPBACK:
        raise ProviderError(
            f"endpoint {endpoint!r}: the aws stand-in speaks only to an emulator on this machine; "
            "give a loopback address such as http://127.0.0.1:5000"
        )


class Cloud:
    """The emulator at `endpoint`, seen from one region and account."""

    def __init__(
        self,
        endpoint: str,
        region: str,
        store: Store,
        *,
        default_tags: Mapping[str, str] | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        token: str | None = None,
    ) -> None:
        check_endpoint(endpoint)
        self.endpoint = endpoint
        self.region = region
        self.store = store
        self.default_tags = dict(default_tags or {})
        # The emulator accepts any key; the user's own credentials are never looked for.
        self._access_key = access_key or os.environ.get("AWS_ACCESS_KEY_ID") or "stand-in"
        self._secret_key = secret_key or os.environ.get("AWS_SECRET_ACCESS_KEY") or "stand-in"
        self._token = token
        self._lock = threading.Lock()
        self._elsewhere: dict[str, Cloud] = {}

    def client(self, service: str) -> Any:
        """A boto3 client of `service` with time limits."""
        # Making clients is not safe between threads, and slow; using one from many threads is neither.
        with _making:
            return _client(service, self.endpoint, self.region, self._access_key, self._secret_key, self._token)

    def in_region(self, region: str | None) -> Cloud:
        """The same account seen from `region`; itself when that is its region already."""
        if region is None or region == self.region:
            return self
        with self._lock:
            if region not in self._elsewhere:
                self._elsewhere[region] = Cloud(
                    self.endpoint,
                    region,
                    self.store,
                    default_tags=self.default_tags,
                    access_key=self._access_key,
                    secret_key=self._secret_key,
                    token=self._token,
                )
            return self._elsewhere[region]

    @functools.cached_property
    def identity(self) -> dict[str, str]:
        """Who the emulator says is calling: Account, Arn and UserId."""
        answer = self.client("sts").get_caller_identity()
        return {key: answer[key] for key in ("Account", "Arn", "UserId")}

    @property
    def account(self) -> str:
        """The account number."""
        return self.identity["Account"]

    @property
    def partition(self) -> str:
        """The partition of the session's region: aws, aws-cn or aws-us-gov."""
        return partition_of(self.region)


_making = threading.Lock()


@functools.lru_cache(maxsize=64)
def _client(service: str, endpoint: str, region: str, key: str, secret: str, token: str | None) -> Any:
    return boto3.client(  # pyright: ignore[reportCallIssue]
        service,  # pyright: ignore[reportArgumentType]
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "max_attempts": 2},
            s3={"addressing_style": "path"},
        ),
    )


def partition_of(region: str) -> str:
    """The partition that a region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def error_code(error: ClientError) -> str:
    """The code of an AWS error, "" when it has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def aws_errors(what: str, endpoint: str) -> Iterator[None]:
    """Turns what boto3 raises into words: what was done, the code, AWS's message."""
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        message = str(details.get("Message", ""))
        if message.lstrip().startswith("<"):
            message = "the emulator does not implement this call"
        raise ProviderError(f"{what}: {details.get('Code', 'error')}: {message}") from error
    except BotoCoreError as error:
        raise ProviderError(f"{what}: the emulator at {endpoint} did not answer: {error}") from error


def none_if_missing(call: Any, *codes: str, **arguments: Any) -> Any:
    """The answer of a boto3 call, or None when it fails with one of the error codes `codes`."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise
