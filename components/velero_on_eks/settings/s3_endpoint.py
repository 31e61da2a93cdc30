"""S3 endpoints: which host serves which region, and which hosts serve no backups.

Sources: the AWS General Reference on Amazon S3 endpoints, the S3 user guide on website, accelerate, access point and
VPC interface endpoints. The plugin puts the bucket in front of the host, or behind it with path style, so that an
endpoint names no bucket itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from velero_on_eks.settings.aws_regions import REGIONS
from velero_on_eks.settings.refusals import Refused

_EXAMPLE = "https://s3.eu-west-1.amazonaws.com"
# Hosts of AWS that speak something else than S3's object API for a bucket by its name.
_OTHER_SERVICES = (
    ("s3-website", "a website endpoint accepts no uploads"),
    ("s3-accelerate", "the accelerate endpoint has no region, and kopia does not support it"),
    ("s3-accesspoint", "an access point belongs to one bucket, and Velero adds the bucket itself"),
    ("s3-object-lambda", "an Object Lambda endpoint changes the data"),
    ("s3-outposts", "S3 on Outposts has no regional buckets"),
    ("s3-control", "the control endpoint has no objects"),
    ("s3express-", "directory buckets have no versions, and Velero's plugin does not support them"),
)
_SUFFIXES = sorted({partition.dns_suffix for partition in REGIONS.values()}, key=len, reverse=True)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of AWS: its region, and the bucket that its host names, if it does."""

    region: str
    bucket: str | None


def aws_endpoint(url: str) -> Endpoint | None:
    """What an S3 endpoint's host says; None for a host that is not of AWS.

    Raises `Refused` for a host of AWS that is not an S3 endpoint. The global endpoint is that of us-east-1.
    """
    host = (urlsplit(url).hostname or "").lower()
    suffix = next((each for each in _SUFFIXES if host.endswith(f".{each}")), None)
    if suffix is None:
        return None
    labels = [label for label in host.removesuffix(f".{suffix}").split(".") if label != "dualstack"]
    if len(labels) >= 4 and labels[-1] == "vpce" and labels[-3] == "s3":
        # bucket.vpce-0a1b.s3.REGION.vpce: the word `bucket` is part of an interface endpoint's name.
        *bucket, word = labels[:-4] or [""]
        if word == "bucket":
            return Endpoint(labels[-2], ".".join(bucket) or None)
        raise Refused(
            "s3-url-service",
            "an interface endpoint for objects is https://bucket.vpce-ID.s3.REGION.vpce.amazonaws.com",
            "write it with 'bucket.' in front",
        )
    for place in range(len(labels) - 1, -1, -1):
        found = re.fullmatch(r"s3(?:-fips)?(?:-(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9]+|external-1))?", labels[place])
        if found and len(labels) - place <= 2:
            region = found["region"] or "".join(labels[place + 1 :]) or "us-east-1"
            return Endpoint("us-east-1" if region == "external-1" else region, ".".join(labels[:place]) or None)
    raise Refused("s3-url-service", "this AWS host does not serve S3", f"write one like {_EXAMPLE}")


def check_s3_url(url: str) -> str:
    """Refuse what is not an S3 endpoint: a scheme and a host, which names a region's API and not a bucket."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not re.fullmatch(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?", url)
        or port == 0
    ):
        raise Refused(
            "s3-url",
            "an S3 endpoint is scheme, host and optional port, without user, path or query",
            f"write one like {_EXAMPLE}",
        )
    for label in (parts.hostname or "").split("."):
        for word, why in _OTHER_SERVICES:
            if label.startswith(word):
                raise Refused("s3-url-service", why, f"write the region's endpoint, like {_EXAMPLE}")
    endpoint = aws_endpoint(url)
    if endpoint and endpoint.bucket:
        raise Refused(
            "s3-url-bucket",
            f"the host names the bucket {endpoint.bucket}, and Velero adds the bucket again",
            f"write storage.bucket: {endpoint.bucket}, and remove it from the host, like {_EXAMPLE}",
        )
    return url


S3Url = Annotated[str, AfterValidator(check_s3_url)]
