"""Following a Backup or a Restore to its end, and removing it. Every wait has a limit, and none is in vain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from velero_eks.errors import ApiError, NotAllowed, NotFound, TimeLimit, Unreachable
from velero_eks.kube.waiting import wait_for
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.time_limit import waiting_for
from velero_eks.velero.records import BACKUP, DELETE_REQUEST, RESTORE, Backup, Operation, Restore, undecodable

# A server that was killed is back within seconds, one that is rescheduled within a minute or two.
SERVER_SECONDS = 180.0
_ASK_EVERY = 5.0
# A server that runs begins within a second or two, unless it is at work on another operation.
_BEGIN_SECONDS = 15.0
# A removal waits too: the server works on one thing after another, and a nudge stands behind a backup.
REMOVE_SECONDS = 120.0
# A Restore cannot be stopped, and one of thousands of objects takes minutes to end.
END_SECONDS = 1800.0
# Without a server a Restore writes nothing: so long is waited for it to come back.
_AWAY_SECONDS = 60.0

Watch = Callable[[Operation], None]


def new_name(what: str, now: datetime | None = None) -> str:
    """A name that tells what and when, such as `restore-exam-prod-20261124020007`; at most 63 characters."""
    stamp = f"{now or datetime.now(UTC):%Y%m%d%H%M%S}"
    slug = "".join(character if character.isalnum() and character.isascii() else "-" for character in what.lower())
    slug = "-".join(part for part in slug.split("-") if part)[:40].rstrip("-")
    return f"{slug}-{stamp}"


@contextmanager
def watching(session: Session, what: str) -> Iterator[Watch]:
    """A callback for `wait_for_backup` and `wait_for_restore`, which shows the progress as the session has it shown.

    It raises `TimeLimit` when the server has been away for three minutes, or when an object that it cannot decode keeps
    it from beginning: the operation would be waited for in vain.
    """
    patience = _Patience(session)
    with waiting_for(f"waiting for the end of {what}", begun=True), session.progress(what) as report:

        def watch(operation: Operation) -> None:
            report(operation.phase, *items(operation))
            patience(operation)

        yield watch


def items(operation: Operation) -> tuple[int, int]:
    """How many objects are done, and how many there are; zero while Velero does not know."""
    if isinstance(operation, (Backup, Restore)):
        return operation.done_items, operation.total_items
    return 0, 0


class _Patience:
    """Raises when there has been no server for too long, or when it cannot begin."""

    def __init__(self, session: Session, now: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._now = now
        self._began = self._asked = self._seen = now()

    def __call__(self, operation: Operation) -> None:
        now = self._now()
        if operation.ended or now - self._asked < _ASK_EVERY:
            return
        self._asked = now
        try:
            ready = self._session.server_ready()
            if operation.started is None and now - self._began > _BEGIN_SECONDS:
                self._refuse_what_stops_it(operation)
        except (Unreachable, NotAllowed, ApiError):
            return
        if ready:
            self._seen = now
        elif now - self._seen > SERVER_SECONDS:
            raise TimeLimit(
                f"the Velero server has been down for {words.duration(SERVER_SECONDS)}, and {_named(operation)}"
                f" waits for it (phase {operation.phase}); see why: kubectl -n {self._session.target.namespace}"
                " describe"
                " deployment velero"
            )

    def _refuse_what_stops_it(self, operation: Operation) -> None:
        """A server begins when it has read all objects of each kind; one that it cannot decode keeps it from that."""
        velero = self._session.velero
        for record in (*velero.schedules(), *velero.backups(), *velero.restores()):
            for found in undecodable(record):
                name, kind = record.name, str(record.body.get("kind") or "object")
                raise TimeLimit(
                    f"{_named(operation)} does not start (phase {operation.phase}): the server cannot decode"
                    f" {kind} {name}, {found.field}: {found.problem}. Fix or delete it (velero-eks status says how),"
                    f" then {operation.name} starts by itself"
                )


def _named(operation: Operation) -> str:
    return f"{operation.body.get('kind') or 'operation'} {operation.name}"


def remove_restore(session: Session, name: str, *, seconds: float = REMOVE_SECONDS) -> bool:
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

    Velero cannot stop a Restore, and one that is deleted goes on writing, into namespaces that it makes again.
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
        return True if now - seen > _AWAY_SECONDS else None

    wait_for(ended, seconds=seconds, what=f"the end of Restore {name}, which cannot be stopped,")


def remove_backup(session: Session, name: str, *, seconds: float = REMOVE_SECONDS) -> bool:
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
