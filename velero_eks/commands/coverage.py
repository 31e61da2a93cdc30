"""`velero-eks coverage`: what the cluster has now, held against a backup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from velero_eks.errors import ApiError, BadTarget, NotFound, NotGood
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import CUSTOM_RESOURCE_DEFINITION, ResourceKind
from velero_eks.kube.objects import ObjectKey
from velero_eks.kube.threads import Threads
from velero_eks.recovery.coverage.compare import compare
from velero_eks.recovery.coverage.model import Coverage, Live, Missing, Saved
from velero_eks.recovery.coverage.reasons import Need
from velero_eks.recovery.session import Session
from velero_eks.terminal.output import print_json, working
from velero_eks.velero.filters import NEEDED_VERBS, Filters
from velero_eks.velero.records import Backup
from velero_eks.velero.results import listed

FOUND = 1
_THREADS = 8


def coverage(session: Session, name: str, *, needs: Sequence[str], everything: bool, as_json: bool) -> int:
    """Print how a backup covers the cluster; the exit code is 0 where it has all that was asked for.

    `name` may be a schedule's: then its newest Completed backup is meant. `everything` names every object, where
    otherwise a long list is cut.
    """
    backup = session.velero.resolve(name)
    with working(f"holding backup {backup.name} against {session.cluster.name}"):
        found = coverage_of(session, backup, needs=needs)
    if as_json:
        print_json(document(session, found))
    else:
        from velero_eks.commands.coverage_words import render

        render(found, session, everything=everything)
    return 0 if found.whole else FOUND


def coverage_of(session: Session, backup: Backup, *, needs: Sequence[str] = ()) -> Coverage:
    """Hold a backup against the cluster as it is now. Raises `BadTarget` where it has not
    ended, and `NotGood` where it has no content."""
    if not backup.ended:
        raise BadTarget(f"backup {backup.name} is {backup.phase}; its coverage is known when it has ended")
    if backup.phase in ("Failed", "FailedValidation"):
        why = backup.why or f"velero-eks logs {session.target.arguments} {backup.name} says why"
        raise NotGood(f"backup {backup.name} is {backup.phase}, there is nothing to restore from it: {why}")
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
        places = frozenset((place.resource, place.namespace, place.name) for place in store.places(backup.name))
        saved = Saved(frozenset(key for key, _ in listed(resource_list)), places)
        messages = store.messages(backup.name)
        answers = {kind: answer.result() for kind, answer in asked.items()}
        live = {kind: found for kind, found in answers.items() if not isinstance(found, str)}
        used = _used_definitions(pool, cluster, live, saved) if filters.silent_on_cluster else frozenset()
    unlisted = {kind.resource: found for kind, found in answers.items() if isinstance(found, str)}
    unlisted.update(dict.fromkeys(cluster.unknown_groups(), "its own API server does not answer"))
    return compare(backup, saved, messages, live, used_definitions=used, needs=needs, unlisted=unlisted)


def _look(cluster: Cluster, kind: ResourceKind, filters: Filters, *, everywhere: bool) -> list[Live] | str:
    """Every object of a kind, its metadata alone, or why they could not be listed.

    Where the filters name namespaces, only these are looked into; `everywhere` looks into all.
    """
    paths = [kind.path()]
    if kind.namespaced and filters.only_namespaces is not None and not everywhere:
        paths = [kind.path(namespace) for namespace in filters.only_namespaces]
    try:
        return [Live.of(kind, body) for path in paths for body in cluster.list(path, metadata_only=True)]
    except NotFound:
        # A kind whose CRD has just gone is still announced for a moment.
        return []
    except ApiError as error:
        return str(error)


def _used_definitions(
    pool: Threads, cluster: Cluster, live: Mapping[ResourceKind, Sequence[Live]], saved: Saved
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


def document(session: Session, found: Coverage) -> dict[str, Any]:
    """The coverage as JSON."""
    backup = found.backup
    return {
        "cluster": session.cluster.name,
        "backup": {
            "name": backup.name,
            "phase": backup.phase,
            "schedule": backup.schedule,
            "started": backup.started,
            "completed": backup.completed,
            "errors": backup.errors,
            "warnings": backup.warnings,
        },
        "whole": found.whole,
        "kinds": [
            {
                "group": item.kind.group,
                "kind": item.kind.kind,
                "live": item.live,
                "saved": item.saved,
                "missing": [_missing(missing) for missing in item.missing],
                "deleted_since": [_key(key) for key in item.gone],
            }
            for item in found.kinds
        ],
        "not_compared": dict(found.unlisted),
        "no_longer_served": dict(found.unserved),
        "removed_kinds": list(found.removed_kinds),
        "unknown_needs": list(found.unknown_needs),
        "errors": [
            {"where": message.where, "message": message.text}
            for message in found.messages
            if message.severity == "error"
        ],
    }


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        **_key(missing.key),
        "reason": str(missing.why),
        "message": missing.text,
        "gap": missing.gap,
        "derived": missing.derived,
    }


def _key(key: ObjectKey) -> dict[str, str | None]:
    return {"namespace": key.namespace or None, "name": key.name}
