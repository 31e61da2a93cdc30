"""Tags as every AWS service that gets them accepts them.

Bucket, key, role, add-on and association get the same tags, so the narrowest limits hold: IAM's. Source: the IAM user
guide on tagging (characters, lengths, keys that differ in case alone), the S3 and KMS API references (50 a resource).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from velero_on_eks.settings.late import Late
from velero_on_eks.settings.refusals import Refused

TAGS_MAX = 50
KEY_MAX = 128
VALUE_MAX = 256
CLUSTER_TAG = "velero-eks/cluster"
ENVIRONMENT_TAG = "velero-eks/environment"
OWN_TAGS = (CLUSTER_TAG, ENVIRONMENT_TAG)
_SIGNS = frozenset("_.:/=+-@")
_ALLOWED = "letters, digits, spaces and _.:/=+-@"


def check_tag_key(key: str) -> str:
    """Refuse what IAM, S3 or KMS refuses of a tag's key."""
    if not 1 <= len(key) <= KEY_MAX:
        raise Refused(
            "tag-key", f"a tag's key has 1 to {KEY_MAX} characters, this one {len(key)}", "write a shorter key"
        )
    if re.match(r"aws:", key, re.IGNORECASE):
        raise Refused("tag-key", "keys that begin with 'aws:' are reserved by AWS", "write another key")
    _check_characters("tag-key", "a tag's key", key)
    return key


def check_tag_value(value: str) -> str:
    """Refuse what IAM, S3 or KMS refuses of a tag's value; an empty one is fine."""
    if len(value) > VALUE_MAX:
        raise Refused(
            "tag-value",
            f"a tag's value has at most {VALUE_MAX} characters, this one {len(value)}",
            "write a shorter value",
        )
    _check_characters("tag-value", "a tag's value", value)
    return value


def _check_characters(code: str, what: str, text: str) -> None:
    # Letters, separators and numbers of every script, as IAM's [\p{L}\p{Z}\p{N}_.:/=+\-@] has them.
    wrong = sorted({sign for sign in text if unicodedata.category(sign)[0] not in "LZN" and sign not in _SIGNS})
    if wrong:
        raise Refused(
            code,
            f"IAM allows {_ALLOWED} in {what}, not {' '.join(map(ascii, wrong))}",
            "write it without them",
        )


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """Refuse tags that one resource cannot have together."""
    if len(tags) > TAGS_MAX:
        raise Refused("too-many-tags", f"a resource has at most {TAGS_MAX} tags, these are {len(tags)}", "remove some")
    seen: dict[str, str] = {}
    for key in tags:
        other = seen.setdefault(key.casefold(), key)
        if other != key:
            raise Refused(
                "tag-key-twice",
                f"{other} and {key} differ only in case, and IAM treats them as the same key",
                "keep one of them",
            )
    return tags


def check_own_tags(tags: dict[str, str]) -> dict[str, str]:
    """Refuse tags that the program sets itself, and more than leave room for them."""
    for key in tags:
        if key.casefold() in OWN_TAGS:
            raise Refused(
                "own-tag",
                f"the program sets {key} itself and finds its resources by it",
                "remove it, or write another key",
            )
    if len(tags) > TAGS_MAX - len(OWN_TAGS):
        raise Refused(
            "too-many-tags",
            f"a resource has at most {TAGS_MAX} tags, {len(OWN_TAGS)} of them set by the program, and these are"
            f" {len(tags)}",
            "remove some",
        )
    return tags


TagKey = Annotated[str, AfterValidator(check_tag_key)]
TagValue = Annotated[str, AfterValidator(check_tag_value)]
Tags = Annotated[dict[TagKey, Late[TagValue]], AfterValidator(check_tags)]
"""Tags of a part, which may have been given the program's own ones."""
StackTags = Annotated[dict[TagKey, Late[TagValue]], AfterValidator(check_tags), AfterValidator(check_own_tags)]
"""Tags of a stack, to which the program adds its own."""
