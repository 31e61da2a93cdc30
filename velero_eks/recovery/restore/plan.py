"""What has to be restored, in which order and how, so that a namespace, an object or a cluster is back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from velero_eks.errors import BadTarget
from velero_eks.recovery.restore.prediction import definition_serves
from velero_eks.terminal import words
from velero_eks.velero.backup_contents import Place, Selection, Stored
from velero_eks.velero.restore_spec import (
    CLAIMS,
    DEFINITIONS,
    NEVER_RESTORED,
    VOLUMES,
    Existing,
    RestoreSpec,
    by_hand,
    instances,
    selectors,
)

WEBHOOKS = (
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
)
# What only Velero can bring back, with the data that belongs to it.
_VELERO_ALONE = frozenset({VOLUMES, "pods"})
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")
# A new cluster has its own of these; the old ones would name what is no longer there. Karpenter, which is EKS Auto Mode
# too, starts an instance for every NodeClaim that has none yet.
OF_ONE_CLUSTER = (
    "certificatesigningrequests.certificates.k8s.io",
    "cninodes.vpcresources.k8s.aws",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "ipaddresses.networking.k8s.io",
    "leases.coordination.k8s.io",
    "nodeclaims.karpenter.sh",
    "servicecidrs.networking.k8s.io",
)


@dataclass(frozen=True)
class VeleroStep:
    """One Restore."""

    title: str
    spec: RestoreSpec


@dataclass(frozen=True)
class DirectStep:
    """Objects that are written from the backup's content with the caller's own rights, since no Restore takes them
    and nothing else. `why` says so."""

    title: str
    items: tuple[Stored, ...] = field(repr=False)
    existing: Existing
    why: str


Step = VeleroStep | DirectStep


@dataclass(frozen=True)
class RestorePlan:
    """Steps that are taken one after another. With `goes_on` one that failed in part does not end them."""

    backup: str
    title: str
    existing: Existing
    steps: tuple[Step, ...]
    goes_on: bool = False

    @property
    def restores(self) -> int:
        """How many Restores there are."""
        return sum(isinstance(step, VeleroStep) for step in self.steps)

    @property
    def updating(self) -> bool:
        """Whether existing objects get their backed-up state."""
        return self.existing == "update"


def plan_namespace(
    backup: str,
    contents: Sequence[Stored],
    served: Collection[tuple[str, str]],
    *,
    namespace: str,
    into: str | None,
    existing: Existing,
    others: Iterable[str] = (),
) -> RestorePlan:
    """Everything of one namespace, into itself or another one; before it the CRDs of its objects that are missing.

    `served` is (apiVersion, kind) of what the cluster serves. `contents` may be without other namespaces, whose names
    are `others`. Raises `BadTarget` where the backup has no such namespace.
    """
    inside = [item for item in contents if item.place.namespace == namespace]
    if not inside:
        there = sorted({*others, *(item.place.namespace for item in contents)} - {""})
        raise BadTarget(
            f"backup {backup} has nothing from namespace {namespace!r}; it has: {', '.join(there) or 'no namespace'}"
            f"{words.did_you_mean(namespace, there)}"
        )
    missing = {(item.body["apiVersion"], item.body["kind"]) for item in inside} - set(served)
    lost = [
        item for item in contents if item.place.resource == DEFINITIONS and missing & set(definition_serves(item.body))
    ]
    steps: list[Step] = [_exactly(backup, lost, contents, "keep")] if lost else []
    mapping = {namespace: into} if into and into != namespace else {}
    title = f"namespace {namespace}" + (f" into {into}" if mapping else "")
    steps.append(
        VeleroStep(title, RestoreSpec(backup=backup, existing=existing, namespaces=(namespace,), mapping=mapping))
    )
    return RestorePlan(backup, title, existing, tuple(steps))


def plan_cluster(
    backup: str, contents: Sequence[Stored], *, velero_namespace: str, system: bool, existing: Existing
) -> RestorePlan:
    """Everything, for a cluster that is new: but Velero's own namespace, and unless `system` those of Kubernetes.

    Webhooks come last: Velero would make them in the midst of all, and whatever they refuse as long as no one answers
    for them would be missing. Endpoints that someone wrote by hand come along; controllers make the others again.
    Raises `BadTarget` where the backup has no cluster-scoped objects: it is not a backup of a whole cluster.
    """
    if not any(item.place.resource == DEFINITIONS for item in contents):
        raise BadTarget(
            f"backup {backup} has no CustomResourceDefinition, so it is not of a whole cluster;"
            " use one of a schedule with clusterResources, or restore its namespaces one by one"
        )
    excluded = (velero_namespace, *(() if system else SYSTEM_NAMESPACES))
    spec = RestoreSpec(
        backup=backup,
        existing=existing,
        excluded_namespaces=excluded,
        excluded_resources=(*OF_ONE_CLUSTER, *WEBHOOKS),
        cluster_resources=True,
    )
    steps: list[Step] = [VeleroStep("the whole cluster but its webhooks", spec)]
    handmade: dict[str, list[Stored]] = {}
    for item in by_hand(contents):
        if item.place.namespace not in excluded:
            handmade.setdefault(item.place.resource, []).append(item)
    steps += [_exactly(backup, items, contents, existing) for _, items in sorted(handmade.items())]
    if any(item.place.resource in WEBHOOKS for item in contents):
        last = RestoreSpec(backup=backup, existing=existing, resources=WEBHOOKS, cluster_resources=True)
        steps.append(VeleroStep("the webhooks", last))
    return RestorePlan(backup, "the whole cluster", existing, tuple(steps), goes_on=True)


def plan_objects(
    backup: str,
    contents: Sequence[Stored],
    wanted: Sequence[Stored],
    *,
    is_live: Callable[[Stored], bool],
    namespace: str | None,
    existing: Existing,
) -> RestorePlan:
    """The `wanted` objects and nothing else; a CRD brings its objects along (of `namespace`, where one is given).

    An existing webhook comes first: while it blocks, nothing can be written. One that is not comes last: what
    answers for it must be back by then. Raises `BadTarget` for what no Restore brings back.
    """
    groups: dict[str, dict[Place, Stored]] = {}
    for item in wanted:
        if item.place.resource in NEVER_RESTORED:
            raise BadTarget(f"{item.place}: Velero never restores this kind; 'velero-eks show' prints it")
        if item.place.resource == CLAIMS:
            space = item.place.namespace
            raise BadTarget(
                f"{item.place}: a claim alone comes back empty, or bound to a deleted volume. Restore"
                " its data with the namespace, beside the original:"
                f" velero-eks restore namespace {space} --from {backup} --into {space}-copy"
            )
        for each in (item, *instances(item, contents, namespace)):
            groups.setdefault(each.place.resource, {})[each.place] = each
    order = sorted(groups, key=lambda resource: (_rank(resource, list(groups[resource].values()), is_live), resource))
    steps = tuple(_exactly(backup, list(groups[resource].values()), contents, existing) for resource in order)
    return RestorePlan(backup, ", ".join(_title([item]) for item in wanted), existing, steps)


def _exactly(backup: str, wanted: Sequence[Stored], contents: Iterable[Stored], existing: Existing) -> Step:
    """One kind's objects: by a Restore where one takes them and nothing else, else directly."""
    places = {item.place for item in wanted}
    resource = wanted[0].place.resource
    namespaces = tuple(sorted({item.place.namespace for item in wanted} - {""}))
    others = [
        item
        for item in contents
        if item.place.resource == resource
        and item.place not in places
        and (not namespaces or item.place.namespace in namespaces)
    ]
    title = _title(wanted)
    chosen = selectors(wanted, others)
    if chosen is not None:
        spec = RestoreSpec(
            backup=backup,
            existing=existing,
            namespaces=namespaces or ("*",),
            resources=(resource,),
            # Without it Velero leaves out what has no namespace as soon as anything is chosen.
            cluster_resources=None if namespaces else True,
            selectors=chosen,
        )
        return VeleroStep(title, spec)
    same = _twin(wanted, others)
    if resource in _VELERO_ALONE:
        source = namespaces[0] if namespaces else "NAMESPACE"
        raise BadTarget(
            f"{title}: only Velero can restore this kind, and it cannot distinguish it from {same}, which has the"
            f" same labels; take it from a copy: velero-eks restore namespace {source} --from {backup} --into"
            f" {source}-copy"
        )
    why = f"Velero selects by label, and {same} has the same ones"
    return DirectStep(title, tuple(wanted), existing, why)


