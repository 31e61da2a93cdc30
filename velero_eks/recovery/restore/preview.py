"""A restore predicted: its plan, what becomes of every object, and how long it takes. Nothing is changed.

The API server has its say by dry runs: what it would refuse, and what it would make. A dry run passes admission, with
its webhooks, quotas and immutable fields, and is then forgotten.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from velero_eks.errors import ApiError, Conflict, Forbidden, NotFound
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import NAMESPACE, ResourceKind
from velero_eks.kube.objects import Object, ObjectKey, differences
from velero_eks.kube.threads import Threads
from velero_eks.recovery.restore.duration import Estimate, Limits, Pace, Work, estimate
from velero_eks.recovery.restore.live import Scope, items_of, look, scope_of, spec_of
from velero_eks.recovery.restore.plan import RestorePlan, Step
from velero_eks.recovery.restore.prediction import (
    DEFINITION_KIND,
    ClusterState,
    Fate,
    Prediction,
    definition_serves,
    predict,
)
from velero_eks.velero.backup_contents import Stored, Unread
from velero_eks.velero.records import Backup, Restore
from velero_eks.velero.restore_actions import update_patch, without_server_fields

_WEBHOOKS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})

LIMIT = 200
"""So many dry runs at most; beyond it one object of each kind and namespace stands for the others. A restore of
thousands must not be asked about for longer than a tenth of the time it takes."""
_THREADS = 8
_NO_DRY_RUN = "does not support dry run"


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
    unread: Unread = field(default_factory=Unread)
    """What of the backup cannot be read and concerns this restore: nothing is known of what becomes of it."""

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
    def good(self) -> bool:
        """Whether all that was asked for will come back, as far as the backup and the API server tell."""
        return not self.blocked and not self.unread.count

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
    """Predict a plan. `contents` is the whole backup, `deployment` Velero's, for its limits, `restores` those of this
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
    estimated = estimate(work, limits, restores=plan.restores, pace=Pace.measured(restores, limits))
    return Preview(plan, backup, tuple(steps), estimated, limits, scope, before.objects, silent)


def _after(live: ClusterState, predictions: Sequence[Prediction]) -> ClusterState:
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
    return ClusterState(objects, served, live.ports)


def _mended(predictions: Sequence[Prediction], before: ClusterState) -> Iterator[str]:
    """The names of webhooks that are there now and that a step changes."""
    for each in predictions:
        if each.key.kind in _WEBHOOKS and each.fate is Fate.CHANGED:
            for webhook in before.objects[each.key].get("webhooks") or []:
                yield str(webhook.get("name"))


@dataclass(frozen=True)
class DryRunAnswers:
    """The predictions with the server's word in them; `silent` says of which kinds it could not be had, and why."""

    predictions: tuple[Prediction, ...]
    silent: Mapping[str, str]


def ask(
    cluster: Cluster,
    predictions: Sequence[Prediction],
    live: ClusterState,
    *,
    mended: Collection[str] = (),
    limit: int = LIMIT,
) -> DryRunAnswers:
    """Let the server judge what would be created and changed, as far as `limit` goes. Nothing is changed.

    `mended` names webhooks that an earlier step of the same restore puts right: what they refuse now does not count.
    """
    asking = _Asking(cluster, live, mended)
    candidates = [each for each in predictions if asking.can_be_asked(each)]
    first, rest = _in_turn(candidates, limit)
    judged = dict(asking.all(first))
    more = [each for each in rest if _group(each) in asking.refusals][: max(0, limit - len(first))]
    judged.update(asking.all(more))
    found = [judged.get(each.key, each) for each in predictions]
    return DryRunAnswers(tuple(_like_the_others(each, judged, asking) for each in found), asking.silent)


class _Asking:
    def __init__(self, cluster: Cluster, live: ClusterState, mended: Collection[str]) -> None:
        self.cluster = cluster
        self.live = live
        self.mended = mended
        self.silent: dict[str, str] = {}
        self.refusals: dict[tuple[str, str, str], str] = {}
        self.accepted: set[tuple[str, str, str]] = set()
        self._kinds = {(kind.api_version, kind.kind): kind for kind in cluster.kinds(all_versions=True)}

    def can_be_asked(self, told: Prediction) -> bool:
        """Whether the server can judge it now: its kind is served, and its namespace there."""
        if told.fate not in (Fate.CREATED, Fate.CHANGED) or told.expected is None or told.derived:
            return False
        if (told.expected["apiVersion"], told.expected["kind"]) not in self._kinds:
            return False
        return not told.key.namespace or ObjectKey("", "Namespace", "", told.key.namespace) in self.live.objects

    def all(self, told: Iterable[Prediction]) -> list[tuple[ObjectKey, Prediction]]:
        with Threads(_THREADS) as pool:
            return [(each.key, each) for each in pool.map(self._one, told)]

    def _one(self, told: Prediction) -> Prediction:
        body = told.expected or {}
        kind = self._kinds[body["apiVersion"], body["kind"]]
        if kind.resource in self.silent:
            return told
        try:
            answer = self._send(kind, told, body)
        except Forbidden as error:
            self.silent[kind.resource] = str(error)
            return told
        except (Conflict, NotFound):
            # It came, or its namespace went, since the cluster was looked at; the outcome will tell.
            return told
        except ApiError as error:
            said = _said(error)
            if any(f'"{name}"' in said for name in self.mended):
                return told
            if _NO_DRY_RUN in said:
                self.silent[kind.resource] = said
                return told
            self.refusals.setdefault(_group(told), said)
            return replace(told, fate=Fate.BLOCKED, reason=said, expected=None)
        self.accepted.add(_group(told))
        if told.fate is Fate.CREATED:
            return told
        before = self.live.objects[told.key]
        fields = tuple(differences(before, answer))
        if not fields:
            return replace(told, fate=Fate.KEPT, reason="the server would not change it", fields=(), expected=before)
        return replace(told, fields=fields, expected=answer)

    def _send(self, kind: ResourceKind, told: Prediction, body: Object) -> Object:
        if told.fate is Fate.CREATED:
            return self.cluster.create(kind.path(told.key.namespace or None), body, dry_run=True)
        patch = update_patch(self.live.objects[told.key], without_server_fields(told.sent or body))
        return self.cluster.patch(kind.path(told.key.namespace or None, told.key.name), patch, dry_run=True)


def _in_turn(candidates: Sequence[Prediction], limit: int) -> tuple[list[Prediction], list[Prediction]]:
    """Those to ask about first, all where there are few, else one of each kind and namespace; and the others."""
    if len(candidates) <= limit:
        return list(candidates), []
    groups: dict[tuple[str, str, str], list[Prediction]] = defaultdict(list)
    for each in candidates:
        groups[_group(each)].append(each)
    first = [group[0] for group in groups.values()][:limit]
    asked = {each.key for each in first}
    return first, [each for each in candidates if each.key not in asked]


def _like_the_others(told: Prediction, judged: Mapping[ObjectKey, Prediction], asking: _Asking) -> Prediction:
    group = _group(told)
    if told.key in judged or told.fate not in (Fate.CREATED, Fate.CHANGED) or told.derived:
        return told
    if group in asking.refusals and group not in asking.accepted:
        return replace(
            told, fate=Fate.BLOCKED, reason=f"as for others of its kind: {asking.refusals[group]}", expected=None
        )
    return told


def _group(told: Prediction) -> tuple[str, str, str]:
    return told.key.group, told.key.kind, told.key.namespace


def _said(error: ApiError) -> str:
    """What the server said, without the request that it said it to."""
    return str(error).split(f": {error.reason or error.status}: ", 1)[-1]
