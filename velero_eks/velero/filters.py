"""What a backup's filters take and leave, read as Velero 1.18 reads them. Pure.

Follows `pkg/util/collections/includes_excludes.go` and the defaulting in `pkg/controller/backup_controller.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from velero_eks.kube.kinds import NAMESPACE, ResourceKind, matching
from velero_eks.kube.objects import Object

EXCLUDE_LABEL = "velero.io/exclude-from-backup"
# What Velero makes and removes itself while it takes CSI snapshots; it adds these to every backup's excludes.
_NEVER_CLUSTER = "volumesnapshotcontents.snapshot.storage.k8s.io"
_NEVER_NAMESPACED = "volumesnapshots.snapshot.storage.k8s.io"
NEEDED_VERBS = frozenset({"list", "create", "get", "delete"})
"""Velero looks only at kinds that can be made again."""

_UNSAID = "includeClusterResources is not set, so only referenced objects are included"


@dataclass(frozen=True)
class _Sieve:
    """A pair of lists as Velero has them; `*` and an empty `includes` are everything."""

    includes: tuple[str, ...]
    excludes: tuple[str, ...]

    @property
    def takes_all(self) -> bool:
        return not self.excludes and self.includes in ((), ("*",))

    def takes(self, name: str) -> bool:
        return not self.leaves(name) and (not self.includes or self.names(name))

    def names(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.includes)

    def leaves(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.excludes)


@dataclass(frozen=True)
class Filters:
    """The filters of one Backup. Every method gives the reason why something is left out, or None where it is taken."""

    namespaces: _Sieve
    resources: _Sieve
    namespaced: _Sieve
    cluster_scoped: _Sieve
    cluster_resources: bool | None
    old: bool
    selectors: tuple[Object, ...]

    @classmethod
    def of(cls, spec: Object, kinds: Sequence[ResourceKind]) -> Filters:
        """The filters of a Backup's `spec` (or a Schedule's template) on a server that serves `kinds`."""

        def sieve(includes: str, excludes: str, added: tuple[str, ...] = ()) -> _Sieve:
            left = (*_resolved(spec.get(excludes), kinds), *added)
            taken = tuple(word for word in _resolved(spec.get(includes), kinds) if word not in left)
            return _Sieve(taken, tuple(dict.fromkeys(left)))

        cluster_resources = spec.get("includeClusterResources")
        old = cluster_resources is not None or bool(spec.get("includedResources") or spec.get("excludedResources"))
        never = (_NEVER_NAMESPACED, _NEVER_CLUSTER)
        selector = spec.get("labelSelector")
        return cls(
            namespaces=_Sieve(
                tuple(spec.get("includedNamespaces") or ("*",)), tuple(spec.get("excludedNamespaces") or ())
            ),
            resources=sieve("includedResources", "excludedResources", never if old else ()),
            namespaced=sieve("includedNamespaceScopedResources", "excludedNamespaceScopedResources", never[:1]),
            cluster_scoped=sieve("includedClusterScopedResources", "excludedClusterScopedResources", never[1:]),
            cluster_resources=cluster_resources,
            old=old,
            selectors=tuple([selector] if selector else spec.get("orLabelSelectors") or ()),
        )

    @property
    def only_namespaces(self) -> tuple[str, ...] | None:
        """The namespaces by name, where the filters say no more than a list of names; None where all must be seen."""
        names = self.namespaces.includes
        if any(character in name for name in names for character in "*?["):
            return None
        return tuple(name for name in names if not self.namespaces.leaves(name))

    def of_kind(self, kind: ResourceKind) -> str | None:
        """Why no object of this kind is taken by itself."""
        if not kind.verbs >= NEEDED_VERBS:
            missing = ", ".join(sorted(NEEDED_VERBS - kind.verbs))
            return f"its kind cannot be recreated (no {missing}), so Velero skips it"
        return self._old(kind) if self.old else self._scoped(kind)

    def of_namespace(self, namespace: str) -> str | None:
        """Why nothing in this namespace is taken."""
        if self.namespaces.takes(namespace):
            return None
        if self.namespaces.leaves(namespace):
            return "its namespace is in excludedNamespaces"
        return "its namespace is not in includedNamespaces"

    def of_labels(self, labels: Mapping[str, str]) -> str | None:
        """Why an object with these labels is left out."""
        if labels.get(EXCLUDE_LABEL) == "true":
            return f"it has the label {EXCLUDE_LABEL}=true"
        if self.selectors and not any(selects(selector, labels) for selector in self.selectors):
            return "the backup's label selector does not select it"
        return None

    @property
    def silent_on_cluster(self) -> bool:
        """Whether nothing was said about cluster-scoped objects: Velero then takes those alone that others refer to,
        and the CRDs of the objects that it takes."""
        if self.old:
            return self.cluster_resources is None and not self.namespaces.takes_all
        unsaid = not self.cluster_scoped.includes and set(self.cluster_scoped.excludes) <= {_NEVER_CLUSTER}
        return unsaid and not (
            self.cluster_scoped.takes_all and self.namespaces.takes_all and self.namespaced.takes_all
        )

    @property
    def every_namespace(self) -> bool:
        """Whether all namespaces are asked for, but for those left out by name."""
        return self.namespaces.includes == ("*",)

    def _old(self, kind: ResourceKind) -> str | None:
        cluster_wide = not kind.namespaced
        if cluster_wide and self.cluster_resources is False:
            return "includeClusterResources is false"
        is_namespace = kind.resource == NAMESPACE.resource
        if cluster_wide and not is_namespace and self.cluster_resources is None and not self.namespaces.takes_all:
            return _UNSAID
        if self.resources.leaves(kind.resource):
            return "its kind is in excludedResources"
        if not self.resources.takes(kind.resource):
            return "its kind is not in includedResources"
        return None

    def _scoped(self, kind: ResourceKind) -> str | None:
        sieve = self.namespaced if kind.namespaced else self.cluster_scoped
        word = "NamespaceScoped" if kind.namespaced else "ClusterScoped"
        if sieve.leaves(kind.resource):
            return f"its kind is in excluded{word}Resources"
        if kind.namespaced:
            return None if sieve.takes(kind.resource) else f"its kind is not in included{word}Resources"
        if sieve.takes_all and self.namespaces.takes_all and self.namespaced.takes_all:
            return None
        if kind.resource == NAMESPACE.resource or (sieve.includes and sieve.names(kind.resource)):
            return None
        if sieve.includes:
            return f"its kind is not in included{word}Resources"
        return _UNSAID


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (`matchLabels`, `matchExpressions`) selects what has these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    operator = expression["operator"]
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return (value is not None) == (operator == "Exists")


def _resolved(words: Iterable[str] | None, kinds: Sequence[ResourceKind]) -> tuple[str, ...]:
    """Resources in full, as Velero looks them up; what it does not know it takes as it stands."""
    found: list[str] = []
    for word in words or ():
        known = matching(kinds, word) if "*" not in word else []
        found.append(known[0].resource if known else word)
    return tuple(found)
