"""Objects written from a backup's content with the caller's own rights, in the way in which Velero would write them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from velero_eks.errors import Conflict, OperationError
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from velero_eks.kube.objects import Object, ObjectKey
from velero_eks.kube.waiting import wait_for
from velero_eks.recovery.restore.plan import DirectStep
from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.restored_form import restored_form, update_patch

_ESTABLISHED_SECONDS = 30.0


@dataclass(frozen=True)
class Written:
    """What became of one object; `problem` says what the API server refused."""

    key: ObjectKey
    action: str
    problem: str = ""


def write(
    cluster: Cluster, step: DirectStep, before: Mapping[ObjectKey, Object], namespaces: Iterable[Object] = ()
) -> Iterator[Written]:
    """Create what is missing, `namespaces` first, and with `update` make of what is there what it was.

    An object that somebody changed since `before` was seen is left alone, and said to be.
    """
    for body in namespaces:
        with _said(ObjectKey.of(body), []) as said, contextlib.suppress(Conflict):
            cluster.create(NAMESPACE.path(), body)
        yield from said
    cluster.kinds(afresh=True)
    for item in step.items:
        with _said(ObjectKey.of(item.body), []) as said:
            said.append(_written(cluster, step, before, item))
        yield from said


def _written(cluster: Cluster, step: DirectStep, before: Mapping[ObjectKey, Object], item: Stored) -> Written:
    wanted = restored_form(item.body, {})
    key = ObjectKey.of(wanted)
    kind = cluster.kind_of(wanted)
    there = before.get(key)
    if there is None:
        cluster.create(kind.path(key.namespace or None), wanted)
        if kind.resource == CUSTOM_RESOURCE_DEFINITION.resource:
            _until_established(cluster, key.name)
        return Written(key, "created")
    patch = update_patch(there, wanted)
    if step.existing == "keep" or not patch:
        return Written(key, "kept")
    # The server refuses the patch when the object is no longer the one that was looked at.
    version = {"resourceVersion": there["metadata"]["resourceVersion"]}
    patch["metadata"] = {**(patch.get("metadata") or {}), **version}
    cluster.patch(kind.path(key.namespace or None, key.name), patch)
    return Written(key, "changed")


@contextlib.contextmanager
def _said(key: ObjectKey, found: list[Written]) -> Iterator[list[Written]]:
    """What is refused is said of the object, and does not keep the others from being written."""
    try:
        yield found
    except Conflict:
        found.append(Written(key, "left alone", "somebody wrote it meanwhile; run the command again"))
    except OperationError as error:
        found.append(Written(key, "failed", str(error)))


def _until_established(cluster: Cluster, name: str) -> None:
    path = CUSTOM_RESOURCE_DEFINITION.path(None, name)

    def established() -> bool | None:
        conditions = (cluster.get(path).get("status") or {}).get("conditions") or []
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions) or None

    wait_for(established, seconds=_ESTABLISHED_SECONDS, what=f"the kind of CRD {name}")
