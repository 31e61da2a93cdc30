"""The plan as JSON, version 1: what checks outside this repository are built on.

Its schema is docs/reference/plan.schema.json.

Within a version keys are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from velero_on_eks.settings import Refusal

from velero_eks.aws.grants import Grant
from velero_eks.plan import deployments as deployments_
from velero_eks.plan import findings as findings_
from velero_eks.plan import grants as grants_
from velero_eks.plan import objectives as objectives_
from velero_eks.plan import overrides as overrides_
from velero_eks.plan.deployments import Deployment
from velero_eks.plan.findings import PlannedFinding
from velero_eks.plan.model import Options, Resource
from velero_eks.plan.objectives import Objective, PlannedSchedule, Tier
from velero_eks.plan.overrides import PlannedOverride
from velero_eks.plan.runner import StackPlan
from velero_eks.plan.unknown import Note
from velero_eks.rules import ENVIRONMENTS

VERSION = 1


@dataclass(frozen=True)
class Described:
    """One stack's plan with all that is concluded from it, for JSON and for people alike."""

    plan: StackPlan
    at: datetime
    resources: list[dict[str, Any]]
    schedules: list[PlannedSchedule]
    objectives: list[Objective]
    grants: list[Grant]
    findings: list[PlannedFinding]
    overrides: list[PlannedOverride]

    @property
    def notes(self) -> list[Note]:
        """What no one knows before the deployment: what the program passed by, and the grants that depend on it."""
        granting = [Note("grant", resource.type, resource.name) for resource in grants_.unknown(self.plan.recording)]
        return [*self.plan.recording.notes, *granting]

    @property
    def fails(self) -> bool:
        """Whether an error stands that no one has waived."""
        return any(finding.fails for finding in self.findings)


def describe(plan: StackPlan, at: datetime) -> Described:
    """Conclude what there is to say about a plan at a moment, which has a time zone."""
    resources = [_resource(resource) for resource in plan.recording.resources]
    schedules: list[PlannedSchedule] = []
    objectives: list[Objective] = []
    for deployment in plan.deployments:
        planned = objectives_.planned_schedules(plan, deployment, at)
        schedules += planned
        objectives += objectives_.objectives(deployment, planned)
    return Described(
        plan=plan,
        at=at,
        resources=resources,
        schedules=schedules,
        objectives=objectives,
        grants=grants_.grants(plan.recording),
        findings=findings_.find(plan.deployments, resources, at),
        overrides=[one for each in plan.deployments for one in overrides_.overrides(plan.recording, each)],
    )


def document(stacks: Iterable[Described], errors: Mapping[str, Sequence[Refusal]] | None = None) -> dict[str, Any]:
    """The whole document: every stack in the order given, and what kept the others from a plan, by stack."""
    return {
        "version": VERSION,
        "stacks": [_stack(stack) for stack in stacks],
        "errors": {name: [refusal.to_mapping() for refusal in found] for name, found in (errors or {}).items()},
    }


def text(stacks: Iterable[Described], errors: Mapping[str, Sequence[Refusal]] | None = None) -> str:
    """The document as text that is the same for the same plan, to the byte."""
    return json.dumps(document(stacks, errors), indent=1, ensure_ascii=False)


def _stack(described: Described) -> dict[str, Any]:
    plan = described.plan
    return {
        "stack": plan.stack,
        "environment": environment(plan.deployments),
        "at": described.at.isoformat(),
        "deployments": [
            {"component": one.component, "alone": one.alone, "settings": deployments_.written(one)}
            for one in plan.deployments
        ],
        "resources": described.resources,
        "outputs": plan.recording.outputs,
        "schedules": [_schedule(schedule) for schedule in described.schedules],
        "objectives": [_objective(objective) for objective in described.objectives],
        "grants": [_grant(grant) for grant in described.grants],
        "findings": [finding_entry(finding) for finding in described.findings],
        "overrides": [_override(override) for override in described.overrides],
        "notes": [{"kind": note.kind, "token": note.token, "name": note.name} for note in described.notes],
    }


def finding_entry(finding: PlannedFinding) -> dict[str, Any]:
    """A finding as JSON."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "resource": finding.resource,
        "message": finding.message,
        "waived": finding.waived,
    }


def environment(deployments: Sequence[Deployment]) -> str:
    """The environment of a stack: the strictest of its deployments', and of a stack without one production."""
    return max((one.settings.environment for one in deployments), key=ENVIRONMENTS.index, default=ENVIRONMENTS[-1])


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "parent": resource.parent,
        "custom": resource.custom,
        "inputs": resource.inputs,
        "options": _options(resource.options),
    }


def _options(options: Options) -> dict[str, Any]:
    written: dict[str, Any] = {
        "protect": options.protect,
        "retainOnDelete": options.retain_on_delete,
        "dependsOn": list(options.depends_on),
        "provider": options.provider,
        "aliases": list(options.aliases),
        "ignoreChanges": list(options.ignore_changes),
    }
    # The rest only where it says something.
    further = {
        "propertyDependencies": {key: list(urns) for key, urns in options.property_dependencies.items()},
        "providers": options.providers,
        "replaceOnChanges": list(options.replace_on_changes),
        "additionalSecretOutputs": list(options.additional_secret_outputs),
        "deleteBeforeReplace": options.delete_before_replace,
        "deletedWith": options.deleted_with,
        "import": options.import_id,
        "customTimeouts": options.custom_timeouts,
    }
    return {**written, **{key: value for key, value in further.items() if value or value is False}}


def _schedule(schedule: PlannedSchedule) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "resource": schedule.resource,
        "cron": schedule.cron,
        "cron_library": schedule.cron_library,
        "timezone": schedule.timezone,
        "keep": schedule.keep,
        "ttl": schedule.ttl,
        "paused": schedule.paused,
        "next": [moment.isoformat() for moment in schedule.next],
        "worst_case_rpo_seconds": schedule.worst_case_rpo_seconds,
        "copies": schedule.copies,
        "tiers": [_tier(tier) for tier in schedule.tiers],
    }


def _tier(tier: Tier) -> dict[str, Any]:
    return {
        "schedule": tier.schedule,
        "from_seconds": tier.begins,
        "to_seconds": tier.ends,
        "every_seconds": tier.every,
    }


def _objective(objective: Objective) -> dict[str, Any]:
    return {
        "component": objective.component,
        "namespace": objective.namespace,
        "schedule": objective.schedule,
        "rpo_seconds": objective.rpo,
        "worst_case_rpo_seconds": objective.worst_case_rpo,
        "retention_seconds": objective.retention,
        "kept_seconds": objective.kept,
        "met": objective.met,
        "objective": objective.number,
        "minimum_copies": objective.minimum_copies,
        "copies": objective.copies,
        "volumes": objective.volumes,
        "lacking": [{"code": lack.code, "names": list(lack.names)} for lack in objective.lacking],
        "tiers": [_tier(tier) for tier in objective.tiers],
    }


def _override(override: PlannedOverride) -> dict[str, Any]:
    return {
        "component": override.component,
        "release": override.release,
        "path": override.path,
        "value": override.value,
        "verdict": override.verdict,
        "effect": override.effect or None,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "principal": grant.principal,
        "actions": list(grant.actions),
        "resources": list(grant.resources),
        "conditions": grant.conditions,
        "sid": grant.sid,
        "source": grant.source,
        **({"notActions": list(grant.not_actions)} if grant.not_actions else {}),
        **({"notResources": list(grant.not_resources)} if grant.not_resources else {}),
    }
