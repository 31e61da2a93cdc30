"""The webhook by which an EKS API server lets AWS identities in: it reads tokens that are presigned STS requests.

https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/README.md says what such a token is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from moto.backends import get_backend

from lab.cloud.facts import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY, Facts

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
# EKS takes a token for 15 minutes, whatever expiry its URL names.
_VALID = timedelta(minutes=15)


class BadIdentity(Exception):
    """A token that EKS would refuse; the message says why."""


def review(document: dict[str, Any], cluster: str, facts: Facts) -> dict[str, Any]:
    """The answer to a TokenReview for `cluster`. The account's administrator is `system:masters`; a role is itself."""
    answer = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    try:
        arn, groups = _identity(str(document.get("spec", {}).get("token", "")), cluster, facts)
    except BadIdentity as error:
        return {**answer, "status": {"authenticated": False, "error": str(error)}}
    user = {"username": arn, "uid": arn, "groups": groups, "extra": {"arn": [arn]}}
    return {**answer, "status": {"authenticated": True, "user": user}}


def _identity(token: str, cluster: str, facts: Facts) -> tuple[str, list[str]]:
    if not token.startswith(PREFIX):
        raise BadIdentity(f"it does not begin with {PREFIX}")
    encoded = token.removeprefix(PREFIX)
    try:
        url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except ValueError as error:
        raise BadIdentity("it is not a URL in base64") from error
    # A parameter without a value still belongs to what was signed.
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    if parameters.get("Action") != "GetCallerIdentity":
        raise BadIdentity(f"it asks STS for {parameters.get('Action')}, not GetCallerIdentity")
    if CLUSTER_HEADER not in parameters.get("X-Amz-SignedHeaders", "").split(";"):
        raise BadIdentity(f"the header {CLUSTER_HEADER} is not signed")
    try:
        signed_at = datetime.strptime(parameters["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        access_key, *scope = parameters["X-Amz-Credential"].split("/")
    except (KeyError, ValueError) as error:
        raise BadIdentity("it is not a presigned request") from error
    if abs(datetime.now(UTC) - signed_at) > _VALID:
        raise BadIdentity("it is older than 15 minutes")
    arn, secret, groups = _holder(access_key, facts)
    headers = {"host": url.netloc, CLUSTER_HEADER: cluster}
    if not hmac.compare_digest(_signature(secret, scope, parameters, headers), parameters.get("X-Amz-Signature", "")):
        raise BadIdentity(f"its signature does not hold for the cluster {cluster}")
    return arn, groups


def _holder(access_key: str, facts: Facts) -> tuple[str, str, list[str]]:
    if access_key == ADMIN_ACCESS_KEY:
        # Whoever makes a cluster is its administrator, by EKS's default.
        return f"arn:aws:iam::{facts.account}:role/lab-admin", ADMIN_SECRET_KEY, ["system:masters"]
    session = get_backend("sts")[facts.account]["aws"].get_assumed_role_from_access_key(access_key)
    if session is None:
        raise BadIdentity(f"the access key {access_key} belongs to no one")
    return session.role_arn, session.secret_access_key, []


def _signature(secret: str, scope: list[str], parameters: dict[str, str], headers: dict[str, str]) -> str:
    """Signature version 4 of a presigned GET of `/`."""
    names = parameters["X-Amz-SignedHeaders"]
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parameters.items())
        if name != "X-Amz-Signature"
    )
    signed = "".join(f"{name}:{headers.get(name, '')}\n" for name in names.split(";"))
    request = "\n".join(["GET", "/", query, signed, names, hashlib.sha256(b"").hexdigest()])
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            parameters["X-Amz-Date"],
            "/".join(scope),
            hashlib.sha256(request.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
