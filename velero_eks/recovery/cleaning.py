"""Removing what these commands made: Backups and Restores with their files, each with a time limit."""

from __future__ import annotations

import time

from velero_eks.errors import NotFound, TimeLimit
from velero_eks.kube.waiting import wait_for
from velero_eks.recovery.session import Session
from velero_eks.velero.records import BACKUP, DELETE_REQUEST, RESTORE, Restore

# The server works on one thing after another, and a nudge waits behind a backup.
SECONDS = 120.0
# A Restore cannot be stopped, and one of thousands of objects takes minutes to end.
END_SECONDS = 1800.0
# Without a server nothing goes on: so long is waited for it to come back.
_SERVER_SECONDS, _ASK_EVERY = 60.0, 5.0
_FINALIZER = "restores.velero.io/external-resources-finalizer"


def remove_restore(session: Session, name: str, *, seconds: float = SECONDS) -> bool:
    """Remove a Restore that has ended with its files in the bucket; False where there is none.

    The server does it, by a finalizer. Where it does not within the time, `TimeLimit` is raised and the Restore goes
    when there is a server again.
    """
    path = RESTORE.path(session.target.namespace, name)
    if not session.cluster.delete(path):
        return False
    wait_for(lambda: True if session.cluster.find(path) is None else None, seconds=seconds, what=f"the end of {name}")
    return True


def wait_for_end(session: Session, name: str, *, seconds: float = END_SECONDS) -> None:
    """Wait until a Restore writes nothing any more: it has ended, is gone, or there is no server to go on with it.

    Velero cannot stop a Restore, and one that is deleted goes on writing, into namespaces that it makes anew.
    Raises `TimeLimit`.
    """
    path = RESTORE.path(session.target.namespace, name)
    seen = asked = time.monotonic()

    def ended() -> bool | None:
        nonlocal seen, asked
        found = session.cluster.find(path)
        if found is None or Restore({**found, "kind": RESTORE.kind}).ended:
            return True
        now = time.monotonic()
        if now - asked > _ASK_EVERY:
            asked = now
            if session.server_ready():
                seen = now
        return True if now - seen > _SERVER_SECONDS else None

    wait_for(ended, seconds=seconds, what=f"the end of Restore {name}, which cannot be stopped,")


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
