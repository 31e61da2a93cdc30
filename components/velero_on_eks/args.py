"""Arguments of the components. Written by `make docs` from the settings' models, which say the same in a stack file.

Keys may be written in snake_case or in camelCase. What is an `Input` may be an output of another resource; everything
else is checked before the first resource is made.
"""

# No postponed annotations: the SDK reads these classes for the package's schema.
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import pulumi

if TYPE_CHECKING:
    from typing import Literal

    SettingsEnvironment = Literal["development", "staging", "production"]
    IdentityMode = Literal["irsa", "pod-identity"]
    VolumesMode = Literal["none", "csi-snapshot"]
    VolumesSnapshotController = Literal["addon", "existing"]
    ReleaseLogLevel = Literal["debug", "info", "warning", "error"]
    AdoptBucketSettings = Literal[
        "encryption", "lifecycle", "logging", "ownership", "policy", "publicAccess", "versioning"
    ]
else:
    SettingsEnvironment = str
    IdentityMode = str
    VolumesMode = str
    VolumesSnapshotController = str
    ReleaseLogLevel = str
    AdoptBucketSettings = str


class Cluster(TypedDict):
    """Facts of an EKS cluster that exists; `context` names a kubeconfig context to use in place of EKS's own answer."""

    name: pulumi.Input[str]
    """The cluster's name in EKS."""

    account: NotRequired[pulumi.Input[str]]
    """The account it runs in, in quotes. Credentials of another one are refused."""

    kubernetes_version: str
    """Its minor version, in quotes; checked against Velero's tested ones."""

    oidc_issuer: NotRequired[pulumi.Input[str]]
    """Its OIDC issuer with `https://`; needed by `irsa`."""

    auto_mode: NotRequired[bool]
    """Whether it is an EKS Auto Mode cluster: another volume driver, no native snapshots. Default: false."""

    context: NotRequired[str]
    """A kubeconfig context by name. Without one, access comes from EKS itself with the caller's AWS credentials."""


class Recovery(TypedDict):
    """One objective, or a list: what must hold for some namespaces. The defaults are those of the environment."""

    rpo: NotRequired[str]
    """At most this much data may be lost: the longest interval of the schedule that covers a namespace. Default: 24h /
    24h / 24h (development / staging / production)."""

    retention: NotRequired[str]
    """Backups must be kept at least this long. Default: 7d / 14d / 30d (development / staging / production)."""

    namespaces: NotRequired[Sequence[str]]
    """What the objective holds for: names, patterns as Velero expands them (`app-*`), or `*` for every namespace.
    Default: ["*"]."""

    excluded_namespaces: NotRequired[Sequence[str]]
    """Namespaces that the objective leaves out, by name or pattern."""

    excluded_resources: NotRequired[Sequence[str]]
    """Kinds that the objective leaves out: schedules may leave them out too. Write them as the schedule does."""

    volumes: NotRequired[bool]
    """Whether the data of volumes counts. Left out: yes in every `volumes.mode` but `none`."""

    minimum_copies: NotRequired[int]
    """A schedule meets this objective only if it keeps at least this many backups. Default: 2 / 2 / 3 (development /
    staging / production)."""


if TYPE_CHECKING:
    SettingsRecovery = Recovery | Sequence[Recovery]
else:
    SettingsRecovery = Sequence[Recovery]


class Identity(TypedDict):
    """How Velero's pod gets its AWS role: `irsa` (OIDC) or `pod-identity` (the EKS agent, built into Auto Mode)."""

    mode: NotRequired[IdentityMode]
    """How the pod gets its role: `irsa` through the OIDC issuer, `pod-identity` through the EKS agent. Default: irsa.
    """

    role_name: NotRequired[pulumi.Input[str]]
    """The role's name; made from the cluster's and the region's when left out."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of an IAM policy that limits the role."""


