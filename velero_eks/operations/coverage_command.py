"""`velero-eks coverage`: what the cluster has now, held against a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from velero_eks.cluster.access import Cluster
from velero_eks.cluster.errors import ApiError, BadTarget, NotFound, NotGood
from velero_eks.cluster.kinds import CUSTOM_RESOURCE_DEFINITION, Kind

from .coverage import compare
from .coverage_model import Coverage, Live, Missing, Saved
from .filters import Filters
from .objects import Key
from .output import print_json, working
from .records import Backup
from .results import listed
from .session import Session

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
        from .coverage_render import render

        render(found, session, everything=everything)
    return 0 if found.whole else FOUND


def coverage_of(session: Session, backup: Backup, *, needs: Sequence[str] = ()) -> Coverage:
    """Hold a backup against the cluster as it is now. Raises `BadTarget` where it has not
    ended, and `NotGood` where it has no content."""
    if not backup.ended:
        raise BadTarget(f"backup {backup.name} is {backup.phase}; its coverage is known when it has ended")
    if backup.phase in ("Failed", "FailedValidation"):
        why = backup.why or f"velero-eks logs {backup.name} says why"
        raise NotGood(f"backup {backup.name} is {backup.phase}, there is nothing to restore from it: {why}")
    store = session.store(backup.location)
    resource_list = store.resource_list(backup.name)
    places = frozenset((place.resource, place.namespace, place.name) for place in store.places(backup.name))
    saved = Saved(frozenset(key for key, _ in listed(resource_list)), places)
    cluster = session.cluster
    filters = Filters.of(backup.spec, cluster.kinds(afresh=True))
    live, unlisted = live_objects(cluster, filters)
    used = _used_definitions(cluster, live, saved) if filters.silent_on_cluster else frozenset()
    unlisted.update(dict.fromkeys(cluster.unknown_groups(), "its own API server does not answer"))
    messages = store.messages(backup.name)
    return compare(backup, saved, messages, live, used_definitions=used, needs=needs, unlisted=unlisted)


def live_objects(cluster: Cluster, filters: Filters) -> tuple[dict[Kind, list[Live]], dict[str, str]]:
    """Every object, its metadata alone, of the kinds that can be backed up; and the resources that could not be listed.

    Where the filters name namespaces, only these are looked into.
    """
    kinds = [kind for kind in cluster.kinds() if kind.verbs >= {"list", "get", "create", "delete"}]
    namespaces = filters.only_namespaces

    def look(kind: Kind) -> list[Live] | str:
        paths = [kind.path()]
        if kind.namespaced and namespaces is not None:
            paths = [kind.path(namespace) for namespace in namespaces]
        try:
            return [Live.of(kind, body) for path in paths for body in cluster.list(path, metadata_only=True)]
        except NotFound:
            # A kind whose CRD has just gone is still announced for a moment.
            return []
        except ApiError as error:
            return str(error)

    answers = _in_parallel(look, kinds)
    live = {kind: found for kind, found in answers if not isinstance(found, str)}
    return live, {kind.resource: found for kind, found in answers if isinstance(found, str)}


def _used_definitions(cluster: Cluster, live: dict[Kind, list[Live]], saved: Saved) -> frozenset[str]:
    """The CRDs that are not in the backup and have objects somewhere in the cluster."""
    absent = {
        item.key.name
        for kind, objects in live.items()
        if kind.resource == CUSTOM_RESOURCE_DEFINITION.resource
        for item in objects
        if item.key not in saved.listed
    }

    def used(kind: Kind) -> bool:
        try:
            return next(iter(cluster.list(kind.path(), metadata_only=True)), None) is not None
        except ApiError:
            return True

    custom = [kind for kind in live if kind.resource in absent]
    return frozenset(kind.resource for kind, found in _in_parallel(used, custom) if found)


def _in_parallel(look: Callable[[Kind], Any], kinds: Iterable[Kind]) -> list[tuple[Kind, Any]]:
    wanted = list(kinds)
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        return list(zip(wanted, pool.map(look, wanted), strict=True))


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


def _key(key: Key) -> dict[str, str | None]:
    return {"namespace": key.namespace or None, "name": key.name}
