"""What holding a backup against a cluster finds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import Object, ObjectKey, is_derived
from velero_eks.velero.records import Backup, moment
from velero_eks.velero.results import Message


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
class Live:
    """An object that the cluster has now; of its content only what is needed here."""

    key: ObjectKey
    created: datetime | None
    labels: Mapping[str, str]
    deleting: bool
    derived: bool

    @classmethod
    def of(cls, kind: ResourceKind, body: Object) -> Live:
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
    """A backup held against the cluster."""

    backup: Backup
    kinds: tuple[KindCoverage, ...]
    messages: tuple[Message, ...]
    unserved: Mapping[str, int]
    """Kinds (`Kind.group`) in the backup that the cluster no longer serves, and the number of their objects."""
    unlisted: Mapping[str, str] = field(default_factory=dict)
    """Resources that could not be compared, and why."""
    removed_kinds: tuple[str, ...] = ()
    """Resources that Velero still looked for, though their CRD was gone: a backup fails in part for five minutes."""
    unknown_needs: tuple[str, ...] = ()
    """What was needed by name and is neither in the cluster nor in the backup."""

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
        return self.backup.good and not self.gaps and not self.unlisted and not self.unknown_needs


@dataclass(frozen=True)
class Saved:
    """What a backup holds: the objects in its own list, and those whose content is really in the tarball.

    `stored` is (resource, namespace, name); None where nobody looked.
    """

    listed: frozenset[ObjectKey]
    stored: frozenset[tuple[str, str, str]] | None = None

    def has(self, kind: ResourceKind, key: ObjectKey) -> bool:
        """Whether an object can be restored from this backup."""
        return key in self.listed and (self.stored is None or (kind.resource, key.namespace, key.name) in self.stored)
