"""A restore foretold: its plan, what becomes of every object, and how long it takes. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import NAMESPACE
from velero_eks.kube.objects import Object, ObjectKey
from velero_eks.recovery.restore.dry_run import ask
from velero_eks.recovery.restore.duration import Estimate, Limits, Pace, Work, estimate
from velero_eks.recovery.restore.live import Scope, items_of, look, scope_of, spec_of
from velero_eks.recovery.restore.plan import RestorePlan, Step
from velero_eks.recovery.restore.prediction import DEFINITION_KIND, Fate, Live, Prediction, definition_serves, predict
from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.records import Backup, Restore

_WEBHOOKS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})


@dataclass(frozen=True)
class StepPreview:
    """One step, and what becomes of its objects."""

    step: Step
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class Preview:
    """What a restore would do to a cluster, from the state in `before`."""

    plan: RestorePlan
    backup: Backup
    steps: tuple[StepPreview, ...]
    estimate: Estimate
    limits: Limits
    scope: Scope = field(repr=False)
    before: Mapping[ObjectKey, Object] = field(repr=False)
    silent: Mapping[str, str]
    """Kinds of which the API server could not be asked by dry run, and why."""

    @property
    def predictions(self) -> Iterator[Prediction]:
        """Every object's fate, step by step."""
        for step in self.steps:
            yield from step.predictions

    @property
    def counts(self) -> Counter[Fate]:
        """How many objects share a fate, without those that controllers make of others."""
        return Counter(each.fate for each in self.predictions if not each.derived)

    @property
    def blocked(self) -> tuple[Prediction, ...]:
        """What will not come back as things stand."""
        return tuple(each for each in self.predictions if each.fate is Fate.BLOCKED and not each.derived)

    @property
    def does_something(self) -> bool:
        """Whether any object would be created or changed."""
        return any(each.fate in (Fate.CREATED, Fate.CHANGED) for each in self.predictions)


def make_preview(
    cluster: Cluster,
    backup: Backup,
    plan: RestorePlan,
    contents: Sequence[Stored],
    deployment: Object | None,
    restores: Iterable[Restore] = (),
) -> Preview:
    """Foretell a plan. `contents` is the whole backup, `deployment` Velero's, for its limits, `restores` those of this
    cluster, for its pace.

    Raises `NotAllowed` where the caller may not see what the restore would meet.
    """
    scope = scope_of(plan, contents, cluster.kinds(afresh=True))
    before = look(cluster, scope)
    live = before
    steps: list[StepPreview] = []
    silent: dict[str, str] = {}
    mended: set[str] = set()
    for step in plan.steps:
        told = predict(spec_of(step), items_of(step, contents), live)
        asked = ask(cluster, told, before, mended=mended)
        silent.update(asked.silent)
        steps.append(StepPreview(step, asked.predictions))
        live = _after(live, asked.predictions)
        mended |= set(_mended(asked.predictions, before))
    every = [each for step in steps for each in step.predictions]
    limits = Limits.of_deployment(deployment)
    work = Work.of(every, updating=plan.updating)
    reckoned = estimate(work, limits, restores=plan.restores, pace=Pace.measured(restores, limits))
    return Preview(plan, backup, tuple(steps), reckoned, limits, scope, before.objects, silent)


def _after(live: Live, predictions: Sequence[Prediction]) -> Live:
    """What the next step meets: the kinds that this one's CRDs serve, and the namespaces that it makes."""
    served = set(live.served)
    objects = dict(live.objects)
    for each in predictions:
        if each.fate not in (Fate.CREATED, Fate.CHANGED) or not each.expected:
            continue
        if each.key.kind == DEFINITION_KIND:
            served.update(definition_serves(each.expected))
        elif each.key.kind == NAMESPACE.kind and not each.key.group:
            objects[each.key] = each.expected
    return Live(objects, served, live.ports)


def _mended(predictions: Sequence[Prediction], before: Live) -> Iterator[str]:
    """The names of webhooks that are there now and that a step changes."""
    for each in predictions:
        if each.key.kind in _WEBHOOKS and each.fate is Fate.CHANGED:
            for webhook in before.objects[each.key].get("webhooks") or []:
                yield str(webhook.get("name"))
