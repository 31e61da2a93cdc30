"""The real Velero server gets into its bucket as its service account's role, and only when IAM agrees."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.environment import LabEnvironment, running_lab
from lab.processes import wait_until
from lab.programs import require_programs
from velero_eks.kube.objects import Object

pytestmark = pytest.mark.lab

LIMIT = 120.0
BUCKET = "velero-identity"
LOCATION = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default"
POD_IDENTITY = {
    "Effect": "Allow",
    "Action": ["sts:AssumeRole", "sts:TagSession"],
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-service-account": "velero-server"}},
}


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def irsa(lab: LabEnvironment, account: str) -> Object:
    issuer = lab.cluster.control_plane.issuer.removeprefix("https://")
    subject = f"system:serviceaccount:velero:{account}"
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{lab.cloud.account}:oidc-provider/{issuer}"},
        "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}},
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabEnvironment]:
    """A lab with Velero's kinds, an encrypted bucket, and a role with the rights of a Velero, no more."""
    programs = require_programs()
    with running_lab(programs, tmp_path_factory.mktemp("lab")) as lab:
        printed = subprocess.run(
            [programs.velero, "install", "--crds-only", "--dry-run", "-o", "yaml"],
            env={"PATH": "/usr/bin:/bin", "HOME": str(lab.directory)},
            capture_output=True,
            timeout=LIMIT,
            check=True,
        )
        lab.cluster.api.apply_all(yaml.safe_load(printed.stdout)["items"])
        s3, iam = lab.cloud.client("s3"), lab.cloud.client("iam")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": lab.cloud.region})
        key = lab.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
        iam.create_role(RoleName="velero", AssumeRolePolicyDocument=document(POD_IDENTITY))
        objects = {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
        listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
        crypt = {
            "Effect": "Allow",
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": key,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{lab.cloud.region}.amazonaws.com"}},
        }
        policy = document(objects, listing, crypt)
        iam.put_role_policy(RoleName="velero", PolicyName="storage", PolicyDocument=policy)
        yield lab


def install(lab: LabEnvironment, trust: Object, *, annotated: bool) -> None:
    """Velero in a fresh namespace, with the role's trust policy and the service account as given."""
    api = lab.cluster.api
    api.delete("/api/v1/namespaces/velero")
    wait_until(lambda: api.find("/api/v1/namespaces/velero") is None, seconds=LIMIT, what="the namespace was gone")
    lab.cloud.client("iam").update_assume_role_policy(RoleName="velero", PolicyDocument=document(trust))
    role = f"arn:aws:iam::{lab.cloud.account}:role/velero"
    annotations = {"eks.amazonaws.com/role-arn": role} if annotated else {}
    account = {"name": "velero-server", "namespace": "velero"}
    labels = {"app": "velero"}
    container = {
        "name": "velero",
        "image": "velero/velero:v1.18.2",
        "command": ["/velero"],
        "args": ["server"],
        "volumeMounts": [{"name": "plugins", "mountPath": "/plugins"}],
    }
    plugin = {
        "name": "aws",
        "image": "velero/velero-plugin-for-aws:v1.14.2",
        "volumeMounts": [{"name": "plugins", "mountPath": "/target"}],
    }
    pod = {
        "serviceAccountName": "velero-server",
        "initContainers": [plugin],
        "containers": [container],
        "volumes": [{"name": "plugins", "emptyDir": {}}],
    }
    location = {"region": lab.cloud.region, "s3Url": lab.cloud.endpoint, "s3ForcePathStyle": "true"}
    api.apply_all(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "velero"}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**account, "annotations": annotations}},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "velero"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "ServiceAccount", **account}],
            },
            {
                "apiVersion": "velero.io/v1",
                "kind": "BackupStorageLocation",
                "metadata": {"name": "default", "namespace": "velero"},
                "spec": {
                    "provider": "aws",
                    "default": True,
                    "objectStorage": {"bucket": BUCKET},
                    "config": location,
                },
            },
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "velero", "namespace": "velero"},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
            },
        ]
    )
    lab.cluster.wait_until_available("velero", "velero", LIMIT)


def status(lab: LabEnvironment) -> Object:
    """The location's status, once Velero has looked at it."""
    wait_until(
        lambda: "phase" in (lab.cluster.api.find(LOCATION) or {}).get("status", {}),
        seconds=LIMIT,
        what="Velero had looked at its location",
    )
    return (lab.cluster.api.find(LOCATION) or {})["status"]


def phase_of_a_backup(lab: LabEnvironment) -> str:
    api = lab.cluster.api
    path = "/apis/velero.io/v1/namespaces/velero/backups/one"
    spec = {"includedNamespaces": ["default"], "storageLocation": "default", "ttl": "1h0m0s"}
    metadata = {"name": "one", "namespace": "velero"}
    api.apply({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": metadata, "spec": spec})
    ended = {"Completed", "PartiallyFailed", "Failed", "FailedValidation"}

    def phase() -> str:
        return str((api.find(path) or {}).get("status", {}).get("phase", ""))

    wait_until(lambda: phase() in ended, seconds=LIMIT, what="the backup ended")
    # The next namespace of that name starts with an empty bucket, or the backup would come back by itself.
    s3 = lab.cloud.client("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    return phase()


def test_irsa_lets_velero_back_up_with_no_more_than_its_rights(lab: LabEnvironment) -> None:
    install(lab, irsa(lab, "velero-server"), annotated=True)
    assert status(lab)["phase"] == "Available"
    assert phase_of_a_backup(lab) == "Completed"


def test_a_trust_policy_for_another_service_account_makes_the_location_unavailable(lab: LabEnvironment) -> None:
    install(lab, irsa(lab, "velero"), annotated=True)
    found = status(lab)
    assert found["phase"] == "Unavailable"
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in found["message"]


def test_pod_identity_lets_velero_back_up(lab: LabEnvironment) -> None:
    association = {
        "clusterName": lab.cluster.name,
        "namespace": "velero",
        "serviceAccount": "velero-server",
        "roleArn": f"arn:aws:iam::{lab.cloud.account}:role/velero",
    }
    associations: Path = lab.cloud.associations
    associations.write_text(json.dumps({"podIdentityAssociations": {"a-1": association}}))
    try:
        install(lab, POD_IDENTITY, annotated=False)
        assert status(lab)["phase"] == "Available"
        assert phase_of_a_backup(lab) == "Completed"
    finally:
        associations.unlink()
