"""The plan around a resource: who belongs to whom, what comes before what, and which release and role are Velero's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, Rule

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

    from velero_eks.rules.meant import Meant

_VELERO_CHART = re.compile(r"^velero(-\d.*\.tgz)?$")


class Plan:
    """All resources of one stack, with what a rule asks about more than one of them.

    `settings` say what is meant; None where they are not known. `own` are the URNs that are judged, besides what
    reaches them from outside; None is all of them. `from_engine` says that inputs are what a provider answered.
    """

    def __init__(
        self,
        resources: Iterable[PolicyResource],
        environment: str,
        *,
        settings: Settings | None = None,
        own: frozenset[str] | None = None,
        from_engine: bool = False,
    ) -> None:
        self.resources = tuple(resources)
        self.environment = environment
        self.settings = settings
        self.from_engine = from_engine
        self._own = own
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._by_kind: dict[str, list[PolicyResource]] = {}
        for resource in self.resources:
            self._by_kind.setdefault(resource.kind, []).append(resource)

    def of(self, *kinds_: str) -> list[PolicyResource]:
        """The resources of these types, type by type."""
        return [resource for kind in kinds_ for resource in self._by_kind.get(kind, ())]

    def judged_by(self, rule: Rule) -> list[PolicyResource]:
        """The resources of the types that a rule judges."""
        packages = tuple(kind for kind in rule.on if kind.endswith(":"))
        found = (
            [resource for resource in self.resources if resource.kind.startswith(packages)]
            if packages
            else self.of(*rule.on)
        )
        return found if self._own is None else [resource for resource in found if self._is_ours(resource)]

    def _is_ours(self, resource: PolicyResource) -> bool:
        """Whether a resource is of what is judged, or names something of it: its bucket, its role."""
        if self._own is None or resource.urn in self._own:
            return True
        named = {str(resource.inputs.get(key)) for key in ("bucket", "role", "roleName", "user")}
        return bool(named & self._own_names)

    @cached_property
    def _own_names(self) -> set[str]:
        kinds_ = (kinds.BUCKET, kinds.ROLE)
        ours = [resource for resource in self.of(*kinds_) if self._own is not None and resource.urn in self._own]
        names = {resource.inputs.get("bucket" if resource.kind == kinds.BUCKET else "name") for resource in ours}
        return {name for name in names if isinstance(name, str)}

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
        return [
            release
            for release in self.of(kinds.RELEASE)
            if _VELERO_CHART.match(str(release.inputs.get("chart", "")).rstrip("/").rsplit("/", 1)[-1])
        ]

    @cached_property
    def role_arns(self) -> list[str]:
        """The roles that Velero's pods are given, by annotation or by association."""
        annotated = [
            release.get("values", "serviceAccount", "server", "annotations", kinds.ROLE_ANNOTATION)
            for release in self.releases
        ]
        associated = [association.inputs.get("roleArn") for association in self.of(kinds.POD_IDENTITY)]
        return [arn for arn in (*annotated, *associated) if isinstance(arn, str)]

    @cached_property
    def velero_roles(self) -> list[PolicyResource]:
        """Velero's roles. Where no release points at one, every role: a rule rather judges one too many."""
        pointed_at = [role for role in self.of(kinds.ROLE) if any(is_role(role, arn) for arn in self.role_arns)]
        return pointed_at or self.of(kinds.ROLE)

    def role_of(self, policy: PolicyResource) -> PolicyResource | None:
        """The role that an inline policy or an attachment belongs to, if the plan has it."""
        named = policy.inputs.get("role", policy.inputs.get("roleName"))
        for role in self.of(kinds.ROLE):
            if policy.parent == role.urn or (named is not None and named in (role.inputs.get("name"), role.urn)):
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


def is_role(role: PolicyResource, arn: str) -> bool:
    """Whether `arn` is this role's: by name, or by the logical name where the engine makes the physical one up."""
    if role.inputs.get("arn") == arn:
        return True
    physical, name = arn.rsplit("/", 1)[-1], role.inputs.get("name")
    return physical == name if isinstance(name, str) else physical.startswith(f"{role.name}-")
