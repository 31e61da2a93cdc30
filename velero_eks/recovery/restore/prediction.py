"""What a restore does to each object, predicted from a backup's contents and the live objects. Pure.

Nothing here asks a cluster; `preview` fetches what is needed, and lets the API server have its say by dry runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from velero_eks.errors import BadTarget
from velero_eks.kube.defaulted import settled
from velero_eks.kube.objects import Difference, Object, ObjectKey, differences, is_derived
from velero_eks.velero.backup_contents import Place, Stored
from velero_eks.velero.restore_actions import restored_form, restored_namespace, updated_form
from velero_eks.velero.restore_spec import CLAIMS, NAMESPACES, VOLUMES, RestoreSpec, made_anew, passed_over

DEFINITION_KIND = "CustomResourceDefinition"
# Velero restores these under names of its own, each time another, for the claims that are made from them.
SNAPSHOT_KINDS = frozenset({"VolumeSnapshot", "VolumeSnapshotContent"})
_TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 - a type


class Fate(StrEnum):
    """What becomes of one object."""

    CREATED = "created"
    CHANGED = "would change"
    KEPT = "kept as it is"
    BLOCKED = "in the way"
    ABSENT = "not in the backup"
    LEFT_OUT = "left out by Velero"


@dataclass(frozen=True)
class Prediction:
    """One object's fate.

    `fields` of a changed object lead from what is live to what it becomes, of a kept one from what is live to what the
    backup has. `expected` is the object as it will be; None where no one knows, or where there will be none. `sent` is
    what Velero sends for a changed object, before the server fills in what that leaves open.
    `derived` marks what controllers make of other objects and replace as they see fit.
    """

    key: ObjectKey
    fate: Fate
    reason: str = ""
    fields: tuple[Difference, ...] = ()
    place: Place | None = None
    expected: Object | None = field(default=None, repr=False, compare=False)
    sent: Object | None = field(default=None, repr=False, compare=False)
    derived: bool = False


@dataclass(frozen=True)
class ClusterState:
    """What a cluster holds and serves, as far as a restore meets it.

    `served` is (apiVersion, kind) of everything that can be written. Objects are in the versions of the backup. `ports`
    says which Service has a node port.
    """

    objects: Mapping[ObjectKey, Object]
    served: Collection[tuple[str, str]]
    ports: Mapping[int, ObjectKey] = field(default_factory=dict)


def predict(spec: RestoreSpec, contents: Iterable[Stored], live: ClusterState) -> list[Prediction]:
    """The fate of every object that the restore asks for, and of every live one beside them; in the order of keys."""
    known = list(contents)
    taken = spec.selected(known)
    namespaces = list(_namespaces(spec, known, taken.values(), live))
    telling = _Telling(
        spec,
        live,
        served={*live.served, *_definitions_made(spec, taken.values(), live)},
        stuck={each.key.name: each for each in namespaces if each.fate is Fate.BLOCKED},
        again=made_anew(known),
    )
    done = {each.key for each in namespaces}
    found = namespaces
    for item in taken.values():
        key = spec.target_key(item)
        if key not in done:
            done.add(key)
            found.append(telling.of(item, key))
    found += _left_out(spec, known, taken)
    found += _absent(spec, taken.values(), live, done)
    return sorted(found, key=lambda each: each.key)


@dataclass(frozen=True)
class _Telling:
    """What the fate of an object hangs on. `again` names the volumes that come from their claims, and why."""

    spec: RestoreSpec
    live: ClusterState
    served: Collection[tuple[str, str]]
    stuck: Mapping[str, Prediction]
    again: Mapping[str, str]

    def of(self, item: Stored, key: ObjectKey) -> Prediction:
        body, live = item.body, self.live

        def fate(
            fate: Fate,
            reason: str = "",
            fields: Iterable[Difference] = (),
            expected: Object | None = None,
            sent: Object | None = None,
        ) -> Prediction:
            derived = comes_by_itself(self.spec, body)
            return Prediction(key, fate, reason, tuple(fields), item.place, expected, sent, derived)

        why = self.again.get(item.place.name) if item.place.resource == VOLUMES else passed_over(item)
        if why is not None:
            return fate(Fate.LEFT_OUT, why)
        if (body["apiVersion"], body["kind"]) not in self.served:
            return fate(Fate.BLOCKED, f"the cluster does not serve {body['kind']} in {body['apiVersion']}")
        if key.namespace in self.stuck:
            return fate(Fate.BLOCKED, self.stuck[key.namespace].reason)
        wanted = restored_form(body, self.spec.mapping)
        if item.place.resource == CLAIMS and (wanted.get("spec") or {}).get("volumeName") in self.again:
            del wanted["spec"]["volumeName"]
        there = live.objects.get(key)
        if there is None:
            taken = [port for port in node_ports(wanted) if live.ports.get(port, key) != key]
            if taken:
                return fate(Fate.BLOCKED, f"its node port {taken[0]} is used by {live.ports[taken[0]]}")
            return fate(Fate.CREATED, expected=wanted)
        if there["metadata"].get("deletionTimestamp"):
            return fate(Fate.BLOCKED, _held(there, "it"))
        becomes = settled(updated_form(there, wanted), there)
        fields = differences(there, becomes)
        if not fields:
            return fate(Fate.KEPT, "the same as in the backup", expected=there)
        if self.spec.existing == "update" or body["kind"] == "ServiceAccount":
            return fate(Fate.CHANGED, "", fields, becomes, wanted)
        return fate(Fate.KEPT, "it differs from the backup; existing objects are kept", fields, there)


def node_ports(body: Object) -> list[int]:
    """The node ports of a Service; none of anything else."""
    if (body["apiVersion"], body["kind"]) != ("v1", "Service"):
        return []
    return [port["nodePort"] for port in (body.get("spec") or {}).get("ports") or [] if port.get("nodePort")]


def comes_by_itself(spec: RestoreSpec, body: Object) -> bool:
    """Whether controllers make this object of others, so that it is neither compared nor counted.

    What was chosen by its name is looked at, though an operator owns it: someone asked for it.
    """
    if body["kind"] in SNAPSHOT_KINDS:
        return True
    if spec.resources == ("*",):
        return is_derived(body)
    return body["kind"] == "Pod" or (body["kind"] == "Secret" and body.get("type") == _TOKEN_TYPE)


def _namespaces(
    spec: RestoreSpec, known: Iterable[Stored], taken: Iterable[Stored], live: ClusterState
) -> Iterator[Prediction]:
    """The namespaces that are restored into: Velero makes those that are missing, and changes no existing one."""
    saved = {item.place.name: item for item in known if item.place.resource == NAMESPACES}
    wanted: dict[str, str] = {}
    for item in taken:
        source = item.place.name if item.place.resource == NAMESPACES else item.place.namespace
        if source:
            wanted[spec.target(source)] = source
    for name, source in wanted.items():
        key = ObjectKey("", "Namespace", "", name)
        item = saved.get(source)
        place = item.place if item else None
        made = restored_namespace(item.body if item else None, name)
        there = live.objects.get(key)
        if there is None:
            yield Prediction(
                key, Fate.CREATED, "" if item else "empty: the backup does not have this namespace", (), place, made
            )
        elif there["metadata"].get("deletionTimestamp") or (there.get("status") or {}).get("phase") == "Terminating":
            yield Prediction(key, Fate.BLOCKED, _held(there, f"namespace {name}"), (), place)
        else:
            fields = tuple(differences(there, made)) if item and name == source else ()
            reason = "Velero never changes a namespace that exists" if fields else "it exists"
            # Where the namespace itself is what was asked for, that is not success.
            asked = fields and spec.resources == (NAMESPACES,) and spec.existing == "update"
            yield Prediction(key, Fate.BLOCKED if asked else Fate.KEPT, reason, fields, place, there)


def _left_out(spec: RestoreSpec, known: Iterable[Stored], taken: Mapping[Place, Stored]) -> Iterator[Prediction]:
    """What is in the namespaces that are asked for and is left out anyway."""
    for item in known:
        namespace = item.place.namespace
        if item.place in taken or not namespace or namespace not in spec.namespaces:
            continue
        reason = spec.refusal(item)
        if reason is not None and spec.resources == ("*",) and not spec.selectors:
            yield Prediction(
                spec.target_key(item), Fate.LEFT_OUT, reason, place=item.place, derived=is_derived(item.body)
            )


def _absent(
    spec: RestoreSpec, taken: Iterable[Stored], live: ClusterState, done: Collection[ObjectKey]
) -> Iterator[Prediction]:
    """Live objects in the same namespaces that the backup does not have. A restore deletes nothing."""
    if spec.resources != ("*",) or spec.selectors:
        return
    places = {spec.target(item.place.namespace) for item in taken} | {
        spec.target(name) for name in spec.namespaces if name != "*"
    }
    for key, body in live.objects.items():
        if key.namespace and key.namespace in places and key not in done and not is_derived(body):
            yield Prediction(key, Fate.ABSENT, "it remains: a restore deletes nothing", expected=body)


def _definitions_made(spec: RestoreSpec, taken: Iterable[Stored], live: ClusterState) -> Iterator[tuple[str, str]]:
    """What the cluster will serve since the restore makes or changes its CRD first."""
    for item in taken:
        if item.body["kind"] != DEFINITION_KIND:
            continue
        if spec.existing == "update" or spec.target_key(item) not in live.objects:
            yield from definition_serves(item.body)


def definition_serves(body: Object) -> Iterator[tuple[str, str]]:
    """(apiVersion, kind) of what a CRD serves."""
    spec = body["spec"]
    for version in spec.get("versions") or []:
        if version.get("served"):
            yield f"{spec['group']}/{version['name']}", spec["names"]["kind"]


def _held(body: Object, what: str) -> str:
    """Why an object that is being deleted is still there."""
    if body["kind"] == "Namespace":
        conditions = (body.get("status") or {}).get("conditions") or []
        held = [
            str(each.get("message", ""))
            for each in conditions
            if each.get("status") == "True" and str(each.get("type", "")).endswith("Remaining")
        ]
        by = f" ({' '.join(held)})" if held else ""
    else:
        held = body["metadata"].get("finalizers") or []
        by = f", held by finalizer {', '.join(held)}" if held else ""
    return f"{what} is being deleted{by}; wait until it is gone"


def refuse_taken_volumes(predictions: Iterable[Prediction]) -> None:
    """Raise `BadTarget` where a volume that a claim has now would be given to another one: that claim would lose it."""
    taken = [
        each.key.name
        for each in predictions
        if each.key.kind == "PersistentVolume"
        and each.fate is Fate.CHANGED
        and any(found.path in ("spec.claimRef.name", "spec.claimRef.namespace") for found in each.fields)
    ]
    if taken:
        raise BadTarget(
            f"--existing update would move {', '.join(taken)} from its current claim to the"
            " restored one; restore with --existing keep"
        )
