"""The shape of resources is that of the real providers: it is read off their own SDKs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lab.providers.aws import RESOURCES, AwsProvider
from lab.providers.kubernetes import KubernetesProvider
from lab.providers.properties import UNKNOWN, Secret
from lab.providers.schema import Scalar, UnknownType, misfits, resource_schema

VERSIONING = resource_schema("pulumi_aws.s3", "BucketVersioning", "aws:s3/bucketVersioning:BucketVersioning")
PAUSED = {"bucket": "b", "versioningConfiguration": {"status": "Suspended"}}


def found(value, record=VERSIONING.inputs):
    return {misfit.path: misfit.reason for misfit in misfits(value, record)}


def test_names_are_those_on_the_wire():
    assert VERSIONING.inputs.fields.keys() == {
        "bucket",
        "expectedBucketOwner",
        "mfa",
        "region",
        "versioningConfiguration",
    }
    assert VERSIONING.inputs.required == {"bucket", "versioningConfiguration"}


def test_outputs_are_more_than_inputs():
    bucket = resource_schema("pulumi_aws.s3", "Bucket", "aws:s3/bucket:Bucket")
    assert {"arn", "bucketDomainName", "tagsAll"} <= bucket.outputs.fields.keys() - bucket.inputs.fields.keys()


def test_a_fitting_value_has_no_misfit():
    assert found(PAUSED) == {}


def test_unknown_and_secret_values_fit_by_what_they_will_be():
    assert found({"bucket": UNKNOWN, "versioningConfiguration": Secret({"status": "Enabled"})}) == {}
    assert list(found({**PAUSED, "bucket": Secret(3)})) == ["bucket"]


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        ({**PAUSED, "buket": "b"}, "buket", "unknown property 'buket'"),
        ({"bucket": "b"}, "versioningConfiguration", "missing required property"),
        ({**PAUSED, "bucket": 3}, "bucket", "expected a string, got a number"),
        ({**PAUSED, "bucket": ["b"]}, "bucket", "expected a string, got a list"),
        ({"bucket": "b", "versioningConfiguration": "Enabled"}, "versioningConfiguration", "expected an object"),
        ({"bucket": "b", "versioningConfiguration": {"state": "Enabled"}}, "versioningConfiguration.state", "unknown"),
    ],
)
def test_a_misfit_names_its_place_and_its_reason(value, place, reason):
    assert reason in found(value)[place]


def test_a_misfit_inside_a_list_names_the_position():
    lifecycle = resource_schema("pulumi_aws.s3", "BucketLifecycleConfiguration", "lifecycle").inputs
    rules = [{"id": "a", "status": "Enabled"}, {"id": "b", "status": "Enabled", "expiration": {"days": "30"}}]
    assert list(found({"bucket": "b", "rules": rules}, lifecycle)) == ["rules[1].expiration.days"]


def test_a_number_is_no_boolean_and_a_boolean_no_number():
    key = resource_schema("pulumi_aws.kms", "Key", "key").inputs
    assert found({"enableKeyRotation": 1}, key) and found({"deletionWindowInDays": True}, key)


def test_a_type_that_holds_itself_is_read():
    crd = resource_schema("pulumi_kubernetes.apiextensions.v1", "CustomResourceDefinition", "crd").inputs
    spec: Any = crd.fields["spec"]
    schema = spec.fields["versions"].item.fields["schema"].fields["openAPIV3Schema"]
    assert schema.fields["not"] is schema
    assert schema.fields["type"] == Scalar("string")


def test_a_resource_that_the_sdk_does_not_have_is_unknown():
    with pytest.raises(UnknownType, match="aws:s3/buckt:Buckt"):
        resource_schema("pulumi_aws.s3", "Buckt", "aws:s3/buckt:Buckt")


def test_the_schema_of_the_package_has_what_the_stand_in_makes_and_refers_to_nothing_else():
    provider = AwsProvider("http://127.0.0.1:1")
    text = provider.package().document(provider.name, provider.version)
    package = json.loads(text)
    assert package["resources"].keys() == RESOURCES.keys()
    assert package["resources"]["aws:s3/bucketLogging:BucketLogging"]["requiredInputs"] == [
        "bucket",
        "targetBucket",
        "targetPrefix",
    ]
    assert {token.partition("/types/")[2] for token in re.findall(r'"\$ref": "(#[^"]+)"', text)} == package[
        "types"
    ].keys()
    answer: Any = package["functions"]["aws:eks/getCluster:getCluster"]["outputs"]
    for name in ("identities", "oidcs"):
        answer = package["types"][answer["properties"][name]["items"]["$ref"].removeprefix("#/types/")]
    assert answer["properties"]["issuer"] == {"type": "string"}


def test_a_program_in_yaml_can_make_the_kubernetes_provider():
    provider = KubernetesProvider()
    package = json.loads(provider.package().document(provider.name, provider.version))
    assert {"context", "kubeconfig", "clusterIdentifier"} <= package["provider"]["inputProperties"].keys()
