"""What the cluster, other stacks and this machine can have in the way: what provokes a finding, what clears it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from velero_on_eks.adoption import FIELDS, SCHEDULE
from velero_on_eks.settings import Refusal

from tests.support import ISSUER
from tests.velero_eks.bootstrap.cases import MADE
from tests.velero_eks.bootstrap.spoilt import (
    ACTIVE,
    BUCKET,
    CONTEXT,
    CSI,
    CSI_EXISTING,
    FINE_TTL,
    HELM,
    IN_STATE,
    SNAPSHOT_KINDS,
    Finds,
    location,
    schedule,
    state,
    velero,
)
from velero_eks.aws.eks import Addon, Unknown
from velero_eks.bootstrap.preflight.facts import Claim, Contents, Definition, Namespace, StorageClass
from velero_eks.project.backend import Backend
from velero_eks.project.engine import StackState

EFS = Claim(driver="efs.csi.aws.com", namespace="shop", name="files", volume="pv-2")
GP2 = Claim(driver="in-tree awsElasticBlockStore", namespace="shop", name="data", volume="pv-1")


def without(pattern: str) -> dict[str, Any]:
    """A daily schedule of all namespaces but those of a pattern, and an objective that does without them."""
    daily = {"cron": "@daily", "keep": "30d", "excludedNamespaces": [pattern]}
    return {"schedules": {"daily-backup": daily}, "recovery": {"excludedNamespaces": [pattern]}}


TABLE = [
    Finds(
        "access",
        {"kubernetes": Unknown("shop: the API server does not know these credentials", refused=True)},
        {},
        "does not know these credentials",
        "aws eks create-access-entry --cluster-name shop",
    ),
    Finds(
        "access",
        {"kubernetes": Unknown("refused", refused=True), "cluster": {"access_mode": "CONFIG_MAP"}},
        {"cluster": {"access_mode": "CONFIG_MAP"}},
        "refused",
        "kube-system/aws-auth",
    ),
    Finds("access", {"kubernetes": Unknown("it did not answer in time")}, {}, "did not answer", "publicAccessCidrs"),
    Finds(
        "access",
        {"kubernetes": Unknown("AWS refused it"), "cluster": Unknown("AWS refused it")},
        {},
        "AWS refused it",
        "eks:DescribeCluster",
    ),
    Finds(
        "access",
        {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/STAGING"},
        {"issuer": ISSUER},
        "the context shop-admin points to another cluster: its tokens are issued by https://oidc.eks.eu-west-1",
        "fix cluster.context",
        settings=CONTEXT,
    ),
    Finds("access", {"kubernetes": Unknown("no context")}, {}, "no context", "context shop-admin", settings=CONTEXT),
    Finds(
        "rights",
        {"missing_rights": ("create namespaces", "bind clusterroles.rbac.authorization.k8s.io")},
        {"missing_rights": ()},
        "create namespaces; bind clusterroles.rbac.authorization.k8s.io",
        "AmazonEKSClusterAdminPolicy",
    ),
    Finds(
        "namespace",
        {"namespace": ACTIVE, "neighbours": tuple(f"Deployment shop-{number}" for number in range(7))},
        {"namespace": ACTIVE, "neighbours": ()},
        "the namespace velero has other workloads: Deployment shop-0, Deployment shop-1, Deployment shop-2, Deployment"
        " shop-3, Deployment shop-4 and 2 more",
        "a namespace for Velero alone",
        severity="warning",
        settings={"adopt": {"namespace": "velero"}},
    ),
    Finds(
        "shared-location",
        {
            "conflicts": (
                Refusal(
                    "place-of-another-stack",
                    "stacks/Pulumi.dr.yaml writes to the same bucket and prefix",
                    "give each cluster its own",
                ),
            )
        },
        {},
        "stacks/Pulumi.dr.yaml writes to the same bucket and prefix",
        "give each cluster its own",
    ),
    Finds(
        "shared-location",
        {"contents": Contents(backups=(("daily-1", "theirs", MADE + 60),), count=1), "namespace": ACTIVE},
        {
            "contents": Contents(backups=(("daily-1", "ours", MADE + 60),), count=1),
            "backup_uids": frozenset({"ours"}),
            "namespace": ACTIVE,
        },
        "another cluster writes there: backup daily-1 of",
        "its own bucket or prefix",
    ),
    Finds(
        "shared-location",
        {"contents": Contents(backups=(("daily-1", "theirs", MADE + 60),), count=1)},
        {"contents": Contents()},
        "another cluster writes there: backup daily-1 of",
        "If a Velero removed from this cluster made it: velero-eks adopt prod",
    ),
    Finds(
        "shared-location",
        {"contents": Contents(backups=(("daily-1", "theirs", MADE - 60),), count=41)},
        {"contents": Contents()},
        "the bucket has 41 backups, and the newest that this Velero did not make is daily-1 of",
        "expected for a rebuilt cluster or Velero",
        "warning",
    ),
    Finds(
        "installed",
        {"installed": (velero(),)},
        {"installed": (HELM,)},
        "a Velero runs as velero/velero (velero/velero:v1.15.0), made by 'velero install', or by hand",
        "kubectl -n velero delete deployment/velero",
    ),
    Finds(
        "installed",
        {"installed": (velero(by="helm", release=("velero", "backup")),)},
        {"installed": (HELM,)},
        "made by the Helm release backup",
        "set release.name: backup",
    ),
    Finds(
        "installed",
        {"installed": (velero(namespace="openshift-adp", by="operator"),)},
        {"installed": ()},
        "an operator runs a Velero as openshift-adp/velero",
        "DataProtectionApplication",
    ),
    Finds(
        "installed",
        {"installed": (velero(namespace="backup"),)},
        {"installed": ()},
        "another Velero runs as backup/velero",
        "release.namespace",
        "warning",
    ),
    Finds(
        "installed",
        {"release": True, "installed": (HELM,)},
        {"release": True, "installed": (HELM,), "state": IN_STATE},
        "the Helm release velero/velero already exists",
        "velero-eks adopt prod",
    ),
    Finds(
        "installed",
        {"definitions": (Definition(name="restores.velero.io", deleting=True),)},
        {"definitions": (Definition(name="restores.velero.io"),)},
        "the CRD restores.velero.io is being deleted",
        "kubectl get restores.velero.io -A",
    ),
    Finds(
        "installed",
        {"definitions": (Definition(name="backups.velero.io", operator="oadp-operator.v1.5"),)},
        {"definitions": (Definition(name="volumesnapshots.snapshot.storage.k8s.io", operator="other"),)},
        "the CRD backups.velero.io is managed by an operator (oadp-operator.v1.5)",
        "remove the operator's subscription",
    ),
    Finds(
        "namespace",
        {"namespace": Namespace("Terminating", MADE)},
        {},
        "the namespace velero is Terminating",
        "get restores",
    ),
    Finds(
        "namespace",
        {"namespace": ACTIVE},
        {"namespace": ACTIVE, "state": IN_STATE},
        "the namespace velero already exists",
        "velero-eks adopt prod",
    ),
    Finds(
        "namespace",
        {"namespace": ACTIVE, "state": state(FIELDS["namespace"]), "secret": True},
        {"namespace": ACTIVE, "state": IN_STATE, "secret": True},
        "the Secret velero/velero-repo-credentials already exists",
        "velero-eks adopt prod",
    ),
    Finds(
        "namespace",
        {"namespace": ACTIVE, "state": IN_STATE, "locations": (location("old-bucket", "shop"),)},
        {"namespace": ACTIVE, "state": IN_STATE, "locations": (location(BUCKET),)},
        "the cluster's Velero keeps its backups in old-bucket/shop",
        "set storage.bucket: old-bucket and storage.prefix: shop, then velero-eks adopt prod",
        "warning",
    ),
    Finds(
        "namespace",
        {"namespace": ACTIVE, "state": IN_STATE, "schedules": (schedule({}, "daily-backup"),)},
        {
            "namespace": ACTIVE,
            "state": StackState({**IN_STATE.resources, (SCHEDULE, "velero-daily-backup"): "velero/daily-backup"}),
            "schedules": (schedule({}, "daily-backup"), schedule({}, "someone-elses")),
        },
        "the Schedule velero/daily-backup already exists",
        "velero-eks adopt prod",
    ),
    Finds(
        "schedules",
        {"schedules": (schedule({"schedule": "0 2 * * *", "template": {"ttl": "30d"}}),)},
        {"schedules": (FINE_TTL,)},
        "Schedule velero/by-hand: spec.template.ttl = '30d' stops every Schedule of the cluster",
        """schedule.velero.io/by-hand --type merge -p '{"spec":{"template":{"ttl":"720h0m0s"}}}'""",
    ),
    Finds(
        "schedules",
        {"schedules": (schedule({"schedule": "0 2 * * *", "template": {"ttl": "forever"}}),)},
        {"schedules": (FINE_TTL,)},
        "spec.template.ttl = 'forever' stops every Schedule",
        "kubectl edit -n velero schedule.velero.io/by-hand",
    ),
    Finds(
        "schedules",
        {"schedules": (schedule({"schedule": "0 0 30 2 *"}),)},
        {"schedules": (schedule({"schedule": "0 0 30 2 *", "paused": True}),)},
        "cron '0 0 30 2 *' never runs: none of its months has that day; Velero then backs up in a loop",
        "pause it",
    ),
    Finds(
        "schedules",
        {"schedules": (schedule({"schedule": "0 2 * * 8"}),)},
        {"schedules": (FINE_TTL,)},
        "Velero cannot read its cron, so it never runs",
        "fix it",
        "warning",
    ),
    Finds(
        "snapshots",
        {"snapshot_controllers": ("kube-system/snapshot-controller",)},
        {"snapshot_controllers": ("kube-system/snapshot-controller",), "served": SNAPSHOT_KINDS},
        "does not serve VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent",
        "snapshotController: addon",
        settings=CSI_EXISTING,
    ),
    Finds(
        "snapshots",
        {"served": SNAPSHOT_KINDS},
        {"served": SNAPSHOT_KINDS, "snapshot_controllers": ("kube-system/snapshot-controller",)},
        "no Deployment snapshot-controller",
        "snapshotController: addon",
        settings=CSI_EXISTING,
    ),
    Finds(
        "snapshots",
        {"snapshot_controllers": ("storage/snapshot-controller",)},
        {"snapshot_controllers": ("storage/snapshot-controller",), "served": SNAPSHOT_KINDS},
        "a snapshot controller runs already (storage/snapshot-controller)",
        "snapshotController: existing",
        settings=CSI,
        cleared_settings=CSI_EXISTING,
    ),
    Finds(
        "snapshots",
        {"cluster": {"addons": {"snapshot-controller": Addon("v8", "ACTIVE")}}},
        {"cluster": {"addons": {"snapshot-controller": Addon("v8", "ACTIVE")}}, "state": IN_STATE},
        "the add-on snapshot-controller already exists",
        "velero-eks adopt prod",
        settings=CSI,
    ),
    Finds(
        "snapshots",
        {"snapshot_class": True},
        {"snapshot_class": True, "state": IN_STATE},
        "the VolumeSnapshotClass velero-ebs already exists",
        "velero-eks adopt prod",
        settings=CSI,
    ),
    Finds(
        "storage-class",
        {"volumes": {"ebs.csi.aws.com": 12}},
        {"volumes": {"efs.csi.aws.com": 2}},
        "volumes.mode is none, and 12 EBS volumes of the cluster would not be backed up",
        "volumes.mode: csi-snapshot",
        "warning",
    ),
    Finds(
        "storage-class",
        {"drivers": frozenset()},
        {},
        "the cluster has no CSI driver ebs.csi.aws.com",
        "aws-ebs-csi-driver",
        settings=CSI,
    ),
    Finds(
        "storage-class",
        {"storage_classes": (StorageClass(name="gp2", provisioner="kubernetes.io/aws-ebs", default=True),)},
        {},
        "the default StorageClass gp2 is of kubernetes.io/aws-ebs",
        "make a StorageClass of ebs.csi.aws.com the default",
        settings=CSI,
    ),
    Finds(
        "storage-class",
        {
            "cluster": {"auto_mode": True},
            "storage_classes": (StorageClass(name="gp3", provisioner="ebs.csi.aws.com", default=True),),
        },
        {
            "cluster": {"auto_mode": True},
            "storage_classes": (StorageClass(name="auto", provisioner="ebs.csi.eks.amazonaws.com", default=True),),
        },
        "snapshots are made of ebs.csi.eks.amazonaws.com volumes",
        "make a StorageClass of ebs.csi.eks.amazonaws.com the default",
        "warning",
        settings={"cluster": {"autoMode": True}, **CSI},
    ),
    Finds(
        "storage-class",
        {"volumes": {"ebs.csi.aws.com": 3, "efs.csi.aws.com": 2}},
        {"volumes": {"ebs.csi.aws.com": 3}},
        "cannot be snapshotted: 2 of efs.csi.aws.com",
        "exclude their claims",
        "warning",
        settings=CSI,
    ),
    # A claim that Velero cannot snapshot, and each way in which it can, or need not.
    *(
        Finds(
            "claims",
            {"claims": (EFS,), **provoked},
            {"claims": (EFS,), **cleared},
            "claims of efs.csi.aws.com: shop/files. Velero finds no VolumeSnapshotClass of this driver: every backup",
            "'kubectl -n shop label pvc/files velero.io/exclude-from-backup=true'",
            settings=CSI,
        )
        for provoked, cleared in (
            ({}, {"snapshot_drivers": frozenset({"efs.csi.aws.com"})}),
            ({"snapshot_drivers": frozenset({"fsx.csi.aws.com"})}, {"claims": (replace(EFS, left_out=True),)}),
            ({}, {"claims": (replace(EFS, own_class=True),)}),
            ({}, {"claims": (replace(EFS, driver="ebs.csi.aws.com"),)}),
            # Velero's own namespace is never taken.
            ({}, {"claims": (replace(EFS, namespace="velero"),)}),
        )
    ),
    # A schedule leaves a namespace out by a pattern, too.
    Finds(
        "claims",
        {"claims": (EFS,)},
        {"claims": (EFS,)},
        "claims of efs.csi.aws.com: shop/files",
        "create a VolumeSnapshotClass for it",
        settings={**CSI, **without("pay-*")},
        cleared_settings={**CSI, **without("sh*")},
    ),
    *(
        Finds(
            "claims",
            {"claims": (replace(GP2, driver=f"in-tree {source}"),)},
            {"claims": (replace(GP2, left_out=True),)},
            f"claims on in-tree {source} volumes: shop/data. Velero ignores such volumes",
            "'kubectl label pv/pv-1 velero.io/exclude-from-backup=true'",
            settings=CSI,
        )
        for source in ("awsElasticBlockStore", "nfs", "hostPath", "local")
    ),
    Finds(
        "claims",
        {"claims": (replace(GP2, driver="ebs.csi.aws.com"),), "cluster": {"auto_mode": True}},
        {"claims": (replace(GP2, driver="ebs.csi.eks.amazonaws.com"),), "cluster": {"auto_mode": True}},
        "claims of ebs.csi.aws.com: shop/data",
        "create a VolumeSnapshotClass for it",
        settings={"cluster": {"autoMode": True}, **CSI},
    ),
    Finds(
        "claims",
        {"storage_classes": (StorageClass(name="efs", provisioner="efs.csi.aws.com"),)},
        {"storage_classes": (StorageClass(name="io2", provisioner="ebs.csi.aws.com"),)},
        "claims of these StorageClasses could not be snapshotted: efs (efs.csi.aws.com)",
        "give claims with data a class of ebs.csi.aws.com",
        "warning",
        settings=CSI,
    ),
    Finds(
        "tools",
        {"engine": Unknown("the Pulumi CLI is not on PATH")},
        {},
        "the Pulumi CLI is not on PATH",
        "install it",
        "warning",
    ),
    Finds(
        "tools",
        {"engine": (3, 173, 0)},
        {"engine": (3, 174, 0)},
        "the Pulumi CLI is 3.173.0, and adopting needs 3.174.0",
        "upgrade the Pulumi CLI",
        settings={"adopt": {"bucket": BUCKET}},
    ),
    Finds("tools", {"state": None}, {}, "the stack is not initialised", "pulumi stack init prod", "warning"),
    Finds("tools", {"state": Unknown("no passphrase")}, {}, "could not be read: no passphrase", "login", "warning"),
    Finds(
        "tools",
        {"uv": False},
        {"uv": None},
        "uv is not on PATH, and 'pulumi up' starts the program with it",
        "run: curl -LsSf https://astral.sh/uv/install.sh | sh",
    ),
    Finds(
        "tools",
        {"uv": False, "uv_folder": "/shop/.tools/uv/bin"},
        {"uv_folder": "/shop/.tools/uv/bin"},
        "uv is not on PATH",
        'run: export PATH="/shop/.tools/uv/bin:$PATH"',
    ),
    Finds(
        "tools",
        {"deploys": "0.9.0"},
        {"deploys": "1.0.0"},
        "this tool is of release 1.0.0, and pyproject.toml deploys velero-on-eks 0.9.0",
        "run: uv tool install velero-eks==0.9.0, or: uv add velero-on-eks==1.0.0",
        "warning",
    ),
    Finds(
        "backend",
        {"backend": Backend(url=None, logged_in=False)},
        {"backend": Backend(url="s3://states")},
        "Pulumi is not logged in: nothing says where the stack's state is kept",
        "run: pulumi login (Pulumi Cloud), or: pulumi login 's3://BUCKET?region=eu-west-1'",
    ),
    Finds(
        "backend",
        {"backend": Backend(url="https://pulumi.acme.example", logged_in=False)},
        {"backend": Backend(url="https://pulumi.acme.example")},
        "Pulumi is not logged in to https://pulumi.acme.example",
        "run: pulumi login https://pulumi.acme.example",
    ),
    Finds(
        "backend",
        {"backend": Backend(url="s3://states", passphrase=False)},
        {"backend": Backend(url="s3://states", passphrase=False, provider="awskms://alias/pulumi")},
        "the stack's secrets are encrypted with a passphrase",
        "run: export PULUMI_CONFIG_PASSPHRASE_FILE=FILE",
        "warning",
    ),
    Finds(
        "backend",
        {"backend": Backend(passphrase=False, provider="passphrase"), "state": None},
        {"backend": Backend(passphrase=False)},
        "the stack's secrets are encrypted with a passphrase",
        "pulumi stack init prod --secrets-provider='awskms://alias/NAME?region=eu-west-1'",
        "warning",
    ),
    Finds(
        "backend",
        {"backend": Backend(url="s3://states", passphrase=False, passphrase_file="/run/secrets/passphrase")},
        {"backend": Backend(url="s3://states")},
        "PULUMI_CONFIG_PASSPHRASE_FILE names /run/secrets/passphrase, which does not exist",
        "run: export PULUMI_CONFIG_PASSPHRASE_FILE=FILE",
    ),
    Finds("tools", {"aws_cli": False}, {}, "the AWS CLI is not on PATH", "kubeconfig context"),
    Finds(
        "tools",
        {"aws_cli": False},
        {"aws_cli": False},
        "the AWS CLI is not on PATH",
        "cluster.context",
        cleared_settings=CONTEXT,
    ),
]
