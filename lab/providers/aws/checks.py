"""Cheap checks that real AWS makes and the emulator does not. Each gives the reason, or None when all is well."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lab.providers.base import Refusal
from lab.providers.properties import UNKNOWN
from velero_eks.aws.iam import statements

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_IAM_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}|aws)?:.+")
_VERSIONS = ("2012-10-17", "2008-10-17")
_SID = re.compile(r"[A-Za-z0-9]*")

POLICY_LIMITS = {"identity": 10_240, "trust": 2_048, "bucket": 20_480, "key": 32_768}
"""Characters without white space that a policy document may have, by kind (bytes for the bucket policy)."""


def bucket_name(name: str) -> str | None:
    """S3's naming rules for a general purpose bucket."""
    if not _BUCKET.fullmatch(name):
        return "a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends"
    if ".." in name or ".-" in name or "-." in name:
        return "a bucket name has no dot beside another dot or a hyphen"
    if name.startswith(_BUCKET_STARTS) or name.endswith(_BUCKET_ENDS):
        return "AWS keeps this beginning or end of a bucket name for itself"
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return None
    return "a bucket name must not look like an IP address"


def iam_name(name: str, limit: int) -> str | None:
    """IAM's rules for a role's or policy's name."""
    if len(name) > limit:
        return f"{len(name)} characters; at most {limit} are allowed"
    return None if _IAM_NAME.fullmatch(name) else "only letters, digits and +=,.@-_ are allowed"


def arn(value: str) -> str | None:
    """Whether the text has the form of an ARN."""
    return None if _ARN.fullmatch(value) else "not an ARN (arn:partition:service:region:account:resource)"


def between(value: int, low: int, high: int) -> str | None:
    """Whether a number lies within its limits."""
    return None if low <= value <= high else f"{value} is outside {low} to {high}"


def one_of(value: str, *allowed: str) -> str | None:
    """Whether a word is one of the allowed ones."""
    return None if value in allowed else f"{value!r} is none of {', '.join(allowed)}"


def known(inputs: Mapping[str, Any], *path: str) -> Any:
    """The value at `path`, or None when it is absent or a preview cannot know it yet."""
    value: Any = inputs
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return None if value is UNKNOWN else value


def refuse(place: str, reason: str | None) -> Iterator[Refusal]:
    """A refusal when there is a reason."""
    if reason is not None:
        yield Refusal(place, reason)


def policy(document: Any, kind: str) -> str | None:
    """Whether a text is a policy document of its kind: identity, trust, bucket or key."""
    if not isinstance(document, str):
        return None
    try:
        parsed = json.loads(document)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(parsed, dict):
        return "a policy document is a JSON object"
    size = len(re.sub(r"\s", "", document))
    if size > POLICY_LIMITS[kind]:
        return f"{size} characters; a {kind} policy has at most {POLICY_LIMITS[kind]}"
    if unexpected := sorted(parsed.keys() - {"Version", "Id", "Statement"}):
        return f"unknown element {unexpected[0]!r}"
    if parsed.get("Version", _VERSIONS[1]) not in _VERSIONS:
        return f"Version {parsed['Version']!r} is none of {', '.join(_VERSIONS)}"
    statements = parsed.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        return "Statement is missing or empty"
    for number, statement in enumerate(statements, 1):
        if reason := _statement(statement, kind):
            return f"statement {number}: {reason}"
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        return "two statements have the same Sid"
    return None


_STATEMENT_KEYS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def _statement(statement: Any, kind: str) -> str | None:
    if not isinstance(statement, dict):
        return "not an object"
    if unexpected := sorted(statement.keys() - _STATEMENT_KEYS):
        return f"unknown element {unexpected[0]!r}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Effect must be Allow or Deny"
    if ("Action" in statement) == ("NotAction" in statement):
        return "exactly one of Action and NotAction is needed"
    principals = ("Principal" in statement) + ("NotPrincipal" in statement)
    resources = ("Resource" in statement) + ("NotResource" in statement)
    if kind == "identity" and principals:
        return "a role's own policy has no Principal"
    if kind != "identity" and principals != 1:
        return "exactly one of Principal and NotPrincipal is needed"
    if kind == "trust" and resources:
        return "a trust policy has no Resource"
    if kind != "trust" and resources != 1:
        return "exactly one of Resource and NotResource is needed"
    for element in ("Action", "NotAction"):
        for action in _texts(statement.get(element)):
            if action != "*" and ":" not in action:
                return f"action {action!r} has no service prefix"
    # Bucket policies alone may have a Sid with other characters.
    if kind == "identity" and not _SID.fullmatch(str(statement.get("Sid", ""))):
        return "a Sid has letters and digits only"
    return None


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [] if value is None else [str(value)]


def outside_resources(document: str, bucket: str) -> str | None:
    """Whether a bucket policy speaks of another bucket, which S3 refuses as MalformedPolicy."""
    for statement in statements(document):
        for resource in (*statement.resources, *statement.not_resources):
            name = resource.rpartition(":")[2].partition("/")[0]
            if name not in ("*", bucket):
                return f"{resource} is not in the bucket {bucket}"
    return None
