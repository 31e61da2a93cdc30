"""What each deployment overrides in the chart's values, for everyone to read: secrets hidden, with what each does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from velero_on_eks.settings import overrides as settings_overrides
from velero_on_eks.settings.late import SecretText, is_late
from velero_on_eks.settings.refusals import masked

from velero_eks.plan.deployments import Deployment
from velero_eks.plan.model import Recording
from velero_eks.plan.values import SECRET
from velero_eks.rules.kinds import RELEASE
from velero_eks.rules.plan import below


@dataclass(frozen=True)
class PlannedOverride:
    """One override of a chart value. `path` is the way to it in the chart's values, `release` the URN of the release
    that gets it (None where another tool installs it), `effect` what it does, in a predicate, where that is known.
    """

    component: str | None
    release: str | None
    path: str
    value: Any
    verdict: str
    effect: str


def overrides(recording: Recording, deployment: Deployment) -> list[PlannedOverride]:
    """The overrides of a deployment, in the order of its stack file; what is refused has no plan."""
    parents = {resource.urn: resource.parent for resource in recording}
    own = parents if deployment.component is None else below(deployment.component, parents)
    release = next((resource.urn for resource in recording.of_type(RELEASE) if resource.urn in own), None)
    return [
        PlannedOverride(deployment.component, release, one.name, _shown(one.path, one.value), one.verdict, one.effect)
        for one in settings_overrides.judge(deployment.settings.release)[0]
    ]


def _shown(path: settings_overrides.Path, value: Any) -> Any:
    if isinstance(value, SecretText):
        return dict(SECRET)
    if is_late(value):
        return {"unknown": str(value)}
    if isinstance(value, Mapping):
        return masked(path, {key: _shown((), item) for key, item in value.items()})
    return masked(path, [_shown((), item) for item in value] if isinstance(value, list | tuple) else value)
