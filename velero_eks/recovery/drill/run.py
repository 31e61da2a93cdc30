"""One drill: the newest backup into scratch namespaces, compared, timed, and cleaned up whatever happens."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from velero_eks.errors import ApiError, Forbidden, NotAllowed, OperationError
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, ResourceKind
from velero_eks.kube.objects import Object, ObjectKey
from velero_eks.kube.threads import Threads
from velero_eks.recovery.drill.plan import DrillPlan, plan_drill
from velero_eks.recovery.drill.scratch import Mark, make_modifiers, make_namespace, remove_all
from velero_eks.recovery.drill.verdict import Compared, CopyState, Drilled, compare, tried
from velero_eks.recovery.following import watching
from velero_eks.recovery.restore.live import lighter
from velero_eks.recovery.restore.plan import VeleroStep
from velero_eks.recovery.restore.run import messages_of, start_restore
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.terminal.safe import say
from velero_eks.time_limit import TimeUp, unlimited
from velero_eks.velero.backup_contents import Stored, Unread
from velero_eks.velero.records import Backup, Restore
from velero_eks.velero.results import VeleroMessage

_THREADS = 8
# So many objects are tried at most; a drill of thousands of custom resources would not end.
TRY_LIMIT = 1000


def drill(
    session: Session,
    backup: Backup,
    contents: Iterable[Stored],
    namespaces: Sequence[str],
    *,
    began: datetime,
    custom_too: bool,
    seconds: float,
    unread: Unread,
) -> Drilled:
    """Run a drill to its end. What it made is removed also when it fails or is interrupted (`KeyboardInterrupt`).

    `unread` is what of the namespaces is in the backup and not in `contents`, as it cannot be read.
    """
    mark = Mark.new(3 * seconds + 600)
    mapping = {name: mark.namespace(name) for name in namespaces}
    known = [item for item in contents if item.place.namespace in mapping]
    custom = set() if custom_too else _custom(session.cluster, known)
    plan = plan_drill(known, mapping, custom, custom_too=custom_too)
    ran = _Ran()
    try:
        _run(session, mark, plan, ran, backup, seconds)
    except OperationError as error:
        ran.problem = str(error)
    except TimeUp as error:
        # What it found until then is its report, which CI waits for.
        ran.problem = f"not done within the time limit.{error.waited}"
    except KeyboardInterrupt:
        ran.problem = "interrupted"
        raise
    finally:
        with unlimited(), _undisturbed():
            say(f"cleaning up drill {mark.drill}")
            left = remove_all(session, mark.drill, list(mapping.values()))
        for what in left:
            say(f"left behind: {what}")
    return Drilled(
        drill=mark.drill,
        backup=backup,
        namespaces=tuple(namespaces),
        began=began,
        restore=ran.restore,
        messages=ran.messages,
        compared=tuple(ran.compared),
        seconds=ran.seconds,
        left=tuple(left),
        problem=ran.problem,
        unread=unread,
    )


@dataclass
class _Ran:
    restore: Restore | None = None
    messages: tuple[VeleroMessage, ...] = ()
    compared: list[Compared] = field(default_factory=list)
    seconds: float = 0.0
    problem: str = ""


def _run(session: Session, mark: Mark, plan: DrillPlan, ran: _Ran, backup: Backup, seconds: float) -> None:
    cluster = session.cluster
    for scratch in plan.mapping.values():
        make_namespace(cluster, mark, scratch)
    modifier = make_modifiers(session, mark, plan.modifiers) if plan.modifiers else None
    step = VeleroStep(f"drill {mark.drill}", plan.spec(backup.name, modifier))
    started = time.monotonic()
    name = start_restore(session, step, mark.labels, mark.annotations)
    with watching(session, f"Restore {name}") as watch:
        ran.restore = session.velero.wait_for_restore(name, seconds=seconds, progress=watch)
    ran.seconds = time.monotonic() - started
    ran.messages = messages_of(session, ran.restore, backup.location)
    ran.compared = compare(plan.restored, plan.expected, _live(cluster, plan))
    ran.compared += _try(cluster, plan)
    ran.compared.sort(key=lambda each: each.key)


def _live(cluster: Cluster, plan: DrillPlan) -> dict[ObjectKey, Object]:
    kinds = {(_kind(item), plan.mapping[item.place.namespace]) for item in plan.restored}
    with Threads(_THREADS) as pool:
        lists = list(pool.map(lambda pair: _listed(cluster, *pair), kinds))
    return {ObjectKey.of(body): body for bodies in lists for body in bodies}


def _listed(cluster: Cluster, kind: ResourceKind, namespace: str) -> list[Object]:
    try:
        return [lighter(body) for body in cluster.list(kind.path(namespace))]
    except (Forbidden, NotAllowed):
        raise
    except ApiError:
        # A kind that is not served: its objects are missing, which is what the comparison says then.
        return []


def _try(cluster: Cluster, plan: DrillPlan) -> list[Compared]:
    """Ask the API server whether it would take what a drill must not make."""
    some, others = plan.tried[:TRY_LIMIT], plan.tried[TRY_LIMIT:]

    def one(item: Stored) -> Compared:
        wanted = plan.expected(item)
        try:
            answer = cluster.create(_kind(item).path(wanted["metadata"]["namespace"]), wanted, dry_run=True)
        except Forbidden:
            raise
        except ApiError as error:
            return tried(item, wanted, None, str(error))
        return tried(item, wanted, answer, "")

    with Threads(_THREADS) as pool:
        found = list(pool.map(one, some))
    why = f"only the first {words.count(TRY_LIMIT, 'object')} are tried"
    return found + [Compared(ObjectKey.of(item.body), CopyState.UNTRIED, reason=why) for item in others]


def _custom(cluster: Cluster, contents: Iterable[Stored]) -> set[str]:
    """The resources whose objects an operator may act on: those of CRDs, and those that no one serves."""
    definitions = cluster.list(CUSTOM_RESOURCE_DEFINITION.path(), metadata_only=True)
    names = {str(body["metadata"]["name"]) for body in definitions}
    served = {kind.resource for kind in cluster.kinds(afresh=True, all_versions=True)}
    return names | {item.place.resource for item in contents if item.place.resource not in served}


def _kind(item: Stored) -> ResourceKind:
    group, _, version = str(item.body["apiVersion"]).rpartition("/")
    return ResourceKind(group, version, item.body["kind"], item.place.plural, bool(item.place.namespace))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No second signal stops the clean-up; it has time limits of its own.

    CI sends SIGTERM seconds after the SIGINT that ends a job, and a lost connection SIGHUP.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def tell(*_: object) -> None:
        say("still cleaning up, please wait")

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
