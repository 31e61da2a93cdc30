"""The deployer's policy: a row for each type that a stack can have, ARNs of the plan, no deletion of what stays."""

from __future__ import annotations

from typing import Any

import botocore.session

from tests import support
from tests.lab.providers.test_providers_coverage import PROMISED
from velero_eks.plan import contract, deployer
from velero_eks.plan.model import Recording

_OF_NEW_CLUSTERS = {"aws:eks/cluster:Cluster", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"}


def resources(recorded: Recording) -> list[dict[str, Any]]:
    return [contract._resource(one) for one in recorded]


def policy(**sections: Any) -> dict[str, Any]:
    return deployer.policy(resources(support.record(**sections)))


def actions(made: dict[str, Any], resource: str) -> set[str]:
    """What is allowed on this ARN, under whatever condition."""
    named = [one for one in made["Statement"] if resource in (one["Resource"], *one["Resource"])]
    return {action for one in named for action in one["Action"]}


def every(made: dict[str, Any]) -> set[str]:
    return {action for one in made["Statement"] for action in one["Action"]}


def test_every_type_of_aws_that_a_stack_can_have_has_its_actions() -> None:
    made = {token for token in PROMISED if token.startswith("aws:")} - _OF_NEW_CLUSTERS
    assert made == {token for token in deployer.ROWS if token.startswith("aws:")}


def test_another_type_of_aws_is_named_and_the_rest_has_its_policy() -> None:
    topic = {"type": "aws:sns/topic:Topic", "inputs": {}, "options": {}}
    with_topic = [*resources(support.record()), topic]
    assert deployer.unknown_types(with_topic) == ("aws:sns/topic:Topic",)
    assert deployer.unknown_types(resources(support.record())) == ()
    assert deployer.policy(with_topic) == policy()


def test_every_action_is_an_operation_of_its_service() -> None:
    grants = [grant for row in deployer.ROWS.values() for grant in row]
    # Handing over a role is not an operation of its own.
    named = {action for grant in grants for action in grant.actions(deleted=True)} - {"iam:PassRole"}
    # S3 names its actions differently from its operations; the stand-in's calls are held to them in the lab.
    services = {action.partition(":")[0] for action in named} - {"s3"}
    session = botocore.session.get_session()
    known = {f"{each}:{name}" for each in services for name in list(session.get_service_model(each).operation_names)}  # pyright: ignore
    assert {action for action in named if not action.startswith("s3:")} - known == set()


def test_what_is_kept_cannot_be_deleted_by_whoever_deploys() -> None:
    assert not {"s3:DeleteBucket", "s3:DeleteObjectVersion", "kms:ScheduleKeyDeletion"} & every(policy())


def test_a_bucket_that_may_go_with_its_backups_can_be_emptied() -> None:
    made = policy(environment="development", storage={"bucket": "shop-backups"})
    assert {"s3:DeleteBucket", "s3:ListBucketVersions"} <= actions(made, "arn:aws:s3:::shop-backups")
    assert "s3:DeleteObjectVersion" in actions(made, "arn:aws:s3:::shop-backups/*")
    assert "kms:ScheduleKeyDeletion" in every(made)


def test_another_key_of_the_account_is_not_reached() -> None:
    made = policy()
    of_keys = [one for one in made["Statement"] if any(action.startswith("kms:Put") for action in one["Action"])]
    assert [one["Condition"] for one in of_keys] == [{"StringEquals": {"aws:ResourceTag/velero-eks/cluster": "shop"}}]
    creating = next(one for one in made["Statement"] if "kms:CreateKey" in one["Action"])
    assert creating["Condition"] == {"StringEquals": {"aws:RequestTag/velero-eks/cluster": "shop"}}


def test_an_adopted_key_is_named_since_it_may_lack_the_tag() -> None:
    made = policy(adopt={"key": "11111111-2222-3333-4444-555555555555"})
    arn = f"arn:aws:kms:eu-west-1:{support.ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    assert "kms:PutKeyPolicy" in actions(made, arn)


def test_pod_identity_hands_over_this_role_and_to_pods_alone() -> None:
    made = policy(identity={"mode": "pod-identity", "roleName": "velero-shop"})
    [passing] = [one for one in made["Statement"] if "iam:PassRole" in one["Action"]]
    assert passing == {
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": f"arn:aws:iam::{support.ACCOUNT}:role/velero-shop",
        "Condition": {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}},
    }


def test_a_boundary_may_be_set_and_neither_taken_away_nor_gone_round() -> None:
    boundary = f"arn:aws:iam::{support.ACCOUNT}:policy/boundary"
    bounded = policy(identity={"permissionsBoundary": boundary})
    [under] = [one for one in bounded["Statement"] if "iam:PutRolePermissionsBoundary" in one["Action"]]
    assert under["Action"] == ["iam:CreateRole", "iam:PutRolePermissionsBoundary"]
    assert under["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    assert [one for one in bounded["Statement"] if "iam:CreateRole" in one["Action"]] == [under]
    assert "iam:PutRolePermissionsBoundary" not in every(policy())
    assert "iam:DeleteRolePermissionsBoundary" not in every(bounded)


def test_the_cluster_may_be_looked_up_also_where_no_provider_names_it() -> None:
    own = [one for one in resources(support.record()) if not one["type"].startswith("pulumi:providers:")]
    cluster = f"arn:aws:eks:eu-west-1:{support.ACCOUNT}:cluster/shop"
    assert "eks:DescribeCluster" in actions(deployer.policy(own), cluster)
    untagged = [{**one, "inputs": {**one["inputs"], "tags": {}}} for one in own]
    assert "eks:DescribeCluster" in actions(deployer.policy(untagged), cluster.replace("shop", "*"))


def test_what_reaches_beyond_the_stack_is_told() -> None:
    own = resources(support.record(identity={"mode": "pod-identity"}))
    assert deployer.beyond(deployer.policy(own)) == ()
    late = {"unknown": "aws:s3/bucket:Bucket b: id"}
    untagged = [{**one, "inputs": {**one["inputs"], "tags": {}, "bucket": late, "role": late}} for one in own]
    account = f"eu-west-1:{support.ACCOUNT}"
    assert deployer.beyond(deployer.policy(untagged)) == (
        f"arn:aws:iam::{support.ACCOUNT}:role/*",
        f"arn:aws:kms:{account}:key/*",
        "arn:aws:s3:::*",
    )


def test_a_program_in_two_regions_has_one_policy_for_both() -> None:
    own = resources(support.record())
    beside = {"type": "pulumi:providers:aws", "inputs": {"region": "us-east-1"}, "options": {}}
    assert deployer.place_of(own) == deployer.Place("aws", "eu-west-1", support.ACCOUNT)
    assert deployer.place_of([*own, beside]) == deployer.Place("aws", "*", support.ACCOUNT)


def test_the_deployer_may_look_itself_up_among_those_who_break_the_glass() -> None:
    role = f"arn:aws:iam::{support.ACCOUNT}:role/ops/deploy"
    assert "iam:GetRole" in actions(policy(storage={"breakGlass": [role]}), role)


def test_it_fits_into_a_managed_policy() -> None:
    roles = [f"arn:aws:iam::{support.ACCOUNT}:role/{'r' * 50}{number:02}" for number in range(20)]
    made = policy(
        cluster={"name": "c" * 100},
        identity={"mode": "pod-identity", "roleName": "r" * 64},
        storage={"bucket": "b" * 63, "breakGlass": roles, "accessLogs": {"bucket": "logs"}},
        volumes={"mode": "csi-snapshot"},
    )
    assert 1000 < deployer.length(made) <= deployer.LONGEST_POLICY
