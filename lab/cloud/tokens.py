"""Reads the tokens that the lab's API servers sign, as AWS does behind an OIDC provider."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class BadToken(Exception):
    """A token that AWS would refuse; the message says why."""


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims as written, for choosing the key to verify them with. Raises `BadToken`."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("it is not JSON web token")
    try:
        claims = json.loads(_decoded(parts[1]))
    except ValueError as error:
        raise BadToken("its claims are not JSON") from error
    if not isinstance(claims, dict):
        raise BadToken("its claims are not an object")
    return claims


def verified_claims(token: str, public_key: bytes) -> dict[str, Any]:
    """The claims, once the RS256 signature by `public_key` (PEM) and the times hold. Raises `BadToken`."""
    claims = unverified_claims(token)
    head, body, signature = token.split(".")
    key = serialization.load_pem_public_key(public_key)
    if not isinstance(key, rsa.RSAPublicKey) or json.loads(_decoded(head)).get("alg") != "RS256":
        raise BadToken("it is not signed with RS256")
    try:
        key.verify(_decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise BadToken("its signature is not the cluster's") from error
    now = time.time()
    if float(claims.get("exp", 0)) < now:
        raise BadToken("it has expired")
    if float(claims.get("nbf", 0)) > now + 60:
        raise BadToken("it is not valid yet")
    return claims


def audiences(claims: dict[str, Any]) -> list[str]:
    """The `aud` claim, always as a list."""
    found = claims.get("aud", [])
    return [found] if isinstance(found, str) else list(found)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
