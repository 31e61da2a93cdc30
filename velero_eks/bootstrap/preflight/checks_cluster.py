"""Checks of the cluster: what is installed there already, whether volumes can be snapshotted, who may do what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from velero_on_eks.adoption import FIELDS, SCHEDULE
from velero_on_eks.documents.kubernetes import (
    AUTO_MODE_DRIVER,
    REPOSITORY_SECRET,
    SNAPSHOT_CLASS,
    SNAPSHOT_CONTROLLER,
    STANDARD_DRIVER,
    STORAGE_LOCATION,
)
from velero_on_eks.settings import Cron
from velero_on_eks.settings.coverage import namespaces_of
from velero_on_eks.settings.objectives import filters
from velero_on_eks.settings.versions import CronLibrary, cron_library

from velero_eks.aws.eks import SERVING, Addon, ClusterFacts, Unknown
from velero_eks.bootstrap.preflight.check import Case, Finding, NotAsked, known
from velero_eks.bootstrap.preflight.cluster import LEFT_OUT_LABEL, SNAPSHOT_CLASS_MARK
from velero_eks.bootstrap.preflight.facts import Claim, Kubernetes
from velero_eks.terminal import words
from velero_eks.velero.installation import SNAPSHOT_GROUP, Server
from velero_eks.velero.records import GROUP, Schedule, undecodable

_SNAPSHOT_KINDS = ("VolumeSnapshot", "VolumeSnapshotClass", "VolumeSnapshotContent")
# Neighbours that a message names.
_NAMED = 5
_IN_TREE = "in-tree "
_CLAIMS = frozenset({"persistentvolumeclaims", "persistentvolumeclaim", "pvc"})
_EBS = frozenset({AUTO_MODE_DRIVER, STANDARD_DRIVER})


def access(case: Case) -> Iterator[Finding]:
    """The API server lets the caller in, and a named context leads to this cluster's."""
    found = case.facts.kubernetes
    caller, context, eks = case.facts.aws.caller, case.settings.cluster.context, case.facts.aws.cluster
    if not isinstance(found, Unknown):
        yield from _other_cluster(case, found)
        return
    if context:
        remedy = f"fix the kubeconfig context {context}, or the connection to its API server"
        if found.refused:
            who = f"kubectl --context {context} auth whoami"
            remedy = f"give the context {context} a user with this right; see who it is: {who}"
        yield Finding("error", found.why, remedy)
        return
    if isinstance(caller, Unknown) or caller.account != case.settings.cluster.account:
        raise NotAsked("no AWS credentials for this account")
    if eks is None or (not isinstance(eks, Unknown) and eks.status not in SERVING):
        # Told by the check of the cluster, with the remedy: the API server comes and goes with it.
        raise NotAsked(found.why)
    yield Finding("error", found.why, _way_in(eks, refused=found.refused))


def _other_cluster(case: Case, found: Kubernetes) -> Iterator[Finding]:
    context, wanted = case.settings.cluster.context, case.settings.cluster.oidc_issuer
    if not context or wanted is None:
        return
    issuer = found.issuer
    if isinstance(issuer, Unknown):
        raise NotAsked(f"whether the context {context} points to {case.settings.cluster.name}: {issuer.why}")
    if issuer and issuer != wanted:
        yield Finding(
            "error",
            f"the context {context} points to another cluster: its tokens are issued by {issuer}, and those of"
            f" {case.settings.cluster.name} by {wanted}",
            "fix cluster.context; see 'kubectl config get-contexts'",
        )