class Volumes(TypedDict):
    """What happens to volumes: `none` backs up objects alone, `csi-snapshot` takes EBS snapshots through CSI.
    `snapshot_controller` is `addon` (the EKS add-on, made here) or `existing` (the cluster has one already)."""

    mode: NotRequired[VolumesMode]
    """What happens to volumes. Default: none."""

    snapshot_controller: NotRequired[VolumesSnapshotController]
    """`addon` makes the EKS add-on, `existing` uses the one that the cluster has. Default: addon."""

    snapshot_controller_version: NotRequired[str]
    """The add-on's version; the cluster's default when left out."""


class AccessLogs(TypedDict):
    """Where S3 writes the bucket's server access logs: another one, or each log would be a foreign object here."""

    bucket: pulumi.Input[str]
    """The bucket that gets the logs; it must exist."""

    prefix: NotRequired[str]
    """The folder of the logs in that bucket."""


class Storage(TypedDict):
    """The bucket, its key, and how long deleted objects can be recovered."""

    bucket: NotRequired[pulumi.Input[str]]
    """The bucket's name; made from cluster, account and region when left out."""

    prefix: NotRequired[str]
    """A folder in the bucket. Not needed where a cluster has a bucket of its own."""

    kms_key_arn: NotRequired[pulumi.Input[str]]
    """A customer managed key to use; one is made when left out."""

    key_deletion_window_days: NotRequired[int]
    """Days in which the deletion of the key can be cancelled. Default: 7 / 30 / 30 (development / staging /
    production)."""

    key_rotation_days: NotRequired[int]
    """Days between two rotations of the key. Default: 365."""

    noncurrent_days: NotRequired[int]
    """Days in which deleted or overwritten objects can be recovered. Default: 7 / 14 / 30 (development / staging /
    production)."""

    abort_multipart_days: NotRequired[int]
    """Days after which unfinished uploads are removed. Default: 3."""

    access_logs: NotRequired[AccessLogs]
    """Where S3 logs access to the bucket."""

    break_glass: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of roles and users who alone may delete old versions and change what keeps them, the deployer among them."""

    protect: NotRequired[bool]
    """Whether bucket, key and password are protected from deletion and stay when removed from the program. Default:
    false / true / true (development / staging / production)."""

    force_destroy: NotRequired[bool]
    """Whether `pulumi destroy` may delete a bucket with backups in it. Default: true / false / false (development /
    staging / production)."""

    s3_url: NotRequired[str]
    """An S3 endpoint in place of AWS's own for the region."""

    s3_force_path_style: NotRequired[bool]
    """Whether the bucket's name is in the path, not in the host's name. Default: false."""


class Chart(TypedDict):
    """The Helm chart: where from and exactly which."""

    repository: NotRequired[str]
    """Where the chart comes from, `https://` or `oci://`, without the chart's own name. Default: https://vmware-
    tanzu.github.io/helm-charts."""

    version: NotRequired[str]
    """Its exact version. Default: 12.1.0."""


class Image(TypedDict):
    """The Velero server's image: by its tag, by its digest, or by both."""

    repository: NotRequired[str]
    """Where the image comes from, without a tag. Default: docker.io/velero/velero."""

    tag: NotRequired[str]
    """Its exact tag, which may be followed by its digest (`v1.18.2@sha256:…`). None where only a digest is given.
    Default: v1.18.3."""

    digest: NotRequired[str]
    """Its digest, `sha256:…`. It is what is pulled, whatever the tag says."""

    version: NotRequired[str]
    """Which release it is, such as `1.18.2`. Needed where the tag does not begin with it, or where there is none."""


class Plugin(TypedDict):
    """The image of velero-plugin-for-aws, written as the server's is."""

    repository: NotRequired[str]
    """Where the plugin's image comes from, without a tag. Default: docker.io/velero/velero-plugin-for-aws."""

    tag: NotRequired[str]
    """Its exact tag, which may be followed by its digest. None where only a digest is given. Default: v1.14.3."""

    digest: NotRequired[str]
    """Its digest, `sha256:…`. It is what is pulled, whatever the tag says."""

    version: NotRequired[str]
    """Which release it is, such as `1.18.2`. Needed where the tag does not begin with it, or where there is none."""


