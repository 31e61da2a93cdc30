"""Programs that make other things beside Velero: rules leave alone what leaves Velero alone, and report the rest."""

from __future__ import annotations

import json
from typing import Any, cast

import pulumi
import pulumi_aws
import pulumi_kubernetes
import pytest
from velero_on_eks import VeleroOnEks

from tests.support import ACCOUNT, mapping, settings
from tests.velero_eks.rules.programs import Beside, of_ours, of_program

BUCKET = f"velero-shop-{ACCOUNT}-eu-west-1"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
ROLE = "velero-shop-eu-west-1"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def opts(provider: pulumi.ProviderResource, **more: Any) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(provider=provider, **more)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = None, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, **({"Resource": resource} if resource else {}), **more}


LAMBDA = policy(allow("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}))


def a_topic(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_aws.sns.Topic("alerts", name="alerts")


def another_bucket(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    site = pulumi_aws.s3.Bucket("site", bucket="acme-site", force_destroy=True, opts=opts(aws))
    pulumi_aws.s3.BucketPolicy("site", bucket=site.bucket, opts=opts(aws), policy=policy(
        allow("s3:GetObject", "arn:aws:s3:::acme-site/*", Principal="*")))  # fmt: skip
    pulumi_aws.s3.BucketWebsiteConfiguration(
        "site", bucket=site.bucket, index_document={"suffix": "index.html"}, opts=opts(aws)
    )
    pulumi_aws.s3.BucketAcl("site", bucket=site.bucket, acl="public-read", opts=opts(aws))


def another_role(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    role = pulumi_aws.iam.Role("ci", name="ci", assume_role_policy=LAMBDA, opts=opts(aws))
    pulumi_aws.iam.RolePolicy("ci", role=role.name, policy=policy(allow("*", "*")), opts=opts(aws))
    pulumi_aws.iam.RolePolicyAttachment(
        "ci", role=role.name, policy_arn="arn:aws:iam::aws:policy/AdministratorAccess", opts=opts(aws)
    )
    pulumi_aws.iam.InstanceProfile("ci", name="ci", role=role.name, opts=opts(aws))
    pulumi_aws.eks.PodIdentityAssociation(
        "ci", cluster_name="shop", namespace="ci", service_account="runner", role_arn=role.arn, opts=opts(aws)
    )


def a_deployment(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_kubernetes.core.v1.Namespace("shop", metadata={"name": "shop"}, opts=opts(kubernetes))
    within = {"metadata": {"name": "web", "namespace": "shop"}, "opts": opts(kubernetes)}
    pulumi_kubernetes.core.v1.ServiceAccount("web", **within)
    pulumi_kubernetes.apps.v1.Deployment("web", **within, spec={
        "selector": {"match_labels": {"app": "web"}},
        "template": {"spec": {"containers": [{"name": "web", "image": "nginx"}]}}})  # fmt: skip
    pulumi_kubernetes.networking.v1.NetworkPolicy("web", **within, spec={"pod_selector": {}})
    pulumi_kubernetes.helm.v3.Release(
        "ingress", chart="ingress-nginx", namespace="ingress", opts=opts(kubernetes), version="4.0.0"
    )
    pulumi_kubernetes.rbac.v1.ClusterRoleBinding(
        "people", metadata={"name": "people"}, opts=opts(kubernetes),
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "Group", "name": "people"}],
    )  # fmt: skip
    pulumi_kubernetes.apiextensions.CustomResource(
        "snapshots", api_version="snapshot.storage.k8s.io/v1", kind="VolumeSnapshotClass", metadata={"name": "mine"},
        opts=opts(kubernetes),
    )  # fmt: skip


def a_second_velero(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    other = settings(cluster={"name": "books", "context": "books"})
    VeleroOnEks(
        "books", other, pulumi.ResourceOptions(providers=[aws, pulumi_kubernetes.Provider("books", context="books")])
    )


def logs_and_alarms(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    logs = pulumi_aws.s3.Bucket("logs", bucket="acme-logs", opts=opts(aws))
    pulumi_aws.s3.BucketPolicy("logs", bucket=logs.bucket, opts=opts(aws), policy=velero.bucket_arn.apply(
        lambda arn: policy(allow("s3:PutObject", "arn:aws:s3:::acme-logs/*",
            Condition={"ArnLike": {"aws:SourceArn": arn}},
                                 Principal={"Service": "logging.s3.amazonaws.com"}))))  # fmt: skip
    pulumi_aws.ssm.Parameter("bucket", type="String", value=velero.bucket, opts=opts(aws))
    pulumi_aws.cloudwatch.MetricAlarm(
        "size", comparison_operator="LessThanThreshold", evaluation_periods=1, opts=opts(aws),
        dimensions={"BucketName": velero.bucket, "StorageType": "StandardStorage"},
    )  # fmt: skip
    pulumi_aws.s3.BucketMetric("requests", bucket=velero.bucket, opts=opts(aws))


def a_replica(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    role = pulumi_aws.iam.Role("replica", name="replica", assume_role_policy=LAMBDA, opts=opts(aws))
    reads = allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], BUCKET_ARN)
    copies = allow(["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"], f"{BUCKET_ARN}/*")
    writes = allow(["s3:ReplicateObject"], "arn:aws:s3:::acme-replica/*")
    pulumi_aws.iam.RolePolicy("replica", role=role.name, policy=policy(reads, copies, writes), opts=opts(aws))
    pulumi_aws.s3.BucketReplicationConfig("replica", bucket=velero.bucket, role=role.arn, opts=opts(aws), rules=[
        {"id": "all", "status": "Enabled", "filter": {}, "delete_marker_replication": {"status": "Disabled"},
         "destination": {"bucket": "arn:aws:s3:::acme-replica", "storage_class": "STANDARD_IA"}}])  # fmt: skip


def monitors(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    metadata: Any = {"name": "velero", "namespace": "velero"}
    pulumi_kubernetes.apiextensions.CustomResource(
        "monitor", api_version="monitoring.coreos.com/v1", kind="PodMonitor", metadata=metadata, opts=opts(kubernetes)
    )
    pulumi_kubernetes.core.v1.ConfigMap("notes", metadata=metadata, data={"a": "b"}, opts=opts(kubernetes))


BESIDE: list[Beside] = [
    a_topic, another_bucket, another_role, a_deployment, a_second_velero, logs_and_alarms, a_replica, monitors,
]  # fmt: skip


@pytest.mark.parametrize("project", ["velero-eks", "acme"])
def test_what_leaves_velero_alone_is_left_alone(project: str):
    def all_of_them(*given: Any) -> None:
        for beside in BESIDE:
            beside(*given)

    assert of_ours(settings(), all_of_them, project=project) == []


def test_a_key_of_the_program_that_is_given_is_its_own_affair():
    def program() -> None:
        aws = pulumi_aws.Provider("aws", region="eu-west-1")
        key = pulumi_aws.kms.Key("shared", opts=opts(aws), policy=policy(
            allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
            allow("kms:Decrypt", "*", Principal={"AWS": "arn:aws:iam::444455556666:root"})))  # fmt: skip
        pulumi_aws.kms.Alias("shared", name="alias/shared", target_key_id=key.key_id, opts=opts(aws))
        pulumi_aws.kms.Grant(
            "shared",
            key_id=key.key_id,
            grantee_principal="arn:aws:iam::1:role/x",
            operations=["Encrypt"],
            opts=opts(aws),
        )
        providers = [aws, pulumi_kubernetes.Provider("k", context="shop")]
        given: Any = {**mapping(), "storage": {"kms_key_arn": key.arn}}
        VeleroOnEks("velero", given, pulumi.ResourceOptions(providers=providers))

    assert of_program(program) == []


def test_providers_of_somebody_elses_program_may_be_set_as_he_likes():
    def program() -> None:
        aws = pulumi_aws.Provider(
            "aws",
            region="eu-west-1",
            profile="work",
            default_tags={"tags": {"team": "recovery"}},
            assume_roles=[{"role_arn": f"arn:aws:iam::{ACCOUNT}:role/deployer"}],
        )
        kubernetes = pulumi_kubernetes.Provider("k", kubeconfig="~/.kube/config", suppress_deprecation_warnings=True)
        VeleroOnEks("velero", cast("Any", mapping()), pulumi.ResourceOptions(providers=[aws, kubernetes]))

    assert of_program(program) == []


@pytest.mark.parametrize(
    ("aws", "kubernetes", "said"),
    [
        ({"region": "eu-central-1"}, {}, "region is eu-central-1, and the settings name eu-west-1"),
        ({"allowed_account_ids": ["444455556666"]}, {}, "allowedAccountIds is"),
        ({"assume_roles": [{"role_arn": "arn:aws:iam::444455556666:role/x"}]}, {}, "belongs to account 444455556666"),
        ({}, {"enable_server_side_apply": False}, "enableServerSideApply is off"),
        ({}, {"delete_unreachable": True}, "deleteUnreachable is on"),
        ({}, {"render_yaml_to_directory": "out"}, "renderYamlToDirectory is on"),
    ],
)
def test_providers_of_somebody_elses_program_lead_where_the_settings_say(
    aws: dict[str, Any], kubernetes: dict[str, Any], said: str
):
    def program() -> None:
        providers = [
            pulumi_aws.Provider("aws", **{"region": "eu-west-1", **aws}),
            pulumi_kubernetes.Provider("k", context="shop", **kubernetes),
        ]
        VeleroOnEks("velero", cast("Any", mapping()), pulumi.ResourceOptions(providers=providers))

    [finding] = [one for one in of_program(program) if one.rule == "unmeant-provider"]
    assert finding.severity == "error"
    assert said in finding.message


def reads_backups(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    role = pulumi_aws.iam.Role("reader", name="reader", assume_role_policy=LAMBDA, opts=opts(aws))
    statement = velero.bucket_arn.apply(lambda arn: policy(allow("s3:GetObject", f"{arn}/*")))
    pulumi_aws.iam.RolePolicy("reader", role=role.name, policy=statement, opts=opts(aws))


def reads_many_buckets(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_aws.iam.Policy("many", policy=policy(allow("s3:*", "arn:aws:s3:::velero-*")), opts=opts(aws))


def replicates_and_more(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    a_replica(velero, aws, kubernetes)
    pulumi_aws.iam.RolePolicy(
        "replica-more",
        role="replica",
        policy=policy(allow("s3:DeleteObjectVersion", f"{BUCKET_ARN}/*")),
        opts=opts(aws),
    )


def notifies(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_aws.s3.BucketNotification("all", bucket=velero.bucket, eventbridge=True, opts=opts(aws))


def grants_the_key(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_aws.kms.Grant(
        "other",
        key_id=velero.key_arn,
        grantee_principal="arn:aws:iam::1:role/x",
        operations=["Decrypt"],
        opts=opts(aws),
    )


def runs_beside_velero(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_kubernetes.core.v1.Pod(
        "odd", metadata={"name": "odd", "namespace": velero.namespace}, opts=opts(kubernetes),
        spec={"containers": [{"name": "c", "image": "alpine"}], "service_account_name": "velero-server"},
    )  # fmt: skip


def a_child_of_ours(velero: VeleroOnEks, aws: pulumi_aws.Provider, kubernetes: pulumi_kubernetes.Provider) -> None:
    pulumi_aws.iam.RolePolicy(
        "velero-more", role=ROLE, policy=policy(allow("ec2:*", "*")), opts=opts(aws, parent=velero)
    )


REACHING: dict[str, Beside] = {
    "RolePolicy::reader": reads_backups,
    "Policy::many": reads_many_buckets,
    "RolePolicy::replica-more": replicates_and_more,
    "BucketNotification::all": notifies,
    "Grant::other": grants_the_key,
    "Pod::odd": runs_beside_velero,
    "RolePolicy::velero-more": a_child_of_ours,
}


@pytest.mark.parametrize("project", ["velero-eks", "acme"])
def test_what_reaches_velero_is_reported(project: str):
    def all_of_them(*given: Any) -> None:
        for beside in REACHING.values():
            beside(*given)

    errors = [one for one in of_ours(settings(), all_of_them, project=project) if one.severity == "error"]
    reported = {one.resource for one in errors if one.rule == "unmeant-resource"}
    assert {one for one in REACHING if not any(urn.endswith(f":{one}") for urn in reported)} == set()
    assert len(reported) == len(REACHING)


def test_a_transform_that_has_changes_ignored_is_reported():
    def ignoring(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ != "aws:s3/bucketPolicy:BucketPolicy":
            return None
        more = pulumi.ResourceOptions(ignore_changes=["policy"])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, more))

    def program() -> None:
        providers = [pulumi_aws.Provider("aws", region="eu-west-1"), pulumi_kubernetes.Provider("k", context="shop")]
        options = pulumi.ResourceOptions(providers=providers, transformations=[ignoring])
        VeleroOnEks("velero", cast("Any", mapping()), options)

    [finding] = [one for one in of_program(program) if one.severity == "error"]
    assert finding.rule == "unmeant-option"
    assert "ignoreChanges is policy" in finding.message
