"""Following a Backup or a Restore to its end: its progress on stderr, and no more waiting when nobody works on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from velero_eks.errors import ApiError, NotAllowed, TimeLimit, Unreachable
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.velero.records import Backup, Operation, Restore
from velero_eks.velero.undecodable import undecodable

# A server that was killed is back within seconds, one that is rescheduled within a minute or two.
SERVER_SECONDS = 180.0
_ASK_EVERY = 5.0
# A server that runs begins within a second or two, unless it is at work on another operation.
_BEGIN_SECONDS = 15.0

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
    with session.progress(what) as report:

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
                f"the Velero server has not run for {words.duration(SERVER_SECONDS)}, and {_named(operation)} waits for"
                f" it (phase {operation.phase}); see why: kubectl -n {self._session.target.namespace} describe"
                " deployment velero"
            )

    def _refuse_what_stops_it(self, operation: Operation) -> None:
        """A server begins when it has read all objects of each kind; one that it cannot decode keeps it from that."""
        velero = self._session.velero
        for record in (*velero.schedules(), *velero.backups(), *velero.restores()):
            for found in undecodable(record):
                name, kind = record.name, str(record.body.get("kind") or "object")
                raise TimeLimit(
                    f"{_named(operation)} does not begin (phase {operation.phase}): the server cannot decode"
                    f" {kind} {name}, {found.field}: {found.problem}. Mend or delete it (velero-eks status says how),"
                    f" and {operation.name} begins by itself"
                )


def _named(operation: Operation) -> str:
    return f"{operation.body.get('kind') or 'operation'} {operation.name}"
