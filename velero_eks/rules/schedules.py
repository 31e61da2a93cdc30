"""Rules of the Schedules: they run, are kept, and back up what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, look, rule
from velero_eks.rules.plan import Plan

_NEW_FILTERS = (
    "includedClusterScopedResources",
    "excludedClusterScopedResources",
    "includedNamespaceScopedResources",
    "excludedNamespaceScopedResources",
)
_EVERYTHING = ([], ["*"])


def _template(schedule: PolicyResource) -> Any:
    return schedule.get("spec", "template", default={})


def _of_whole_cluster(schedule: PolicyResource) -> bool:
    return list(look(_template(schedule), "includedNamespaces", default=[])) in _EVERYTHING


@rule(
    "schedule-cluster-resources",
    on=kinds.SCHEDULE,
    severity="warning",
    what="A Schedule of all namespaces includes all cluster resources: else CRDs without objects are left out.",
    source="seen on Velero 1.18.2",
)
def schedule_cluster_resources(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    template = _template(schedule)
    if any(look(template, name) for name in _NEW_FILTERS):
        return
    value = look(template, "includeClusterResources")
    if _of_whole_cluster(schedule) and value is not True:
        shown = "not set" if value is None else str(value).lower()
        yield (
            f"includes all namespaces and includeClusterResources is {shown}: restoring a cluster needs them. Write"
            " true."
        )


@rule(
    "schedule-after-release",
    on=kinds.SCHEDULE,
    scope="stack",
    what="Schedules depend on the release, which installs their CRD.",
    source="pulumi-kubernetes 4.32 release notes",
)
def schedule_after_release(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    for release in plan.releases:
        if plan.waits_for(schedule, release) is False:
            yield (
                f"does not depend on {release.label}, which installs the Schedule CRD; add the release to dependsOn."
            )
