"""Removing what these commands made: Backups and Restores with their files, each with a time limit."""

from __future__ import annotations

import time

from velero_eks.cluster.errors import NotFound, TimeLimit
from velero_eks.cluster.waiting import wait_for

from .records import BACKUP, DELETE_REQUEST, RESTORE, Restore
from .session import Session

# The server works on one thing after another, and a nudge waits behind a backup.
SECONDS = 60.0
_FINALIZER = "restores.velero.io/external-resources-finalizer"


def remove_restore(session: Session, name: str, *, seconds: float = SECONDS) -> bool:
    """Remove a Restore with its files in the bucket; False where there is none.

    The server does it, by a finalizer. Where it does not within the time, `TimeLimit` is raised and the Restore goes
    when there is a server again.
    """
    path = RESTORE.path(session.target.namespace, name)
    deadline = time.monotonic() + seconds

    def ended() -> bool | None:
        found = session.cluster.find(path)
        return True if found is None or Restore({**found, "kind": RESTORE.kind}).ended else None

    # A Restore that is removed while it runs goes on writing.
    wait_for(ended, seconds=seconds, what=f"the end of Restore {name}")
    if not session.cluster.delete(path):
        return False
    left = max(1.0, deadline - time.monotonic())
    wait_for(lambda: True if session.cluster.find(path) is None else None, seconds=left, what=f"the end of {name}")
    return True


def remove_backup(session: Session, name: str, *, seconds: float = SECONDS) -> bool:
    """Remove a Backup with its files in the bucket; False where there is none. Raises `TimeLimit`."""
    namespace = session.target.namespace
    path = BACKUP.path(namespace, name)
    found = session.cluster.find(path)
    if found is None:
        return False
    labels = {"velero.io/backup-name": name[:63], "velero.io/backup-uid": found["metadata"]["uid"]}
    session.velero.create(DELETE_REQUEST, name, {"backupName": name}, labels=labels)
    try:
        wait_for(
            lambda: True if session.cluster.find(path) is None else None, seconds=seconds, what=f"the end of {name}"
        )
    except TimeLimit as error:
        why = _why_not(session, name)
        raise TimeLimit(f"{error} {why}".strip()) from error
    return True


def _why_not(session: Session, name: str) -> str:
    """What the server says of a deletion that it did not make."""
    try:
        request = session.cluster.get(DELETE_REQUEST.path(session.target.namespace, name))
    except NotFound:
        return ""
    return "; ".join((request.get("status") or {}).get("errors") or [])
