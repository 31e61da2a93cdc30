"""Every aws resource type is made, read, changed, replaced, imported and deleted as the real provider would."""

from __future__ import annotations

from typing import Any

import pytest

from lab.providers.aws import RESOURCES
from lab.providers.aws.session import schema_of
from lab.providers.schema import misfits
from tests.lab.providers.aws_cases import CASES, Case
from tests.lab.providers.engine import Engine, Resource, shown

# It needs no real program but a thousand calls of the emulator, which is too slow for the quick tests.
pytestmark = pytest.mark.lab


@pytest.fixture
def world(client, cluster) -> dict[str, str]:
    """What the resources refer to: buckets, keys, policies. The values fill the placeholders of the cases."""
    place = {"CreateBucketConfiguration": {"LocationConstraint": "ap-south-1"}}
    for bucket in ("exam-backups", "exam-logs", "other-backups"):
        client("s3").create_bucket(Bucket=bucket, **place)
    allowed = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject",'
        '"Principal":{"Service":"logging.s3.amazonaws.com"},"Resource":"arn:aws:s3:::exam-logs/*"}]}'
    )
    client("s3").put_bucket_policy(Bucket="exam-logs", Policy=allowed)
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    for name in ("boundary", "other"):
        client("iam").create_policy(PolicyName=name, PolicyDocument=document)
    keys = [client("kms").create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]
    return {"{key}": keys[0], "{other-key}": keys[1]}


def filled(values: dict[str, Any], world: dict[str, str]) -> dict[str, Any]:
    return {name: world.get(value, value) if isinstance(value, str) else value for name, value in values.items()}


def made(aws: Engine, case: Case, world: dict[str, str]) -> Resource:
    return aws.create(case.token, "it", filled(case.inputs, world))


def every(predicate=lambda case: True):
    return pytest.mark.parametrize("case", [case for case in CASES if predicate(case)], ids=str)


def test_every_type_has_its_life_story():
    assert {case.token for case in CASES} == RESOURCES.keys()


@every()
def test_the_same_wish_changes_nothing_and_a_refresh_finds_nothing(aws, world, case):
    resource = made(aws, case, world)
    assert not aws.diff(resource, filled(case.inputs, world))
    read = aws.read(resource)
    assert read is not None
    assert (read.inputs, read.outputs) == (resource.inputs, resource.outputs)


@every()
def test_outputs_have_the_shape_of_the_real_provider(aws, world, case):
    resource = made(aws, case, world)
    assert list(misfits(resource.outputs, schema_of(case.token).outputs, complete=False)) == []
    preview = aws.preview_create(case.token, "it", filled(case.inputs, world))
    assert resource.outputs.keys() <= preview.keys() | {"tags"}


@every(lambda case: bool(case.equal))
def test_another_way_to_say_the_same_changes_nothing(aws, world, case):
    resource = made(aws, case, world)
    assert not aws.diff(resource, filled({**case.inputs, **case.equal}, world))


@every(lambda case: case.update is not None)
def test_a_change_in_place_shows_its_properties_and_lasts(aws, world, case):
    resource = made(aws, case, world)
    wish = filled({**case.inputs, **case.update}, world)
    diff = aws.diff(resource, wish)
    assert diff.kinds.keys() == case.changed
    assert diff.replaces == []
    updated = aws.update(resource, wish)
    assert not aws.diff(updated, wish)
    read = aws.read(updated)
    assert read is not None
    assert (read.inputs, read.outputs) == (updated.inputs, updated.outputs)


@every()
def test_what_the_real_provider_cannot_change_replaces(aws, world, case):
    resource = made(aws, case, world)
    diff = aws.diff(resource, filled({**case.inputs, **case.replace}, world))
    assert diff.replaces == case.replaced
    assert diff.delete_first is case.deletes_first


@every()
def test_an_import_finds_what_the_program_says(aws, world, case):
    resource = made(aws, case, world)
    imported = aws.import_(case.token, "it", case.import_id.format(id=resource.id))
    assert imported is not None
    wish = {name: value for name, value in case.inputs.items() if name not in case.write_only}
    assert not aws.diff(imported, filled(wish, world))


@every()
def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_error(aws, world, case):
    resource = made(aws, case, world)
    aws.delete(resource)
    # Versioning cannot be taken away from a bucket, only suspended; S3 itself has it so.
    if case.token != "aws:s3/bucketVersioning:BucketVersioning":
        assert aws.read(resource) is None
    aws.delete(resource)


@every()
def test_what_is_not_there_is_not_found(aws, endpoint, case):
    nowhere = {
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "arn:aws:iam::123456789012:oidc-provider/nowhere",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "nobody/arn:aws:iam::123456789012:policy/nothing",
    }
    separator = ":" if case.token in ("aws:iam/rolePolicy:RolePolicy", "aws:eks/addon:Addon") else "-"
    assert aws.import_(case.token, "it", nowhere.get(case.token, f"no{separator}where")) is None


def test_the_secret_of_an_input_stays_secret_in_the_outputs(aws, endpoint):
    from lab.providers.properties import Secret

    key = aws.create("aws:kms/key:Key", "key", {"description": Secret("hush")})
    assert key.outputs["description"] == Secret("hush")
    assert shown(key.outputs)["description"] == "hush"
