"""The aws stand-in refuses what AWS would refuse, and sees what was changed by hand."""

from __future__ import annotations

import json

import grpc
import pytest

from lab.providers.aws import AwsProvider
from lab.providers.base import ProviderError
from lab.providers.properties import UNKNOWN
from lab.providers.schema import _outputs_of, misfits
from lab.providers.store import Store
from tests.lab.providers.aws_cases import READ, TLS, TRUST, text
from tests.lab.providers.engine import Refused, attached, reason

BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
KEY = "aws:kms/key:Key"
ROLE = "aws:iam/role:Role"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ADDON = "aws:eks/addon:Addon"


def without(document, *names):
    statement = {name: value for name, value in document["Statement"][0].items() if name not in names}
    return text({**document, "Statement": [statement]})


def rule(**properties):
    return {"bucket": "exam", "rules": [{"id": "a", "status": "Enabled", **properties}]}


@pytest.mark.parametrize(
    ("token", "inputs", "place", "why"),
    [
        (BUCKET, {"bucket": "Exam"}, "bucket", "3 to 63 lower-case"),
        (BUCKET, {"bucket": "10.0.0.1"}, "bucket", "IP address"),
        (BUCKET, {"bucket": "xn--exam"}, "bucket", "AWS keeps"),
        (BUCKET, {"bucket": "exam..backups"}, "bucket", "no dot beside"),
        (BUCKET, {"bucket": "exam", "forceDestory": True}, "forceDestory", "unknown property"),
        (BUCKET, {"bucket": "exam", "forceDestroy": "yes"}, "forceDestroy", "expected a boolean"),
        (BUCKET, {"bucket": "exam", "acl": "private"}, "acl", "does not emulate"),
        (POLICY, {"bucket": "exam", "policy": "{"}, "policy", "not JSON"),
        (POLICY, {"bucket": "exam-backups", "policy": without(TLS, "Principal")}, "policy", "Principal"),
        (POLICY, {"bucket": "exam", "policy": text(TLS)}, "policy", "not in the bucket exam"),
        (POLICY, {"bucket": "exam-backups", "policy": text({**TLS, "Version": "2012"})}, "policy", "Version"),
        (KEY, {"deletionWindowInDays": 3}, "deletionWindowInDays", "outside 7 to 30"),
        (KEY, {"rotationPeriodInDays": 365}, "rotationPeriodInDays", "needs enableKeyRotation"),
        (KEY, {"policy": text(READ)}, "policy", "Principal"),
        (ROLE, {"name": "a" * 65, "assumeRolePolicy": text(TRUST)}, "name", "at most 64"),
        (ROLE, {"assumeRolePolicy": text(READ)}, "assumeRolePolicy", "Principal"),
        (ROLE, {"assumeRolePolicy": text(TRUST), "managedPolicyArns": ["x"]}, "managedPolicyArns", "does not emulate"),
        (LIFECYCLE, rule(expiration={"days": 0}), "rules[0].expiration.days", "at least 1"),
        (LIFECYCLE, rule(filter={}), "rules[0]", "does nothing"),
        (ADDON, {"addonName": "a", "clusterName": "c", "addonVersion": "8.3"}, "addonVersion", "v1.2.3"),
    ],
)
def test_what_aws_would_refuse_is_refused_before_anything_is_made(aws, token, inputs, place, why):
    with pytest.raises(Refused) as raised:
        aws.check(token, "it", inputs)
    assert why in raised.value.failures[place]


def test_a_key_policy_that_locks_everybody_out_is_refused_unless_that_is_meant(aws):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    policy = text({"Version": "2012-10-17", "Statement": [statement]})
    with pytest.raises(Refused) as raised:
        aws.check(KEY, "it", {"policy": policy})
    assert "no one change it again" in raised.value.failures["policy"]
    aws.check(KEY, "it", {"policy": policy, "bypassPolicyLockoutSafetyCheck": True})


def test_what_a_preview_cannot_know_is_not_judged(aws):
    checked = aws.check(POLICY, "it", {"bucket": UNKNOWN, "policy": UNKNOWN})
    assert checked["policy"] is UNKNOWN
    assert aws.check(KEY, "it", {"tags": {"k": UNKNOWN}})["tagsAll"] is UNKNOWN


