"""The sections of a stack file, each a frozen model. What spans two is in `rules`, defaults are in `defaults`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from velero_on_eks.settings import versions
from velero_on_eks.settings.aws_facts import AccountId, KmsKeyArn, OidcIssuer, PolicyArn, PrincipalArn
from velero_on_eks.settings.base import Section
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.duration import Duration
from velero_on_eks.settings.images import ChartRepository, Image, ImageRepository, ImageTag
from velero_on_eks.settings.kinds import KindName
from velero_on_eks.settings.late import Late
from velero_on_eks.settings.names import (
    BucketName,
    ClusterName,
    ExcludedNamespace,
    KeyPrefix,
    KubernetesName,
    KubernetesSubdomain,
    NamespacePattern,
    RoleName,
    ServiceAccountName,
    VeleroNamespace,
    check_each_once,
)
from velero_on_eks.settings.namespaces import EVERY, Namespaces, Undecidable
from velero_on_eks.settings.refusals import Refused
from velero_on_eks.settings.s3_endpoint import S3Url
from velero_on_eks.settings.timezones import check_timezone
from velero_on_eks.settings.versions import ChartVersion, CronLibrary, KubernetesVersion, cron_library

Environment = Literal["development", "staging", "production"]

VOLUME_MODES = ("none", "csi-snapshot")
LATER_VOLUME_MODES = ("csi-data-mover", "fs-backup", "native-snapshot")


def bounded(name: str, low: int, high: int, unit: str, why: str) -> AfterValidator:
    """A validator for a whole number with both limits, whose message says the unit and the reason."""

    def check(value: int) -> int:
        if not low <= value <= high:
            raise Refused("out-of-range", f"{name} is {low} to {high} {unit} ({why})", "write a number between")
        return value

    return AfterValidator(check)


def matching(code: str, pattern: str, limit: str, remedy: str) -> AfterValidator:
    """A validator for text of one form, which its message says in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise Refused(code, limit, remedy)
        return value

    return AfterValidator(check)


CPU = matching(
    "cpu",
    r"[1-9][0-9]{0,8}m?",
    "CPU is millicores or cores, above 0",
    "write for example 250m or 1",
)
MEMORY = matching("memory", r"[1-9][0-9]{0,8}(Mi|Gi)", "memory is in Mi or Gi, above 0", "write for example 512Mi")
ISSUER_MISSING = Refused(
    "issuer-missing",
    "required by identity.mode irsa",
    "copy it from 'aws eks describe-cluster --query cluster.identity.oidc.issuer', or use identity.mode pod-identity",
)


# With ARNs of the greatest length these still fit into a bucket policy.
BREAK_GLASS_MAX = 20


class Cluster(Section):
    """Facts of an EKS cluster that exists; `context` names a kubeconfig context to use in place of EKS's own answer."""

    name: Late[ClusterName]
    """The cluster's name in EKS."""
    account: Late[AccountId]
    """The account it runs in, in quotes. Credentials of another one are refused."""
    kubernetes_version: KubernetesVersion
    """Its minor version, in quotes; checked against Velero's tested ones."""
    oidc_issuer: Late[OidcIssuer] | None = None
    """Its OIDC issuer with `https://`; needed by `irsa`."""
    auto_mode: bool = False
    """Whether it is an EKS Auto Mode cluster: another volume driver, no native snapshots."""
    context: (
        Annotated[str, matching("empty", r"(?s).+", "a context name must not be empty", "omit the field")] | None
    ) = None
    """A kubeconfig context by name. Without one, access comes from EKS itself with the caller's AWS credentials."""


def _something_left(namespaces: tuple[str, ...], excluded: tuple[str, ...]) -> None:
    """Refuse a name or a pattern of which the excluded ones leave nothing."""
    if not excluded:
        return
    try:
        nothing = sorted(name for name in namespaces if Namespaces((name,), excluded).names_one is None)
    except Undecidable as error:
        raise Refused("namespace-pattern", str(error), "write fewer wildcards") from None
    if nothing:
        raise Refused(
            "in-and-out",
            f"{', '.join(nothing)} is both in namespaces and in excludedNamespaces, by name or pattern",
            "remove it from one of them",
        )


