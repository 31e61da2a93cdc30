"""Why an object of the cluster is not in a backup. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, ResourceKind, matching
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.coverage.model import Live, Missing, Saved, Why
from velero_eks.terminal import words
from velero_eks.velero.filters import Filters
from velero_eks.velero.records import GROUP, Backup
from velero_eks.velero.results import Message

# How often the Velero server looks for new kinds.
DISCOVERY = timedelta(minutes=5)


class Judge:
    """Finds why an object is not in the backup; the first reason that holds is given."""

    def __init__(
        self,
        backup: Backup,
        saved: Saved,
        messages: Sequence[Message],
        filters: Filters,
        live: Mapping[ResourceKind, Sequence[Live]],
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

    def missing(self, kind: ResourceKind, item: Live, *, needed: bool) -> Missing:
        """An object that is not in the backup, with the reason."""
        why, text = self._why(kind, item)
        expected = why in (Why.DEFINITION_UNUSED, Why.CLUSTER_SCOPED) and not self._filters.every_namespace
        return Missing(item.key, why, text, item.derived, needed, expected)

    def _why(self, kind: ResourceKind, item: Live) -> tuple[Why, str]:
        error = self._failed(kind, item.key)
        if error:
            return Why.FAILED, error
        started = self._backup.started
        if started and item.created and item.created > started:
            after = words.age(started, item.created)
            return Why.CREATED_LATER, f"created {after} after the backup began"
        if item.deleting:
            return Why.DELETING, "it is being deleted, and Velero takes no such object"
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
            return Why.NOT_STORED, "the backup lists it, and its content is not in the backup"
        policy = (self._backup.spec.get("resourcePolicy") or {}).get("name")
        hint = f"; the resource policy {policy} may leave it out" if policy else ""
        return Why.UNEXPLAINED, f"the filters take it, and Velero reported no error about it{hint}"

    def _excluded(self, kind: ResourceKind, item: Live) -> tuple[Why, str] | None:
        of_kind, key = self._of_kind[kind], item.key
        if of_kind and not kind.namespaced and self._filters.silent_on_cluster:
            return self._unsaid(kind, key.name, of_kind)
        namespace = key.name if kind.resource == NAMESPACE.resource else key.namespace
        place = self._filters.of_namespace(namespace) if namespace else None
        reason = of_kind or place or self._filters.of_labels(item.labels)
        return (Why.EXCLUDED, reason) if reason else None

    def _unsaid(self, kind: ResourceKind, name: str, reason: str) -> tuple[Why, str]:
        """Cluster-scoped, where nobody said anything about such objects."""
        if kind.resource != CUSTOM_RESOURCE_DEFINITION.resource:
            return Why.CLUSTER_SCOPED, reason
        if name.endswith(f".{GROUP}"):
            return Why.EXCLUDED, "Velero's own CRDs come with its installation"
        young = next((self._young(kind) for kind in self._live if kind.resource == name and self._asked(kind)), None)
        if young:
            return Why.UNKNOWN_KIND, young
        if name in self._used:
            return Why.EXCLUDED, "a CRD is kept with objects of it, and none of these is in the backup"
        return (
            Why.DEFINITION_UNUSED,
            "a CRD without objects is kept only where includeClusterResources is true, and it is not set",
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
        when = f"{words.age(made, started)} before the backup" if age >= timedelta(0) else "after the backup began"
        often = words.duration(DISCOVERY.total_seconds())
        return f"Velero did not know the kind yet: its CRD was made {when}, and the server looks every {often}"


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


def _by_object(messages: Iterable[Message]) -> dict[tuple[str, str, str], str]:
    """Errors by (resource, namespace, name); each part is empty where Velero did not say it."""
    found: dict[tuple[str, str, str], str] = {}
    for message in messages:
        if message.severity == "error" and (message.resource or message.name):
            namespace = message.scope if message.namespace else ""
            found.setdefault((message.resource, namespace, message.name), message.text)
    return found