class Resources(TypedDict):
    """Requests and limits of the server. A backup of 5,000 objects peaked at 141 MB; no CPU limit, since a restore is
    bound by CPU and a throttled one is a longer outage."""

    cpu_request: NotRequired[str]
    """CPU that is reserved for the server. Default: 250m."""

    memory_request: NotRequired[str]
    """Memory that is reserved for the server. Default: 256Mi."""

    cpu_limit: NotRequired[str]
    """A limit on CPU; it makes restores slower."""

    memory_limit: NotRequired[str]
    """A limit on memory. Default: 1Gi."""


class Release(TypedDict):
    """The Helm release and what its server runs with."""

    namespace: NotRequired[str]
    """Velero's namespace, made here and for Velero alone. Default: velero."""

    name: NotRequired[str]
    """The release's name. Default: velero."""

    service_account: NotRequired[str]
    """The server's service account, which the role trusts. Default: velero-server."""

    chart: NotRequired[Chart]
    """The Helm chart: where from and exactly which."""

    image: NotRequired[Image]
    """The Velero server's image: by its tag, by its digest, or by both."""

    plugin: NotRequired[Plugin]
    """The image of velero-plugin-for-aws, written as the server's is."""

    image_pull_secrets: NotRequired[Sequence[str]]
    """Secrets in Velero's namespace that every Pod of the release pulls its images with."""

    allow_untested_kubernetes: NotRequired[bool]
    """Whether a Kubernetes version outside the tested ones is a warning only. Default: false."""

    resources: NotRequired[Resources]
    """Requests and limits of the server. A backup of 5,000 objects peaked at 141 MB; no CPU limit, since a restore is
    bound by CPU and a throttled one is a longer outage."""

    priority_class: NotRequired[str]
    """The pod's priority class. Default: system-cluster-critical."""

    disruption_budget: NotRequired[bool]
    """Whether a PodDisruptionBudget keeps the one replica where it is; it holds up node drains. Default: false / false
    / true (development / staging / production)."""

    client_qps: NotRequired[int]
    """The server's requests a second to the API server. They limit the speed of a restore. Default: 1000."""

    client_burst: NotRequired[int]
    """Its requests in one burst. Default: 1000."""

    log_level: NotRequired[ReleaseLogLevel]
    """What the server logs. Default: info."""

    timeout_seconds: NotRequired[int]
    """How long the release may take. Default: 600."""

    helm_values_overrides: NotRequired[Mapping[str, Any]]
    """Chart values that no setting covers, merged over the others. Each is checked; see docs/reference/overrides.md."""


class Schedule(TypedDict):
    """One schedule. `cluster_resources` unset means: yes for a schedule of every namespace, which is what a lost
    cluster is rebuilt from; else only what the chosen namespaces refer to."""

    cron: str
    """Five fields as the Velero that is pinned reads them, `@daily` and the like, or `@every 6h`."""

    timezone: NotRequired[str]
    """The time zone of `cron`. Default: UTC."""

    keep: str
    """How long its backups are kept."""

    namespaces: NotRequired[Sequence[str]]
    """What is backed up: names, patterns as Velero expands them (`app-*`, `team-[ab]`), or `*` for every namespace but
    Velero's own. Default: ["*"]."""

    excluded_namespaces: NotRequired[Sequence[str]]
    """What is left out, by name or pattern."""

    excluded_resources: NotRequired[Sequence[str]]
    """Kinds that are left out, as KIND, KIND.GROUP or *.GROUP. An objective that needs them is missed, unless it
    excludes them too; Events, Endpoints, EndpointSlices, Leases and what Velero never restores do not count."""

    cluster_resources: NotRequired[bool]
    """Whether cluster-scoped objects are taken, all of them. Left out: yes for `*`, else those referred to."""

    paused: NotRequired[bool]
    """Whether it is paused: it makes no backups. Default: false."""

    minimum_copies: NotRequired[int]
    """At least this many of its backups are kept, where it serves no objective. Left out: 2, or a warning."""

    either_day_matches: NotRequired[bool]
    """Confirms a cron with day of month and day of week on Velero up to 1.18.2, which runs when either matches.
    Default: false."""

    both_days_match: NotRequired[bool]
    """Confirms a cron with day of month and day of week on Velero from 1.18.3 on, which runs when both match. Default:
    false."""


