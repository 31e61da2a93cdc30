"""What of a cluster a restore meets: the objects of the kinds and namespaces that it writes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from velero_eks.errors import Forbidden, NotAllowed, NotFound
from velero_eks.kube.client import Cluster
from velero_eks.kube.kinds import NAMESPACE, ResourceKind
from velero_eks.kube.objects import Object, ObjectKey
from velero_eks.kube.threads import Threads
from velero_eks.recovery.restore.plan import DirectStep, RestorePlan, Step, VeleroStep
from velero_eks.recovery.restore.prediction import ClusterState, node_ports
from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.restore_spec import NEVER_RESTORED, RestoreSpec

_SERVICE = ResourceKind("", "v1", "Service", "services", True)
_THREADS = 8
# Up to here single objects are asked for by name; a list of thousands for the sake of one would be waste.
_BY_NAME = 20
# So many namespaces are looked into one by one before one list of all is cheaper.
_BY_NAMESPACE = 4


@dataclass
class Scope:
    """Which collections, and which single objects, a preview looks at. The same scope is looked at afterwards.

    With `ports` also which node ports are taken, in all namespaces.
    """

    collections: dict[ResourceKind, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Kind → namespaces, where `""` stands for the cluster."""
    singles: set[tuple[ResourceKind, str, str]] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    ports: bool = False


def spec_of(step: Step) -> RestoreSpec:
    """The filters of a step; of one that is taken directly, those that take all of its objects."""
    if isinstance(step, VeleroStep):
        return step.spec
    namespaces = tuple(sorted({item.place.namespace for item in step.items} - {""}))
    return RestoreSpec(
        backup="",
        existing=step.existing,
        namespaces=namespaces or ("*",),
        resources=(step.items[0].place.resource,),
        cluster_resources=None if namespaces else True,
    )


def items_of(step: Step, contents: Sequence[Stored]) -> Sequence[Stored]:
    """The part of a backup that a step draws from: its objects, and the namespaces that may have to be made first."""
    if not isinstance(step, DirectStep):
        return contents
    names = {item.place.namespace for item in step.items}
    around = [item for item in contents if item.place.resource == NAMESPACE.resource and item.place.name in names]
    return [*around, *(item for item in step.items if item not in around)]


def scope_of(plan: RestorePlan, contents: Sequence[Stored], kinds: Iterable[ResourceKind]) -> Scope:
    """What has to be seen of the cluster to predict a plan. `kinds` are those served, in their preferred versions."""
    served = list(kinds)
    scope = Scope()
    for step in plan.steps:
        spec = spec_of(step)
        taken = list(spec.selected(items_of(step, contents)).values())
        targets = {spec.target(item.place.namespace) for item in taken if item.place.namespace}
        targets |= {spec.target(name) for name in spec.namespaces if name != "*"}
        # Of a namespace whose content is left out Velero makes the namespace itself; what goes on in it does not
        # matter.
        scope.namespaces |= targets
        scope.namespaces |= {spec.target_key(item).name for item in taken if item.place.resource == NAMESPACE.resource}
        scope.ports |= any(node_ports(item.body) for item in taken if item.place.resource == "services")
        for kind, items in _by_kind(taken).items():
            if kind.resource == NAMESPACE.resource:
                continue
            if len(items) <= _BY_NAME and spec.resources != ("*",):
                scope.singles |= {(kind, spec.target(item.place.namespace), item.place.name) for item in items}
            else:
                scope.collections[kind] |= {spec.target(item.place.namespace) for item in items}
        if spec.resources == ("*",) and not spec.selectors:
            _add_neighbours(scope, served, targets)
    return scope


def look(cluster: Cluster, scope: Scope) -> ClusterState:
    """The cluster as it is now, as far as `scope` goes.

    Raises `NotAllowed` where a kind may not be seen: a preview that cannot see would be a guess.
    """
    every = cluster.kinds(afresh=True, all_versions=True)
    served = {(kind.api_version, kind.kind) for kind in every if "create" in kind.verbs}
    listed = {(kind.api_version, kind.kind): kind for kind in every}
    refused: dict[str, str] = {}

    def collection(pair: tuple[ResourceKind, set[str]]) -> list[Object]:
        kind, namespaces = pair
        if (kind.api_version, kind.kind) not in listed:
            return []
        one_by_one = "" in namespaces or len(namespaces) <= _BY_NAMESPACE
        paths = [kind.path(namespace or None) for namespace in sorted(namespaces)] if one_by_one else [kind.path()]
        try:
            found = [lighter(body) for path in paths for body in cluster.list(path)]
        except NotFound:
            # Its CRD has just gone; it is still announced for a moment.
            return []
        except Forbidden as error:
            refused[kind.resource] = str(error)
            return []
        return found if one_by_one else [body for body in found if body["metadata"].get("namespace") in namespaces]

    def single(wanted: tuple[ResourceKind, str, str]) -> Object | None:
        kind, namespace, name = wanted
        try:
            found = cluster.find(kind.path(namespace or None, name))
            return None if found is None else lighter(found)
        except Forbidden as error:
            refused[kind.resource] = str(error)
            return None

    singles = [*scope.singles, *((NAMESPACE, "", name) for name in scope.namespaces)]
    with Threads(_THREADS) as pool:
        lists = list(pool.map(collection, scope.collections.items()))
        ones = list(pool.map(single, sorted(singles)))
    if refused:
        raise NotAllowed("\n".join(refused[resource] for resource in sorted(refused)))
    bodies = [*(body for bodies in lists for body in bodies), *(body for body in ones if body is not None)]
    return ClusterState({ObjectKey.of(body): body for body in bodies}, served, _ports(cluster) if scope.ports else {})


def _ports(cluster: Cluster) -> dict[int, ObjectKey]:
    """Which node port is whose. Empty if the caller may not list all Services: then no conflict is predicted."""
    try:
        return {port: ObjectKey.of(body) for body in cluster.list(_SERVICE.path()) for port in node_ports(body)}
    except Forbidden:
        return {}


def lighter(body: Object) -> Object:
    """The object without the record of who manages which field: often its larger half, and nothing here asks for it."""
    body["metadata"].pop("managedFields", None)
    return body


def light(item: Stored) -> Stored:
    """An object of a backup without the same, but for Services: who set their node ports decides whether they stay."""
    if item.place.resource != "services":
        lighter(item.body)
    return item


def _by_kind(items: Iterable[Stored]) -> Mapping[ResourceKind, list[Stored]]:
    found: dict[ResourceKind, list[Stored]] = defaultdict(list)
    for item in items:
        group, _, version = str(item.body["apiVersion"]).rpartition("/")
        kind = ResourceKind(group, version, item.body["kind"], item.place.plural, bool(item.place.namespace))
        found[kind].append(item)
    return found


def _add_neighbours(scope: Scope, served: Iterable[ResourceKind], targets: set[str]) -> None:
    """All other kinds of the namespaces that are restored whole, to find what is not in the backup."""
    seen = {(kind.group, kind.kind) for kind in scope.collections}
    for kind in served:
        writable = kind.listed and "create" in kind.verbs and kind.resource not in NEVER_RESTORED
        if kind.namespaced and writable and (kind.group, kind.kind) not in seen:
            bare = ResourceKind(kind.group, kind.version, kind.kind, kind.plural, True)
            scope.collections[bare] |= targets