def test_an_unknown_type_is_refused(aws):
    with pytest.raises(grpc.RpcError) as raised:
        aws.check("aws:sqs/queue:Queue", "it", {})
    assert "does not know the resource type aws:sqs/queue:Queue" in reason(raised.value)


def test_a_name_that_is_left_out_is_made_up_once(aws):
    first = aws.check(BUCKET, "backups", {})
    assert first["bucket"].startswith("backups-")
    assert aws.check(BUCKET, "backups", {}, first)["bucket"] == first["bucket"]


def test_a_policy_given_as_an_object_is_text_from_then_on(aws):
    assert json.loads(aws.check(ROLE, "it", {"assumeRolePolicy": TRUST})["assumeRolePolicy"]) == TRUST


def test_a_policy_changed_by_hand_is_seen_and_put_back(aws, client):
    bucket = aws.create(BUCKET, "bucket", {"bucket": "exam-backups"})
    policy = aws.create(POLICY, "policy", {"bucket": bucket.id, "policy": text(TLS)})
    client("s3").put_bucket_policy(Bucket=bucket.id, Policy=without(TLS, "Condition"))
    found = aws.read(policy)
    assert json.loads(found.inputs["policy"]) == json.loads(without(TLS, "Condition"))
    assert aws.diff(found, {"bucket": bucket.id, "policy": text(TLS)}).kinds == {"policy": "UPDATE"}


def test_a_tag_added_by_hand_is_seen_and_a_rewritten_policy_is_not_a_change(aws, client):
    role = aws.create(ROLE, "role", {"name": "velero", "assumeRolePolicy": text(TRUST)})
    client("iam").tag_role(RoleName="velero", Tags=[{"Key": "by", "Value": "hand"}])
    client("iam").update_assume_role_policy(RoleName="velero", PolicyDocument=json.dumps(TRUST, indent=4))
    found = aws.read(role)
    assert found.inputs["assumeRolePolicy"] == text(TRUST)
    diff = aws.diff(found, {"name": "velero", "assumeRolePolicy": text(TRUST)})
    assert diff.kinds == {"tags": "DELETE", "tagsAll.by": "DELETE"}


def test_a_bucket_with_objects_is_deleted_only_when_that_is_asked_for(aws, client):
    kept = aws.create(BUCKET, "bucket", {"bucket": "exam-backups"})
    client("s3").put_bucket_versioning(Bucket=kept.id, VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"2"):
        client("s3").put_object(Bucket=kept.id, Key="backups/x", Body=content)
    client("s3").delete_object(Bucket=kept.id, Key="backups/x")
    with pytest.raises(grpc.RpcError) as raised:
        aws.delete(kept)
    assert "BucketNotEmpty" in reason(raised.value)
    aws.delete(aws.update(kept, {"bucket": kept.id, "forceDestroy": True}))
    assert client("s3").list_buckets()["Buckets"] == []


def test_two_provider_resources_on_one_process_keep_their_regions(endpoint, client):
    provider = AwsProvider(endpoint)
    with attached(provider) as here, attached(provider) as there:
        here.configure(region="ap-south-1")
        there.configure(region="eu-west-1")
        assert here.create(BUCKET, "b", {"bucket": "in-mumbai"}).outputs["region"] == "ap-south-1"
        assert there.create(BUCKET, "b", {"bucket": "in-ireland"}).outputs["region"] == "eu-west-1"
    assert client("s3").head_bucket(Bucket="in-ireland")["BucketRegion"] == "eu-west-1"


def test_another_region_of_the_provider_replaces_its_resources(endpoint):
    with attached(AwsProvider(endpoint)) as engine:
        engine.configure(region="ap-south-1")
        key = engine.create(KEY, "key", {})
        engine.configure(region="eu-west-1")
        assert engine.diff(key, {}).replaces == ["region"]


