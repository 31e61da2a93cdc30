"""Whether a backup has in it what the cluster has: object by object, and why each difference is there.

Pure but for `coverage_of`, which asks the cluster and the bucket.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from velero_eks.errors import ApiError, BadTarget, NotFound, NotGood
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, ResourceKind, matching
from velero_eks.kube.objects import Object, ObjectKey, is_derived
from velero_eks.kube.threads import Threads
from velero_eks.recovery.session import Session
from velero_eks.terminal import words
from velero_eks.velero.backup_contents import Unread
from velero_eks.velero.filters import NEEDED_VERBS, Filters
from velero_eks.velero.records import GROUP, Backup, moment
from velero_eks.velero.results import VeleroMessage, listed
from velero_eks.velero.volume_info import ClaimWithoutData, takes_volumes

_THREADS = 8
# How often the Velero server looks for new kinds.
DISCOVERY = timedelta(minutes=5)
_NOT_SERVED = "could not find the requested resource"
# Kinds that lie under two groups are backed up under the first.
_COHABITING = {"events.k8s.io": ""}


class Why(StrEnum):
    """Why an object of the cluster is not in a backup."""

    FAILED = "failed"
    NOT_STORED = "not-stored"
    UNKNOWN_KIND = "kind-unknown"
    DEFINITION_UNUSED = "definition-without-objects"
    CLUSTER_SCOPED = "cluster-scoped"
    UNEXPLAINED = "unexplained"
    EXCLUDED = "excluded"
    CREATED_LATER = "created-later"
    DELETING = "being-deleted"


# What was asked for and is not there; the others are as the filters, or the time, would have it.
_GAPS = frozenset(
    {Why.FAILED, Why.NOT_STORED, Why.UNKNOWN_KIND, Why.DEFINITION_UNUSED, Why.CLUSTER_SCOPED, Why.UNEXPLAINED}
)


@dataclass(frozen=True)
class LiveObject:
    """An object that the cluster has now; of its content only what is needed here."""

    key: ObjectKey
    created: datetime | None
    labels: Mapping[str, str]
    deleting: bool
    derived: bool

    @classmethod
    def of(cls, kind: ResourceKind, body: Object) -> LiveObject:
        """From an object, or from its metadata alone."""
        metadata = body["metadata"]
        namespace = metadata.get("namespace") or ""
        return cls(
            ObjectKey(kind.group, kind.kind, namespace, metadata["name"]),
            moment(metadata.get("creationTimestamp")),
            metadata.get("labels") or {},
            bool(metadata.get("deletionTimestamp")),
            is_derived({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}),
        )


@dataclass(frozen=True)
class Missing:
    """An object of the cluster that a restore of the backup would not bring back.

    `derived` is one that comes into being by itself when others do. `needed` was named by whoever asked. `expected` is
    one that whoever made the backup will not miss: it was never asked for.
    """

    key: ObjectKey
    why: Why
    text: str
    derived: bool = False
    needed: bool = False
    expected: bool = False

    @property
    def gap(self) -> bool:
        """Whether the backup is not what was asked of it."""
        if self.needed or self.why is Why.FAILED:
            return True
        return self.why in _GAPS and not self.derived and not self.expected


@dataclass(frozen=True)
class KindCoverage:
    """One kind: how many objects the cluster has and how many of these are saved, what is missing, what is gone."""

    kind: ResourceKind
    live: int
    saved: int
    missing: tuple[Missing, ...]
    gone: tuple[ObjectKey, ...]
    """In the backup and no longer in the cluster."""


@dataclass(frozen=True)
class Coverage:
    """A backup compared with the cluster."""

    backup: Backup
    kinds: tuple[KindCoverage, ...]
    messages: tuple[VeleroMessage, ...]
    unserved: Mapping[str, int]
    """Kinds (`Kind.group`) in the backup that the cluster no longer serves, and the number of their objects."""
    unlisted: Mapping[str, str] = field(default_factory=dict)
    """Resources that could not be compared, and why."""
    removed_kinds: tuple[str, ...] = ()
    """Resources that Velero still looked for, though their CRD was gone: a backup fails in part for five minutes."""
    unknown_needs: tuple[str, ...] = ()
    """What was needed by name and is neither in the cluster nor in the backup."""
    without_data: tuple[ClaimWithoutData, ...] = ()
    """Claims whose volumes should have their data in the backup, and have not: they would come back empty."""

    @property
    def gaps(self) -> list[Missing]:
        """What was asked for and is not there."""
        return [missing for kind in self.kinds for missing in kind.missing if missing.gap]

    @property
    def explained(self) -> list[Missing]:
        """What is not there for a good reason."""
        return [missing for kind in self.kinds for missing in kind.missing if not missing.gap]

    @property
    def whole(self) -> bool:
        """Whether the backup is Completed and has all that was asked for; what could not be compared counts as no."""
        lacking = self.gaps or self.unlisted or self.unknown_needs or self.without_data
        return self.backup.good and not lacking


@dataclass(frozen=True)
class Saved:
    """What a backup holds: the objects in its own list, and those whose content is really in the tarball.

    `stored` is (resource, namespace, name); None where no one looked.
    """

    listed: frozenset[ObjectKey]
    stored: frozenset[tuple[str, str, str]] | None = None

    def has(self, kind: ResourceKind, key: ObjectKey) -> bool:
        """Whether an object can be restored from this backup."""
        return key in self.listed and (self.stored is None or (kind.resource, key.namespace, key.name) in self.stored)


class Judge:
    """Finds why an object is not in the backup; the first reason that holds is given."""

    def __init__(
        self,
        backup: Backup,
        saved: Saved,
        messages: Sequence[VeleroMessage],
        filters: Filters,
        live: Mapping[ResourceKind, Sequence[LiveObject]],
        used_definitions: Collection[str],
    ) -> None:
        self._backup = backup
        self._saved = saved
        self._filters = filters
        self._live = live
        self._used = frozenset(used_definitions)
        self._saved_kinds = {(key.group, key.kind) for key in saved.listed}
        self._errors = _by_object(messages)
        self._of_kind = {kind: filters.of_kind(kind) for kind in live}
        self._definitions = {
            item.key.name: item.created
            for kind, objects in live.items()
            if kind.resource == CUSTOM_RESOURCE_DEFINITION.resource
            for item in objects
        }

    def _failed(self, kind: ResourceKind, key: ObjectKey) -> str | None:
        """Velero's error about an object; about one that it lists and did not store, it says the name alone."""
        places = [(kind.resource, key.namespace), ("", key.namespace)]
        if key in self._saved.listed:
            places.append(("", ""))
        return next(
            (self._errors[place] for place in ((*start, key.name) for start in places) if place in self._errors), None
        )

    def missing(self, kind: ResourceKind, item: LiveObject, *, needed: bool) -> Missing:
        """An object that is not in the backup, with the reason."""
        why, text = self._why(kind, item)
        expected = why in (Why.DEFINITION_UNUSED, Why.CLUSTER_SCOPED) and not self._filters.every_namespace
        return Missing(item.key, why, text, item.derived, needed, expected)

    def _why(self, kind: ResourceKind, item: LiveObject) -> tuple[Why, str]:
        error = self._failed(kind, item.key)
        if error:
            return Why.FAILED, error
        started = self._backup.started
        if started and item.created and item.created > started:
            after = words.age(started, item.created)
            return Why.CREATED_LATER, f"created {after} after the backup started"
        if item.deleting:
            return Why.DELETING, "it is being deleted, and Velero skips such objects"
        excluded = self._excluded(kind, item)
        if excluded:
            return excluded
        young = self._young(kind)
        if young:
            return Why.UNKNOWN_KIND, young
        error = self._listing_error(kind, item.key.namespace)
        if error:
            return Why.FAILED, error
        if item.key in self._saved.listed:
            return Why.NOT_STORED, "the backup lists it, but lacks its content"
        policy = (self._backup.spec.get("resourcePolicy") or {}).get("name")
        hint = f"; the resource policy {policy} may exclude it" if policy else ""
        return Why.UNEXPLAINED, f"the filters include it, and Velero reported no error{hint}"

    def _excluded(self, kind: ResourceKind, item: LiveObject) -> tuple[Why, str] | None:
        of_kind, key = self._of_kind[kind], item.key
        if of_kind and not kind.namespaced and self._filters.silent_on_cluster:
            return self._unsaid(kind, key.name, of_kind)
        namespace = key.name if kind.resource == NAMESPACE.resource else key.namespace
        place = self._filters.of_namespace(namespace) if namespace else None
        reason = of_kind or place or self._filters.of_labels(item.labels)
        return (Why.EXCLUDED, reason) if reason else None

    def _unsaid(self, kind: ResourceKind, name: str, reason: str) -> tuple[Why, str]:
        """Cluster-scoped, where no one said anything about such objects."""
        if kind.resource != CUSTOM_RESOURCE_DEFINITION.resource:
            return Why.CLUSTER_SCOPED, reason
        if name.endswith(f".{GROUP}"):
            return Why.EXCLUDED, "Velero's CRDs are installed with it"
        young = next((self._young(kind) for kind in self._live if kind.resource == name and self._asked(kind)), None)
        if young:
            return Why.UNKNOWN_KIND, young
        if name in self._used:
            return Why.EXCLUDED, "a CRD is saved only with its objects, and the backup has none"
        return (
            Why.DEFINITION_UNUSED,
            "a CRD without objects is saved only if includeClusterResources is true; it is not set",
        )

    def _listing_error(self, kind: ResourceKind, namespace: str) -> str | None:
        """Velero's error about listing a kind, which it names without its group."""
        for resource in (kind.resource, kind.plural):
            for place in (namespace, ""):
                if (resource, place, "") in self._errors:
                    return self._errors[resource, place, ""]
        return None

    def _asked(self, kind: ResourceKind) -> bool:
        """Whether the cluster has an object of this kind that the filters take."""
        return any(
            self._filters.of_namespace(item.key.namespace) is None and self._filters.of_labels(item.labels) is None
            for item in self._live[kind]
        )

    def _young(self, kind: ResourceKind) -> str | None:
        """Whether the server cannot have known the kind, which it learns of every few minutes only."""
        made, started = self._definitions.get(kind.resource), self._backup.started
        if made is None or started is None or (kind.group, kind.kind) in self._saved_kinds:
            return None
        age = started - made
        if age > DISCOVERY:
            return None
        when = f"{words.age(made, started)} before the backup" if age >= timedelta(0) else "after the backup started"
        often = words.duration(DISCOVERY.total_seconds())
        return f"Velero did not know the kind yet: its CRD was created {when}, the server looks every {often}"


