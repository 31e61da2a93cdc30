"""Making the Velero server see the kinds that the cluster serves now.

The server asks which kinds there are every five minutes, and a backup knows no others: objects of a kind that was
installed since are left out in silence, and one that was removed since makes the backup fail in part. Besides the clock
one thing makes it ask: a Restore that writes a CRD (`pkg/restore`, seen in the lab). So a label is put on a CRD of
Velero's own, a Backup of that one CRD is taken, the label taken off, and the Restore puts it back: a few seconds, no
object is made or removed in the cluster, and the label goes again. See docs/adr for what else was tried.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from velero_eks.errors import ApiError, Conflict, NotAllowed, OperationError, TimeLimit
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION
from velero_eks.kube.waiting import wait_for
from velero_eks.recovery.following import new_name, remove_backup, remove_restore
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.safe import say
from velero_eks.velero.records import BACKUP, RESTORE
from velero_eks.velero.restore_actions import BACKUP_LABEL, RESTORE_LABEL

CARRIER = "downloadrequests.velero.io"
"""The CRD that carries the label: Velero's own, and nothing depends on its labels."""
LABEL = "velero-eks/discovery"
REFRESH_SECONDS = 300.0
"""How often the server asks by itself."""
_STEP_SECONDS = 120.0
_TIMES = 3


@dataclass(frozen=True)
class Refreshed:
    """How the server came to see every kind, and the seconds that took."""

    nudged: bool
    seconds: float


def refresh_discovery(session: Session) -> Refreshed:
    """Return when the server knows the kinds that are served now: at once by a nudge, else after its own time.

    Without the right to label a CRD, or where the nudge fails, the server's five minutes are waited for.
    """
    started = time.monotonic()
    why: OperationError | None = None
    for _ in range(_TIMES):
        try:
            _nudge(session)
            return Refreshed(True, time.monotonic() - started)
        except _NudgeFailed as error:
            # A Backup that ends while the server reads the bucket is gone for a moment, and its Restore fails.
            why = error
        except (NotAllowed, ApiError, TimeLimit) as error:
            why = error
            break
    limit = words.duration(REFRESH_SECONDS)
    say(f"the server's discovery cannot be triggered ({why}); waiting up to {limit} for it")
    deadline = time.monotonic() + REFRESH_SECONDS + 15
    # Nothing shows that it has looked; its time is all there is.
    with contextlib.suppress(TimeLimit):
        wait_for(lambda: None, seconds=deadline - time.monotonic(), what="the server's discovery", every=5)
    return Refreshed(False, time.monotonic() - started)


class _NudgeFailed(OperationError):
    """A Backup or Restore of the nudge did not complete."""


def _nudge(session: Session) -> None:
    name = new_name("velero-eks-discovery")
    path = CUSTOM_RESOURCE_DEFINITION.path(None, CARRIER)
    kinds = [CUSTOM_RESOURCE_DEFINITION.resource]
    selector = {"matchLabels": {LABEL: name}}
    velero = session.velero
    with _labelled(session, path, name):
        velero.create(BACKUP, name, {
            "includedResources": kinds, "labelSelector": selector, "includeClusterResources": True, "ttl": "1h0m0s",
        })  # fmt: skip
        try:
            backup = velero.wait_for_backup(name, seconds=_STEP_SECONDS)
            if not backup.good:
                raise _NudgeFailed(f"Backup {name} is {backup.phase}: {backup.why or 'see its log'}")
            session.cluster.patch(path, {"metadata": {"labels": {LABEL: None}}})
            velero.create(RESTORE, name, {
                "backupName": name, "includedResources": kinds, "includeClusterResources": True,
                "labelSelector": selector, "existingResourcePolicy": "update",
            })  # fmt: skip
            restore = velero.wait_for_restore(name, seconds=_STEP_SECONDS)
            if not restore.good:
                raise _NudgeFailed(f"Restore {name} is {restore.phase}: {restore.why or 'see its log'}")
        except KeyboardInterrupt:
            say(f"removing Backup and Restore {name}, which triggered the discovery")
            raise
        finally:
            _clean_up(session, name)


@contextlib.contextmanager
def _labelled(session: Session, path: str, name: str) -> Iterator[None]:
    """The label on the carrier for the time of the block, and none of Velero's marks on it afterwards."""
    before = (session.cluster.get(path)["metadata"].get("labels")) or {}
    session.cluster.patch(path, {"metadata": {"labels": {LABEL: name}}})
    try:
        yield
    finally:
        marks: dict[str, str | None] = {LABEL: None}
        marks.update({mark: before.get(mark) for mark in (BACKUP_LABEL, RESTORE_LABEL)})
        with contextlib.suppress(Conflict):
            session.cluster.patch(path, {"metadata": {"labels": marks}})


def _clean_up(session: Session, name: str) -> None:
    for remove in (remove_restore, remove_backup):
        try:
            removed = remove(session, name)
        except OperationError as error:
            say(f"{name} could not be removed: {error}")
            continue
        if remove is remove_backup and not removed:
            say(
                f"Backup {name}, which triggered the discovery, is missing for now: the server was reading"
                " the bucket and recreates it at the next sync. It expires within the hour"
            )