class Recovery(Section):
    """One objective, or a list: what must hold for some namespaces. The defaults are those of the environment."""

    rpo: Duration
    """At most this much data may be lost: the longest interval of the schedule that covers a namespace."""
    retention: Duration
    """Backups must be kept at least this long."""
    namespaces: Annotated[tuple[NamespacePattern, ...], Field(min_length=1)] = ("*",)
    """What the objective holds for: names, patterns as Velero expands them (`app-*`), or `*` for every namespace."""
    excluded_namespaces: tuple[ExcludedNamespace, ...] = ()
    """Namespaces that the objective leaves out, by name or pattern."""
    excluded_resources: tuple[KindName, ...] = ()
    """Kinds that the objective leaves out: schedules may leave them out too. Write them as the schedule does."""
    volumes: bool | None = None
    """Whether the data of volumes counts. Left out: yes in every `volumes.mode` but `none`."""
    minimum_copies: Annotated[int, bounded("minimumCopies", 1, 100, "backups", "with none nothing can be restored")] = 2
    """A schedule meets this objective only if it keeps at least this many backups."""

    @model_validator(mode="after")
    def _something_is_asked_for(self) -> Recovery:
        _something_left(self.namespaces, self.excluded_namespaces)
        return self


class Identity(Section):
    """How Velero's pod gets its AWS role: `irsa` (OIDC) or `pod-identity` (the EKS agent, built into Auto Mode)."""

    mode: Literal["irsa", "pod-identity"] = "irsa"
    """How the pod gets its role: `irsa` through the OIDC issuer, `pod-identity` through the EKS agent."""
    role_name: Late[RoleName] | None = None
    """The role's name; made from the cluster's and the region's when left out."""
    permissions_boundary: Late[PolicyArn] | None = None
    """ARN of an IAM policy that limits the role."""


class Volumes(Section):
    """What happens to volumes: `none` backs up objects alone, `csi-snapshot` takes EBS snapshots through CSI.

    `snapshot_controller` is `addon` (the EKS add-on, made here) or `existing` (the cluster has one already).
    """

    mode: Literal["none", "csi-snapshot"] = "none"
    """What happens to volumes."""
    snapshot_controller: Literal["addon", "existing"] = "addon"
    """`addon` makes the EKS add-on, `existing` uses the one that the cluster has."""
    snapshot_controller_version: (
        Annotated[
            str,
            matching(
                "add-on-version",
                r"v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+",
                "an add-on version is like v8.3.0-eksbuild.1",
                "see 'aws eks describe-addon-versions --addon-name snapshot-controller'",
            ),
        ]
        | None
    ) = None
    """The add-on's version; the cluster's default when left out."""

    @field_validator("mode", mode="before")
    @classmethod
    def _offered(cls, value: object, info: ValidationInfo) -> object:
        if value == "native-snapshot" and (info.context or {}).get("auto_mode"):
            raise Refused(
                "native-snapshot-auto-mode",
                "the native snapshotter handles ebs.csi.aws.com volumes only, and Auto Mode's come from"
                " ebs.csi.eks.amazonaws.com: every volume would be skipped",
                "use csi-snapshot",
            )
        if value in LATER_VOLUME_MODES:
            raise Refused("volume-mode", "this mode is not supported yet", f"use {' or '.join(VOLUME_MODES)}")
        return value

    @model_validator(mode="after")
    def _controller_goes_with_snapshots(self) -> Volumes:
        if self.mode == "none" and {"snapshot_controller", "snapshot_controller_version"} & self.model_fields_set:
            raise Refused(
                "snapshot-controller-without-snapshots",
                "snapshotController belongs to mode csi-snapshot",
                "remove it or change the mode",
            )
        if self.snapshot_controller == "existing" and self.snapshot_controller_version:
            raise Refused(
                "snapshot-controller-version",
                "snapshotControllerVersion applies only to the add-on",
                "remove it when snapshotController is existing",
            )
        return self


