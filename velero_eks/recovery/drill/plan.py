"""What of a namespace a drill restores, what it only tries, and what it changes so that nothing outside notices. Pure.

A copy beside the original must not act: no Pod may run, no load balancer be made, no operator take up a copy of its
custom resource. So Pods are left out (and a quota forbids them), what other controllers act on is tried by dry run
only, and what would get a load balancer, the original's node ports or volumes, or what a finalizer would hold, is
changed on its way.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from velero_eks.kube.objects import Object, is_derived
from velero_eks.velero.backup_contents import Stored
from velero_eks.velero.restore_actions import merge_patch, restored_form
from velero_eks.velero.restore_spec import CLAIMS, NEVER_RESTORED, RestoreSpec, passed_over

QUOTA = "velero-eks-drill"
# Made by controllers again, or able to run something.
_LEFT_OUT = (
    "controllerrevisions.apps",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "leases.coordination.k8s.io",
    "pods",
    "replicasets.apps",
)
# Built-in kinds that something outside the cluster's own controllers acts on: a volume, a load balancer, a certificate.
_ACTED_ON = ("ingresses.networking.k8s.io", CLAIMS)
_BALANCED = (
    "allocateLoadBalancerNodePorts",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
)
_SERVICES, _STATEFUL_SETS = "services", "statefulsets.apps"


@dataclass(frozen=True)
class DrillPlan:
    """The parts of a drill. `expected` is what each restored object should be in its scratch namespace."""

    restored: tuple[Stored, ...] = field(repr=False)
    tried: tuple[Stored, ...] = field(repr=False)
    excluded: tuple[str, ...]
    """Resources that the Restore leaves out."""
    modifiers: str | None = field(repr=False)
    """Velero's resource modifiers, as JSON (which is YAML); None where nothing has to be changed."""
    mapping: Mapping[str, str]

    def expected(self, item: Stored) -> Object:
        """The object as the drill should make it."""
        return _harmless(restored_form(item.body, self.mapping))

    def spec(self, backup: str, modifier: str | None) -> RestoreSpec:
        """The Restore's spec; `modifier` is the ConfigMap with the modifiers."""
        return RestoreSpec(
            backup=backup,
            existing="keep",
            namespaces=tuple(self.mapping),
            excluded_resources=self.excluded,
            cluster_resources=False,
            mapping=self.mapping,
            modifier=modifier,
        )


def plan_drill(
    contents: Iterable[Stored], mapping: Mapping[str, str], custom: Collection[str], *, custom_too: bool
) -> DrillPlan:
    """Divide what a backup has of the namespaces in `mapping` (original → scratch).

    `custom` names the resources that are of CRDs; with `custom_too` these are restored like the others.
    """
    restored: list[Stored] = []
    tried: list[Stored] = []
    for item in contents:
        if item.place.namespace not in mapping or item.place.resource in NEVER_RESTORED or passed_over(item):
            continue
        if is_derived(item.body) or item.place.resource in _LEFT_OUT:
            continue
        only_tried = item.place.resource in _ACTED_ON or (not custom_too and item.place.resource in custom)
        (tried if only_tried else restored).append(item)
    excluded = sorted({*_LEFT_OUT, *_ACTED_ON, *(item.place.resource for item in tried)})
    rules = _rules(restored)
    document = {"version": "v1", "resourceModifierRules": rules}
    modifiers = json.dumps(document, indent=1) if rules else None
    return DrillPlan(tuple(restored), tuple(tried), tuple(excluded), modifiers, dict(mapping))


def _rules(restored: Sequence[Stored]) -> list[Object]:
    """A rule for each kind with finalizers, one for all StatefulSets, and one for each Service that is changed."""
    held: dict[str, set[str]] = defaultdict(set)
    stateful: set[str] = set()
    rules: list[Object] = []
    for item in restored:
        if item.body["metadata"].get("finalizers"):
            held[item.place.resource].add(item.place.namespace)
        if item.place.resource == _STATEFUL_SETS:
            stateful.add(item.place.namespace)
        if item.place.resource == _SERVICES:
            plain = restored_form(item.body, {})
            patch = merge_patch(plain, _harmless(plain))
            if patch:
                name = "".join(f"[{each}]" if each == "." else each for each in item.place.name)
                rules.append(_rule(_SERVICES, [item.place.namespace], patch, name=f"^{name}$"))
    if stateful:
        rules.append(_rule(_STATEFUL_SETS, sorted(stateful), {"spec": {"replicas": 0}}))
    for resource, namespaces in sorted(held.items()):
        if resource != _SERVICES:
            rules.append(_rule(resource, sorted(namespaces), {"metadata": {"finalizers": None}}))
    return rules


def _rule(resource: str, namespaces: list[str], patch: Object, *, name: str | None = None) -> Object:
    conditions: Object = {"groupResource": resource, "namespaces": namespaces}
    if name:
        conditions["resourceNameRegex"] = name
    return {"conditions": conditions, "mergePatches": [{"patchData": json.dumps(patch)}]}


def _harmless(body: Object) -> Object:
    metadata = {key: value for key, value in body["metadata"].items() if key != "finalizers"}
    made = {**body, "metadata": metadata}
    spec = made.get("spec") or {}
    if made["kind"] == "StatefulSet":
        # Its controller makes the claims before the Pods, and a volume for each where the class does not depend on one.
        return {**made, "spec": {**spec, "replicas": 0}}
    if made["kind"] != "Service" or spec.get("type") not in ("LoadBalancer", "NodePort"):
        return made
    # The original has the ports: where someone chose them the copy would be refused.
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in spec.get("ports") or []]
    if spec["type"] == "NodePort":
        return {**made, "spec": {**spec, "ports": ports}}
    kept = {key: value for key, value in spec.items() if key not in _BALANCED}
    return {**made, "spec": {**kept, "type": "ClusterIP", "ports": ports}}