class RetentionTiers(TypedDict):
    """Retention in tiers: each tier named here is a schedule of its own, `NAME-hourly`, `NAME-daily` and so on, whose
    backups are kept as long as it says. They start ten minutes apart."""

    hourly: NotRequired[str]
    """How long the backup of every hour is kept."""

    daily: NotRequired[str]
    """How long the backup of every day is kept."""

    weekly: NotRequired[str]
    """How long that of every Sunday is kept."""

    monthly: NotRequired[str]
    """How long that of the first of every month is kept."""

    yearly: NotRequired[str]
    """How long that of every first of January is kept."""

    hour: NotRequired[int]
    """The hour at which all tiers but the hourly one run. Default: 2."""

    minute: NotRequired[int]
    """The minute of the hourly tier; each further one runs ten minutes later. Default: 0."""

    timezone: NotRequired[str]
    """The time zone of the tiers. Default: UTC."""

    namespaces: NotRequired[Sequence[str]]
    """What all of them back up, as in a schedule. Default: ["*"]."""

    excluded_namespaces: NotRequired[Sequence[str]]
    """What is left out, by name or pattern."""

    excluded_resources: NotRequired[Sequence[str]]
    """Kinds that are left out, as in a schedule."""

    cluster_resources: NotRequired[bool]
    """Whether cluster-scoped objects are taken, as in a schedule."""

    paused: NotRequired[bool]
    """Whether all of them are paused. Default: false."""


class Adopt(TypedDict):
    """What the next `pulumi up` imports. Each is named as the program names it, so that it stays what it is."""

    bucket: NotRequired[str]
    """The bucket, by its name."""

    bucket_settings: NotRequired[Sequence[AdoptBucketSettings]]
    """Which of the bucket's settings exist."""

    key: NotRequired[str]
    """The bucket's KMS key, by its id."""

    key_alias: NotRequired[str]
    """The key's alias, with `alias/`."""

    role: NotRequired[str]
    """Velero's role, by its name."""

    role_policy: NotRequired[str]
    """The role's inline policy, by its name."""

    pod_identity_association: NotRequired[str]
    """The Pod Identity association, by its id (`a-…`)."""

    snapshot_controller: NotRequired[bool]
    """Whether the snapshot controller's add-on exists. Default: false."""

    snapshot_class: NotRequired[str]
    """The VolumeSnapshotClass, by its name."""

    namespace: NotRequired[str]
    """Velero's namespace. It keeps its labels, and stays when it is removed from the program, for as long as this is
    set."""

    repository_secret: NotRequired[str]
    """The Secret with the repositories' password; needs `repositoryPassword` with the same value."""

    release: NotRequired[str]
    """The Helm release, by its name."""

    schedules: NotRequired[Sequence[str]]
    """Which of the schedules exist."""