class AccessLogs(Section):
    """Where S3 writes the bucket's server access logs: another one, or each log would be a foreign object here."""

    bucket: Late[BucketName]
    """The bucket that gets the logs; it must exist."""
    prefix: KeyPrefix | None = None
    """The folder of the logs in that bucket."""


class Storage(Section):
    """The bucket, its key, and how long deleted objects can be recovered."""

    bucket: Late[BucketName] | None = None
    """The bucket's name; made from cluster, account and region when left out."""
    prefix: KeyPrefix | None = None
    """A folder in the bucket. Not needed where a cluster has a bucket of its own."""
    kms_key_arn: Late[KmsKeyArn] | None = None
    """A customer managed key to use; one is made when left out."""
    key_deletion_window_days: Annotated[
        int,
        bounded(
            "keyDeletionWindowDays",
            7,
            30,
            "days",
            "KMS's limits; without the key no backup can be read",
        ),
    ] = 30
    """Days in which the deletion of the key can be cancelled."""
    key_rotation_days: Annotated[int, bounded("keyRotationDays", 90, 2560, "days", "KMS's limits")] = 365
    """Days between two rotations of the key."""
    noncurrent_days: Annotated[
        int, bounded("noncurrentDays", 1, 3650, "days", "for this long deletions can be undone")
    ] = 30
    """Days in which deleted or overwritten objects can be recovered."""
    abort_multipart_days: Annotated[
        int, bounded("abortMultipartDays", 1, 30, "days", "unfinished uploads cost money")
    ] = 3
    """Days after which unfinished uploads are removed."""
    access_logs: AccessLogs | None = None
    """Where S3 logs access to the bucket."""
    break_glass: tuple[Late[PrincipalArn], ...] = ()
    """ARNs of roles and users who alone may delete old versions and change what keeps them, the deployer among them."""
    protect: bool = True
    """Whether bucket, key and password are protected from deletion and stay when removed from the program."""
    force_destroy: bool = False
    """Whether `pulumi destroy` may delete a bucket with backups in it."""
    s3_url: S3Url | None = None
    """An S3 endpoint in place of AWS's own for the region."""
    s3_force_path_style: bool = False
    """Whether the bucket's name is in the path, not in the host's name."""

    @field_validator("break_glass")
    @classmethod
    def _a_few_and_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_each_once(value)
        if len(value) > BREAK_GLASS_MAX:
            raise Refused(
                "break-glass-many",
                f"at most {BREAK_GLASS_MAX} can have break-glass access: a bucket policy is limited to 20 kB",
                "name the role that they assume",
            )
        return value


class Chart(Section):
    """The Helm chart: where from and exactly which."""

    repository: ChartRepository = versions.CHART_REPOSITORY
    """Where the chart comes from, `https://` or `oci://`, without the chart's own name."""
    version: ChartVersion = versions.PINNED_CHART
    """Its exact version."""


class Plugin(Image):
    """The image of velero-plugin-for-aws, written as the server's is."""

    repository: ImageRepository = versions.PLUGIN_IMAGE
    """Where the plugin's image comes from, without a tag."""
    tag: ImageTag | None = versions.PINNED_PLUGIN
    """Its exact tag, which may be followed by its digest. None where only a digest is given."""


