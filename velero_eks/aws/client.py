"""AWS with the caller's own credentials: sessions with time limits, errors in words, the token that EKS takes."""

from __future__ import annotations

import base64
from typing import Any

from velero_eks.errors import BadTarget, NotAllowed, OperationError, Unreachable

CONNECT_SECONDS, READ_SECONDS = 5, 30
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
    """A boto3 client with time limits and few retries; `options` go to boto3, `config` is merged."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 3, "mode": "standard"},
    )
    config = limits.merge(options.pop("config", None) or Config())
    try:
        session = boto3.Session(region_name=region)
        return session.client(service, config=config, **options)  # pyright: ignore[reportCallIssue, reportArgumentType]
    except BotoCoreError as error:
        raise explained(error, f"a client of {service}") from error


def explained(error: Exception, doing: str, *, account: str | None = None) -> OperationError:
    """What to tell somebody of an error of boto3. `doing` is a noun phrase ("reading bucket x").

    Where access was refused and `account` is known, the caller's own account is looked up and compared.
    """
    from botocore import exceptions

    name = type(error).__name__
    if isinstance(error, exceptions.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
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
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return Unreachable(f"{doing}: {error}")
    return OperationError(f"{doing}: {name}: {error}")


def caller(region: str | None = None) -> tuple[str, str]:
    """The account and the ARN of whom the credentials belong to. Raises `OperationError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = client("sts", region=region or "us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise explained(error, "asking AWS who is calling") from error
    return str(answer["Account"]), str(answer["Arn"])


def check_account(expected: str, region: str) -> None:
    """Refuse credentials of another account than the stack's: they would reach another cluster of the same name."""
    found, arn = caller(region)
    if found != expected:
        raise NotAllowed(
            f"the AWS credentials belong to account {found} ({arn}), and the stack to {expected};"
            " use a profile of that account, for example with AWS_PROFILE"
        )


def eks_endpoint(name: str, region: str) -> tuple[str, str]:
    """The URL of an EKS cluster's API server and its certificate authority in PEM."""
    from botocore.exceptions import BotoCoreError, ClientError

    doing = f"looking up the EKS cluster {name} in {region}"
    try:
        found = client("eks", region=region).describe_cluster(name=name)["cluster"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            raise BadTarget(f"{doing}: there is none; see 'aws eks list-clusters'") from error
        raise explained(error, doing) from error
    except BotoCoreError as error:
        raise explained(error, doing) from error
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


def _whose(account: str | None) -> str:
    try:
        found, arn = caller()
    except OperationError:
        return ""
    if account and found != account:
        return f" The credentials belong to account {found} ({arn}), and the bucket to {account}; use a profile of it."
    return f" The credentials are those of {arn}."
