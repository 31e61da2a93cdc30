"""Rules of the Schedules: they run, they are kept, and they back up what they seem to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, look, rule
from velero_eks.rules.plan import Plan
from velero_eks.rules.values import cron_fault, go_seconds

# A backup is called <schedule>-YYYYMMDDhhmmss and its name is a label value of at most 63 characters.
NAME_LIMIT = 63 - 15
_LABEL = re.compile(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
_OLD_FILTERS = ("includedResources", "excludedResources", "includeClusterResources")
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
    "schedule-skip-immediately",
    on=kinds.SCHEDULE,
    what="skipImmediately is false and says so: the controller writes false back, which would be a difference"
    " for ever.",
    source="Velero 1.18 schedule controller",
)
def schedule_skip_immediately(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    value = schedule.get("spec", "skipImmediately")
    if value is not False:
        yield (
            f"skipImmediately is {'not set' if value is None else str(value).lower()}; write skipImmediately: false."
        )


@rule(
    "schedule-owner-references",
    on=kinds.SCHEDULE,
    what="Backups outlive their Schedule: with owner references, deleting it deletes them and stops synchronisation.",
    source="Velero 1.18 Schedule API",
)
def schedule_owner_references(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    if schedule.get("spec", "useOwnerReferencesInBackup") is True:
        yield "useOwnerReferencesInBackup is true: deleting the Schedule deletes its backups. Write false."


@rule(
    "schedule-ttl",
    on=kinds.SCHEDULE,
    what="The TTL is a positive Go duration: one Schedule with ttl 30d stops every schedule of the cluster, silently.",
    source="seen on Velero 1.18.2; Go time.ParseDuration",
)
def schedule_ttl(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    ttl = look(_template(schedule), "ttl")
    if ttl is None:
        yield ("the template has no ttl, so that the server's default decides how long backups are kept; set keep.")
        return
    try:
        seconds = go_seconds(ttl)
    except ValueError as fault:
        yield f"ttl: {fault}. The server would decode no Schedule of the cluster any more."
        return
    if seconds <= 0:
        yield f"ttl is {ttl}, and must be above zero: such a backup is gone at once. Set keep."


@rule(
    "schedule-cron",
    on=kinds.SCHEDULE,
    what="The cron expression is one that Velero reads and that fires: one that never does backs up without pause.",
    source="robfig/cron v3 ParseStandard; seen on Velero 1.18.2",
)
def schedule_cron(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    expression = schedule.get("spec", "schedule")
    if not isinstance(expression, str):
        yield "has no cron expression; set cron."
        return
    fault = cron_fault(expression)
    if fault:
        yield f"schedule {expression!r}: {fault}."


@rule(
    "schedule-excludes-velero",
    on=kinds.SCHEDULE,
    what="A Schedule of all namespaces leaves Velero's own out: a restore would bring back old Schedules and"
    " locations.",
    source="Velero docs, restore reference",
)
def schedule_excludes_velero(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    own = schedule.get("metadata", "namespace")
    template = _template(schedule)
    if _of_whole_cluster(schedule) and own not in look(template, "excludedNamespaces", default=[]):
        yield f"takes all namespaces and does not exclude {own}, Velero's own; add it to excludedNamespaces."
    if own is not None and own in look(template, "includedNamespaces", default=[]):
        yield f"backs up {own}, Velero's own namespace; take it out of includedNamespaces."


@rule(
    "schedule-cluster-resources",
    on=kinds.SCHEDULE,
    severity="warning",
    what="A Schedule of all namespaces includes all cluster resources: without that, CRDs without instances"
    " are left out.",
    source="seen on Velero 1.18.2",
)
def schedule_cluster_resources(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    template = _template(schedule)
    if any(look(template, name) for name in _NEW_FILTERS):
        return
    value = look(template, "includeClusterResources")
    if _of_whole_cluster(schedule) and value is not True:
        shown = "not set" if value is None else str(value).lower()
        yield (f"takes all namespaces and includeClusterResources is {shown}: a lost cluster needs them. Write true.")


@rule(
    "schedule-filters",
    on=kinds.SCHEDULE,
    what="The template's filters can stand together; the server fails validation of every backup otherwise.",
    source="Velero 1.18 backup request validation",
)
def schedule_filters(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    template = _template(schedule)
    old = [name for name in _OLD_FILTERS if look(template, name) not in (None, [])]
    new = [name for name in _NEW_FILTERS if look(template, name) not in (None, [])]
    if old and new:
        yield f"mixes {', '.join(old)} with {', '.join(new)}, which Velero refuses; use one kind of filter."
    if look(template, "labelSelector") and look(template, "orLabelSelectors"):
        yield "has both labelSelector and orLabelSelectors, which Velero refuses; keep one."
    for what in ("Namespaces", "Resources"):
        included = list(look(template, f"included{what}", default=[]))
        excluded = list(look(template, f"excluded{what}", default=[]))
        both = sorted(set(included) & set(excluded))
        if both:
            yield f"{', '.join(both)} is in included{what} and in excluded{what}; take it out of one."
        if "*" in excluded or ("*" in included and len(included) > 1):
            yield (f"'*' stands alone in included{what} and never in excluded{what}; take it or the names away.")


@rule(
    "schedule-name",
    on=kinds.SCHEDULE,
    what="The Schedule's name leaves room for the time stamp of its backups' names, which are label values.",
    source="Kubernetes label values; Velero 1.18 backup names",
)
def schedule_name(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    name = schedule.get("metadata", "name")
    if not isinstance(name, str):
        yield "has no name of its own, and its backups are called after it; set metadata.name."
    elif len(name) > NAME_LIMIT or not _LABEL.match(name):
        yield (
            f"the name {name} has {len(name)} characters; at most {NAME_LIMIT}, lower-case letters, digits"
            " and hyphens."
            " Choose another."
        )


@rule(
    "schedule-location",
    on=kinds.SCHEDULE,
    scope="stack",
    what="The Schedule's storage location is one of the release's, and takes backups.",
    source="Velero 1.18 backup request validation",
)
def schedule_location(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    wanted = look(_template(schedule), "storageLocation")
    locations = [
        location
        for release in plan.releases
        for location in release.items("values", "configuration", "backupStorageLocation")
    ]
    if wanted is None or not locations:
        return
    found = [location for location in locations if look(location, "name") == wanted]
    if not found:
        known = ", ".join(str(look(location, "name")) for location in locations)
        yield f"storageLocation is {wanted}, and the release has {known}; name one of them."
    elif all(look(location, "accessMode") == "ReadOnly" for location in found):
        yield (f"storageLocation {wanted} is read-only, so every backup would fail; name one that can be written.")


@rule(
    "schedule-namespace",
    on=kinds.SCHEDULE,
    scope="stack",
    what="The Schedule is in the release's namespace, the only one that the server looks at.",
    source="Velero 1.18 server flag --namespace",
)
def schedule_namespace(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    own = schedule.get("metadata", "namespace")
    known = [release.get("namespace") for release in plan.releases]
    if known and own not in known:
        yield f"is in namespace {own}, and Velero watches {', '.join(map(str, known))} alone; put it there."


@rule(
    "schedule-after-release",
    on=kinds.SCHEDULE,
    scope="stack",
    what="Schedules wait for the release, which brings their CRD.",
    source="pulumi-kubernetes 4.32 release notes",
)
def schedule_after_release(schedule: PolicyResource, plan: Plan) -> Iterator[str]:
    for release in plan.releases:
        if plan.waits_for(schedule, release) is False:
            yield (f"does not wait for {release.label}, which brings the Schedule CRD; add the release to dependsOn.")


@rule(
    "schedule-runs",
    on=kinds.RELEASE,
    scope="stack",
    what="In production at least one Schedule is there and not paused.",
    source="practice: an objective needs a schedule",
)
def schedule_runs(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.environment != "production" or release not in plan.releases:
        return
    locations = release.items("values", "configuration", "backupStorageLocation")
    if locations and all(look(location, "accessMode") == "ReadOnly" for location in locations):
        # A cluster that only restores from another's backups makes none.
        return
    found = plan.of(kinds.SCHEDULE)
    if all(schedule.get("spec", "paused") is True for schedule in found):
        state = "every Schedule is paused" if found else "there is no Schedule"
        yield f"{state}, and production needs one that runs; run one of velero-eks:schedules."