class Resources(Section):
    """Requests and limits of the server. A backup of 5,000 objects peaked at 141 MB; no CPU limit, since a restore is
    bound by CPU and a throttled one is a longer outage."""

    cpu_request: Annotated[str, CPU] = "250m"
    """CPU that is reserved for the server."""
    memory_request: Annotated[str, MEMORY] = "256Mi"
    """Memory that is reserved for the server."""
    cpu_limit: Annotated[str, CPU] | None = None
    """A limit on CPU; it makes restores slower."""
    memory_limit: Annotated[str, MEMORY] = "1Gi"
    """A limit on memory."""

    @model_validator(mode="after")
    def _requests_are_within_limits(self) -> Resources:
        pairs = (
            ("memory", self.memory_request, self.memory_limit, _mebibytes),
            ("cpu", self.cpu_request, self.cpu_limit, _millicores),
        )
        for what, request, limit, measure in pairs:
            if limit is not None and measure(request) > measure(limit):
                raise Refused(
                    "request-above-limit",
                    f"{what}Request is {request}, and {what}Limit is {limit}: the API server refuses"
                    " a request above the limit",
                    f"write {what}Limit: {request} or more, or request less",
                )
        return self


def _mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)


def _millicores(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


class Release(Section):
    """The Helm release and what its server runs with."""

    namespace: VeleroNamespace = "velero"
    """Velero's namespace, made here and for Velero alone."""
    name: KubernetesName = "velero"
    """The release's name."""
    service_account: ServiceAccountName = "velero-server"
    """The server's service account, which the role trusts."""
    chart: Chart = Chart()
    image: Image = Image()
    plugin: Plugin = Plugin()
    image_pull_secrets: tuple[KubernetesSubdomain, ...] = ()
    """Secrets in Velero's namespace that every Pod of the release pulls its images with."""
    allow_untested_kubernetes: bool = False
    """Whether a Kubernetes version outside the tested ones is a warning only."""
    resources: Resources = Resources()
    priority_class: KubernetesSubdomain | None = "system-cluster-critical"
    """The pod's priority class."""
    disruption_budget: bool = True
    """Whether a PodDisruptionBudget keeps the one replica where it is; it holds up node drains."""
    # The server's own 100 restored 48 objects a second, 1000 restored 83 (5,000 objects on a real API server).
    client_qps: Annotated[
        int, bounded("clientQps", 1, 5000, "requests a second", "EKS throttles above its own limits")
    ] = 1000
    """The server's requests a second to the API server. They limit the speed of a restore."""
    client_burst: Annotated[int, bounded("clientBurst", 1, 10000, "requests", "EKS throttles above its own limits")] = (
        1000
    )
    """Its requests in one burst."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What the server logs."""
    timeout_seconds: Annotated[
        int, bounded("timeoutSeconds", 60, 3600, "seconds", "the CRD job and the image pull")
    ] = 600
    """How long the release may take."""
    helm_values_overrides: dict[str, Any] = Field(default_factory=dict)
    """Chart values that no setting covers, merged over the others. Each is checked; see docs/reference/overrides.md."""

    @field_validator("image_pull_secrets")
    @classmethod
    def _each_secret_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_each_once(value, "secret")


def _library_of(info: ValidationInfo) -> CronLibrary:
    return (info.context or {}).get("cron_library") or cron_library()


class Schedule(Section):
    """One schedule. `cluster_resources` unset means: yes for a schedule of every namespace, which is what a lost
    cluster is rebuilt from; else only what the chosen namespaces refer to."""

    cron: str
    """Five fields as the Velero that is pinned reads them, `@daily` and the like, or `@every 6h`."""
    timezone: str = "UTC"
    """The time zone of `cron`."""
    keep: Duration
    """How long its backups are kept."""
    namespaces: Annotated[tuple[NamespacePattern, ...], Field(min_length=1)] = ("*",)
    """What is backed up: names, patterns as Velero expands them (`app-*`, `team-[ab]`), or `*` for every namespace but
    Velero's own."""
    excluded_namespaces: tuple[ExcludedNamespace, ...] = ()
    """What is left out, by name or pattern."""
    excluded_resources: tuple[KindName, ...] = ()
    """Kinds that are left out, as KIND, KIND.GROUP or *.GROUP. An objective that needs them is missed, unless it
    excludes them too; Events, Endpoints, EndpointSlices, Leases and what Velero never restores do not count."""
    cluster_resources: bool | None = None
    """Whether cluster-scoped objects are taken, all of them. Left out: yes for `*`, else those referred to."""
    paused: bool = False
    """Whether it is paused: it makes no backups."""
    minimum_copies: (
        Annotated[int, bounded("minimumCopies", 1, 100, "backups", "with none nothing can be restored")] | None
    ) = None
    """At least this many of its backups are kept, where it serves no objective. Left out: 2, or a warning."""
    either_day_matches: bool = False
    """Confirms a cron with day of month and day of week on Velero up to 1.18.2, which runs when either matches."""
    both_days_match: bool = False
    """Confirms a cron with day of month and day of week on Velero from 1.18.3 on, which runs when both match."""
    # That of the Velero which runs it: a schedule by itself does not know, so whoever reads it says so.
    _library: CronLibrary = PrivateAttr(default_factory=cron_library)

    @field_validator("cron")
    @classmethod
    def _is_standard_cron(cls, value: str, info: ValidationInfo) -> str:
        Cron.parse(value, library=_library_of(info))
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return check_timezone(value)

    @field_validator("namespaces", "excluded_namespaces")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_each_once(value, "namespace")
        if EVERY in value and len(value) > 1:
            raise Refused(
                "star-and-names",
                "'*' is every namespace and must be alone",
                "remove the other names, or the '*'",
            )
        return value

    @model_validator(mode="after")
    def _filters_leave_something(self, info: ValidationInfo) -> Schedule:
        self._library = _library_of(info)
        _something_left(self.namespaces, self.excluded_namespaces)
        if "timezone" in self.model_fields_set and self.cron.startswith(("TZ=", "CRON_TZ=")):
            raise Refused("zone-twice", "the zone is given twice, in timezone and in cron", "keep timezone")
        if self.recurrence.restricts_both_day_fields:
            self._check_day_fields()
        return self

    def _check_day_fields(self) -> None:
        """Cron's oldest trap, and one that turns over at Velero 1.18.3: what is written has to say what happens."""
        both = self._library == "go-cron"
        if self.both_days_match if both else self.either_day_matches:
            return
        said = "both_days_match" if self.both_days_match else "either_day_matches" if self.either_day_matches else ""
        versions_, when, confirm, mend = (
            ("from 1.18.3 on", "BOTH match", "bothDaysMatch", "write two schedules, one for each field")
            if both
            else ("up to 1.18.2", "EITHER matches", "eitherDayMatches", "put '*' in one of them")
        )
        confirmed = f", and {to_camel(said)} says otherwise" if said else ""
        raise Refused(
            "both-days" if both else "either-day",
            f"cron {self.cron!r} sets day of month and day of week: Velero {versions_} runs it when {when}{confirmed}",
            f"{mend}, or confirm with {confirm}: true",
        )

    @property
    def recurrence(self) -> Cron:
        """When this schedule runs, in its zone, on the Velero that it was read for."""
        if self.cron.startswith(("TZ=", "CRON_TZ=")):
            return Cron.parse(self.cron, library=self._library)
        return Cron.parse(self.cron, timezone=self.timezone, library=self._library)

    def filters(self, *, velero: str, snapshot_volumes: bool) -> dict[str, Any]:
        """What its backups take and leave, as a Backup's spec has it. `velero` is Velero's own namespace, left out
        always: a restore would lay yesterday's Schedules and locations over those that are made here."""
        excluded = self.excluded_namespaces
        if velero in Namespaces(self.namespaces, excluded):
            excluded = (*excluded, velero)
        found: dict[str, Any] = {"includedNamespaces": list(self.namespaces), "snapshotVolumes": snapshot_volumes}
        if excluded:
            found["excludedNamespaces"] = list(excluded)
        if self.excluded_resources:
            found["excludedResources"] = list(self.excluded_resources)
        if self.includes_cluster_resources is not None:
            found["includeClusterResources"] = self.includes_cluster_resources
        return found

    @property
    def covers_cluster(self) -> bool:
        """Whether this schedule takes every namespace, so that a cluster can be rebuilt from its backups."""
        return "*" in self.namespaces

    @property
    def includes_cluster_resources(self) -> bool | None:
        """`includeClusterResources` of the backups: None leaves it to Velero (only what is referred to)."""
        if self.cluster_resources is None:
            return True if self.covers_cluster else None
        return self.cluster_resources


# When the tiers run, finest first: minute, hour and the days. Neither of Velero's cron libraries reads one otherwise
# than the other, since no two day fields are set.
_TIER_CRONS = {
    "hourly": "{minute} * * * *",
    "daily": "{minute} {hour} * * *",
    "weekly": "{minute} {hour} * * 0",
    "monthly": "{minute} {hour} 1 * *",
    "yearly": "{minute} {hour} 1 1 *",
}
# A backup takes minutes, and Velero takes one after another.
_MINUTES_APART = 10


class RetentionTiers(Section):
    """Retention in tiers: each tier named here is a schedule of its own, `NAME-hourly`, `NAME-daily` and so on, whose
    backups are kept as long as it says. They start ten minutes apart."""

    hourly: Duration | None = None
    """How long the backup of every hour is kept."""
    daily: Duration | None = None
    """How long the backup of every day is kept."""
    weekly: Duration | None = None
    """How long that of every Sunday is kept."""
    monthly: Duration | None = None
    """How long that of the first of every month is kept."""
    yearly: Duration | None = None
    """How long that of every first of January is kept."""
    hour: Annotated[int, bounded("hour", 0, 23, "o'clock", "the hour of all tiers but the hourly one")] = 2
    """The hour at which all tiers but the hourly one run."""
    minute: Annotated[int, bounded("minute", 0, 59, "minutes", "the minute of the hourly tier")] = 0
    """The minute of the hourly tier; each further one runs ten minutes later."""
    timezone: str = "UTC"
    """The time zone of the tiers."""
    namespaces: Annotated[tuple[NamespacePattern, ...], Field(min_length=1)] = ("*",)
    """What all of them back up, as in a schedule."""
    excluded_namespaces: tuple[ExcludedNamespace, ...] = ()
    """What is left out, by name or pattern."""
    excluded_resources: tuple[KindName, ...] = ()
    """Kinds that are left out, as in a schedule."""
    cluster_resources: bool | None = None
    """Whether cluster-scoped objects are taken, as in a schedule."""
    paused: bool = False
    """Whether all of them are paused."""

    @model_validator(mode="after")
    def _coarser_is_kept_longer(self) -> RetentionTiers:
        tiers = list(self.tiers.items())
        if not tiers:
            raise Refused("no-tier", f"at least one of {', '.join(_TIER_CRONS)} is set", "write for example daily: 14d")
        for (finer, short), (coarser, long) in pairwise(tiers):
            if long.seconds <= short.seconds:
                raise Refused(
                    "tier-order",
                    f"{coarser} is kept {long}, no longer than {finer} ({short}): it would add nothing",
                    f"keep {coarser} longer, or remove it",
                )
        return self

    @property
    def tiers(self) -> dict[str, Duration]:
        """How long each tier that is set is kept, finest first."""
        return {tier: keep for tier in _TIER_CRONS if (keep := getattr(self, tier)) is not None}

    def schedules(self, name: str) -> dict[str, dict[str, Any]]:
        """The schedules that these tiers are, by name, in a stack file's shape."""
        told = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        shared = {key: told[key] for key in _OF_ALL_TIERS if key in told}
        made: dict[str, dict[str, Any]] = {}
        for tier, keep in self.tiers.items():
            minute = (self.minute + _MINUTES_APART * list(_TIER_CRONS).index(tier)) % 60
            cron = _TIER_CRONS[tier].format(minute=minute, hour=self.hour)
            made[f"{name}-{tier}"] = {"cron": cron, "keep": str(keep), **shared}
        return made


_OF_ALL_TIERS = ("timezone", "namespaces", "excludedNamespaces", "excludedResources", "clusterResources", "paused")
