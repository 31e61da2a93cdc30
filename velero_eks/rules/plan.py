"""The plan around a resource: who belongs to whom, what comes before what, and which release and role are Velero's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from velero_eks.rules import kinds
from velero_eks.rules.extra_objects import extra_objects
from velero_eks.rules.model import PolicyResource, Rule

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

    from velero_eks.rules.meant import Meant
    from velero_eks.rules.reach import Reach

_VELERO_CHART = re.compile(r"^velero(-\d.*\.tgz)?$")


class Plan:
    """All resources of one stack, with what a rule asks about more than one of them.

    `settings` say what is meant; None where they are not known. `own` are the URNs of the deployment that is judged,
    besides what reaches them from outside; None is all of them. `alone` says that the stack is that deployment and
    nothing else. `from_engine` says that inputs are what a provider answered.

    Objects that a release brings along in its values are among the resources.
    """

    def __init__(
        self,
        resources: Iterable[PolicyResource],
        environment: str,
        *,
        settings: Settings | None = None,
        own: frozenset[str] | None = None,
        alone: bool = True,
        from_engine: bool = False,
    ) -> None:
        made = tuple(resources)
        brought = [one for release in made if release.kind == kinds.RELEASE and _is_velero(release)
                   for one in extra_objects(release)]  # fmt: skip
        self.resources = (*made, *brought)
        self.environment = environment
        self.settings = settings
        self.alone = alone
        self.from_engine = from_engine
        self.is_of_component = own is not None
        self._own = own
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._by_kind: dict[str, list[PolicyResource]] = {}
        for resource in self.resources:
            self._by_kind.setdefault(resource.kind, []).append(resource)

    def of(self, *kinds_: str) -> list[PolicyResource]:
        """What is judged of these types, type by type: the deployment's own, and what reaches it."""
        return [resource for resource in self._all(*kinds_) if self._is_ours(resource)]

    def own_of(self, *kinds_: str) -> list[PolicyResource]:
        """The deployment's own resources of these types."""
        return [resource for resource in self._all(*kinds_) if self.is_own(resource)]

    def is_of_other(self, urn: str, resource: PolicyResource) -> bool:
        """Whether a URN is that of another resource of the plan."""
        return urn != resource.urn and urn in self._by_urn

    def is_own(self, resource: PolicyResource) -> bool:
        """Whether a resource is the deployment's own."""
        return self._own is None or resource.urn in self._own

    def judged_by(self, rule: Rule) -> list[PolicyResource]:
        """The resources of the types that a rule judges."""
        if rule.on == (kinds.ANY,):
            return list(self.resources)
        if rule.on == (kinds.WHOLE,):
            return [self.whole]
        packages = tuple(kind for kind in rule.on if kind.endswith(":"))
        if packages:
            found = [resource for resource in self.resources if resource.kind.startswith(packages)]
            return [resource for resource in found if self._is_ours(resource)]
        return self.of(*rule.on)

    @cached_property
    def whole(self) -> PolicyResource:
        """What a finding about the deployment as a whole is about: its component, else what stands first."""
        components = self.own_of(*kinds.COMPONENTS)
        if components:
            return components[0]
        parents = {resource.parent for resource in self.resources if self.is_own(resource)} - {None}
        gone = sorted(urn for urn in (self._own or ()) if urn not in self._by_urn and urn in parents)
        first = next((resource.urn for resource in self.resources if resource.parent is None), "")
        urn = next(iter((*gone, *sorted(self._own or ()))), first)
        return PolicyResource(urn, kinds.COMPONENTS[0], urn.rsplit("::", 1)[-1], custom=False)

    def _all(self, *kinds_: str) -> list[PolicyResource]:
        return [resource for kind in kinds_ for resource in self._by_kind.get(kind, ())]

    def _is_ours(self, resource: PolicyResource) -> bool:
        """Whether a resource is of what is judged, or reaches something of it."""
        brought = resource.within is not None and (self._own is None or resource.within in self._own)
        if brought or self.is_own(resource) or resource.urn in self.providers or self.reach.of(resource) is not None:
            return True
        return self.alone and self.reach.is_nobodys(resource)

    @cached_property
    def reach(self) -> Reach:
        """What of the plan reaches the deployment from outside."""
        from velero_eks.rules.reach import Reach

        return Reach(self)

    @cached_property
    def providers(self) -> frozenset[str]:
        """The providers of the deployment's own resources."""
        own = [resource for resource in self.resources if self.is_own(resource)]
        return frozenset(resource.provider for resource in own if resource.provider)

    def of_bucket(self, bucket: PolicyResource, *kinds_: str) -> list[PolicyResource]:
        """The settings of a bucket that are resources of their own: those that name it, or are its children."""
        name = bucket.inputs.get("bucket")
        return [
            resource
            for resource in self.of(*kinds_)
            if resource.parent == bucket.urn or (name is not None and resource.inputs.get("bucket") == name)
        ]

    @cached_property
    def releases(self) -> list[PolicyResource]:
        """The Helm releases of the Velero chart, by its name in a repository, an OCI reference or a file."""
        return [release for release in self.own_of(kinds.RELEASE) if _is_velero(release)]

    @cached_property
    def role_arns(self) -> list[str]:
        """The roles that Velero's pods are given, by annotation or by association."""
        annotated = [
            release.get("values", "serviceAccount", "server", "annotations", kinds.ROLE_ANNOTATION)
            for release in self.releases
        ]
        associated = [association.inputs.get("roleArn") for association in self.own_of(kinds.POD_IDENTITY)]
        return [arn for arn in (*annotated, *associated) if isinstance(arn, str)]

    @cached_property
    def velero_roles(self) -> list[PolicyResource]:
        """Velero's roles. Where no release points at one, every role: a rule rather judges one too many."""
        own = self.own_of(kinds.ROLE)
        return [role for role in own if any(is_role(role, arn) for arn in self.role_arns)] or own

    def role_of(self, policy: PolicyResource) -> PolicyResource | None:
        """The role that an inline policy or an attachment belongs to, if the plan has it."""
        named = policy.inputs.get("role", policy.inputs.get("roleName"))
        for role in self._all(kinds.ROLE):
            names = (role.inputs.get("name"), role.inputs.get("arn"), role.urn)
            if policy.parent == role.urn or (named is not None and named in names):
                return role
        return None

    def is_of_velero(self, policy: PolicyResource) -> bool:
        """Whether an inline policy is of Velero's role, or of one that the plan does not have."""
        owner = self.role_of(policy)
        return owner is None or owner in self.velero_roles

    @cached_property
    def meant(self) -> Meant | None:
        """The grants that the settings ask for; None where the settings are not known."""
        from velero_eks.rules.meant import Meant

        return None if self.settings is None else Meant(self.settings, self)

    @cached_property
    def endless(self) -> frozenset[str]:
        """What could never be made, since it waits for itself or for something that does."""
        waiting = {one.urn: {urn for urn in one.depends_on or () if urn in self._by_urn} for one in self.resources}
        ready = [urn for urn, needed in waiting.items() if not needed]
        awaited: dict[str, list[str]] = {}
        for urn, needed in waiting.items():
            for one in needed:
                awaited.setdefault(one, []).append(urn)
        while ready:
            made = ready.pop()
            for urn in awaited.get(made, ()):
                waiting[urn].discard(made)
                if not waiting[urn]:
                    ready.append(urn)
        return frozenset(urn for urn, needed in waiting.items() if needed)

    def waits_for(self, resource: PolicyResource, other: PolicyResource) -> bool | None:
        """Whether `resource` is made after `other`, through any number of steps; None where a step is not recorded."""
        seen: set[str] = set()
        ahead = [resource.urn]
        while ahead:
            urn = ahead.pop()
            if urn == other.urn:
                return True
            step = self._by_urn.get(urn)
            if urn in seen or step is None:
                continue
            seen.add(urn)
            if step.depends_on is None and step is resource:
                return None
            ahead += step.depends_on or ()
            # A component in the list of dependencies stands for its children.
            if step is not resource and not step.custom:
                ahead += [child.urn for child in self.resources if child.parent == urn]
        return False