class VeleroOnEksArgs(TypedDict):
    """Everything a stack says, checked. Make one with `Settings.from_mapping`, or from a stack file."""

    environment: SettingsEnvironment
    """Sets the defaults and guard rails below."""

    region: NotRequired[pulumi.Input[str]]
    """The region of the cluster and the bucket."""

    cluster: Cluster
    """Facts of an EKS cluster that exists; `context` names a kubeconfig context to use in place of EKS's own answer."""

    recovery: NotRequired[SettingsRecovery]
    """One objective, or a list: what must hold for some namespaces. The defaults are those of the environment."""

    identity: NotRequired[Identity]
    """How Velero's pod gets its AWS role: `irsa` (OIDC) or `pod-identity` (the EKS agent, built into Auto Mode)."""

    volumes: NotRequired[Volumes]
    """What happens to volumes: `none` backs up objects alone, `csi-snapshot` takes EBS snapshots through CSI."""

    storage: NotRequired[Storage]
    """The bucket, its key, and how long deleted objects can be recovered."""

    release: NotRequired[Release]
    """The Helm release and what its server runs with."""

    schedules: NotRequired[Mapping[str, Schedule]]
    """The schedules by name, and no others. One daily backup when left out."""

    retention_tiers: NotRequired[Mapping[str, RetentionTiers]]
    """Retention in tiers by name: each becomes several schedules, beside those of `schedules`."""

    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of every AWS resource."""

    waivers: NotRequired[Mapping[str, str]]
    """Findings that are accepted, by rule, each with its reason."""

    adopt: NotRequired[Adopt]
    """What the next `pulumi up` imports. Each is named as the program names it, so that it stays what it is."""

    repository_password: NotRequired[pulumi.Input[str]]
    """The password of another cluster's repositories, encrypted by `pulumi config set --secret`. Else one is made."""


