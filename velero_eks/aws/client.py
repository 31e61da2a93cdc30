"""AWS with the caller's own credentials: clients with time limits, errors in words, the token that EKS takes."""

from __future__ import annotations

import base64
import os
import shlex
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from velero_eks import contact
from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable
from velero_eks.terminal import words


@dataclass(frozen=True)
class Limits:
    """How long AWS is waited for, in seconds.

    They are meant for the default patience (`contact.FIRST_SECONDS`) and stretched with it. `read` is for an answer to
    begin, and between two pieces of it; `credentials` is for all that can stand behind a profile: a program, a sign-in,
    roles to assume. Until an address has answered once, all of a call is a first contact.
    """

    connect: float = 5
    read: float = 15
    credentials: float = 15
    call: float = 90
    """All of one call, its attempts and the waits between them together: an answer that comes byte by byte ends too.
    What an object holds is read afterwards, and has a limit of its own (`velero.bucket.PIECE_SECONDS`)."""

    def stretched(self) -> Limits:
        """These limits for the patience that holds."""
        stretch = contact.stretched
        return replace(
            self, connect=stretch(self.connect), read=stretch(self.read), credentials=stretch(self.credentials)
        )


LIMITS = Limits()
_ATTEMPTS = 3
# boto3 makes clients in one thread at a time.
_LOCK = threading.Lock()
# Credentials that someone renews meanwhile are seen by commands that run for long.
_SESSION_SECONDS = 300
# EKS takes a token until 15 minutes after it was signed; a clock that is two minutes off must not matter.
TOKEN_SECONDS = 12 * 60

_RESOLVER_SECONDS = 0.5
_TYPING_SECONDS = 60.0

# Where a proxy or an emulator answers in AWS's place, it is a web page.
SAID = 300

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
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


def client(service: str, *, region: str | None, **options: Any) -> Any:
    """A boto3 client with time limits and few retries; `options` go to boto3, `config` is merged.

    Raises `OperationError` where there is no such profile, or where its credentials do not come in time.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    limits = LIMITS.stretched()
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
        raise explained(error, "the AWS credentials", client=None) from error
    first = _FirstContact(limits.read)
    first.watch(made.meta.events)
    # Everything that a client does, paginators included, goes through this one method.
    made._make_api_call = _Limited(made, first, limits.call)
    return made


class _Limited:
    """A client's calls, each announced and within a limit for all of it, and each error in boto3's own family."""

    def __init__(self, client: Any, first: _FirstContact, seconds: float) -> None:
        self._call = client._make_api_call
        self._address = client.meta.endpoint_url
        self._service = client.meta.service_model.service_id
        self._first = first
        self._seconds = seconds

    def __call__(self, operation: str, parameters: dict[str, Any]) -> Any:
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        found: list[Any] = []
        began, new = time.monotonic(), not self._first.answered
        limit = min(self._seconds, contact.left()) if new else self._seconds
        bucket = f", bucket {parameters['Bucket']}" if "Bucket" in parameters else ""
        try:
            with contact.Wait(f"{self._service}{bucket} ({self._address})"):
                done = _done_within(limit, lambda: found.append(self._call(operation, parameters)))
            if done and operation != "GetObject" and _is_page(found[0]):
                raise ResponseParserError("a web page")
            if not done:
                up = exceptions.ReadTimeoutError(endpoint_url=self._address, error="the time for the call was up")
                raise up if self._first.answered else self._first.failed or up
        except (ResponseParserError, LookupError, UnicodeError, RecursionError) as error:
            odd = error if isinstance(error, ResponseParserError) else ResponseParserError(str(error))
            raise exceptions.HTTPClientError(error=odd, endpoint_url=self._address) from odd
        except exceptions.BotoCoreError as error:
            error.kwargs.setdefault("endpoint_url", self._address)
            error.kwargs["waited"] = time.monotonic() - began
            raise
        finally:
            if new and self._first.answered:
                contact.spent(time.monotonic() - began)
        return found[0]


def _is_page(answer: Any) -> bool:
    """Whether it is a login page's: the parsers of some services take any text for an answer without content.

    The lab's emulator calls some whole answers HTML too, and those have content.
    """
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    empty = set(answer) <= {"ResponseMetadata"} and headers.get("content-length") != "0"
    return empty and str(headers.get("content-type", "")).startswith("text/html")


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

    began = time.monotonic()
    # A code for MFA has to be typed, at a terminal that is free for it.
    asks = "mfa_serial" in session._session.full_config["profiles"].get(session.profile_name, {}) and sys.stdin.isatty()
    limit = _TYPING_SECONDS if asks else min(seconds, contact.left())
    with contact.Wait(f"the AWS credentials of profile {session.profile_name}", asks=asks):
        in_time = _done_within(limit, sign_in)
    if not in_time:
        return Unreachable(_hanging(session, limit), code="credentials-hang")
    contact.spent(time.monotonic() - began)
    return session


def _done_within(seconds: float, work: Callable[[], object]) -> bool:
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
    # First: what ends between the two questions would have neither an answer nor an error.
    running = thread.is_alive()
    if raised:
        raise raised[0]
    return not running


def _typed(program: str) -> str:
    try:
        return words.command(shlex.split(program))
    except ValueError:
        # A quote that is not closed.
        return program.split()[0]


def _hanging(session: Any, seconds: float) -> str:
    profile = session.profile_name
    found = session._session.get_scoped_config()
    if program := found.get("credential_process"):
        why = f"its credential_process ({_typed(program)}) has not ended"
    elif "sso_session" in found or "sso_start_url" in found:
        why = "the sign-in service does not answer. Usually the VPN or a proxy is the cause"
    elif "role_arn" in found:
        why = f"STS has not given the role {found['role_arn']}. Usually the VPN or a proxy is the cause"
    else:
        why = "what gives them does not answer"
    mend = f"Run it by hand: aws sts get-caller-identity --profile {profile}"
    took = words.duration(round(seconds, 1))
    return f"the AWS credentials of profile {profile} did not arrive within {took}: {why}. {mend}"


class _FirstContact:
    """Ends the attempts of a client to which nothing has answered yet, once they have taken their time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.answered = False
        self.failed: Exception | None = None
        self._since: float | None = None

    def watch(self, events: Any) -> None:
        events.register("before-send", self._before)
        events.register("needs-retry", self._after)

    def _before(self, **_: Any) -> None:
        if self._since is None:
            self._since = time.monotonic()

    def _after(self, caught_exception: Exception | None = None, **_: Any) -> None:
        self.answered = self.answered or caught_exception is None
        self.failed = caught_exception
        if self.answered or caught_exception is None or self._since is None:
            return
        if time.monotonic() - self._since >= self._seconds:
            self._since = None
            raise caught_exception


