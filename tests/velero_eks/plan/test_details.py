"""The one line that a plan says of a resource: each word of it is true of the resource's inputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from velero_eks.plan import details
from velero_eks.plan.model import Options, Resource

ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
PUBLIC = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
KEY = "aws:kms/key:Key"
RELEASE = "kubernetes:helm.sh/v3:Release"
BLOCKS: dict[str, Any] = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
DEFAULT = {"sseAlgorithm": "aws:kms"}


def resource(type_: str, **inputs: Any) -> Resource:
    return Resource(f"urn:pulumi:s::p::{type_}::r", type_, "r", None, True, inputs, Options())


SAID: list[tuple[str, dict[str, Any], str, str]] = [
    ("aws:s3/bucket:Bucket", {"bucket": "b", "forceDestroy": True}, "Bucket b", "emptied when destroyed"),
    ("aws:s3/bucket:Bucket", {"bucket": "b", "forceDestroy": False}, "Bucket b", ""),
    ("aws:s3/bucketVersioning:BucketVersioning", {"versioningConfiguration": {"status": "Enabled"}}, "versioning",
     "enabled"),
    ("aws:s3/bucketVersioning:BucketVersioning", {"versioningConfiguration": {"status": "Suspended"}}, "versioning",
     "suspended"),
    (ENCRYPTION, {"rules": [{"applyServerSideEncryptionByDefault": DEFAULT, "bucketKeyEnabled": True}]}, "encryption",
     "aws:kms with a bucket key"),
    (ENCRYPTION, {"rules": [{"applyServerSideEncryptionByDefault": DEFAULT}]}, "encryption", "aws:kms"),
    (PUBLIC, BLOCKS, "public access", "all public access blocked"),
    (PUBLIC, {**BLOCKS, "ignorePublicAcls": False}, "public access", "NOT set: ignorePublicAcls"),
    ("aws:s3/bucketOwnershipControls:BucketOwnershipControls", {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
     "ownership", "BucketOwnerEnforced"),
    ("aws:s3/bucketPolicy:BucketPolicy",
     {"policy": json.dumps({"Statement": [{"Sid": "RefusePlainHttp", "Effect": "Deny"}, {"Effect": "Allow"}]})},
     "policy", "RefusePlainHttp, Allow"),
    ("aws:s3/bucketLogging:BucketLogging", {"targetBucket": "logs", "targetPrefix": "shop/"}, "access logs",
     "to s3://logs/shop/"),
    (LIFECYCLE, {"rules": [{"noncurrentVersionExpiration": {"noncurrentDays": 14}},
                           {"abortIncompleteMultipartUpload": {"daysAfterInitiation": 3}}]}, "lifecycle",
     "deleted versions kept 14 days, unfinished uploads 3 days"),
    (LIFECYCLE, {"rules": [{"expiration": {"days": 90}, "transitions": [{"days": 30, "storageClass": "GLACIER"}]}]},
     "lifecycle", "objects expire after 90 days, moves to GLACIER after 30 days"),
    (KEY, {"enableKeyRotation": True, "rotationPeriodInDays": 90, "deletionWindowInDays": 7}, "KMS key",
     "rotates every 90 days, deleting it takes 7 days"),
    (KEY, {"enableKeyRotation": False}, "KMS key", "no rotation, deleting it takes 30 days"),
    ("aws:kms/alias:Alias", {"name": "alias/velero-shop"}, "alias alias/velero-shop", ""),
    ("aws:iam/role:Role", {"name": "velero-shop"}, "IAM role velero-shop", ""),
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation", {"namespace": "velero", "serviceAccount": "server"},
     "Pod Identity association", "velero/server"),
    ("aws:eks/addon:Addon", {"addonName": "snapshot-controller"},
     "EKS add-on snapshot-controller", "the cluster's default version"),
    ("aws:eks/addon:Addon", {"addonName": "snapshot-controller", "addonVersion": "v8.2.0-eksbuild.1"},
     "EKS add-on snapshot-controller", "v8.2.0-eksbuild.1"),
    ("random:index/randomPassword:RandomPassword", {"length": 40}, "random password", "40 characters"),
    (RELEASE, {"name": "velero", "chart": "velero", "version": "12.1.0", "values": {"image": {"tag": "v1.18.2"}}},
     "Helm release velero", "chart velero 12.1.0, server v1.18.2"),
    (RELEASE, {"name": "velero", "chart": "velero", "version": "12.1.0",
               "values": {"image": {"tag": "v1.18.2", "digest": "sha256:73266e6bd7e2fe3f65fb"}}},
     "Helm release velero", "chart velero 12.1.0, server v1.18.2@sha256:73266e6bd7e2"),
    (RELEASE, {"name": "velero", "chart": "velero", "version": "12.1.0",
               "values": {"image": {"digest": "sha256:73266e6bd7e2fe3f65fb"}}},
     "Helm release velero", "chart velero 12.1.0, server @sha256:73266e6bd7e2"),
    (RELEASE, {"name": "velero", "chart": "oci://ghcr.io/charts/velero"}, "Helm release velero",
     "chart velero (no version)"),
    ("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
     {"metadata": {"name": "velero-ebs"}, "driver": "ebs.csi.aws.com"}, "VolumeSnapshotClass velero-ebs",
     "ebs.csi.aws.com"),
    ("kubernetes:velero.io/v1:Schedule", {"metadata": {"name": "daily"}}, "Schedule daily", ""),
    ("pulumi:providers:aws", {"region": "eu-west-1", "allowedAccountIds": '["111122223333"]'}, "AWS provider",
     "eu-west-1, account 111122223333"),
    ("pulumi:providers:aws", {"region": "eu-west-1"}, "AWS provider", "eu-west-1"),
    ("pulumi:providers:kubernetes", {"context": "shop"}, "Kubernetes provider", "context shop"),
    ("pulumi:providers:kubernetes", {"kubeconfig": "{}"}, "Kubernetes provider",
     "endpoint from EKS, token from the AWS credentials"),
    ("aws:sns/topic:Topic", {"name": {"unknown": "somewhere"}}, "Topic (not known yet)", ""),
    ("aws:s3/bucketPolicy:BucketPolicy", {"policy": {"unknown": "somewhere"}}, "policy", "(not known yet)"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "inputs", "called", "said"), SAID)
def test_a_resource_is_called_and_described_by_what_it_is_told(type_, inputs, called, said):
    one = resource(type_, **inputs)
    assert f"{details.label(one)} {details.title(one)}".strip() == called
    assert details.detail(one) == said


def test_every_kind_of_resource_with_words_of_its_own_has_a_case():
    assert {*details._LABELS, *details._DETAILS} <= {type_ for type_, *_ in SAID} | {
        "aws:iam/rolePolicy:RolePolicy"  # its label is the bucket policy's
    }


def test_a_shape_that_no_rule_expects_is_no_error():
    assert details.detail(resource(LIFECYCLE, rules=[7])) == ""