class BackupStorageArgs(TypedDict):
    """A bucket for backups, and its key."""

    bucket: pulumi.Input[str]
    """The bucket's name."""

    prefix: NotRequired[str]
    """A folder in the bucket. Not needed where a cluster has a bucket of its own."""

    kms_key_arn: NotRequired[pulumi.Input[str]]
    """A customer managed key to use; one is made when left out."""

    key_deletion_window_days: NotRequired[int]
    """Days in which the deletion of the key can be cancelled. Default: 30."""

    key_rotation_days: NotRequired[int]
    """Days between two rotations of the key. Default: 365."""

    noncurrent_days: NotRequired[int]
    """Days in which deleted or overwritten objects can be recovered. Default: 30."""

    abort_multipart_days: NotRequired[int]
    """Days after which unfinished uploads are removed. Default: 3."""

    access_logs: NotRequired[AccessLogs]
    """Where S3 logs access to the bucket."""

    break_glass: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of roles and users who alone may delete old versions and change what keeps them, the deployer among them."""

    protect: NotRequired[bool]
    """Whether bucket, key and password are protected from deletion and stay when removed from the program. Default:
    true."""

    force_destroy: NotRequired[bool]
    """Whether `pulumi destroy` may delete a bucket with backups in it. Default: false."""

    s3_url: NotRequired[str]
    """An S3 endpoint in place of AWS's own for the region."""

    s3_force_path_style: NotRequired[bool]
    """Whether the bucket's name is in the path, not in the host's name. Default: false."""

    region: NotRequired[pulumi.Input[str]]
    """The bucket's region; the AWS provider's when left out."""

    account: NotRequired[pulumi.Input[str]]
    """The bucket's account; the AWS provider's when left out."""

    key_alias: NotRequired[pulumi.Input[str]]
    """The alias of the key that is made, with `alias/`; made from the bucket's name when left out."""

    key_description: NotRequired[pulumi.Input[str]]
    """The description of the key that is made; made from the bucket's name when left out."""

    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of the bucket and the key."""


class WorkloadIdentityArgs(TypedDict):
    """An IAM role for one service account of one cluster, for one bucket and its key."""

    mode: NotRequired[IdentityMode]
    """How the pod gets its role: `irsa` through the OIDC issuer, `pod-identity` through the EKS agent. Default: irsa.
    """

    role_name: pulumi.Input[str]
    """The role's name."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of an IAM policy that limits the role."""

    cluster_name: pulumi.Input[str]
    """The cluster's name in EKS."""

    oidc_issuer: NotRequired[pulumi.Input[str]]
    """The cluster's OIDC issuer with `https://`; needed by mode `irsa`."""

    region: NotRequired[pulumi.Input[str]]
    """The region of cluster and bucket; the AWS provider's when left out."""

    account: NotRequired[pulumi.Input[str]]
    """The account of cluster and bucket; the AWS provider's when left out."""

    namespace: NotRequired[str]
    """Velero's namespace. Default: velero."""

    service_account: NotRequired[str]
    """Velero's service account, which the role trusts. Default: velero-server."""

    bucket_arn: pulumi.Input[str]
    """The ARN of the bucket that Velero writes to."""

    key_arn: pulumi.Input[str]
    """The ARN of the key that encrypts the bucket."""

    prefix: NotRequired[str]
    """The folder in the bucket; the whole bucket when left out."""

    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of the role."""


class VolumeSnapshotsArgs(TypedDict):
    """Snapshots of volumes through CSI."""

    mode: NotRequired[VolumesMode]
    """What happens to volumes. Default: none."""

    snapshot_controller: NotRequired[VolumesSnapshotController]
    """`addon` makes the EKS add-on, `existing` uses the one that the cluster has. Default: addon."""

    snapshot_controller_version: NotRequired[str]
    """The add-on's version; the cluster's default when left out."""

    cluster_name: pulumi.Input[str]
    """The cluster's name in EKS."""

    auto_mode: NotRequired[bool]
    """Whether it is an EKS Auto Mode cluster, whose volumes have another driver. Default: false."""

    tags: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Tags of the add-on."""


class VeleroReleaseArgs(TypedDict):
    """Velero itself: its namespace, the password of its repositories, and the Helm release."""

    namespace: NotRequired[str]
    """Velero's namespace, made here and for Velero alone. Default: velero."""

    name: NotRequired[str]
    """The release's name. Default: velero."""

    service_account: NotRequired[str]
    """The server's service account, which the role trusts. Default: velero-server."""

    chart: NotRequired[Chart]
    """The Helm chart: where from and exactly which."""

    image: NotRequired[Image]
    """The Velero server's image: by its tag, by its digest, or by both."""

    plugin: NotRequired[Plugin]
    """The image of velero-plugin-for-aws, written as the server's is."""

    image_pull_secrets: NotRequired[Sequence[str]]
    """Secrets in Velero's namespace that every Pod of the release pulls its images with."""

    allow_untested_kubernetes: NotRequired[bool]
    """Whether a Kubernetes version outside the tested ones is a warning only. Default: false."""

    resources: NotRequired[Resources]
    """Requests and limits of the server. A backup of 5,000 objects peaked at 141 MB; no CPU limit, since a restore is
    bound by CPU and a throttled one is a longer outage."""

    priority_class: NotRequired[str]
    """The pod's priority class. Default: system-cluster-critical."""

    disruption_budget: NotRequired[bool]
    """Whether a PodDisruptionBudget keeps the one replica where it is; it holds up node drains. Default: true."""

    client_qps: NotRequired[int]
    """The server's requests a second to the API server. They limit the speed of a restore. Default: 1000."""

    client_burst: NotRequired[int]
    """Its requests in one burst. Default: 1000."""

    log_level: NotRequired[ReleaseLogLevel]
    """What the server logs. Default: info."""

    timeout_seconds: NotRequired[int]
    """How long the release may take. Default: 600."""

    helm_values_overrides: NotRequired[Mapping[str, Any]]
    """Chart values that no setting covers, merged over the others. Each is checked; see docs/reference/overrides.md."""

    bucket: pulumi.Input[str]
    """The bucket that Velero writes to."""

    prefix: NotRequired[str]
    """The folder in the bucket; the whole bucket when left out."""

    region: NotRequired[pulumi.Input[str]]
    """The bucket's region; the AWS provider's when left out."""

    role_arn: NotRequired[pulumi.Input[str]]
    """The role that the service account is annotated with (mode `irsa`); none with Pod Identity."""

    csi_snapshots: NotRequired[bool]
    """Whether volumes are backed up by CSI snapshots. It needs the VolumeSnapshot CRDs: without them every backup fails
    in part. Default: false."""

    s3_url: NotRequired[str]
    """Another S3 endpoint than AWS's own for the region."""

    s3_force_path_style: NotRequired[bool]
    """Whether the bucket's name is in the path, not in the host's name. Default: false."""

    repository_password: NotRequired[pulumi.Input[str]]
    """The password of the backup repositories; one is made when left out. Keep a copy outside the cluster."""

    protect: NotRequired[bool]
    """Whether namespace and password are protected from deletion, and the password stays when it is removed from the
    program. Default: true."""


