"""Objects written from a backup's content with the caller's own rights, in the way in which Velero would write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from velero_eks.cluster.access import Cluster
from velero_eks.cluster.errors import ApiError, Conflict
from velero_eks.cluster.kinds import CUSTOM_RESOURCE_DEFINITION
from velero_eks.cluster.waiting import wait_for

from ..objects import Key, Object
from .form import restored_form, update_patch
from .plan import DirectStep

_ESTABLISHED_SECONDS = 30.0


@dataclass(frozen=True)
class Written:
    """What became of one object; `problem` says what the API server refused."""

    key: Key
    action: str
    problem: str = ""


def write(cluster: Cluster, step: DirectStep, before: Mapping[Key, Object]) -> Iterator[Written]:
    """Create what is missing, and with `update` make of what is there what it was.

    An object that somebody changed since `before` was seen is left alone, and said to be.
    """
    cluster.kinds(afresh=True)
    for item in step.items:
        wanted = restored_form(item.body, {})
        key = Key.of(wanted)
        kind = cluster.kind_of(wanted)
        there = before.get(key)
        try:
            if there is None:
                cluster.create(kind.path(key.namespace or None), wanted)
                if kind.resource == CUSTOM_RESOURCE_DEFINITION.resource:
                    _until_established(cluster, key.name)
                yield Written(key, "created")
                continue
            patch = update_patch(there, wanted)
            if step.existing == "keep" or not patch:
                yield Written(key, "kept")
                continue
            # The server refuses the patch when the object is no longer the one that was looked at.
            version = {"resourceVersion": there["metadata"]["resourceVersion"]}
            patch["metadata"] = {**(patch.get("metadata") or {}), **version}
            cluster.patch(kind.path(key.namespace or None, key.name), patch)
            yield Written(key, "changed")
        except Conflict:
            yield Written(key, "left alone", "somebody wrote it meanwhile; run the command again")
        except ApiError as error:
            yield Written(key, "failed", str(error))


def _until_established(cluster: Cluster, name: str) -> None:
    path = CUSTOM_RESOURCE_DEFINITION.path(None, name)

    def established() -> bool | None:
        conditions = (cluster.get(path).get("status") or {}).get("conditions") or []
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions) or None

    wait_for(established, seconds=_ESTABLISHED_SECONDS, what=f"the kind of CRD {name}")