def test_a_changed_default_tag_changes_what_has_it(endpoint):
    with attached(AwsProvider(endpoint)) as engine:
        engine.configure(region="ap-south-1", defaultTags='{"tags": {"team": "a"}}')
        key = engine.create(KEY, "key", {"tags": {"k": "v"}})
        engine.configure(region="ap-south-1", defaultTags='{"tags": {"team": "b"}}')
        wish = {"tags": {"k": "v"}}
        assert engine.diff(key, wish).kinds == {"tagsAll.team": "UPDATE"}
        assert engine.update(key, wish).outputs["tagsAll"] == {"k": "v", "team": "b"}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "region is missing"),
        ({"region": "ap-south-1", "allowedAccountIds": '["999988887777"]'}, "ID not allowed: 123456789012"),
    ],
)
def test_a_provider_that_cannot_work_says_why(endpoint, config, why):
    with attached(AwsProvider(endpoint)) as engine, pytest.raises(grpc.RpcError) as raised:
        engine.configure(**config)
    assert why in reason(raised.value)


def test_a_misspelt_provider_setting_is_refused(endpoint):
    with attached(AwsProvider(endpoint)) as engine, pytest.raises(Refused) as raised:
        engine.configure(region="ap-south-1", alowedAccountIds="[]", defaultTags='{"tag": {}}')
    assert raised.value.failures.keys() == {"alowedAccountIds", "defaultTags.tag"}


def test_an_endpoint_that_is_not_on_this_machine_is_refused():
    with pytest.raises(ProviderError, match="only to an emulator on this machine"):
        AwsProvider("https://s3.ap-south-1.amazonaws.com")


def test_an_emulator_that_is_gone_is_named(unused_port):
    with attached(AwsProvider(f"http://127.0.0.1:{unused_port}")) as engine:
        engine.configure(region="ap-south-1")
        with pytest.raises(grpc.RpcError) as raised:
            engine.create(BUCKET, "b", {"bucket": "exam"})
    assert f"the emulator at http://127.0.0.1:{unused_port} did not answer" in reason(raised.value)


def test_a_cluster_is_looked_up_in_the_shape_of_the_real_function(aws, cluster):
    from pulumi_aws.eks.get_cluster import GetClusterResult

    answer = aws.invoke("aws:eks/getCluster:getCluster", name=cluster)
    assert answer["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.")
    assert list(misfits(answer, _outputs_of(GetClusterResult), complete=False)) == []
    with pytest.raises(grpc.RpcError) as raised:
        aws.invoke("aws:eks/getCluster:getCluster", name="nowhere")
    assert "couldn't find resource" in reason(raised.value)


def test_who_calls_is_answered_and_an_unknown_function_is_not(aws):
    assert aws.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    with pytest.raises(grpc.RpcError) as raised:
        aws.invoke("aws:ec2/getVpc:getVpc")
    assert "does not know the function aws:ec2/getVpc:getVpc" in reason(raised.value)


def test_an_association_needs_its_cluster_and_its_role(aws, cluster):
    token = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    wish = {"clusterName": cluster, "namespace": "velero", "serviceAccount": "velero-server"}
    for change, why in (
        ({"roleArn": "arn:aws:iam::123456789012:role/nobody"}, "Role provided in the request does not exist"),
        ({"roleArn": "arn:aws:iam::123456789012:role/eks", "clusterName": "nowhere"}, "No cluster found"),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            aws.create(token, "it", {**wish, **change})
        assert why in reason(raised.value)
    made = {**wish, "roleArn": "arn:aws:iam::123456789012:role/eks"}
    aws.create(token, "it", made)
    with pytest.raises(grpc.RpcError) as raised:
        aws.create(token, "again", made)
    assert "ResourceInUseException" in reason(raised.value)


def test_what_the_emulator_lacks_is_in_the_file_and_survives_the_process(endpoint, cluster, tmp_path):
    path = tmp_path / "state" / "eks.json"
    with attached(AwsProvider(endpoint, path)) as engine:
        engine.configure(region="ap-south-1")
        addon = engine.create(ADDON, "it", {"clusterName": cluster, "addonName": "snapshot-controller"})
    assert json.loads(path.read_text())["addons"][addon.id]["clusterName"] == cluster
    with attached(AwsProvider(endpoint, path)) as engine:
        engine.configure(region="ap-south-1")
        found = engine.read(addon)
        assert found is not None and found.outputs == addon.outputs


def test_a_store_that_is_no_json_says_what_to_do(tmp_path):
    (tmp_path / "store").write_text("{")
    with pytest.raises(ProviderError, match="remove it to start afresh"):
        Store(tmp_path / "store")
