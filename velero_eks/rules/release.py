"""Rules of the Helm release: pinned, with the right credentials, and safe to upgrade and to uninstall."""

from __future__ import annotations

import re
from collections.abc import Iterator

from velero_eks.aws.iam import statements
from velero_eks.rules import kinds
from velero_eks.rules.model import Fault, PolicyResource, items, look, rule
from velero_eks.rules.plan import Plan, is_role
from velero_eks.rules.values import go_seconds

# Velero's own defaults are 100; a restore is bound by them, and measured slower below.
RATE_FLOOR = 100
_EXACT = re.compile(r"^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_AWS_PLUGIN = "velero-plugin-for-aws"
_CSI_PLUGIN = "velero-plugin-for-csi"
_DURATIONS = (
    "backupSyncPeriod",
    "defaultBackupTTL",
    "defaultItemOperationTimeout",
    "defaultRepoMaintainFrequency",
    "dataMoverPrepareTimeout",
    "fsBackupTimeout",
    "garbageCollectionFrequency",
    "storeValidationFrequency",
    "terminatingResourceTimeout",
)


def is_velero(release: PolicyResource) -> bool:
    """Whether a release is of the Velero chart, judged by itself."""
    return bool(Plan((release,), "development").releases)


@rule(
    "release-chart-pinned",
    on=kinds.RELEASE,
    what="The chart is one exact version from a repository over TLS: what is planned is what is deployed.",
    source="practice: reproducible deployments",
)
def release_chart_pinned(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    chart, version = str(release.get("chart", default="")), release.get("version")
    is_file = chart.endswith(".tgz") or chart.startswith((".", "/"))
    if not is_file and (version is None or not _EXACT.match(str(version))):
        yield (
            f"the chart's version is {version or 'not set'}, and must be exact (MAJOR.MINOR.PATCH); set"
            " release.chart.version."
        )
    repository = str(release.get("repositoryOpts", "repo", default=""))
    if repository.startswith("http://") or chart.startswith("http://"):
        yield f"the chart comes over plain HTTP from {repository or chart}; use https:// or oci://."


@rule(
    "release-image-pinned",
    on=kinds.RELEASE,
    what="The server's image has an exact tag: the chart lags behind Velero, and latest is another image tomorrow.",
    source="CKV_K8S_14, CKV_K8S_43",
)
def release_image_pinned(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    tag, digest = release.get("values", "image", "tag"), release.get("values", "image", "digest")
    if not digest and (tag is None or not _EXACT.match(str(tag))):
        yield f"image.tag is {tag or 'not set'}, and must be exact (vMAJOR.MINOR.PATCH); set release.image.tag."


@rule(
    "release-plugin-pinned",
    on=kinds.RELEASE,
    what="The AWS plugin is there with an exact tag, and no CSI plugin: Velero has had that inside since 1.14.",
    source="CKV_K8S_14; Velero 1.14 release notes",
)
def release_plugin_pinned(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    images = [str(look(entry, "image", default="")) for entry in release.items("values", "initContainers")]
    for image in images:
        tag = image.rsplit("/", 1)[-1].partition(":")[2]
        if _CSI_PLUGIN in image:
            yield f"{image} is installed, and Velero has CSI inside since 1.14; take the plugin away."
        elif not _DIGEST.search(image) and not _EXACT.match(tag):
            yield f"{image} has no exact tag (vMAJOR.MINOR.PATCH); set release.plugin.tag."
    if not any(_AWS_PLUGIN in image for image in images):
        yield (f"no init container brings {_AWS_PLUGIN}, and Velero cannot reach S3 without; add it to initContainers.")


@rule(
    "release-credentials",
    on=kinds.RELEASE,
    what="Velero has no credentials secret: with one, the plugin ignores the pod's role.",
    source="Velero chart 12 deployment.yaml; velero-plugin-for-aws 1.14",
)
def release_credentials(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    # The chart's own default is true.
    use = release.get("values", "credentials", "useSecret", default=True)
    if use is not False:
        yield (f"credentials.useSecret is {str(use).lower()}, and must be false; the pod's role is its credential.")


@rule(
    "release-service-account",
    on=kinds.RELEASE,
    scope="stack",
    what="Namespace and service account of the release are those that the role trusts, and the pod is given that role.",
    source="velero#8240, velero#2981",
)
def release_service_account(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if release not in plan.releases:
        return
    namespace = release.get("namespace")
    account = release.get("values", "serviceAccount", "server", "name")
    if account is None:
        yield ("serviceAccount.server.name is not set, so that the chart makes one up; set release.serviceAccount.")
        return
    annotation = release.get("values", "serviceAccount", "server", "annotations", kinds.ROLE_ANNOTATION)
    if annotation is not None:
        roles = [role for role in plan.of(kinds.ROLE) if is_role(role, str(annotation))]
        if plan.of(kinds.ROLE) and not roles:
            known = ", ".join(str(role.inputs.get("name", role.name)) for role in plan.of(kinds.ROLE))
            yield (
                f"{kinds.ROLE_ANNOTATION} is {annotation}, and the plan's roles are {known}; annotate with"
                " Velero's role."
            )
        subject = f"system:serviceaccount:{namespace}:{account}"
        for role in roles:
            trusted = _subjects(role)
            if trusted and subject not in trusted:
                yield (
                    f"runs as {subject}, and role {role.name} trusts {', '.join(trusted)}; make both from the"
                    " same names."
                )
        return
    associated = [(entry.get("namespace"), entry.get("serviceAccount")) for entry in plan.of(kinds.POD_IDENTITY)]
    if (namespace, account) not in associated:
        said = ", ".join(f"{space}/{name}" for space, name in associated) or "no association"
        yield (
            f"service account {namespace}/{account} gets no role: it has no annotation"
            f" {kinds.ROLE_ANNOTATION}, and Pod"
            f" Identity has {said}. Use one of the two, see velero-eks:identity."
        )


def _subjects(role: PolicyResource) -> list[str]:
    return [
        value
        for statement in statements(role.get("assumeRolePolicy"))
        for condition in statement.conditions
        if condition.key.lower().endswith(":sub")
        for value in condition.values
    ]


@rule(
    "release-keeps-crds",
    on=kinds.RELEASE,
    what="An uninstall keeps Velero's CRDs: deleting them deletes every Backup and Schedule; in development a warning.",
    source="Velero chart 12 values.yaml",
)
def release_keeps_crds(release: PolicyResource, plan: Plan) -> Iterator[Fault]:
    if is_velero(release) and release.get("values", "cleanUpCRDs") is True:
        yield Fault(
            "cleanUpCRDs is true: an uninstall would delete every Backup, Restore and Schedule. Set it to false.",
            "warning" if plan.environment == "development" else "error",
        )


@rule(
    "release-rate-limits",
    on=kinds.RELEASE,
    severity="warning",
    what="clientQPS and clientBurst are set and above Velero's 100: they are what bounds the time of a restore.",
    source="measured: 5,000 objects on a real API server",
)
def release_rate_limits(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    for name in ("clientQPS", "clientBurst"):
        value = release.get("values", "configuration", name)
        if value is None or float(value) <= RATE_FLOOR:
            shown = "not set" if value is None else f"{value:g}" if isinstance(value, int | float) else value
            yield (
                f"configuration.{name} is {shown}, above {RATE_FLOOR} a restore is faster: 5,000 objects took"
                " 105 s at 100"
                f" and 60 s at 1000. Set release.{'clientQps' if name == 'clientQPS' else name}."
            )


@rule(
    "release-resources",
    on=kinds.RELEASE,
    severity="warning",
    what="The server requests CPU and memory and has a memory limit, so that a full node does not end a backup.",
    source="CKV_K8S_10 to 13",
)
def release_resources(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    wanted = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))
    missing = [".".join(path) for path in wanted if not release.get("values", "resources", *path)]
    if missing:
        yield f"resources has no {', '.join(missing)}; set release.resources."


@rule(
    "release-no-schedules",
    on=kinds.RELEASE,
    what="Schedules are resources of their own: inside the release no rule sees their TTL and nobody reads their diff.",
    source="seen on Velero 1.18.2",
)
def release_no_schedules(release: PolicyResource, plan: Plan) -> Iterator[str]:
    given = release.get("values", "schedules", default={}) if is_velero(release) else {}
    if given:
        yield f"values.schedules has {', '.join(given)}; move each to velero-eks:schedules."


@rule(
    "release-durations",
    on=kinds.RELEASE,
    what="Every duration in the release's configuration is one that Go reads; the server does not start with another.",
    source="Go time.ParseDuration",
)
def release_durations(release: PolicyResource, plan: Plan) -> Iterator[str]:
    if not is_velero(release):
        return
    for name in _DURATIONS:
        value = release.get("values", "configuration", name)
        if value in (None, ""):
            continue
        try:
            go_seconds(value)
        except ValueError as fault:
            yield f"configuration.{name}: {fault}."
    for location in items(look(release.inputs, "values", "configuration"), "backupStorageLocation"):
        for name in ("validationFrequency", "backupSyncPeriod"):
            value = look(location, name)
            try:
                if value not in (None, ""):
                    go_seconds(value)
            except ValueError as fault:
                yield f"location {look(location, 'name', default='default')}, {name}: {fault}."
