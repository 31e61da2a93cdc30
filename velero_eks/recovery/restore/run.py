"""A restore that was previewed, run step by step, and then compared with its preview, field by field.

Steps are Restores of Velero's, and objects written from a backup's content with the caller's own rights, in the way in
which Velero would write them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from velero_eks.errors import BadTarget, Conflict, OperationError
from velero_eks.kube.client import Cluster
from velero_eks.kube.defaulted import settled
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from velero_eks.kube.objects import Difference, Object, ObjectKey, differences, is_derived
from velero_eks.kube.waiting import wait_for
from velero_eks.recovery.following import new_name, watching
from velero_eks.recovery.restore.duration import PREDICTED, Work
from velero_eks.recovery.restore.live import look
from velero_eks.recovery.restore.plan import DirectStep, Step, VeleroStep
from velero_eks.recovery.restore.prediction import SNAPSHOT_KINDS, Fate, Prediction
from velero_eks.recovery.restore.preview import Preview, StepPreview
from velero_eks.recovery.session import Session
from velero_eks.terminal.safe import say
from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.records import RESTORE, Restore
from velero_eks.velero.restore_actions import restored_form, update_patch
from velero_eks.velero.results import VeleroMessage

MANAGED_BY = {"app.kubernetes.io/managed-by": "velero-eks"}
# What the API server and its controllers may still be about to do when Velero has ended.
_LOOKS, _PAUSE = 4, 1.0
_LOOK_SECONDS = 60.0
_NAMES = 5
_ESTABLISHED_SECONDS = 30.0


@dataclass(frozen=True)
class Surprise:
    """One object that is not as the preview said: what was said, what is, and the fields where they part.

    `fields` lead from what was predicted to what is live.
    """

    key: ObjectKey
    foretold: str
    found: str
    fields: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a restore did: how many objects were compared with the preview, and those that are otherwise."""

    compared: int
    as_foretold: int
    surprises: tuple[Surprise, ...]

    @property
    def whole(self) -> bool:
        """Whether everything is as the preview said."""
        return not self.surprises


def hold(
    predictions: Iterable[Prediction], before: Mapping[ObjectKey, Object], after: Mapping[ObjectKey, Object]
) -> Outcome:
    """Compare the live objects of `after` with the prediction from those of `before`.

    What controllers make of other objects is not looked at. Objects that came or went though nothing was predicted of
    them are surprises too: someone else is at work, or Velero did more than it was thought to do.
    """
    told: dict[ObjectKey, Prediction] = {}
    for each in predictions:
        if not each.derived and each.fate is not Fate.LEFT_OUT:
            # A namespace is predicted by every step that writes into it; the first is the one that makes it.
            told.setdefault(each.key, each)
    found = [each for prediction in told.values() if (each := _surprise(prediction, before, after)) is not None]
    found += _untold(told, before, after)
    return Outcome(len(told), len(told) - len({each.key for each in found}), tuple(sorted(found, key=lambda e: e.key)))


def _surprise(
    told: Prediction, before: Mapping[ObjectKey, Object], after: Mapping[ObjectKey, Object]
) -> Surprise | None:
    there, is_there = before.get(told.key), after.get(told.key)
    if told.fate is Fate.BLOCKED:
        return _unblocked(told, there, is_there)
    if is_there is None:
        return Surprise(told.key, told.fate.value, "is missing")
    wanted = told.expected
    if wanted is None:
        return None
    fields = tuple(differences(settled(wanted, is_there), is_there))
    if not fields:
        return None
    if told.fate is Fate.CHANGED and there is not None and not differences(there, is_there):
        return Surprise(told.key, told.fate.value, "was not changed", fields)
    if told.fate in (Fate.KEPT, Fate.ABSENT):
        return Surprise(told.key, told.fate.value, "was changed meanwhile", fields)
    return Surprise(told.key, told.fate.value, "differs from the prediction", fields)


def _unblocked(told: Prediction, there: Object | None, is_there: Object | None) -> Surprise | None:
    if is_there is None or is_there["metadata"].get("deletionTimestamp"):
        return None
    if there is None or there["metadata"].get("deletionTimestamp"):
        return Surprise(told.key, told.fate.value, "was restored anyway")
    if differences(there, is_there):
        return Surprise(told.key, told.fate.value, "was changed anyway", tuple(differences(there, is_there)))
    return None


def _untold(
    told: Collection[ObjectKey], before: Mapping[ObjectKey, Object], after: Mapping[ObjectKey, Object]
) -> Iterator[Surprise]:
    for key, body in after.items():
        if key in told or _made_by_others(body):
            continue
        if key not in before:
            yield Surprise(key, "nothing", "came")
        elif differences(before[key], body):
            yield Surprise(key, "nothing", "was changed meanwhile", tuple(differences(before[key], body)))
    for key, body in before.items():
        if key not in told and key not in after and not _made_by_others(body):
            yield Surprise(key, "nothing", "went")


def _made_by_others(body: Object) -> bool:
    """What comes and goes with other objects; a claim's volume among it."""
    claimed = body["kind"] == "PersistentVolume" and bool((body.get("spec") or {}).get("claimRef"))
    return claimed or body["kind"] in SNAPSHOT_KINDS or is_derived(body)