class VeleroValuesArgs(TypedDict):
    """The Helm values of a Velero that another tool installs, such as Argo CD or Flux."""

    namespace: NotRequired[str]
    """Velero's namespace, made here and for Velero alone. Default: velero."""

    name: NotRequired[str]
    """The release's name. Default: velero."""

    service_account: NotRequired[str]
    """The server's service account, which the role trusts. Default: velero-server."""

    chart: NotRequired[Chart]
    """The Helm chart: where from and exactly which."""

    image: NotRequired[Image]
    """The Velero server's image: by its tag, by its digest, or by both."""

    plugin: NotRequired[Plugin]
    """The image of velero-plugin-for-aws, written as the server's is."""

    image_pull_secrets: NotRequired[Sequence[str]]
    """Secrets in Velero's namespace that every Pod of the release pulls its images with."""

    allow_untested_kubernetes: NotRequired[bool]
    """Whether a Kubernetes version outside the tested ones is a warning only. Default: false."""

    resources: NotRequired[Resources]
    """Requests and limits of the server. A backup of 5,000 objects peaked at 141 MB; no CPU limit, since a restore is
    bound by CPU and a throttled one is a longer outage."""

    priority_class: NotRequired[str]
    """The pod's priority class. Default: system-cluster-critical."""

    disruption_budget: NotRequired[bool]
    """Whether a PodDisruptionBudget keeps the one replica where it is; it holds up node drains. Default: true."""

    client_qps: NotRequired[int]
    """The server's requests a second to the API server. They limit the speed of a restore. Default: 1000."""

    client_burst: NotRequired[int]
    """Its requests in one burst. Default: 1000."""

    log_level: NotRequired[ReleaseLogLevel]
    """What the server logs. Default: info."""

    timeout_seconds: NotRequired[int]
    """How long the release may take. Default: 600."""

    helm_values_overrides: NotRequired[Mapping[str, Any]]
    """Chart values that no setting covers, merged over the others. Each is checked; see docs/reference/overrides.md."""

    bucket: pulumi.Input[str]
    """The bucket that Velero writes to."""

    prefix: NotRequired[str]
    """The folder in the bucket; the whole bucket when left out."""

    region: NotRequired[pulumi.Input[str]]
    """The bucket's region; the AWS provider's when left out."""

    role_arn: NotRequired[pulumi.Input[str]]
    """The role that the service account is annotated with (mode `irsa`); none with Pod Identity."""

    csi_snapshots: NotRequired[bool]
    """Whether volumes are backed up by CSI snapshots. It needs the VolumeSnapshot CRDs: without them every backup fails
    in part. Default: false."""

    s3_url: NotRequired[str]
    """Another S3 endpoint than AWS's own for the region."""

    s3_force_path_style: NotRequired[bool]
    """Whether the bucket's name is in the path, not in the host's name. Default: false."""


class BackupSchedulesArgs(TypedDict):
    """Velero's Schedules. The cluster has Velero's CRDs already: let this part depend on what installs them."""

    namespace: NotRequired[str]
    """Velero's namespace. Default: velero."""

    schedules: Mapping[str, Schedule]
    """The schedules by name."""

    velero_version: NotRequired[str]
    """The Velero that runs them: from 1.18.3 on it reads a cron in another way. Default: 1.18.3."""

    snapshot_volumes: NotRequired[bool]
    """Whether backups take CSI snapshots of volumes. Default: false."""