def explained(
    error: Exception, doing: str, *, account: str | None = None, client: Callable[..., Any] | None = client
) -> OperationError:
    """What to tell someone of an error of boto3. `doing` is a noun phrase ("reading bucket x").

    Where access was refused, the caller is looked up with `client` (None: not at all) and compared with `account`.
    """
    from botocore import exceptions

    name = type(error).__name__
    if isinstance(error, exceptions.ClientError):
        code = error_code(error)
        said = " ".join(str(error.response.get("Error", {}).get("Message", "") or code).split())[:SAID]
        if code in _STALE:
            return NotAllowed(f"{doing}: the AWS credentials have expired. {_log_in()}", code="credentials-expired")
        if code in _SKEWED or "Signature expired" in said or "Signature not yet current" in said:
            return NotAllowed(
                f"{doing}: AWS refused the request because this machine's clock is wrong ({code}: {said})."
                f" It shows {words.stamp(datetime.now(UTC))}. Set it with NTP: timedatectl set-ntp true",
                code="clock-off",
            )
        if code in _REFUSALS:
            whose = _whose(account, client) if client else ""
            return NotAllowed(f"{doing}: AWS refused it ({code}: {said}).{whose}", code="aws-refused")
        return OperationError(f"{doing}: {code}: {said}")
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return NotAllowed(f"{doing}: no AWS credentials were found. {_log_in()}", code="no-credentials")
    if name in ("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError"):
        return NotAllowed(
            f"{doing}: the SSO session has expired, or was never started. {_log_in()}", code="sso-expired"
        )
    if name == "CredentialRetrievalError":
        said = " ".join(str(error).split()).rstrip(".")
        look = f"Run it by hand: aws sts get-caller-identity{_of_profile()}"
        return NotAllowed(f"{doing}: {said}. {look}", code="credentials-failed")
    if isinstance(error, exceptions.ProfileNotFound):
        profile = error.kwargs.get("profile")
        variable = next((each for each in _PROFILES if os.environ.get(each) == profile), "")
        named = f", which {variable} names" if variable else ""
        return BadTarget(
            f"{doing}: there is no AWS profile {profile}{named}. 'aws configure list-profiles' lists the profiles",
            code="no-profile",
        )
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError)):
        return Unreachable(contact=_no_contact(error, doing))
    return OperationError(f"{doing}: {name}: {error}")


