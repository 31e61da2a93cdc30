"""A Restore of chosen objects and no others. Pure.

Velero has no filter by name. What it has are kinds, namespaces and label selectors, and the whole backup is known: so
the selector is made from it, and it is seen beforehand whether it takes what is wanted and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.filters import selects
from velero_eks.velero.restore_spec import DEFINITIONS, Selector, labels_of

ENDPOINTS, SLICES = "endpoints", "endpointslices.discovery.k8s.io"
_SERVICE_LABEL, _MAKER_LABEL = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
_MAKERS = frozenset({"endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"})
# The API server writes where it is itself, as the endpoints of a Service that has no selector either.
_OF_THE_SERVER = ("default", "kubernetes")


def selectors(wanted: Collection[Stored], others: Iterable[Stored]) -> tuple[Selector, ...] | None:
    """Label selectors that together take every one of `wanted` and none of `others`.

    Empty where no selector is needed, since there are no others. None where there is none that does it: another
    object has the very same labels.
    """
    rest = [labels_of(item.body) for item in others]
    if not rest:
        return ()
    found: dict[tuple[tuple[str, str], ...], Selector] = {}
    for item in wanted:
        labels = labels_of(item.body)
        identity = tuple(sorted(labels.items()))
        if identity in found:
            continue
        selector = _selector(labels, rest)
        if selector is None or any(selects(selector, other) for other in rest):
            return None
        found[identity] = selector
    return tuple(found.values())


def _selector(labels: dict[str, str], rest: Iterable[dict[str, str]]) -> Selector | None:
    """What matches these labels, and nobody who has more of them than this."""
    surplus = sorted({key for other in rest if labels.items() <= other.items() for key in other.keys() - labels.keys()})
    expressions = [{"key": key, "operator": "DoesNotExist"} for key in surplus]
    if not labels and not expressions:
        return None
    selector: dict[str, object] = {}
    if labels:
        selector["matchLabels"] = dict(labels)
    if expressions:
        selector["matchExpressions"] = expressions
    return selector


def instances(definition: Stored, contents: Iterable[Stored], namespace: str | None = None) -> list[Stored]:
    """The objects of a CRD that the backup has, of one namespace where one is given."""
    if definition.place.resource != DEFINITIONS:
        return []
    return [
        item
        for item in contents
        if item.place.resource == definition.place.name
        and (namespace is None or item.place.namespace in ("", namespace))
    ]


def by_hand(contents: Collection[Stored]) -> list[Stored]:
    """The Endpoints and EndpointSlices that no controller makes: those of Services without a selector, with which
    somebody leads to what is outside the cluster."""
    free = {
        (item.place.namespace, item.place.name)
        for item in contents
        if item.place.resource == "services" and not (item.body.get("spec") or {}).get("selector")
    } - {_OF_THE_SERVER}
    return [
        item
        for item in contents
        if (item.place.resource == ENDPOINTS and (item.place.namespace, item.place.name) in free)
        or (
            item.place.resource == SLICES
            and (item.place.namespace, labels_of(item.body).get(_SERVICE_LABEL)) in free
            and labels_of(item.body).get(_MAKER_LABEL) not in _MAKERS
        )
    ]
