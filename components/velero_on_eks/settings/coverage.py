"""What a backup takes of what an objective asks for, by a Schedule's template or a Backup's spec. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from velero_on_eks.settings.kinds import NEEDLESS
from velero_on_eks.settings.namespaces import EVERY, Namespaces, Undecidable, is_pattern

Template = Mapping[str, Any]
LackCode = Literal["namespaces", "kinds", "labels", "cluster-resources", "volumes"]

_ONLY_SOME = ("includedResources", "includedNamespaceScopedResources")
_LEFT_OUT = ("excludedResources", "excludedNamespaceScopedResources")


@dataclass(frozen=True)
class Wanted:
    """What an objective asks for: the namespaces of one pattern, whole.

    `without_namespaces` and `without_kinds` are what it does without, `velero` is Velero's own namespace, which no
    backup holds. `volumes`: whether the data of volumes counts.
    """

    namespace: str
    without_namespaces: tuple[str, ...] = ()
    without_kinds: tuple[str, ...] = ()
    volumes: bool = False
    velero: str = ""

    @property
    def namespaces(self) -> Namespaces:
        """The set of namespaces that are meant."""
        return Namespaces((self.namespace,), tuple(filter(None, (*self.without_namespaces, self.velero))))


@dataclass(frozen=True)
class Lack:
    """One thing that a template does not take. `names` says which: kinds, or a namespace that is not taken."""

    code: LackCode
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What it leaves out, as the end of a sentence whose subject is the schedule."""
        names = ", ".join(self.names)
        return {
            "namespaces": f"leaves out namespaces such as {names}" if names else "has patterns that are too complex",
            "kinds": f"leaves out {names}",
            "labels": "selects by label only",
            "cluster-resources": "does not include all cluster-scoped objects",
            "volumes": "includes no volume data",
        }[self.code]


def lacks(template: Template, wanted: Wanted) -> tuple[Lack, ...]:
    """All that keeps what is wanted from being restored whole from backups of this template; empty where nothing does.

    Namespaces that a template of every namespace excludes by name are no lack of an objective for every namespace.
    """
    return tuple(_lacks(template, wanted))


def _lacks(template: Template, wanted: Wanted) -> Iterator[Lack]:
    left = _namespaces_lacking(template, wanted)
    if left is not None:
        yield left
    kinds = dict.fromkeys(str(kind) for field in _LEFT_OUT for kind in template.get(field) or ())
    needed = tuple(kind for kind in kinds if kind.lower() not in NEEDLESS and kind.lower() not in wanted.without_kinds)
    if needed:
        yield Lack("kinds", needed)
    elif any(template.get(field) not in (None, [], ["*"]) for field in _ONLY_SOME):
        yield Lack("kinds", ("all kinds but some",))
    if template.get("labelSelector") or template.get("orLabelSelectors"):
        yield Lack("labels")
    if wanted.namespace == EVERY and not _takes_the_cluster(template, wanted):
        yield Lack("cluster-resources")
    if wanted.volumes and template.get("snapshotVolumes") is False and not template.get("defaultVolumesToFsBackup"):
        yield Lack("volumes")


def _takes_the_cluster(template: Template, wanted: Wanted) -> bool:
    if template.get("includeClusterResources") is False:
        return False
    included = template.get("includedClusterScopedResources") or ["*"]
    excluded = [
        kind
        for kind in template.get("excludedClusterScopedResources") or ()
        if str(kind).lower() not in (*NEEDLESS, *wanted.without_kinds)
    ]
    return "*" in included and not excluded


def _namespaces_lacking(template: Template, wanted: Wanted) -> Lack | None:
    taken = namespaces_of(template)
    if wanted.namespace == EVERY and EVERY in taken.includes:
        # A cluster is rebuilt from such a backup; whoever leaves a namespace out of it by name knows which.
        taken = Namespaces(taken.includes, tuple(filter(is_pattern, taken.excludes)))
    try:
        missing = taken.lacking(wanted.namespaces)
    except (Undecidable, ValueError):
        return Lack("namespaces")
    return None if missing is None else Lack("namespaces", (missing,))


def namespaces_of(template: Template) -> Namespaces:
    """The namespaces that a template takes."""
    return Namespaces(
        _texts(template.get("includedNamespaces")) or (EVERY,), _texts(template.get("excludedNamespaces"))
    )


def _texts(values: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(str(value) for value in values or ())
