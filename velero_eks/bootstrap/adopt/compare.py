"""What exists against what the program would set: field by field, in the plan's own words. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from velero_on_eks.adoption import FIELDS, SCHEDULE

from velero_eks import trees
from velero_eks.aws.iam import canonical
from velero_eks.trees import ABSENT, Difference, Pairs, equal

Properties = dict[str, Any]

# A release's values can hold credentials of someone's; no one is shown them.
_HIDDEN_WORDS = ("secret", "password", "token", "credential", "accesskey")
HIDDEN = "(hidden)"


_DOCUMENTS = frozenset({"policy", "assumeRolePolicy"})
# Left out of AWS's answer where no one set them.
_DEFAULTED = frozenset({"permissionsBoundary", "rotationPeriodInDays"})
# Of these kinds others may add what they like: only what the program sets is compared.
_SHARED = frozenset({FIELDS["namespace"], FIELDS["snapshot_class"], SCHEDULE})


def differences(type_: str, planned: Properties, live: Properties) -> list[Difference]:
    """Where an existing resource differs from the program's, in the order of the paths.

    Compared is what `live` speaks of and, where no one else has a say in it, what the program does not set as well.
    """
    found: list[Difference] = []
    for key in live:
        ours, theirs = _canonical(key, planned.get(key, ABSENT)), _canonical(key, live[key])
        if type_ in _SHARED:
            theirs = _restricted(theirs, ours)
        found += _differing(key, theirs, ours)
    for key in _DEFAULTED & planned.keys() - live.keys():
        found += _differing(key, ABSENT, _canonical(key, planned[key]))
    return sorted(found, key=lambda difference: difference.path)


def with_key(planned: Properties, made_up: str | None, real: str | None) -> Properties:
    """The planned properties with the key's real id where the offline plan made one up."""
    if not made_up or not real:
        return planned
    return json.loads(json.dumps(planned).replace(made_up, real))


def _canonical(key: str, value: Any) -> Any:
    if value is ABSENT or value is None:
        return ABSENT
    if key in _DOCUMENTS and isinstance(value, str):
        return _document(json.loads(value))
    if key == "rules" and isinstance(value, list) and all(isinstance(rule, dict) and "id" in rule for rule in value):
        # Lifecycle rules have names, and their order means nothing.
        return {rule["id"]: _lifecycle(rule) for rule in value}
    if key == "rules" and isinstance(value, list):
        return [_encryption(rule) for rule in value]
    return value


def _document(value: Any) -> Any:
    """A policy as IAM reads it: statements by their name, one value and a list of one value the same."""
    named: dict[str, Any] = {}
    for number, statement in enumerate(canonical(value)["Statement"], 1):
        sid = statement.get("Sid") or f"statement {number}"
        named[sid] = {element: content for element, content in statement.items() if element != "Sid"}
    return named


def _lifecycle(rule: Properties) -> Properties:
    kept = {key: value for key, value in rule.items() if key not in ("id", "filter", "prefix")}
    prefix = (rule.get("filter") or {}).get("prefix") or rule.get("prefix")
    return {**kept, **({"prefix": prefix} if prefix else {})}


def _encryption(rule: Properties) -> Properties:
    applied = dict(rule.get("applyServerSideEncryptionByDefault") or {})
    if "kmsMasterKeyId" in applied:
        # S3 takes a key's id or its ARN, and gives back what it was given.
        applied["kmsMasterKeyId"] = str(applied["kmsMasterKeyId"]).rpartition("key/")[2]
    return {**rule, "applyServerSideEncryptionByDefault": applied}


def _restricted(live: Any, planned: Any) -> Any:
    if isinstance(live, dict) and isinstance(planned, dict):
        return {key: _restricted(live[key], planned[key]) for key in planned if key in live}
    return live


def _differing(path: str, live: Any, planned: Any) -> Iterator[Difference]:
    for found in trees.differences(live, planned, path, pairs=_pairs, same=_same):
        yield Difference(found.path, _masked(found.path, found.before), _masked(found.path, found.after))


def _pairs(live: list[Any], planned: list[Any]) -> Pairs:
    """A list of one is what is in it."""
    return [("", live[0], planned[0])] if len(live) == len(planned) == 1 else None


def _same(live: Any, planned: Any) -> bool:
    return equal(live, planned) or (_empty(live) and _empty(planned))


def _masked(path: str, value: Any) -> Any:
    """The value without what someone could sign in with, however deep it lies."""
    if isinstance(value, dict):
        return {key: _masked(f"{path}.{key}", part) for key, part in value.items()}
    if isinstance(value, list):
        return [_masked(path, part) for part in value]
    hide = any(word in path.lower().replace("_", "") for word in _HIDDEN_WORDS)
    return HIDDEN if hide and not _empty(value) else value


def _empty(value: Any) -> bool:
    return value is ABSENT or value in ({}, [], "", None)
