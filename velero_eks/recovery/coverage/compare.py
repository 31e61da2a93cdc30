"""Whether a backup has in it what the cluster has: object by object, and why each difference is there. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.coverage.model import Coverage, KindCoverage, Live, Saved
from velero_eks.recovery.coverage.reasons import Judge, Need
from velero_eks.velero.filters import Filters
from velero_eks.velero.records import Backup
from velero_eks.velero.results import Message

_NOT_SERVED = "could not find the requested resource"
# Kinds that lie under two groups are backed up under the first.
_COHABITING = {"events.k8s.io": ""}


def compare(
    backup: Backup,
    saved: Saved,
    messages: Sequence[Message],
    live: Mapping[ResourceKind, Sequence[Live]],
    *,
    used_definitions: Collection[str] = (),
    needs: Sequence[str] = (),
    unlisted: Mapping[str, str] | None = None,
) -> Coverage:
    """Hold a backup against `live`: every kind that is served, with its objects, empty ones too.

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


def _removed(messages: Sequence[Message], kinds: Sequence[ResourceKind]) -> tuple[str, ...]:
    """Resources that Velero could not list because the server no longer serves them."""
    served = {name for kind in kinds for name in (kind.plural, kind.resource)}
    gone = {
        message.resource
        for message in messages
        if message.severity == "error" and message.resource and _NOT_SERVED in message.text
    }
    return tuple(sorted(gone - served))