def _no_contact(error: Any, doing: str) -> contact.NoContact:
    """Why AWS gave no answer, by botocore's error."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    cause, address = _cause(error), _address(error)
    said = str(getattr(cause, "strerror", None) or cause)
    proxy, proxy_from = "", _proxy_variable()
    if isinstance(error, exceptions.ProxyConnectionError):
        proxy = contact.without_password(str(error.kwargs.get("proxy_url", "")))
        tunnel = said.partition("Tunnel connection failed: ")[2]
        code = "proxy-refused" if tunnel else "proxy"
        said = f"answered {tunnel!r}" if tunnel else f"cannot be reached ({said})"
    elif isinstance(error, exceptions.ConnectTimeoutError):
        code = "no-connection"
    elif isinstance(error, exceptions.ReadTimeoutError):
        code = "no-answer" if _resolves(address) else "resolver-silent"
    elif isinstance(error, exceptions.SSLError):
        code = "certificate" if isinstance(cause, ssl.SSLCertVerificationError) else "no-tls"
        said = getattr(cause, "verify_message", None) or said
    elif isinstance(error, exceptions.EndpointConnectionError):
        code = {"ConnectionRefusedError": "refused", "gaierror": "unknown-name"}.get(type(cause).__name__, "no-route")
    elif isinstance(error, (exceptions.ConnectionClosedError, exceptions.IncompleteReadError)):
        code = "closed"
    elif isinstance(cause, ResponseParserError):
        code, said = "web-page", "nothing that AWS says"
    else:
        code = "no-http"
    told = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]
    return contact.NoContact(
        code=code,
        who=doing,
        address=address,
        seconds=float(error.kwargs.get("waited", 0)),
        said=" ".join(said.split())[:SAID],
        proxy=proxy,
        proxy_from=proxy_from,
        variables=tuple(filter(None, ["" if proxy else proxy_from, *sorted(told)])),
    )


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
        # Without the caller: this is the question who it is.
        raise explained(error, "asking AWS who is calling", client=None) from error
    return CallerIdentity(str(answer["Account"]), str(answer["Arn"]))


def check_account(expected: str, region: str) -> None:
    """Refuse credentials of another account than the stack's: they would reach another cluster of the same name."""
    found = caller(region)
    if found.account != expected:
        raise NotAllowed(
            f"the AWS credentials belong to account {found.account} ({found.arn}), and the stack to {expected}."
            " Use a profile of that account, for example with AWS_PROFILE",
            code="other-account",
        )


def described_cluster(name: str, region: str, *, client: Callable[..., Any] = client) -> dict[str, Any]:
    """What EKS says of a cluster. Raises `BadTarget` where there is none of this name in the region."""
    from botocore.exceptions import BotoCoreError, ClientError

    doing = f"looking up the EKS cluster {name} in {region}"
    try:
        return client("eks", region=region).describe_cluster(name=name)["cluster"]
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "ResourceNotFoundException":
            raise BadTarget(
                f"{doing}: it does not exist there. These do: aws eks list-clusters --region {region}",
                code="no-cluster",
            ) from error
        raise explained(error, doing) from error


@dataclass(frozen=True)
class Endpoint:
    """The API server of an EKS cluster: its URL, its certificate authority in PEM, and whether it answers inside the
    cluster's VPC alone."""

    url: str
    authority: str
    private: bool


def eks_endpoint(name: str, region: str) -> Endpoint:
    """Where an EKS cluster's API server is."""
    found = described_cluster(name, region)
    doing = f"looking up the EKS cluster {name} in {region}"
    authority = (found.get("certificateAuthority") or {}).get("data")
    if not found.get("endpoint") or not authority:
        raise Unreachable(f"{doing}: it is {found.get('status', 'of unknown status')} and has no endpoint yet")
    private = (found.get("resourcesVpcConfig") or {}).get("endpointPublicAccess") is False
    try:
        return Endpoint(str(found["endpoint"]), base64.b64decode(authority).decode(), private)
    except ValueError:
        raise Unreachable(f"{doing}: its certificate authority is not a certificate") from None


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
    """The address that an error of botocore is about, with its port."""
    url = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    return contact.shown(f"{url.scheme}://{url.netloc}") if url.netloc else "AWS"


def _cause(error: BaseException) -> BaseException:
    """What is behind an error of botocore's: the first of the chain."""
    while True:
        before = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if not isinstance(before, BaseException) or type(error).__name__ == "ResponseParserError":
            return error
        error = before


def _resolves(address: str) -> bool:
    """Whether the resolver says anything of an address's name, now that someone has waited for it in vain."""
    host = urlsplit(address).hostname or ""
    try:
        return _done_within(_RESOLVER_SECONDS, lambda: bool(socket.getaddrinfo(host, None)))
    except OSError:
        return True


def _proxy_variable() -> str:
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    return next((name for name in names if os.environ.get(name)), "")


def _profile() -> str:
    return next((os.environ[name] for name in _PROFILES if os.environ.get(name)), "")


def _of_profile() -> str:
    return f" --profile {_profile()}" if _profile() else ""


def _log_in() -> str:
    if _profile():
        return f"Run 'aws sso login{_of_profile()}', or set AWS_PROFILE to another profile"
    return "Run 'aws sso login', or set AWS_PROFILE or AWS_ACCESS_KEY_ID"


def _whose(account: str | None, client: Callable[..., Any]) -> str:
    try:
        found = caller(client=client)
    except OperationError:
        return ""
    if account and found.account != account:
        return (
            f" The credentials belong to account {found.account} ({found.arn}), and the bucket to {account};"
            " use a profile of it."
        )
    return f" The credentials are those of {found.arn}."