def _is_velero(release: PolicyResource) -> bool:
    return bool(_VELERO_CHART.match(str(release.inputs.get("chart", "")).rstrip("/").rsplit("/", 1)[-1]))


def is_role(role: PolicyResource, arn: str) -> bool:
    """Whether `arn` is this role's: by name, or by the logical name where the engine makes the physical one up."""
    if role.inputs.get("arn") == arn:
        return True
    physical, name = arn.rsplit("/", 1)[-1], role.inputs.get("name")
    return physical == name if isinstance(name, str) else physical.startswith(f"{role.name}-")


def below(component: str, parents: Mapping[str, str | None]) -> frozenset[str]:
    """The URNs of a component and of all below it; `parents` has every resource's parent.

    A resource whose parent is not in a plan, which someone may have taken out, is where its parent's URN says.
    """
    gone = {urn for urn in parents.values() if urn is not None and urn not in parents and _is_below(urn, component)}
    found = {component, *gone}
    further = set(found)
    while further:
        further = {urn for urn, parent in parents.items() if parent in further} - found
        found |= further
    return frozenset(found)


def with_parts(own: frozenset[str], parents: Mapping[str, str | None]) -> frozenset[str]:
    """What is the deployment's own in a stack that is one deployment and nothing else: the component with all below it,
    and parts of Velero that stand beside it."""
    parts = [urn for urn, parent in parents.items() if parent is None and _is_part(urn)]
    return own.union(*(below(part, parents) for part in parts if part not in own))


def _is_part(urn: str) -> bool:
    type_ = urn.split("::")[2]
    return type_.startswith(kinds.PARTS) and type_ not in kinds.COMPONENTS and "$" not in type_


def _is_below(urn: str, component: str) -> bool:
    """Whether a URN is one of a component's parts, which have its name."""
    types, _, name = urn.rpartition("::")
    own_types, _, own_name = component.rpartition("::")
    return types.startswith(f"{own_types}$") and name == own_name