class Need:
    """Something that must be in the backup: an API group, a kind, or one object."""

    def __init__(self, word: str, kinds: Sequence[ResourceKind]) -> None:
        self.word = word
        name, _, self._name = word.partition("/")
        groups = {kind.group for kind in kinds}
        self._group = name if name in groups and not self._name else None
        self._kinds = set() if self._group else {kind.resource for kind in matching(kinds, name)}

    def known(self, keys: Mapping[ResourceKind, Collection[ObjectKey]]) -> bool:
        """Whether this names a group or a kind that is served, or an object among `keys`."""
        if not self._name:
            return bool(self._group or self._kinds)
        return any(self.takes(kind, key) for kind, found in keys.items() for key in found)

    def takes_all(self, kind: ResourceKind) -> bool:
        """Whether this is about every object of a kind, in whatever namespace."""
        return kind.group == self._group or (not self._name and kind.resource in self._kinds)

    def takes(self, kind: ResourceKind, key: ObjectKey) -> bool:
        """Whether this is about an object; a group's CRDs belong to it."""
        if self._group:
            definition = kind.resource == CUSTOM_RESOURCE_DEFINITION.resource
            return kind.group == self._group or (definition and key.name.endswith(f".{self._group}"))
        return kind.resource in self._kinds and self._name in ("", key.name)


