"""What is read off a cluster for preflight, and that nothing is changed for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support import settings
from tests.velero_eks.bootstrap.api_server import SNAPSHOT_KINDS, VELERO_KINDS, ApiServer
from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight.cluster import cluster_facts
from velero_eks.bootstrap.preflight.facts import Definition, Kubernetes, Namespace, StorageClass
from velero_eks.errors import NotAllowed, Unreachable
from velero_eks.kube.client import Cluster
from velero_eks.velero.installation import Server

HELM = {"meta.helm.sh/release-name": "velero", "meta.helm.sh/release-namespace": "velero"}
POD = {"template": {"spec": {"containers": [{"image": "velero/velero:v1.18.2"}]}}}


def look(server: ApiServer, **sections) -> Kubernetes:
    found = cluster_facts(server.cluster, settings(**sections))
    assert isinstance(found, Kubernetes)
    return found


def test_an_empty_cluster_has_nothing_in_it():
    found = look(ApiServer())
    assert found.version == "v1.34.1-eks-1"
    assert (found.installed, found.definitions, found.schedules, found.backup_uids) == ((), (), (), frozenset())
    assert (found.namespace, found.secret, found.release, found.snapshot_class) == (None, False, False, False)
    assert found.missing_rights == ()


@pytest.mark.parametrize(
    ("metadata", "by", "release"),
    [
        ({"annotations": HELM}, "helm", ("velero", "velero")),
        ({}, "cli", None),
        ({"labels": {"olm.owner": "oadp-operator.v1.5"}}, "operator", None),
        ({"metadata": {"ownerReferences": [{"kind": "DataProtectionApplication"}]}}, "operator", None),
        ({"labels": {"openshift.io/oadp": "True"}, "annotations": HELM}, "operator", ("velero", "velero")),
    ],
)
def test_a_velero_is_told_by_who_made_it(metadata, by, release):
    server = ApiServer()
    labels = {"component": "velero", **metadata.get("labels", {})}
    server.add("Deployment", "velero", "velero", spec=POD, **{**metadata, "labels": labels})
    server.add("Deployment", "shop", "shop", spec=POD, labels={"component": "shop"})
    expected = Server(namespace="velero", name="velero", image="velero/velero:v1.18.2", by=by, release=release)
    assert look(server).installed == (expected,)


def test_only_the_definitions_of_velero_and_of_snapshots_are_looked_at():
    server = ApiServer()
    server.add("CustomResourceDefinition", "backups.velero.io", labels={"olm.managed": "true"})
    server.add("CustomResourceDefinition", "restores.velero.io", metadata={"deletionTimestamp": "2026-11-23T00:00:00Z"})
    server.add("CustomResourceDefinition", "volumesnapshots.snapshot.storage.k8s.io")
    server.add("CustomResourceDefinition", "notvelero.io.example.com")
    assert look(server).definitions == (
        Definition(name="backups.velero.io", operator="olm.managed"),
        Definition(name="restores.velero.io", deleting=True),
        Definition(name="volumesnapshots.snapshot.storage.k8s.io"),
    )


def test_what_velero_left_is_read_with_the_uids_of_its_backups():
    server = ApiServer(*VELERO_KINDS)
    server.add("Namespace", "velero", status={"phase": "Terminating"})
    server.add("Secret", "velero-repo-credentials", "velero")
    server.add("Secret", "sh.helm.release.v1.velero.v3", "velero", labels={"owner": "helm", "name": "velero"})
    server.add("Schedule", "daily", "velero", spec={"schedule": "@daily"})
    server.add("Backup", "daily-20261123020000", "velero")
    server.add("Backup", "of-another-velero", "elsewhere")
    server.add("BackupStorageLocation", "default", "velero", spec={"objectStorage": {"bucket": "b"}})
    found = look(server)
    assert found.namespace == Namespace("Terminating", datetime(2026, 11, 1, tzinfo=UTC).timestamp())
    assert (found.secret, found.release) == (True, True)
    assert isinstance(found.schedules, tuple)
    assert isinstance(found.locations, tuple)
    assert [(each.name, each.cron) for each in found.schedules] == [("daily", "@daily")]
    assert found.backup_uids == {"uid-of-daily-20261123020000"}
    assert [each.bucket for each in found.locations] == ["b"]


def test_a_release_of_another_name_is_not_this_one():
    server = ApiServer()
    server.add("Secret", "sh.helm.release.v1.other.v1", "velero", labels={"owner": "helm", "name": "other"})
    assert look(server).release is False


def test_snapshots_storage_classes_and_volumes_are_read():
    server = ApiServer(*SNAPSHOT_KINDS)
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    server.add("StorageClass", "gp2", provisioner="kubernetes.io/aws-ebs")
    server.add("StorageClass", "gp3", provisioner="ebs.csi.aws.com", annotations=default)
    server.add("CSIDriver", "ebs.csi.aws.com")
    server.add("VolumeSnapshotClass", "velero-ebs")
    server.add("Deployment", "snapshot-controller", "kube-system", spec=POD)
    for number in range(3):
        server.add("PersistentVolume", f"pv-{number}", spec={"csi": {"driver": "ebs.csi.aws.com"}})
    server.add("PersistentVolume", "old", spec={"awsElasticBlockStore": {"volumeID": "vol-1"}})
    found = look(server)
    assert found.storage_classes == (
        StorageClass(name="gp2", provisioner="kubernetes.io/aws-ebs"),
        StorageClass(name="gp3", provisioner="ebs.csi.aws.com", default=True),
    )
    assert found.drivers == {"ebs.csi.aws.com"}
    assert found.snapshot_class is True
    assert found.snapshot_controllers == ("kube-system/snapshot-controller",)
    assert found.volumes == {"ebs.csi.aws.com": 3, "in-tree awsElasticBlockStore": 1}
    assert isinstance(found.served, frozenset)
    assert "snapshot.storage.k8s.io/VolumeSnapshot" in found.served


def test_claims_are_read_with_their_driver_and_what_tells_velero_of_their_snapshots():
    server = ApiServer(*SNAPSHOT_KINDS)
    left_out, mark = {"velero.io/exclude-from-backup": "true"}, "velero.io/csi-volumesnapshot-class"

    def claim(name: str, source: dict, **metadata) -> None:
        to = {"claimRef": {"namespace": "shop", "name": name}}
        server.add("PersistentVolume", f"pv-{name}", spec={**source, **to}, labels=metadata.pop("of_volume", {}))
        server.add("PersistentVolumeClaim", name, "shop", **metadata)

    efs, ebs = ({"csi": {"driver": f"{name}.csi.aws.com"}} for name in ("efs", "ebs"))
    gp2 = {"awsElasticBlockStore": {"volumeID": "vol-1"}}
    claim("files", efs)
    claim("cache", efs, labels=left_out)
    claim("not-by-its-volume", efs, of_volume=left_out)
    claim("old", gp2, labels=left_out)
    claim("older", gp2, of_volume=left_out)
    claim("own", ebs, annotations={mark: "of-ebs"})
    claim("wrong", efs, annotations={mark: "of-ebs"})
    server.add("PersistentVolume", "free", spec=gp2)
    server.add("VolumeSnapshotClass", "of-ebs", driver="ebs.csi.aws.com", labels={mark: "true"})
    server.add("VolumeSnapshotClass", "only", driver="fsx.openzfs.csi.aws.com")
    for name in ("first", "second"):
        server.add("VolumeSnapshotClass", name, driver="two.example.com")
        default = {"snapshot.storage.kubernetes.io/is-default-class": "true"} if name == "first" else {}
        server.add("VolumeSnapshotClass", f"default-{name}", driver="default.example.com", annotations=default)
    found = look(server)
    assert isinstance(found.claims, tuple)
    assert {(each.name, each.driver, each.left_out, each.own_class) for each in found.claims} == {
        ("files", "efs.csi.aws.com", False, False),
        ("cache", "efs.csi.aws.com", True, False),
        ("not-by-its-volume", "efs.csi.aws.com", False, False),
        ("old", "in-tree awsElasticBlockStore", False, False),
        ("older", "in-tree awsElasticBlockStore", True, False),
        ("own", "ebs.csi.aws.com", False, True),
        ("wrong", "efs.csi.aws.com", False, False),
    }
    assert found.snapshot_drivers == {"ebs.csi.aws.com", "fsx.openzfs.csi.aws.com", "default.example.com"}


def test_a_caller_with_less_than_everything_is_asked_for_each_right():
    def allowed(attributes):
        return attributes["resource"] in ("secrets", "deployments", "schedules") and attributes.get("namespace")

    found = look(ApiServer(allowed=allowed), volumes={"mode": "csi-snapshot"}).missing_rights
    assert isinstance(found, tuple)
    assert "create namespaces" in found
    assert "bind clusterroles.rbac.authorization.k8s.io" in found
    assert "create poddisruptionbudgets.policy in velero" in found
    assert "create volumesnapshotclasses.snapshot.storage.k8s.io" in found
    assert not [right for right in found if right.split()[1] in ("secrets", "deployments.apps", "schedules.velero.io")]


def test_a_right_that_is_missing_leaves_one_fact_unknown_and_not_the_others():
    server = ApiServer()
    server.add("StorageClass", "gp3", provisioner="ebs.csi.aws.com")
    server.refuse("persistentvolumes", 403, 'forbidden: User "me" cannot list resource "persistentvolumes"')
    found = look(server)
    assert isinstance(found.volumes, Unknown)
    assert "persistentvolumes" in found.volumes.why
    assert found.storage_classes == (StorageClass(name="gp3", provisioner="ebs.csi.aws.com"),)


def test_a_cluster_that_does_not_answer_is_unknown_as_a_whole():
    class Silent(ApiServer):
        def send(self, *arguments, **keywords):
            raise Unreachable("shop: no answer")

    assert cluster_facts(Cluster(Silent()), settings()) == Unknown("shop: no answer")


def test_whose_cluster_it_is_is_asked_where_a_context_leads_there():
    server = ApiServer()
    server.issuer = "https://issuer"
    assert look(server).issuer is None
    assert look(server, cluster={"context": "shop-admin"}).issuer == "https://issuer"
    server.issuer = ""
    assert isinstance(look(server, cluster={"context": "shop-admin"}).issuer, Unknown)


def test_a_caller_who_is_not_let_in_is_told_from_a_server_that_is_not_reached():
    class Closed(ApiServer):
        def send(self, *arguments, **keywords):
            raise NotAllowed("the API server does not know these credentials (401)")

    found = cluster_facts(Cluster(Closed()), settings())
    assert isinstance(found, Unknown)
    assert found.refused


def test_looking_changes_nothing():
    server = ApiServer(*VELERO_KINDS, *SNAPSHOT_KINDS)
    look(server)
    assert server.methods == {"GET"}


def test_who_else_lives_in_an_adopted_namespace_is_named_and_velero_is_not():
    server = ApiServer()
    server.add("Namespace", "velero")
    server.add("Deployment", "velero", "velero", labels={"component": "velero"})
    server.add("DaemonSet", "node-agent", "velero", labels={"name": "node-agent"})
    server.add("Job", "maintain", "velero", labels={"app.kubernetes.io/name": "velero"})
    server.add("Deployment", "shop", "velero", labels={"app": "shop"})
    server.add("StatefulSet", "database", "velero")
    server.add("CronJob", "report", "velero")
    server.add("Job", "report-1", "velero", metadata={"ownerReferences": [{"kind": "CronJob", "name": "report"}]})
    server.add("Pod", "by-hand", "velero")
    server.add("Pod", "elsewhere", "shop")
    found = look(server, adopt={"namespace": "velero"})
    assert found.neighbours == ("Deployment shop", "StatefulSet database", "CronJob report", "Pod by-hand")
    assert look(server).neighbours == ()
