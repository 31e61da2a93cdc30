"""Who may become Velero, and how the pod comes by it."""

from __future__ import annotations

from tests.support import ACCOUNT, document, record

BUCKET_ARN = f"arn:aws:s3:::velero-shop-{ACCOUNT}-eu-west-1"


def test_irsa_trusts_one_service_account_of_one_issuer():
    recording = record()
    trust = document(recording.one("aws:iam/role:Role"), "assumeRolePolicy")
    assert trust["Statement"][0]["Condition"] == {
        "StringEquals": {
            "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789:aud": "sts.amazonaws.com",
            "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789:sub": "system:serviceaccount:velero:velero-server",
        }
    }
    assert recording.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation") == []


def test_namespace_and_service_account_come_from_one_place():
    release = {"namespace": "backups", "serviceAccount": "backup-server"}
    recording = record(release=release)
    trust = document(recording.one("aws:iam/role:Role"), "assumeRolePolicy")
    subjects = [v for k, v in trust["Statement"][0]["Condition"]["StringEquals"].items() if k.endswith(":sub")]
    assert subjects == ["system:serviceaccount:backups:backup-server"]
    values = recording.one("kubernetes:helm.sh/v3:Release").inputs["values"]
    assert values["serviceAccount"]["server"]["name"] == "backup-server"
    assert recording.one("kubernetes:helm.sh/v3:Release").inputs["namespace"] == "backups"
    assert recording.one("kubernetes:core/v1:Namespace").inputs["metadata"]["name"] == "backups"


def test_the_service_account_is_annotated_with_the_role_under_irsa_only():
    def annotations(mode: str):
        recording = record(identity={"mode": mode})
        server = recording.one("kubernetes:helm.sh/v3:Release").inputs["values"]["serviceAccount"]["server"]
        return recording, server.get("annotations")

    recording, found = annotations("irsa")
    role = recording.one("aws:iam/role:Role")
    assert role.outputs is not None
    assert found == {"eks.amazonaws.com/role-arn": role.outputs["arn"]}
    _, found = annotations("pod-identity")
    assert found is None


def test_pod_identity_associates_the_same_service_account_before_the_release():
    recording = record(identity={"mode": "pod-identity"})
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    role = recording.one("aws:iam/role:Role")
    assert role.outputs is not None
    assert {k: association.inputs[k] for k in ("clusterName", "namespace", "serviceAccount", "roleArn")} == {
        "clusterName": "shop",
        "namespace": "velero",
        "serviceAccount": "velero-server",
        "roleArn": role.outputs["arn"],
    }
    assert association.urn in recording.one("kubernetes:helm.sh/v3:Release").options.depends_on


def test_pod_identity_trusts_the_cluster_namespace_and_service_account():
    trust = document(record(identity={"mode": "pod-identity"}).one("aws:iam/role:Role"), "assumeRolePolicy")
    assert trust["Statement"] == [
        {
            "Sid": "VeleroServiceAccount",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": ACCOUNT,
                    "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop",
                    "aws:RequestTag/kubernetes-namespace": "velero",
                    "aws:RequestTag/kubernetes-service-account": "velero-server",
                }
            },
        }
    ]


def test_the_permissions_are_inline_and_for_this_bucket_prefix_and_key_alone():
    recording = record(storage={"prefix": "clusters/shop"})
    key = recording.one("aws:kms/key:Key")
    assert key.outputs is not None
    policy = recording.one("aws:iam/rolePolicy:RolePolicy")
    assert policy.parent == recording.one("aws:iam/role:Role").urn
    resources = {s["Sid"]: s["Resource"] for s in document(policy)["Statement"]}
    assert resources == {
        "BackupObjects": f"{BUCKET_ARN}/clusters/shop/*",
        "ListBackups": BUCKET_ARN,
        "BackupKey": key.outputs["arn"],
    }


def test_every_arn_is_of_the_regions_partition():
    issuer = "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/EXAMPLE0123456789"
    recording = record(region="cn-north-1", cluster={"oidcIssuer": issuer})
    trust = document(recording.one("aws:iam/role:Role"), "assumeRolePolicy")
    assert trust["Statement"][0]["Principal"]["Federated"].startswith(
        f"arn:aws-cn:iam::{ACCOUNT}:oidc-provider/oidc.eks"
    )
    statements = document(recording.one("aws:iam/rolePolicy:RolePolicy"))["Statement"]
    assert all(s["Resource"].startswith("arn:aws-cn:") for s in statements)
    assert statements[2]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.cn-north-1.amazonaws.com.cn"}}
    values = recording.one("kubernetes:helm.sh/v3:Release").inputs["values"]
    location = values["configuration"]["backupStorageLocation"][0]
    assert location["config"]["s3Url"] == "https://s3.cn-north-1.amazonaws.com.cn"
