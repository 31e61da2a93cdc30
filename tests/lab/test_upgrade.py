"""A stack that the first edition deployed, under the program of today: nothing is made, replaced or deleted, and what
changes is the release in place, which gets the images that are pinned since.

`data/first-edition.tar.gz` is `git archive` of the first edition's last commit (`gunzip -c … | git get-tar-commit-id`
names it): its program, its components and two of its stack files. A copy, since CI's clone may be a shallow one, and
the program, since a state exported once would lead to a cluster and an account that are no longer there.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from velero_on_eks.adoption import BUCKET_SETTINGS
from velero_on_eks.settings.versions import PINNED_PLUGIN, PINNED_VELERO

from lab.deployment import PROJECT, Deployment
from lab.environment import LabEnvironment, running_lab

pytestmark = pytest.mark.lab

FIRST_EDITION = Path(__file__).parent / "data" / "first-edition.tar.gz"
LOGS = "access-logs"
VELERO = "/apis/velero.io/v1/namespaces/velero"
CLASS = "VolumeSnapshotClass"
TAKEN_BACK = (
    "kubernetes:core/v1:Namespace",
    "kubernetes:velero.io/v1:Schedule",
    f"kubernetes:snapshot.storage.k8s.io/v1:{CLASS}",
)
CLASSES = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses"
MARKED = (
    "/api/v1/namespaces/velero",
    "/api/v1/namespaces/velero/secrets/velero-repo-credentials",
    # Helm writes one more of these for each upgrade of the release, and keeps the first.
    "/api/v1/namespaces/velero/secrets/sh.helm.release.v1.velero.v1",
    "/apis/apps/v1/namespaces/velero/deployments/velero",
)


def local(lab: LabEnvironment, config: dict[str, Any]) -> None:
    """The rehearsal's own stack: IRSA, no volumes, one schedule, a bucket that may go."""


def production(lab: LabEnvironment, config: dict[str, Any]) -> None:
    """Everything else at once: Pod Identity, snapshots on Auto Mode, access logs, two schedules, protection."""
    config["velero-eks:cluster"] |= {
        "name": lab.cluster.name,
        "account": lab.cloud.account,
        "context": lab.cluster.name,
        "oidcIssuer": lab.cluster.control_plane.issuer,
    }
    config["velero-eks:identity"] = {"mode": "pod-identity"}
    config["velero-eks:storage"]["accessLogs"]["bucket"] = LOGS


@pytest.fixture(scope="module", params=[local, production], ids=["local", "production"])
def first(request, programs, chart, tmp_path_factory) -> Iterator[Deployment]:
    """A stack as the first edition left it, whose workspace now has the program of today."""
    project = tmp_path_factory.mktemp("first-edition")
    with tarfile.open(FIRST_EDITION) as archive:
        archive.extractall(project, filter="data")
    stack = {local: "local", production: "prod"}[request.param]
    with running_lab(programs, tmp_path_factory.mktemp("upgrade") / "lab", keep=True) as lab:
        _prepare(lab)
        made = Deployment(
            lab, stack=stack, stack_file=project / "stacks" / f"Pulumi.{stack}.yaml", chart=chart, program=project
        )
        made.prepare(lambda config: request.param(lab, config))
        made.up()
        made.run_program_of(PROJECT)
        yield made