def _by_object(messages: Iterable[VeleroMessage]) -> dict[tuple[str, str, str], str]:
    """Errors by (resource, namespace, name); each part is empty where Velero did not say it."""
    found: dict[tuple[str, str, str], str] = {}
    for message in messages:
        if message.severity == "error" and (message.resource or message.name):
            namespace = message.scope if message.namespace else ""
            found.setdefault((message.resource, namespace, message.name), message.text)
    return found


def compare(
    backup: Backup,
    saved: Saved,
    messages: Sequence[VeleroMessage],
    live: Mapping[ResourceKind, Sequence[LiveObject]],
    *,
    used_definitions: Collection[str] = (),
    needs: Sequence[str] = (),
    unlisted: Mapping[str, str] | None = None,
) -> Coverage:
    """Compare a backup with `live`: every kind that is served, with its objects, empty ones too.

    `used_definitions` names the CRDs that have objects in the cluster, wherever. `needs` are what must be there for
    whatever reason it is not: API groups, kinds as kubectl names them, or `KIND/NAME`.
    """
    kinds = list(live)
    judge = Judge(backup, saved, messages, Filters.of(backup.spec, kinds), live, used_definitions)
    by_kind: dict[tuple[str, str], list[ObjectKey]] = defaultdict(list)
    for key in saved.listed:
        by_kind[key.group, key.kind].append(key)
    anywhere = {kind: [*by_kind[kind.group, kind.kind], *(item.key for item in found)] for kind, found in live.items()}
    unlisted = dict(unlisted or {})
    wanted = [Need(need, kinds) for need in needs]
    found: list[KindCoverage] = []
    for kind, objects in sorted(live.items()):
        if kind.group in _COHABITING and any(
            other.plural == kind.plural and other.group == _COHABITING[kind.group] for other in kinds
        ):
            by_kind.pop((kind.group, kind.kind), None)
            continue
        here = {item.key for item in objects}
        listed = by_kind.pop((kind.group, kind.kind), [])
        missing = [
            judge.missing(kind, item, needed=any(need.takes(kind, item.key) for need in wanted))
            for item in objects
            if not saved.has(kind, item.key)
        ]
        gone = [] if kind.resource in unlisted else [key for key in listed if key not in here]
        if objects or listed:
            found.append(
                KindCoverage(kind, len(objects), len(objects) - len(missing), tuple(missing), tuple(sorted(gone)))
            )
    unserved = Counter({f"{kind}.{group}" if group else kind: len(keys) for (group, kind), keys in by_kind.items()})
    nowhere = tuple(need.word for need in wanted if not need.known(anywhere))
    removed = _removed(messages, kinds)
    return Coverage(backup, tuple(found), tuple(messages), dict(unserved), unlisted, removed, nowhere)