@dataclass(frozen=True)
class StepResult:
    """How one step went. `restore` is None for one that was taken directly, and `written` empty for one of Velero's."""

    step: Step
    seconds: float
    restore: Restore | None = None
    messages: tuple[VeleroMessage, ...] = ()
    written: tuple[Written, ...] = ()

    @property
    def good(self) -> bool:
        """Whether Velero says Completed, or everything was written."""
        if self.restore is not None:
            return self.restore.good
        return not any(each.problem for each in self.written)

    @property
    def in_part(self) -> bool:
        """Whether it did what it could, and not all."""
        return not self.good and (self.restore is None or self.restore.phase == "PartiallyFailed")


@dataclass(frozen=True)
class RestoreReport:
    """A restore that is over. `seconds` are those of its steps, without the comparison."""

    preview: Preview
    results: tuple[StepResult, ...]
    outcome: Outcome
    seconds: float

    @property
    def good(self) -> bool:
        """Whether every step ended well, all is as the preview said, and the preview was good."""
        ended = len(self.results) == len(self.preview.steps) and all(result.good for result in self.results)
        return ended and self.outcome.whole and self.preview.good


def run(session: Session, preview: Preview, *, seconds: float) -> RestoreReport:
    """Take the steps of a preview in turn, up to the first that fails. Raises `TimeLimit` after `seconds` of one.

    Of a plan that goes on, only a step that failed altogether ends it.
    """
    results: list[StepResult] = []
    for number, told in enumerate(preview.steps, start=1):
        try:
            if isinstance(told.step, DirectStep):
                result = _directly(session, told.step, told, preview)
            else:
                result = _by_velero(session, told.step, told, preview, seconds)
        except (KeyboardInterrupt, OperationError):
            for later in preview.plan.steps[number:]:
                say(f"not started: {later.title}")
            raise
        results.append(result)
        if not (result.good or (preview.plan.goes_on and result.in_part)):
            break
    outcome = outcome_of(session, preview)
    return RestoreReport(preview, tuple(results), outcome, sum(result.seconds for result in results))


def outcome_of(session: Session, preview: Preview) -> Outcome:
    """The cluster as it is now, compared with a preview; looked at again for a moment while something differs."""

    def held() -> Outcome:
        # An API server that restarts right now must not take the report with it.
        after = wait_for(
            lambda: look(session.cluster, preview.scope), seconds=_LOOK_SECONDS, what="reading the cluster"
        )
        return hold(preview.predictions, preview.before, after.objects)

    found = held()
    for _ in range(_LOOKS - 1):
        if found.whole:
            break
        time.sleep(_PAUSE)
        found = held()
    return found


def start_restore(
    session: Session,
    step: VeleroStep,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> str:
    """Make the Restore of a step; its name. A name that is taken (two within a second) gets a number."""
    base = new_name(f"restore-{step.title}")
    for number in range(1, _NAMES + 1):
        name = base if number == 1 else f"{base}-{number}"
        try:
            labels = {**MANAGED_BY, **(labels or {})}
            session.velero.create(RESTORE, name, step.spec.document, labels=labels, annotations=annotations)
        except Conflict:
            continue
        return name
    raise BadTarget(f"Restores {base} to {base}-{_NAMES} already exist; wait a second and run the command again")


def messages_of(session: Session, restore: Restore, location: str) -> tuple[VeleroMessage, ...]:
    """What Velero wrote about a Restore; nothing where it never got as far as to write.

    Where the bucket cannot be read the Restore has ended anyway, and how it did must still be said.
    """
    if restore.phase == "FailedValidation":
        return ()
    try:
        return tuple(session.store(location).restore_messages(restore.name))
    except OperationError as error:
        return (VeleroMessage("error", "velero", f"Velero's result cannot be read: {error}"),)


def _by_velero(session: Session, step: VeleroStep, told: StepPreview, preview: Preview, seconds: float) -> StepResult:
    started = time.monotonic()
    work = Work.of(told.predictions, updating=preview.plan.updating)
    name = start_restore(session, step, annotations={PREDICTED: work.text})
    try:
        with watching(session, f"Restore {name}") as watch:
            restore = session.velero.wait_for_restore(name, seconds=seconds, progress=watch)
    except (KeyboardInterrupt, OperationError):
        follow = f"velero-eks logs {session.target.arguments} {name}"
        say(f"Restore {name} continues in the server; see how it ended: {follow}")
        raise
    took = time.monotonic() - started
    return StepResult(step, took, restore, messages_of(session, restore, preview.backup.location))


def _directly(session: Session, step: DirectStep, told: StepPreview, preview: Preview) -> StepResult:
    started = time.monotonic()
    namespaces = [
        each.expected
        for each in told.predictions
        if each.key.kind == NAMESPACE.kind and not each.key.group and each.fate is Fate.CREATED and each.expected
    ]
    written: Sequence[Written] = list(write(session.cluster, step, preview.before, namespaces))
    return StepResult(step, time.monotonic() - started, written=tuple(written))


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

    An object that someone changed since `before` was seen is left alone, and said to be.
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
    """A refusal is reported for its object; the others are still written."""
    try:
        yield found
    except Conflict:
        found.append(Written(key, "left alone", "it was changed meanwhile; run the command again"))
    except OperationError as error:
        found.append(Written(key, "failed", str(error)))


def _until_established(cluster: Cluster, name: str) -> None:
    path = CUSTOM_RESOURCE_DEFINITION.path(None, name)

    def established() -> bool | None:
        conditions = (cluster.get(path).get("status") or {}).get("conditions") or []
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions) or None

    wait_for(established, seconds=_ESTABLISHED_SECONDS, what=f"the kind of CRD {name}")