def _prepare(lab: LabEnvironment) -> None:
    """What a stack with snapshots and access logs finds in its cluster and account."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {
        "plural": "volumesnapshotclasses",
        "singular": "volumesnapshotclass",
        "kind": "VolumeSnapshotClass",
        "listKind": "VolumeSnapshotClassList",
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    lab.cluster.api.apply_all(
        [
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {
                    "name": "volumesnapshotclasses.snapshot.storage.k8s.io",
                    "annotations": {
                        "api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter"
                    },
                },
                "spec": {
                    "group": "snapshot.storage.k8s.io",
                    "scope": "Cluster",
                    "names": names,
                    "versions": [version],
                },
            }
        ]
    )
    s3, configuration = lab.cloud.client("s3"), {"LocationConstraint": lab.cloud.region}
    s3.create_bucket(Bucket=LOGS, CreateBucketConfiguration=configuration)
    deliver = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Resource": f"arn:aws:s3:::{LOGS}/*",
    }
    s3.put_bucket_policy(Bucket=LOGS, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deliver]}))


def steps(deployment: Deployment) -> list[tuple[str, str]]:
    """What a preview would do that is more than leaving a resource as it is: operation, and the type and name."""
    found: list[tuple[str, str]] = []
    for step in deployment.preview().document["steps"]:
        _, _, types, name = step["urn"].split("::")
        if step["op"] != "same":
            found.append((step["op"], f"{types.rpartition('$')[2]} {name}"))
    return found


def marks(lab: LabEnvironment) -> dict[str, Any]:
    """What would be another if anything were recreated."""
    api, cloud = lab.cluster.api, lab.cloud
    objects = [api.request("GET", path) for path in MARKED] + api.list(f"{VELERO}/schedules") + api.list(CLASSES)
    uids = {f"{found['kind']} {found['metadata']['name']}": found["metadata"]["uid"] for found in objects}
    iam = cloud.client("iam")
    return {
        "uids": uids,
        "password": api.request("GET", MARKED[1])["data"],
        "releases": sorted(
            found["metadata"]["name"]
            for found in api.list("/api/v1/namespaces/velero/secrets")
            if found["type"] == "helm.sh/release.v1"
        ),
        "buckets": {each["Name"]: each["CreationDate"] for each in cloud.client("s3").list_buckets()["Buckets"]},
        "keys": sorted(each["KeyId"] for each in cloud.client("kms").list_keys()["Keys"]),
        "roles": {each["RoleName"]: each["RoleId"] for each in iam.list_roles()["Roles"]},
    }


def images(lab: LabEnvironment) -> list[str]:
    """What the deployed server and its plugin are made of, without the registry."""
    pod = lab.cluster.api.request("GET", MARKED[3])["spec"]["template"]["spec"]
    return [found["image"].removeprefix("docker.io/") for found in (*pod["containers"], *pod["initContainers"])]


def refusals(deployment: Deployment) -> set[str]:
    """What the bucket's policy refuses by now."""
    bucket = deployment.outputs()["bucket"]
    policy = deployment.lab.cloud.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    return {one["Sid"] for one in json.loads(policy)["Statement"]}


def test_the_upgrade_changes_images_and_refusals_in_place_and_leaves_everything_else_as_it_is(first):
    # A component's recorded outputs may change; they are in the state alone.
    changed = [step for step in steps(first) if not _of_the_state_alone(*step)]
    assert {operation for operation, _ in changed} == {"update"}
    # What the program owns in the cluster it takes back by force since: an annotation on each of them.
    taken_back = [step for step in changed if step[1].rpartition(" ")[0] in TAKEN_BACK]
    made = [name for name in marks(first.lab)["uids"] if name.split()[0] in ("Namespace", "Schedule", CLASS)]
    assert len(taken_back) == len(made)
    assert sorted(set(changed) - set(taken_back)) == [
        ("update", "aws:s3/bucketPolicy:BucketPolicy velero"),
        ("update", f"{BUCKET_SETTINGS['encryption']} velero"),
        ("update", "kubernetes:helm.sh/v3:Release velero"),
    ]
    former = {"RefusePlainHttp", "RefuseOtherEncryption", "RefuseOtherKey"}
    assert refusals(first) == former
    assert images(first.lab) == ["velero/velero:v1.18.2", "velero/velero-plugin-for-aws:v1.14.2"]

    before = marks(first.lab)
    first.up()
    assert images(first.lab) == [f"velero/velero:{PINNED_VELERO}", f"velero/velero-plugin-for-aws:{PINNED_PLUGIN}"]
    after = marks(first.lab)
    assert after.pop("releases") == [*before.pop("releases"), "sh.helm.release.v1.velero.v2"]
    assert after == before

    # And no one who deploys it is shut out: break-glass is only there where it was asked for.
    assert refusals(first) == former | {"RefuseKmsWithoutKey", "RefuseCustomerKey", "RefuseArchive"}
    assert steps(first) == []
    deployed = json.loads(first.state())["checkpoint"]["latest"]["resources"]
    components = {found["type"] for found in deployed if not found["custom"]} - {"pulumi:pulumi:Stack"}
    assert "velero-eks:index:VeleroOnEks" in components
    assert {kind.partition(":")[0] for kind in components} == {"velero-eks"}


def _of_the_state_alone(operation: str, resource: str) -> bool:
    return operation == "update" and resource.startswith(("velero-eks:index:", "pulumi:pulumi:Stack"))