def _removed(messages: Sequence[VeleroMessage], kinds: Sequence[ResourceKind]) -> tuple[str, ...]:
    """Resources that Velero could not list because the server no longer serves them."""
    served = {name for kind in kinds for name in (kind.plural, kind.resource)}
    gone = {
        message.resource
        for message in messages
        if message.severity == "error" and message.resource and _NOT_SERVED in message.text
    }
    return tuple(sorted(gone - served))


def coverage_of(session: Session, backup: Backup, *, needs: Sequence[str] = ()) -> Coverage:
    """Compare a backup with the cluster as it is now. Raises `BadTarget` where it has not
    ended, and `NotGood` where it has no content."""
    if not backup.ended:
        raise BadTarget(f"backup {backup.name} is {backup.phase}; its coverage is known when it ends")
    if backup.phase in ("Failed", "FailedValidation"):
        why = backup.why or f"velero-eks logs {session.target.arguments} {backup.name} says why"
        raise NotGood(f"backup {backup.name} is {backup.phase} and cannot be restored: {why}")
    store, cluster = session.store(backup.location), session.cluster
    kinds = cluster.kinds(afresh=True)
    filters = Filters.of(backup.spec, kinds)
    wanted = [Need(need, kinds) for need in needs]
    with Threads(_THREADS) as pool:
        # The cluster answers while the bucket is read.
        asked = {
            kind: pool.submit(_look, cluster, kind, filters, everywhere=any(need.takes_all(kind) for need in wanted))
            for kind in kinds
            if kind.verbs >= NEEDED_VERBS
        }
        resource_list = store.resource_list(backup.name)
        places = frozenset(
            (place.resource, place.namespace, place.name) for place in store.places(backup.name, unread=Unread())
        )
        saved = Saved(frozenset(key for key, _ in listed(resource_list)), places)
        messages = store.messages(backup.name)
        meant = takes_volumes(backup.spec, session.settings)
        without_data = tuple(store.claims_without_data(backup.name)) if meant else ()
        answers = {kind: answer.result() for kind, answer in asked.items()}
        live = {kind: found for kind, found in answers.items() if not isinstance(found, str)}
        used = _used_definitions(pool, cluster, live, saved) if filters.silent_on_cluster else frozenset()
    unlisted = {kind.resource: found for kind, found in answers.items() if isinstance(found, str)}
    unlisted.update(dict.fromkeys(cluster.unknown_groups(), "its own API server does not answer"))
    found = compare(backup, saved, messages, live, used_definitions=used, needs=needs, unlisted=unlisted)
    return replace(found, without_data=without_data)


def _look(cluster: Cluster, kind: ResourceKind, filters: Filters, *, everywhere: bool) -> list[LiveObject] | str:
    """Every object of a kind, its metadata alone, or why they could not be listed.

    Where the filters name namespaces, only these are looked into; `everywhere` looks into all.
    """
    paths = [kind.path()]
    if kind.namespaced and filters.only_namespaces is not None and not everywhere:
        paths = [kind.path(namespace) for namespace in filters.only_namespaces]
    try:
        return [LiveObject.of(kind, body) for path in paths for body in cluster.list(path, metadata_only=True)]
    except NotFound:
        # A kind whose CRD has just gone is still announced for a moment.
        return []
    except ApiError as error:
        return str(error)


def _used_definitions(
    pool: Threads, cluster: Cluster, live: Mapping[ResourceKind, Sequence[LiveObject]], saved: Saved
) -> frozenset[str]:
    """The CRDs that are not in the backup and have objects somewhere in the cluster."""
    absent = {
        item.key.name
        for kind, objects in live.items()
        if kind.resource == CUSTOM_RESOURCE_DEFINITION.resource
        for item in objects
        if item.key not in saved.listed
    }

    def used(kind: ResourceKind) -> bool:
        try:
            return next(iter(cluster.list(kind.path(), metadata_only=True)), None) is not None
        except ApiError:
            return True

    custom = [kind for kind in live if kind.resource in absent]
    return frozenset(kind.resource for kind, found in zip(custom, pool.map(used, custom), strict=True) if found)