def _twin(wanted: Sequence[Stored], others: Sequence[Stored]) -> str:
    sets = [item.body["metadata"].get("labels") or {} for item in wanted]
    twins = [other for other in others if (other.body["metadata"].get("labels") or {}) in sets]
    return str((twins or list(others))[0].place)


def _rank(resource: str, items: Sequence[Stored], is_live: Callable[[Stored], bool]) -> int:
    if resource in WEBHOOKS:
        return 0 if all(is_live(item) for item in items) else 4
    if resource == DEFINITIONS:
        return 1
    return 3 if items[0].place.namespace else 2


def _title(items: Sequence[Stored]) -> str:
    """The objects of one kind, in a few words."""
    kind = items[0].body["kind"]
    where = {item.place.namespace for item in items} - {""}
    place = f" -n {next(iter(where))}" if len(where) == 1 else ""
    return f"{kind} {items[0].place.name}{place}" if len(items) == 1 else f"{len(items)} {kind}s{place}"


def find_object(backup: str, contents: Sequence[Stored], selection: Selection, namespace: str | None) -> Stored:
    """The one object that is meant. Raises `BadTarget` where there is none, or more than one."""
    found = [
        item
        for item in contents
        if selection.matches(item.place, item.body["kind"])
        and (not item.place.namespace or namespace in (None, item.place.namespace))
    ]
    where = f" -n {namespace}" if namespace else ""
    if not found:
        of_kind = replace(selection, name=None)
        names = {item.place.name for item in contents if of_kind.matches(item.place, item.body["kind"])}
        kinds = {item.place.resource for item in contents}
        near = words.did_you_mean(selection.name or "", sorted(names))
        if not names:
            near = words.did_you_mean(selection.word, sorted(kinds))
        raise BadTarget(
            f"backup {backup} has no {selection}{where}{near or '.'} Which backups have it:"
            f" velero-eks history {selection}{where}"
        )
    if len({item.place.resource for item in found}) > 1:
        kinds = ", ".join(sorted({item.place.resource for item in found}))
        raise BadTarget(f"{selection} may be one of {kinds}; write the group too")
    if len(found) > 1:
        there = ", ".join(sorted(item.place.namespace for item in found))
        raise BadTarget(f"{selection} is in namespaces {there}; choose one with -n")
    return found[0]
