"""AWS with the caller's own credentials: clients with time limits, errors in words, the token that EKS takes."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.terminal import words


@dataclass(frozen=True)
class Limits:
    """How long AWS is waited for, in seconds.

    `read` is for an answer to begin, and between two pieces of it. An address that has not answered at all within it
    is not asked again: somebody behind a broken VPN is told so within 20 seconds. `credentials` is for all that can
    lie behind a profile: a program, a sign-in, roles to assume.
    """

    connect: float = 5
    read: float = 15
    credentials: float = 15
    call: float = 90
    """All of one call, its attempts and the waits between them together: an answer that comes byte by byte ends too.
    What an object holds is read afterwards, and has a limit of its own (`velero.bucket.PIECE_SECONDS`)."""


LIMITS = Limits()
_ATTEMPTS = 3
# boto3 makes clients in one thread at a time.
_LOCK = threading.Lock()
# Credentials that somebody renews meanwhile are seen by commands that run for long.
_SESSION_SECONDS = 300
# EKS takes a token until 15 minutes after it was signed; a clock that is two minutes off must not matter.
TOKEN_SECONDS = 12 * 60

# Where a proxy or an emulator answers in AWS's place, it is a web page.
SAID = 300

_NO_CREDENTIALS = "run 'aws sso login', or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "403",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_STALE = frozenset({"ExpiredToken", "ExpiredTokenException"})


def client(service: str, *, region: str | None, **options: Any) -> Any:
    """A boto3 client with time limits and few retries; `options` go to boto3, `config` is merged.

    Raises `OperationError` where there is no such profile, or where its credentials do not come in time.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    limits = LIMITS
    config = Config(
        connect_timeout=limits.connect,
        read_timeout=limits.read,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    ).merge(options.pop("config", None) or Config())
    try:
        environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
        with _LOCK:
            session = _session(environment, int(time.monotonic() // _SESSION_SECONDS), limits.credentials)
            if isinstance(session, OperationError):
                raise session
            made = session.client(service, region_name=region, config=config, **options)
    except BotoCoreError as error:
        raise explained(error, f"a client of {service}") from error
    _FirstContact(limits.read).watch(made.meta.events)
    # Everything that a client does, paginators included, goes through this one method.
    made._make_api_call = _Limited(made, limits.call)
    return made


class _Limited:
    """A client's calls, each within a limit for all of it, and each error in boto3's own family."""

    def __init__(self, client: Any, seconds: float) -> None:
        self._call = client._make_api_call
        self._address = client.meta.endpoint_url
        self._seconds = seconds

    def __call__(self, operation: str, parameters: dict[str, Any]) -> Any:
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        found: list[Any] = []
        try:
            done = _done_within(self._seconds, lambda: found.append(self._call(operation, parameters)))
        except (ResponseParserError, LookupError, UnicodeError, RecursionError) as error:
            raise exceptions.HTTPClientError(error=f"{self._address} answers nothing that AWS does") from error
        if not done:
            raise exceptions.ReadTimeoutError(endpoint_url=self._address, error="the time for the call was up")
        return found[0]


@lru_cache(maxsize=1)
def _session(environment: tuple[tuple[str, str], ...], period: int, seconds: float) -> Any:
    """A session whose credentials are there, or why they are not.

    One for all clients, so that a profile's program runs once.
    """
    import boto3

    session = boto3.Session()

    def sign_in() -> None:
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()

    return session if _done_within(seconds, sign_in) else Unreachable(_hanging(session, seconds))


def _done_within(seconds: float, work: Callable[[], None]) -> bool:
    """Whether the work was done in time; what it raises is raised here. What hangs is left behind."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            raised.append(error)

    # The command's end does not depend on it.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    return not thread.is_alive()


def _hanging(session: Any, seconds: float) -> str:
    profile = session.profile_name
    found = session._session.get_scoped_config()
    if program := found.get("credential_process"):
        why = f"its credential_process ({program}) has not ended"
    elif "sso_session" in found or "sso_start_url" in found:
        why = "the sign-in service does not answer; usually the VPN or a proxy is the matter"
    elif "role_arn" in found:
        why = f"STS has not given the role {found['role_arn']}; usually the VPN or a proxy is the matter"
    else:
        why = "what gives them does not answer"
    mend = f"see what 'aws sts get-caller-identity --profile {profile}' does, or set AWS_PROFILE to another one"
    return f"the AWS credentials of profile {profile} did not come within {words.duration(seconds)}: {why}; {mend}"


class _FirstContact:
    """Ends the attempts of a client to which nothing has answered yet, once they have taken their time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answered = False
        self._since: float | None = None

    def watch(self, events: Any) -> None:
        events.register("before-send", self._before)
        events.register("needs-retry", self._after)

    def _before(self, **_: Any) -> None:
        if self._since is None:
            self._since = time.monotonic()

    def _after(self, caught_exception: Exception | None = None, **_: Any) -> None:
        self._answered = self._answered or caught_exception is None
        if self._answered or caught_exception is None or self._since is None:
            return
        if time.monotonic() - self._since >= self._seconds:
            self._since = None
            raise caught_exception


def explained(error: Exception, doing: str, *, account: str | None = None) -> OperationError:
    """What to tell somebody of an error of boto3. `doing` is a noun phrase ("reading bucket x").

    Where access was refused and `account` is known, the caller's own account is looked up and compared.
    """
    from botocore import exceptions

    name = type(error).__name__
    if isinstance(error, exceptions.ClientError):
        code = error_code(error)
        said = " ".join(str(error.response.get("Error", {}).get("Message", "") or code).split())[:SAID]
        if code in _STALE:
            return NotAllowed(f"{doing}: the AWS credentials have expired; {_NO_CREDENTIALS}")
        if code in _REFUSALS:
            return NotAllowed(f"{doing}: AWS refused it ({code}: {said}).{_whose(account)}")
        return OperationError(f"{doing}: {code}: {said}")
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return NotAllowed(f"{doing}: no AWS credentials were found; {_NO_CREDENTIALS}")
    if name in ("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "CredentialRetrievalError"):
        return NotAllowed(f"{doing}: {error}; {_NO_CREDENTIALS}")
    if isinstance(error, exceptions.ProfileNotFound):
        return BadTarget(f"{doing}: {error}; 'aws configure list-profiles' lists those there are")
    if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
        return Unreachable(f"{doing}: {_address(error)} does not answer; {_usually()}")
    if isinstance(error, exceptions.IncompleteReadError):
        return Unreachable(f"{doing}: the answer broke off ({error}); {_usually()}")
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return Unreachable(f"{doing}: {error}; {_usually()}")
    return OperationError(f"{doing}: {name}: {error}")


def error_code(error: Exception) -> str:
    """AWS's code for an error; empty where AWS said nothing, as after a time limit."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


@dataclass(frozen=True)
class CallerIdentity:
    """Whom the AWS credentials belong to."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, …"""
        return self.arn.split(":")[1]


def caller(region: str | None = None, *, client: Callable[..., Any] = client) -> CallerIdentity:
    """Whom the credentials belong to. Raises `OperationError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = client("sts", region=region or "us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise explained(error, "asking AWS who is calling") from error
    return CallerIdentity(str(answer["Account"]), str(answer["Arn"]))


def check_account(expected: str, region: str) -> None:
    """Refuse credentials of another account than the stack's: they would reach another cluster of the same name."""
    found = caller(region)
    if found.account != expected:
        raise NotAllowed(
            f"the AWS credentials belong to account {found.account} ({found.arn}), and the stack to {expected};"
            " use a profile of that account, for example with AWS_PROFILE"
        )


def described_cluster(name: str, region: str, *, client: Callable[..., Any] = client) -> dict[str, Any]:
    """What EKS says of a cluster. Raises `BadTarget` where there is none of this name in the region."""
    from botocore.exceptions import BotoCoreError, ClientError

    doing = f"looking up the EKS cluster {name} in {region}"
    try:
        return client("eks", region=region).describe_cluster(name=name)["cluster"]
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "ResourceNotFoundException":
            raise BadTarget(f"{doing}: there is none; see 'aws eks list-clusters --region {region}'") from error
        raise explained(error, doing) from error


def eks_endpoint(name: str, region: str) -> tuple[str, str]:
    """The URL of an EKS cluster's API server and its certificate authority in PEM."""
    found = described_cluster(name, region)
    doing = f"looking up the EKS cluster {name} in {region}"
    authority = (found.get("certificateAuthority") or {}).get("data")
    if not found.get("endpoint") or not authority:
        raise Unreachable(f"{doing}: it is {found.get('status', 'of unknown status')} and has no endpoint yet")
    try:
        return str(found["endpoint"]), base64.b64decode(authority).decode()
    except ValueError:
        raise Unreachable(f"{doing}: what it gives as its certificate authority is no certificate") from None


def eks_token(name: str, region: str) -> str:
    """A bearer token for an EKS cluster: a signed request to STS, which the API server makes to learn who calls."""
    from botocore.exceptions import BotoCoreError, NoCredentialsError
    from botocore.signers import RequestSigner

    sts = client("sts", region=region)
    try:
        credentials = sts._request_signer._credentials
        if credentials is None:
            raise NoCredentialsError
        signer = RequestSigner(sts.meta.service_model.service_id, region, "sts", "v4", credentials, sts.meta.events)
        url = signer.generate_presigned_url(
            {
                "method": "GET",
                "url": f"{sts.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
                "body": {},
                "headers": {"x-k8s-aws-id": name},
                "context": {},
            },
            region_name=region,
            expires_in=60,
            operation_name="",
        )
    except BotoCoreError as error:
        raise explained(error, f"signing a token for the EKS cluster {name}") from error
    return "k8s-aws-v1." + base64.urlsafe_b64encode(str(url).encode()).decode().rstrip("=")


def _address(error: Any) -> str:
    url = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    return f"{url.scheme}://{url.netloc}" if url.netloc else "AWS"


def _usually() -> str:
    """What is the matter as a rule where AWS cannot be reached from here."""
    proxy = next(
        (name for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if os.environ.get(name)), ""
    )
    told = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]
    named = f" ({' and '.join(filter(None, [proxy, *sorted(told)]))} is set)" if proxy or told else ""
    return f"usually the VPN, a proxy or a firewall is the matter{named}"


def _whose(account: str | None) -> str:
    try:
        found = caller()
    except OperationError:
        return ""
    if account and found.account != account:
        return (
            f" The credentials belong to account {found.account} ({found.arn}), and the bucket to {account};"
            " use a profile of it."
        )
    return f" The credentials are those of {found.arn}."
