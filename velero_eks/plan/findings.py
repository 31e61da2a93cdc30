"""What is wrong with a plan, or worth knowing: the policies' findings and the settings' warnings, with waivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from velero_eks import rules
from velero_eks.plan.objectives import PlannedSchedule
from velero_eks.plan.runner import StackPlan
from velero_eks.rules import PolicyResource

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
        """Whether the plan fails by it: an error that nobody has waived."""
        return self.severity == "error" and self.waived is None


def find(
    plan: StackPlan, resources: list[dict[str, Any]], schedules: list[PlannedSchedule], at: datetime
) -> list[PlannedFinding]:
    """Everything found, errors first. `resources` are the plan's own JSON entries."""
    settings = plan.settings
    entries = [PolicyResource.from_plan(entry) for entry in resources]
    found = [
        PlannedFinding(finding.rule, finding.severity, finding.resource, finding.message)
        for finding in rules.check(entries, settings.environment, auto_mode=settings.cluster.auto_mode)
    ]
    whole = _whole(plan)
    by_schedule = {schedule.name: schedule.resource for schedule in schedules}
    for warning in settings.warnings(at):
        section, _, rest = warning.field.partition(".")
        about = by_schedule.get(rest.split(".")[0]) if section == "schedules" else None
        found.append(PlannedFinding(warning.rule, warning.severity, about or whole, warning.message))
    waivers = settings.waivers
    waived = [PlannedFinding(one.rule, one.severity, one.resource, one.message, waivers.get(one.rule)) for one in found]
    for rule in sorted(set(waivers) - {one.rule for one in found}):
        message = f"waivers.{rule} waives nothing: no rule of that name has a finding here; take it away"
        waived.append(PlannedFinding(UNUSED_WAIVER, "warning", whole, message))
    return sorted(
        waived, key=lambda one: (one.severity != "error", one.waived is not None, one.rule, one.resource, one.message)
    )


def _whole(plan: StackPlan) -> str:
    """The resource that a finding about the stack as a whole is about: its first component."""
    tops = plan.recording.children(None)
    components = [resource for resource in tops if not resource.custom]
    return next((resource.urn for resource in components or tops), "")
