"""Every finding of preflight: what provokes it, and what clears it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from components.adoption import FIELDS, SCHEDULE
from tests.support import ACCOUNT
from tests.velero_eks.bootstrap.cases import FACTS, MADE, PROVIDER, ROLE, facts, results
from velero_eks.bootstrap.observed import Bucket, Caller, Contents, Definition, Installed, Key, StorageClass
from velero_eks.cluster.engine import State
from velero_eks.cluster.facts import Addon, OidcProvider, Unknown
from velero_eks.operations.records import Location, Schedule

BUCKET = f"velero-shop-{ACCOUNT}-eu-west-1"
KEY_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CSI = {"volumes": {"mode": "csi-snapshot"}}
CSI_EXISTING = {"volumes": {"mode": "csi-snapshot", "snapshotController": "existing"}}
POD_IDENTITY = {"identity": {"mode": "pod-identity"}}
OWN_KEY = {"storage": {"kmsKeyArn": KEY_ARN}}
LOGS = {"storage": {"accessLogs": {"bucket": "logs-of-the-account"}}}
CONTEXT = {"cluster": {"context": "shop-admin"}}
SNAPSHOT_KINDS = frozenset(
    f"snapshot.storage.k8s.io/{kind}" for kind in ("VolumeSnapshot", "VolumeSnapshotClass", "VolumeSnapshotContent")
)
BOUNDARY = {"identity": {"permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/bounds"}}


def bucket(**changes: Any) -> Bucket:
    return Bucket(**{"name": BUCKET, "owned": True, "region": "eu-west-1", **changes})


def key(**changes: Any) -> Key:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    given = {
        "arn": KEY_ARN,
        "state": "Enabled",
        "manager": "CUSTOMER",
        "usage": "ENCRYPT_DECRYPT",
        "spec": "SYMMETRIC_DEFAULT",
        "policy": {"Statement": [root]},
    }
    return Key(**{**given, **changes})


def statement(principal: Any, *actions: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"}
    return {"policy": {"Statement": allow}}


def schedule(spec: dict[str, Any], name: str = "by-hand", namespace: str = "velero") -> Schedule:
    return Schedule({"metadata": {"name": name, "namespace": namespace}, "spec": spec})


def location(bucket: str, prefix: str = "") -> Location:
    place = {"bucket": bucket, **({"prefix": prefix} if prefix else {})}
    return Location({"metadata": {"name": "default", "namespace": "velero"}, "spec": {"objectStorage": place}})


def state(*types: str, name: str = "velero") -> State:
    return State({(each, name): "id" for each in types})


def velero(**changes: Any) -> Installed:
    image = {"namespace": "velero", "name": "velero", "image": "velero/velero:v1.15.0", "by": "cli"}
    return Installed(**{**image, **changes})


HELM = velero(by="helm", release=("velero", "velero"))
FINE_TTL = schedule({"schedule": "0 2 * * *", "template": {"ttl": "720h0m0s"}})
IN_STATE = state(*(type_ for name, type_ in FIELDS.items() if name != "key"))


@dataclass(frozen=True)
class Finds:
    """One finding: the facts that provoke it, the facts (or settings) that clear it, and what it says."""

    check: str
    provoked: dict[str, Any]
    cleared: dict[str, Any]
    said: str
    remedy: str
    severity: str = "error"
    settings: dict[str, Any] = field(default_factory=dict)
    cleared_settings: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.check}: {self.said}"


TABLE = [
    Finds(
        "credentials",
        {"caller": Unknown("asking for the caller's identity: no AWS credentials were found")},
        {},
        "no AWS credentials were found",
        "aws sso login",
    ),
    Finds(
        "credentials",
        {"caller": Caller("999988887777", "arn:aws:iam::999988887777:user/me")},
        {},
        f"are of account 999988887777 (arn:aws:iam::999988887777:user/me), and the stack is of {ACCOUNT}",
        "AWS_PROFILE",
    ),
    Finds(
        "credentials",
        {"caller": Caller(ACCOUNT, f"arn:aws-cn:iam::{ACCOUNT}:user/me")},
        {},
        "of partition aws-cn, and eu-west-1 lies in aws",
        "mend aws:region",
    ),
    Finds("cluster", {"cluster": None}, {}, "eu-west-1 has no EKS cluster shop", "mend cluster.name"),
    Finds("cluster", {"cluster": {"status": "UPDATING"}}, {}, "is UPDATING, not ACTIVE", "wait for it"),
    Finds(
        "cluster",
        {"cluster": {"version": "1.35"}},
        {},
        "cluster.kubernetesVersion says 1.34, and EKS says 1.35",
        "velero-eks init prod --cluster shop --region eu-west-1",
    ),
    Finds("cluster", {"cluster": {"issuer": "https://other"}}, {}, "EKS says https://other", "velero-eks init"),
    Finds(
        "cluster",
        {"cluster": {"auto_mode": True}},
        {"cluster": {"auto_mode": True}},
        "cluster.autoMode says false, and EKS says true",
        "velero-eks init",
        cleared_settings={"cluster": {"autoMode": True}},
    ),
    Finds("cluster", {"cluster": {"account": "999988887777"}}, {}, "EKS says 999988887777", "velero-eks init"),
    Finds(
        "kubernetes-version",
        {"cluster": {"version": "1.36"}},
        {"cluster": {"version": "1.36"}},
        "the cluster runs Kubernetes 1.36; Velero 1.18 is tested on Kubernetes 1.33 to 1.35",
        "release.allowUntestedKubernetes: true",
        cleared_settings={"release": {"allowUntestedKubernetes": True}},
    ),
    Finds(
        "access",
        {"kubernetes": Unknown("shop: the API server does not know these credentials")},
        {},
        "does not know these credentials",
        "aws eks create-access-entry --cluster-name shop",
    ),
    Finds(
        "access",
        {"kubernetes": Unknown("refused"), "cluster": {"access_mode": "CONFIG_MAP"}},
        {"cluster": {"access_mode": "CONFIG_MAP"}},
        "refused",
        "kube-system/aws-auth",
    ),
    Finds("access", {"kubernetes": Unknown("no context")}, {}, "no context", "mend the way", settings=CONTEXT),
    Finds(
        "rights",
        {"missing_rights": ("create namespaces", "bind clusterroles.rbac.authorization.k8s.io")},
        {"missing_rights": ()},
        "create namespaces; bind clusterroles.rbac.authorization.k8s.io",
        "AmazonEKSClusterAdminPolicy",
    ),
    Finds(
        "identity",
        {"cluster": {"oidc_provider": None}},
        {},
        "IAM has no OIDC provider",
        "eksctl utils associate-iam-oidc-provider --cluster shop --region eu-west-1",
    ),
    Finds(
        "identity",
        {"cluster": {"oidc_provider": OidcProvider(PROVIDER, ("other",))}},
        {},
        "takes tokens for other and not for STS",
        "--client-id sts.amazonaws.com",
    ),
    Finds(
        "identity",
        {},
        {"cluster": {"addons": {"eks-pod-identity-agent": Addon("v1", "ACTIVE")}}},
        "has no Pod Identity agent",
        "aws eks create-addon --cluster-name shop --addon-name eks-pod-identity-agent",
        settings=POD_IDENTITY,
    ),
    Finds(
        "identity",
        {},
        {"cluster": {"auto_mode": True}},
        "has no Pod Identity agent",
        "create-addon",
        settings=POD_IDENTITY,
    ),
    Finds(
        "identity",
        {"cluster": {"addons": {"eks-pod-identity-agent": Addon("v1", "DEGRADED")}}},
        {"cluster": {"addons": {"eks-pod-identity-agent": Addon("v1", "ACTIVE")}}},
        "the add-on eks-pod-identity-agent is DEGRADED",
        "mend it in EKS",
        settings=POD_IDENTITY,
    ),
    Finds(
        "identity",
        {"cluster": {"addons": {"eks-pod-identity-agent": Addon("v1", "ACTIVE")}}, "association": "a-123"},
        {"cluster": {"addons": {"eks-pod-identity-agent": Addon("v1", "ACTIVE")}}},
        "a Pod Identity association of velero/velero-server (a-123) exists already",
        "velero-eks adopt prod",
        settings=POD_IDENTITY,
    ),
    Finds(
        "identity", {"role": ROLE}, {"role": ROLE, "state": IN_STATE}, "the role velero-shop-eu-west-1 exists", "adopt"
    ),
    Finds(
        "identity",
        {"role": ROLE},
        {"role": ROLE},
        "the role velero-shop-eu-west-1 exists already",
        "velero-eks adopt prod",
        cleared_settings={"adopt": {"role": "velero-shop-eu-west-1"}},
    ),
    Finds(
        "identity",
        {},
        {"boundary": f"arn:aws:iam::{ACCOUNT}:policy/bounds"},
        "identity.permissionsBoundary",
        "make the policy first",
        settings=BOUNDARY,
    ),
    Finds("bucket", {"bucket": bucket(owned=False)}, {}, "is taken by another account", "set storage.bucket"),
    Finds(
        "bucket",
        {"bucket": bucket(region="us-east-1"), "state": IN_STATE},
        {"bucket": bucket(), "state": IN_STATE},
        "lies in us-east-1, and the stack is of eu-west-1",
        "another name",
    ),
    Finds(
        "bucket",
        {"bucket": bucket()},
        {"bucket": bucket(), "state": IN_STATE},
        f"the bucket {BUCKET} exists already, and the stack's state does not have it",
        "velero-eks adopt prod",
    ),
    Finds(
        "bucket",
        {"bucket": bucket()},
        {"bucket": bucket()},
        "exists already",
        "velero-eks adopt prod",
        cleared_settings={"adopt": {"bucket": BUCKET}},
    ),
    Finds(
        "bucket",
        {"bucket": bucket(), "state": Unknown("not logged in")},
        {"bucket": bucket(tags={"velero-eks/cluster": "shop"}), "state": Unknown("not logged in")},
        "exists already, and the stack's state could not be read",
        "if this stack did not make it: velero-eks adopt prod",
        "warning",
    ),
    Finds(
        "bucket",
        {"bucket": bucket(), "state": IN_STATE, "contents": Contents(folders=("backups", "logs", "tmp"))},
        {"bucket": bucket(), "state": IN_STATE, "contents": Contents(folders=("backups", "kopia", "restores"))},
        "has folders that are not Velero's (logs, tmp)",
        "storage.prefix",
    ),
    Finds("key", {"key": None}, {"key": key()}, "does not exist", "mend the ARN", settings=OWN_KEY),
    Finds(
        "key",
        {"key": key(state="Disabled")},
        {"key": key()},
        "the key is Disabled, not Enabled",
        "aws kms enable-key --key-id 1234abcd-12ab-34cd-56ef-1234567890ab",
        settings=OWN_KEY,
    ),
    Finds(
        "key",
        {"key": key(state="PendingDeletion")},
        {"key": key()},
        "PendingDeletion",
        "cancel-key-deletion",
        settings=OWN_KEY,
    ),
    Finds("key", {"key": key(manager="AWS")}, {"key": key()}, "AWS manages this key", "customer", settings=OWN_KEY),
    Finds(
        "key",
        {"key": key(usage="SIGN_VERIFY", spec="RSA_2048")},
        {"key": key()},
        "RSA_2048 for SIGN_VERIFY",
        "symmetric key",
        settings=OWN_KEY,
    ),
    Finds(
        "key",
        {"key": key(**statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/somebody"}, "kms:*"))},
        {"key": key(**statement({"AWS": ROLE}, "kms:GenerateDataKey*", "kms:Decrypt"))},
        "allows neither the account nor Velero's role kms:GenerateDataKey and kms:Decrypt",
        f"arn:aws:iam::{ACCOUNT}:root",
        settings=OWN_KEY,
    ),
    Finds(
        "key",
        {"key": key(**statement({"AWS": ACCOUNT}, "kms:Decrypt"))},
        {"key": key(**statement("*", "kms:Decrypt", "KMS:GenerateDataKey"))},
        "allows neither",
        "allow them",
        settings=OWN_KEY,
    ),
    Finds(
        "key",
        {"alias_target": "1234"},
        {"alias_target": "1234", "state": IN_STATE},
        "the key alias alias/velero-shop exists already",
        "velero-eks adopt prod",
    ),
    Finds(
        "access-logs",
        {},
        {"logs": bucket(name="logs-of-the-account")},
        "storage.accessLogs.bucket logs-of-the-account does not exist",
        "make it first",
        settings=LOGS,
    ),
    Finds(
        "access-logs",
        {"logs": bucket(owned=False)},
        {"logs": bucket()},
        "is another account's",
        f"name a bucket of {ACCOUNT} in eu-west-1",
        settings=LOGS,
    ),
    Finds(
        "access-logs", {"logs": bucket(region="us-east-1")}, {"logs": bucket()}, "is in us-east-1", "", settings=LOGS
    ),
    Finds(
        "shared-location",
        {"conflicts": ("stacks/Pulumi.dr.yaml writes to the same bucket and prefix; give each cluster its own",)},
        {},
        "stacks/Pulumi.dr.yaml writes to the same bucket and prefix",
        "give each cluster its own",
    ),
    Finds(
        "shared-location",
        {"contents": Contents(backups=(("daily-1", "theirs", MADE + 60),), count=1)},
        {
            "contents": Contents(backups=(("daily-1", "ours", MADE + 60),), count=1),
            "backup_uids": frozenset({"ours"}),
        },
        "another cluster writes there: backup daily-1 of",
        "a bucket or prefix of its own",
    ),
    Finds(
        "shared-location",
        {"contents": Contents(backups=(("daily-1", "theirs", MADE - 60),), count=41)},
        {"contents": Contents()},
        "the bucket has 41 backups, the newest of another cluster daily-1 of",
        "meant for a cluster that was built again",
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
        "the Helm release velero/velero exists already",
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
        "the CRD backups.velero.io is kept by an operator (oadp-operator.v1.5)",
        "remove the operator's subscription",
    ),
    Finds("namespace", {"namespace": "Terminating"}, {}, "the namespace velero is Terminating", "get restores"),
    Finds(
        "namespace",
        {"namespace": "Active"},
        {"namespace": "Active", "state": IN_STATE},
        "the namespace velero exists already",
        "velero-eks adopt prod",
    ),
    Finds(
        "namespace",
        {"namespace": "Active", "state": state(FIELDS["namespace"]), "secret": True},
        {"namespace": "Active", "state": IN_STATE, "secret": True},
        "the Secret velero/velero-repo-credentials exists already",
        "velero-eks adopt prod",
    ),
    Finds(
        "namespace",
        {"namespace": "Active", "state": IN_STATE, "locations": (location("old-bucket", "shop"),)},
        {"namespace": "Active", "state": IN_STATE, "locations": (location(BUCKET),)},
        "the cluster's Velero keeps its backups in old-bucket/shop",
        "set storage.bucket: old-bucket and storage.prefix: shop, then velero-eks adopt prod",
        "warning",
    ),
    Finds(
        "namespace",
        {"namespace": "Active", "state": IN_STATE, "schedules": (schedule({}, "daily-backup"),)},
        {
            "namespace": "Active",
            "state": State({**IN_STATE.resources, (SCHEDULE, "velero-daily-backup"): "velero/daily-backup"}),
            "schedules": (schedule({}, "daily-backup"), schedule({}, "somebody-elses")),
        },
        "the Schedule velero/daily-backup exists already",
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
        "cron '0 0 30 2 *' never comes, and Velero then backs up without end",
        "pause it",
    ),
    Finds(
        "schedules",
        {"schedules": (schedule({"schedule": "0 2 * * 7"}),)},
        {"schedules": (FINE_TTL,)},
        "its cron is none to Velero, so it never runs",
        "mend it",
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
        "no snapshot controller runs",
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
        "the add-on snapshot-controller exists already",
        "velero-eks adopt prod",
        settings=CSI,
    ),
    Finds(
        "snapshots",
        {"snapshot_class": True},
        {"snapshot_class": True, "state": IN_STATE},
        "the VolumeSnapshotClass velero-ebs exists already",
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


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_it_is_found(case):
    result = results(facts(**case.provoked), **case.settings)[case.check]
    found = [finding for finding in result.findings if case.said in finding.message]
    assert [finding.severity for finding in found] == [case.severity], result
    assert case.remedy in found[0].remedy
    assert result.outcome == ("failed" if case.severity == "error" else "warning")


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_it_is_not_found_once_it_is_mended(case):
    mended = case.settings if case.cleared_settings is None else case.cleared_settings
    result = results(facts(**case.cleared), **mended)[case.check]
    assert [finding for finding in result.findings if case.said in finding.message] == []
    assert result.outcome == "passed", result


def test_a_stack_with_nothing_in_its_way_passes_every_check():
    assert {name: each.outcome for name, each in results(FACTS).items() if each.outcome != "passed"} == {}


def test_every_check_is_provoked_somewhere():
    assert {case.check for case in TABLE} == set(results(FACTS))


def test_every_finding_says_what_to_do():
    for case in TABLE:
        for finding in results(facts(**case.provoked), **case.settings)[case.check].findings:
            assert len(finding.remedy) > 10, finding


@pytest.mark.parametrize(
    ("unknown", "check"),
    [
        ("bucket", "bucket"),
        ("alias_target", "key"),
        ("role", "identity"),
        ("installed", "installed"),
        ("namespace", "namespace"),
        ("schedules", "schedules"),
        ("missing_rights", "rights"),
        ("volumes", "storage-class"),
    ],
)
def test_what_could_not_be_asked_is_told_as_that_and_not_as_fine(unknown, check):
    result = results(facts(**{unknown: Unknown("a right is missing")}))[check]
    assert (result.outcome, result.why) == ("not asked", "a right is missing")


def test_what_was_found_before_a_fact_was_missing_still_counts():
    result = results(facts(cluster={"oidc_provider": None}, role=Unknown("no right to read roles")))["identity"]
    assert result.outcome == "failed"
    assert result.why == "no right to read roles"


def test_without_credentials_the_cluster_is_not_asked_for_and_one_error_is_enough():
    nobody = Unknown("there are no AWS credentials")
    found = results(facts(caller=nobody, cluster=nobody, kubernetes=nobody))
    assert [name for name, each in found.items() if each.outcome == "failed"] == ["credentials"]
    assert found["access"].outcome == "not asked"


def test_a_named_context_needs_no_aws_credentials_to_reach_the_cluster():
    nobody = Unknown("there are no AWS credentials")
    found = results(facts(caller=nobody, cluster=nobody), **CONTEXT)
    assert found["namespace"].outcome == "passed"
