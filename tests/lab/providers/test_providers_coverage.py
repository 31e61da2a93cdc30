"""Whatever the program registers, a stand-in provider knows."""

from __future__ import annotations

import pytest
from velero_on_eks.settings import load_stack_file

from lab.deployment import STACK_FILE
from lab.providers.aws import RESOURCES
from lab.providers.kubernetes.kinds import RELEASE, group_version_kind
from lab.providers.random import TYPE_NAME
from tests.stacks import FILES
from velero_eks.plan.runner import run_stack
from velero_eks.project.project import Project

PROMISED = [
    "aws:eks/addon:Addon",
    "aws:eks/cluster:Cluster",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:kms/alias:Alias",
    "aws:kms/key:Key",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLogging:BucketLogging",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Secret",
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
    "kubernetes:velero.io/v1:Schedule",
    "random:index/randomPassword:RandomPassword",
]
"""The resource types that the components may register under some setting."""


def is_known(token: str) -> bool:
    if token.startswith("kubernetes:"):
        return token == RELEASE or bool(group_version_kind(token))
    return token in RESOURCES or token == TYPE_NAME


@pytest.mark.parametrize("token", PROMISED)
def test_a_type_of_the_components_is_known(token):
    assert is_known(token)


def test_every_resource_of_every_stack_is_known_with_the_inputs_it_has(root):
    project = Project.find(root)
    registered = {
        resource.type
        for path in (*FILES.values(), STACK_FILE)
        for resource in run_stack(project, load_stack_file(path)).recording.resources
        if resource.custom and not resource.type.startswith("pulumi:")
    }
    assert registered
    assert [token for token in sorted(registered) if not is_known(token)] == []
    assert registered <= set(PROMISED)