def _way_in(eks: ClusterFacts | Unknown, *, refused: bool) -> str:
    if isinstance(eks, Unknown):
        return "fix the rights of your role in AWS first: it needs eks:DescribeCluster"
    if not refused:
        return (
            "run this where the API server can be reached (its network, a VPN), or add your address to"
            " the cluster's publicAccessCidrs"
        )
    if eks.access_mode == "CONFIG_MAP":
        return "add your role to the ConfigMap kube-system/aws-auth"
    return (
        f"aws eks create-access-entry --cluster-name {eks.name} --principal-arn ROLE, and give it rights:"
        f" aws eks associate-access-policy --cluster-name {eks.name} --principal-arn ROLE --access-scope type=cluster"
        f" --policy-arn arn:{eks.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    )


def rights(case: Case) -> Iterator[Finding]:
    """The caller may make what the first `up` makes."""
    missing = known(case.kubernetes.missing_rights)
    if missing:
        yield Finding(
            "error",
            f"the API server does not allow you to: {'; '.join(missing)}",
            "ask for a role with these rights; AmazonEKSClusterAdminPolicy has them all",
        )


def installed(case: Case) -> Iterator[Finding]:
    """No other Velero, and none of its CRDs, is in the way."""
    settings, kubernetes = case.settings, case.kubernetes
    release = (settings.release.namespace, settings.release.name)
    for velero in known(kubernetes.installed):
        if velero.release == release and velero.by == "helm":
            continue
        yield from _in_the_way(velero, settings.release.namespace)
    if known(kubernetes.release):
        what = f"the Helm release {'/'.join(release)}"
        yield from case.taken(what, FIELDS["release"], settings.adopt.release)
    for definition in known(kubernetes.definitions):
        if not definition.name.endswith(f".{GROUP}"):
            continue
        if definition.deleting:
            yield Finding(
                "error",
                f"the CRD {definition.name} is being deleted, and its objects block that",
                f"list them: kubectl get {definition.name} -A; a finalizer waits for a removed Velero",
            )
        elif definition.operator:
            yield Finding(
                "error",
                f"the CRD {definition.name} is managed by an operator ({definition.operator}), which undoes the"
                " chart's changes",
                "remove the operator's subscription first; the CRDs and their objects remain",
            )


def _in_the_way(velero: Server, namespace: str) -> Iterator[Finding]:
    if velero.by == "operator":
        yield Finding(
            "error",
            f"an operator runs a Velero as {velero} ({velero.image}) and would undo this stack's changes",
            "remove the operator's subscription and its DataProtectionApplication first",
        )
    elif velero.namespace == namespace:
        made = f"the Helm release {velero.release[1]}" if velero.release else "'velero install', or by hand"
        remedy = (
            f"set release.name: {velero.release[1]} and adopt it"
            if velero.release
            else f"kubectl -n {namespace} delete deployment/{velero.name} && kubectl -n {namespace} delete"
            " backupstoragelocation/default; its Backups and Schedules remain"
        )
        yield Finding("error", f"a Velero runs as {velero} ({velero.image}), made by {made}", remedy)
    else:
        yield Finding(
            "warning",
            f"another Velero runs as {velero} ({velero.image}); they share the CRDs, which this stack would take over",
            "remove the other, or set release.namespace to its namespace and adopt it",
        )


def namespace(case: Case) -> Iterator[Finding]:
    """Velero's namespace, its Secret and its schedules are free or ours."""
    settings, kubernetes = case.settings, case.kubernetes
    name = settings.release.namespace
    found = known(kubernetes.namespace)
    if found is None:
        return
    if found.phase != "Active":
        yield Finding(
            "error",
            f"the namespace {name} is {found.phase}: nothing can be created in it",
            f"wait until it is gone; if it remains, see its Restores' finalizers: kubectl -n {name} get restores",
        )
        return
    yield from case.taken(f"the namespace {name}", FIELDS["namespace"], settings.adopt.namespace)
    neighbours = known(kubernetes.neighbours)
    if settings.adopt.namespace and neighbours:
        yield Finding(
            "warning",
            f"the namespace {name} has other workloads: {_listed(neighbours)}. It is never backed up,"
            " its labels stay, so no Pod Security level applies to Velero, and 'pulumi destroy' keeps it",
            "set release.namespace to a namespace for Velero alone, or move the others",
        )
    if known(kubernetes.secret):
        what = f"the Secret {name}/{REPOSITORY_SECRET}"
        yield from case.taken(what, FIELDS["repository_secret"], settings.adopt.repository_secret)
    yield from _other_bucket(case)
    for schedule in known(kubernetes.schedules):
        if schedule.namespace == name and schedule.name in settings.schedules:
            adopted = schedule.name in settings.adopt.schedules
            what = f"the Schedule {name}/{schedule.name}"
            yield from case.taken(what, SCHEDULE, adopted, name=f"velero-{schedule.name}")


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _other_bucket(case: Case) -> Iterator[Finding]:
    storage, release = case.settings.storage, case.settings.release
    for location in known(case.kubernetes.locations):
        if (location.namespace, location.name) != (release.namespace, STORAGE_LOCATION):
            continue
        if (location.bucket, location.prefix) != (str(case.names.bucket), storage.prefix or ""):
            place = f"{location.bucket}/{location.prefix}" if location.prefix else location.bucket
            prefix = f" and storage.prefix: {location.prefix}" if location.prefix else ""
            yield Finding(
                "warning",
                f"the cluster's Velero keeps its backups in {place}: with another bucket they disappear from"
                " the cluster but remain there",
                f"to keep using them, set storage.bucket: {location.bucket}{prefix}, then {case.adopt_command}",
            )


def stopping_schedules(case: Case) -> Iterator[Finding]:
    """No Schedule in the cluster stops the controller, nor runs without end."""
    for schedule in known(case.kubernetes.schedules):
        where = f"Schedule {schedule.namespace}/{schedule.name}"
        for field in undecodable(schedule):
            place = f"-n {schedule.namespace} schedule.velero.io/{schedule.name}"
            yield Finding(
                "error",
                f"{where}: {field.field} = {field.value!r} stops every Schedule of the cluster ({field.problem})",
                f"kubectl patch {place} --type merge -p '{field.patch}'"
                if field.patch
                else f"fix or delete it: kubectl edit {place}",
            )
        yield from _cron(where, schedule, _library(case, schedule.namespace))


def _library(case: Case, namespace: str) -> CronLibrary:
    """By the server that runs a namespace's Schedules now; where none does, by the one that is to be installed."""
    installed = case.kubernetes.installed
    there = () if isinstance(installed, Unknown) else installed
    running = next((velero.version for velero in there if velero.namespace == namespace), "")
    return cron_library(running or case.settings.release.image.release)


def _cron(where: str, schedule: Schedule, library: CronLibrary) -> Iterator[Finding]:
    if schedule.paused:
        return
    try:
        cron = Cron.parse(schedule.cron, library=library, allow_never=True)
    except ValueError as error:
        yield Finding(
            "warning", f"{where}: Velero cannot read its cron, so it never runs: {error}", "fix it, or delete it"
        )
        return
    if cron.endless is not None:
        yield Finding("error", f"{where}: {cron.endless.limit}", "fix it, pause it, or delete it")


def snapshots(case: Case) -> Iterator[Finding]:
    """In a CSI mode, the snapshot CRDs and one controller are there or will be made."""
    settings, kubernetes = case.settings, case.kubernetes
    if settings.volumes.mode != "csi-snapshot":
        return
    served = known(kubernetes.served)
    missing = [kind for kind in _SNAPSHOT_KINDS if f"{SNAPSHOT_GROUP}/{kind}" not in served]
    controllers = known(kubernetes.snapshot_controllers)
    cluster = case.facts.aws.cluster
    addon = cluster.addon(SNAPSHOT_CONTROLLER) if cluster and not isinstance(cluster, Unknown) else None
    if settings.volumes.snapshot_controller == "existing":
        if missing:
            yield Finding(
                "error",
                f"the cluster does not serve {', '.join(missing)}: every backup would be PartiallyFailed",
                "set volumes.snapshotController: addon, or install the snapshot CRDs first",
            )
        if not controllers and not isinstance(addon, Addon):
            yield Finding(
                "error",
                "no Deployment snapshot-controller: snapshots would never be ready",
                "set volumes.snapshotController: addon, or install the controller first",
            )
    elif isinstance(addon, Addon):
        yield from case.taken(
            f"the add-on {SNAPSHOT_CONTROLLER}", FIELDS["snapshot_controller"], settings.adopt.snapshot_controller
        )
    elif controllers and not isinstance(addon, Unknown):
        yield Finding(
            "error",
            f"a snapshot controller runs already ({', '.join(controllers)}); the add-on would add a second one",
            "set volumes.snapshotController: existing",
        )
    if known(kubernetes.snapshot_class):
        what = f"the VolumeSnapshotClass {SNAPSHOT_CLASS}"
        yield from case.taken(what, FIELDS["snapshot_class"], settings.adopt.snapshot_class)
    if settings.volumes.snapshot_controller == "addon" and isinstance(addon, Unknown):
        # Where it is there already, `up` stops at making it.
        raise NotAsked(addon.why)


def storage_class(case: Case) -> Iterator[Finding]:
    """The default StorageClass's driver, and the volumes that are there, fit the volume mode."""
    settings, kubernetes = case.settings, case.kubernetes
    driver = _driver(case)
    volumes = known(kubernetes.volumes)
    if settings.volumes.mode == "none":
        snapshottable = sum(count for name, count in volumes.items() if name in _EBS)
        if snapshottable:
            yield Finding(
                "warning",
                f"volumes.mode is none, and {words.count(snapshottable, 'EBS volume')} of the cluster would not be"
                " backed up",
                "set volumes.mode: csi-snapshot, or accept that their data is not backed up",
            )
        return
    if not settings.cluster.auto_mode and driver not in known(kubernetes.drivers):
        yield Finding(
            "error",
            f"the cluster has no CSI driver {driver}: its volumes cannot be snapshotted",
            "install the add-on aws-ebs-csi-driver, or set volumes.mode: none",
        )
    classes = known(kubernetes.storage_classes)
    default = next((each for each in classes if each.default), None)
    if default is not None and default.provisioner != driver:
        yield Finding(
            "error" if volumes.get(default.provisioner) or _in_tree(default.provisioner) else "warning",
            f"the default StorageClass {default.name} is of {default.provisioner}, and snapshots are made of {driver}"
            " volumes: its volumes would be skipped, and their backups PartiallyFailed",
            f"make a StorageClass of {driver} the default, and exclude volumes of the other",
        )
    # A claim is told by its name; the rest has none, or no schedule takes it.
    told = {claim.driver for claim in _without_snapshots(case)}
    told |= known(kubernetes.snapshot_drivers)
    others = {name: count for name, count in volumes.items() if name != driver and name not in told}
    if others:
        shown = ", ".join(f"{count} of {name}" for name, count in sorted(others.items()))
        yield Finding(
            "warning",
            f"some volumes are not of {driver} and cannot be snapshotted: {shown}",
            "exclude their claims from backups, or move their data",
        )


def claims(case: Case) -> Iterator[Finding]:
    """In a CSI mode, a snapshot can be taken of the volume of every claim that a schedule takes."""
    if case.settings.volumes.mode != "csi-snapshot":
        return
    found: dict[str, list[Claim]] = defaultdict(list)
    for claim in _without_snapshots(case):
        found[claim.driver].append(claim)
    for driver, of_it in sorted(found.items()):
        names = _listed(tuple(map(str, of_it)))
        first = of_it[0]
        label = f"'kubectl -n {first.namespace} label pvc/{first.name} {LEFT_OUT_LABEL}=true'"
        if driver.startswith(_IN_TREE):
            yield Finding(
                "error",
                f"claims on {driver} volumes: {names}. Velero ignores such volumes: its backups would"
                " be Completed without their data",
                f"move their data to a volume of {_driver(case)}; or back it up otherwise and"
                f" exclude claim and volume: {label} and 'kubectl label pv/{first.volume} {LEFT_OUT_LABEL}=true'",
            )
        else:
            yield Finding(
                "error",
                f"claims of {driver}: {names}. Velero finds no VolumeSnapshotClass of this driver: every backup"
                " that includes them would be PartiallyFailed and lack the claims",
                f"if the driver can take snapshots, create a VolumeSnapshotClass for it with the label"
                f' {SNAPSHOT_CLASS_MARK}: "true"; EFS, S3 and FSx for Lustre cannot: back up their data'
                f" otherwise, and exclude the claims: {label}",
            )
    able = _able(case)
    classes = [each for each in known(case.kubernetes.storage_classes) if not each.default]
    unable = tuple(f"{each.name} ({each.provisioner})" for each in classes if each.provisioner not in able)
    if unable:
        yield Finding(
            "warning",
            f"claims of these StorageClasses could not be snapshotted: {_listed(unable)}",
            f"give claims with data a class of {_driver(case)}",
        )


def _without_snapshots(case: Case) -> Iterator[Claim]:
    """The claims that a schedule takes, and that no snapshot can be taken of."""
    able = _able(case)
    for claim in sorted(known(case.kubernetes.claims)):
        if not (claim.left_out or claim.own_class or claim.driver in able) and _taken(case, claim.namespace):
            yield claim


def _able(case: Case) -> set[str]:
    """The drivers that Velero can have snapshots taken of."""
    return {_driver(case), *known(case.kubernetes.snapshot_drivers)}


def _taken(case: Case, namespace: str) -> bool:
    """Whether a schedule that runs takes the claims of a namespace."""
    return any(
        namespace in namespaces_of(filters(case.settings, schedule))
        and not _CLAIMS.intersection(kind.partition(".")[0].lower() for kind in schedule.excluded_resources)
        for schedule in case.settings.schedules.values()
        if not schedule.paused
    )


def _driver(case: Case) -> str:
    return AUTO_MODE_DRIVER if case.settings.cluster.auto_mode else STANDARD_DRIVER


def _in_tree(provisioner: str) -> bool:
    return provisioner.startswith("kubernetes.io/")
