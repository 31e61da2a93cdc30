"""What is wrong with a plan, or worth knowing: the policies' findings and the settings' warnings, with waivers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from velero_on_eks.settings.rules import WARNINGS

from velero_eks import rules
from velero_eks.plan.deployments import Deployment
from velero_eks.rules import PolicyResource
from velero_eks.rules.kinds import SCHEDULE
from velero_eks.rules.model import UNKNOWN_VALUE
from velero_eks.rules.plan import below, with_parts
from velero_eks.terminal import words

# A waiver that waives nothing hides the next finding of its rule: it is reported, and cannot be waived itself.
UNUSED_WAIVER = "unused-waiver"


@dataclass(frozen=True)
class PlannedFinding:
    """A finding: `severity` is `error` or `warning`, `resource` a URN, `waived` the stack file's reason, if any."""

    rule: str
    severity: str
    resource: str
    message: str
    waived: str | None = None

    @property
    def fails(self) -> bool:
        """Whether the plan fails by it: an error that no one has waived."""
        return self.severity == "error" and self.waived is None


def find(
    deployments: Sequence[Deployment], resources: Sequence[Mapping[str, Any]], at: datetime
) -> list[PlannedFinding]:
    """Everything found in a stack, errors first. `resources` are the plan's own JSON entries; nothing else is read, so
    that a plan which was saved is judged as it was when it was made.
    """
    entries = [PolicyResource.from_plan(entry) for entry in resources]
    parents = {entry.urn: entry.parent for entry in entries}
    found: dict[PlannedFinding, None] = {}
    for deployment in deployments:
        own = None if deployment.component is None else below(deployment.component, parents)
        if own is not None and deployment.alone:
            own = with_parts(own, parents)
        for finding in _of_deployment(deployment, entries, own, at):
            found[finding] = None
    return sorted(
        found, key=lambda one: (one.severity != "error", one.waived is not None, one.rule, one.resource, one.message)
    )


def _of_deployment(
    deployment: Deployment, entries: Sequence[PolicyResource], own: frozenset[str] | None, at: datetime
) -> Iterator[PlannedFinding]:
    settings, waivers = deployment.settings, deployment.settings.waivers
    judged = rules.check(entries, settings.environment, settings=settings, own=own, alone=deployment.alone)
    found = [(one.rule, one.severity, one.resource, one.message) for one in judged]
    whole = deployment.component or _first(entries)
    by_schedule = {
        _kubernetes_name(entry): entry.urn
        for entry in entries
        if entry.kind == SCHEDULE and (own is None or entry.urn in own)
    }
    for warning in settings.warnings(at):
        section, _, rest = warning.field.partition(".")
        about = by_schedule.get(rest.split(".")[0]) if section == "schedules" else None
        found.append((warning.rule, warning.severity, about or whole, warning.message))
    for rule, severity, resource, message in found:
        yield PlannedFinding(rule, severity, resource, message, waivers.get(rule))
    for rule in sorted(set(waivers) - {rule for rule, *_ in found}):
        there = (*rules.RULES, *WARNINGS, UNKNOWN_VALUE)
        message = (
            f"waivers.{rule} waives nothing: rule {rule} has no finding here; remove it"
            if rule in there
            else f"waivers.{rule}: unknown rule; {words.instead(rule, there)}"
        )
        yield PlannedFinding(UNUSED_WAIVER, "warning", whole, message)


def _kubernetes_name(entry: PolicyResource) -> str:
    metadata = entry.inputs.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, Mapping) else ""


def _first(entries: Sequence[PolicyResource]) -> str:
    """What a finding about a program without the component is about: what stands first directly under the stack."""
    tops = [entry for entry in entries if entry.parent is None]
    return next((entry.urn for entry in sorted(tops, key=lambda entry: entry.custom)), "")
