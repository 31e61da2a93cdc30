"""Programs that use the component, and what the rules say of each: ours, with more in it, and other people's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pulumi
import pulumi_aws
import pulumi_kubernetes
from velero_on_eks import VeleroOnEks
from velero_on_eks.providers import aws_provider, kubernetes_provider
from velero_on_eks.settings import Settings

from velero_eks.plan.contract import describe
from velero_eks.plan.deployments import deployments
from velero_eks.plan.findings import PlannedFinding
from velero_eks.plan.recorder import record_program
from velero_eks.plan.runner import StackPlan

OURS = "velero-eks"
# Advice about a production stack that names no log bucket, no replica and no break-glass: no fault of any program.
ADVICE = {"bucket-access-logs", "bucket-break-glass", "bucket-replication"}

Beside = Callable[[VeleroOnEks, pulumi_aws.Provider, pulumi_kubernetes.Provider], None]


def of_ours(made: Settings, beside: Beside | None = None, *, project: str = OURS) -> list[PlannedFinding]:
    """What the rules say of this project's program for settings, with more in it."""

    def program() -> None:
        aws = aws_provider(made)
        kubernetes = kubernetes_provider(made, aws=aws)
        velero = VeleroOnEks("velero", made, pulumi.ResourceOptions(providers=[aws, kubernetes]))
        if beside:
            beside(velero, aws, kubernetes)

    return of_program(program, made, project=project)


def of_program(
    program: Callable[[], Any],
    made: Settings | None = None,
    *,
    project: str = "acme",
    config: Mapping[str, Any] | None = None,
) -> list[PlannedFinding]:
    """What the rules say of a program, but for advice. `made` are the settings of its stack file, if it has some."""
    recording = record_program(program, project=project, config=dict(config or {}))
    plan = StackPlan(cast("Any", None), recording, deployments(recording, made))
    return [one for one in describe(plan, datetime(2026, 11, 24, tzinfo=UTC)).findings if one.rule not in ADVICE]
