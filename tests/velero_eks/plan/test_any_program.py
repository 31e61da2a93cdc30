"""Other people's programs under the recorder: what it has no model of passes through, and is reported as unknown."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes
import pytest
from velero_on_eks import VeleroOnEks
from velero_on_eks.providers import aws_provider, kubernetes_provider

from tests.support import mapping, settings
from velero_eks.errors import ProgramError
from velero_eks.plan.computed import Estate
from velero_eks.plan.model import Recording, Resource
from velero_eks.plan.recorder import record_program
from velero_eks.plan.unknown import Note

BUCKET = "aws:s3/bucket:Bucket"
TOPIC = "aws:sns/topic:Topic"
SOMEWHERE = Estate(account="444455556666", region="eu-central-1")


def opts(**options: Any) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(**options)


def notes(recording: Recording) -> list[tuple[str, str, str | None]]:
    return [(note.kind, note.token, note.name) for note in recording.notes]


def velero(*names: str, **cluster: Any) -> None:
    """The component as a program uses it, with its own providers; `cluster` is merged over the minimal stack's."""
    made = settings()
    aws = aws_provider(made)
    providers = [aws, kubernetes_provider(made, aws=aws)]
    given = mapping()
    args: Any = {**given, "cluster": {**given["cluster"], **cluster}}
    for name in names or ("velero",):
        VeleroOnEks(name, args, opts(providers=providers))


def test_a_resource_of_an_unknown_type_passes_through_beside_the_component():
    def program() -> None:
        topic = pulumi_aws.sns.Topic("alerts", name="backups")
        velero()
        pulumi.export("name", topic.name)
        pulumi.export("arn", topic.arn)

    made = record_program(program)
    assert made.one(TOPIC).inputs == {"name": "backups"}
    assert made.outputs == {"name": "backups", "arn": {"unknown": f"{TOPIC} alerts: arn"}}
    assert notes(made) == [("resource", TOPIC, "alerts")]
    assert json.loads(made.one("aws:s3/bucketPolicy:BucketPolicy").inputs["policy"])["Statement"]


def test_what_is_computed_from_an_unknown_output_is_said_to_be_unknown():
    seen: list[str] = []

    def program() -> None:
        topic = pulumi_aws.sns.Topic("alerts")
        policy = topic.arn.apply(lambda arn: seen.append(arn) or json.dumps({"Resource": arn}))
        pulumi_aws.sns.TopicPolicy("alerts", arn=topic.arn, policy=policy)
        pulumi_aws.s3.Bucket("b", bucket=topic.name.apply(lambda name: f"{name}-bucket"))

    made = record_program(program)
    [arn] = seen
    assert arn.startswith("arn:aws:sns:us-east-1:111122223333:unknown-")
    assert made.one("aws:sns/topicPolicy:TopicPolicy").inputs == {
        "arn": {"unknown": f"{TOPIC} alerts: arn"},
        "policy": {"unknown": f"{TOPIC} alerts: arn"},
    }
    assert made.one(BUCKET).inputs["bucket"] == {"unknown": f"{TOPIC} alerts: name"}


def test_a_dynamic_resource_without_a_class_of_its_own_passes_through():
    def program() -> None:
        queue = pulumi.CustomResource("acme:index:Queue", "q", {"name": "q", "url": None})
        pulumi_aws.s3.Bucket("b", bucket="b", tags={"queue": queue.url})  # type: ignore[attr-defined]

    made = record_program(program)
    assert notes(made) == [("resource", "acme:index:Queue", "q")]
    assert made.one(BUCKET).inputs["tags"] == {"queue": {"unknown": "an output of acme:index:Queue q"}}


def test_region_account_and_partition_are_answered_from_the_provider_and_the_stack():
    def program() -> None:
        china = pulumi_aws.Provider("cn", region="cn-north-1", allowed_account_ids=["777788889999"])
        inside = pulumi.InvokeOptions(provider=china)
        pulumi.export("here", [pulumi_aws.get_region().region, pulumi_aws.get_caller_identity().account_id])
        late = pulumi.InvokeOutputOptions(provider=china)
        pulumi.export("there", [pulumi_aws.get_region_output(opts=late).region,
                                pulumi_aws.get_caller_identity_output(opts=late).account_id,
                                pulumi_aws.get_partition(opts=inside).dns_suffix])  # fmt: skip

    made = record_program(program, estate=SOMEWHERE)
    assert made.outputs == {
        "here": ["eu-central-1", "444455556666"],
        "there": ["cn-north-1", "777788889999", "amazonaws.com.cn"],
    }
    assert made.notes == ()


def test_an_account_that_nobody_names_is_unknown_and_a_region_that_nobody_names_is_noted():
    def program() -> None:
        account = pulumi_aws.get_caller_identity().account_id
        pulumi_aws.s3.Bucket("b", bucket=f"velero-{account}")

    made = record_program(program, estate=Estate(account=None, region=None))
    assert made.one(BUCKET).inputs["bucket"] == {"unknown": "the account of the credentials that deploy"}
    assert ("account", "aws", None) in notes(made)
    assert ("region", "aws", "us-east-1") in notes(made)


def test_lookups_without_a_model_answer_with_stand_ins_of_their_type():
    def program() -> None:
        zones = pulumi_aws.get_availability_zones(state="available")
        for zone in zones.names[:2]:
            pulumi_aws.ec2.Subnet(f"in-{len(zone)}-{zones.names.index(zone)}", vpc_id="vpc-1", availability_zone=zone)
        late = pulumi_aws.get_availability_zones_output()
        pulumi.export("zone", late.names[0])
        pulumi.export("state", zones.state)

    made = record_program(program)
    subnets = made.of_type("aws:ec2/subnet:Subnet")
    assert len(subnets) == 2
    assert all("getAvailabilityZones" in subnet.inputs["availabilityZone"]["unknown"] for subnet in subnets)
    assert "names[0]" in made.outputs["zone"]["unknown"]
    assert made.outputs["state"] == "available"
    assert ("invoke", "aws:index/getAvailabilityZones:getAvailabilityZones", None) in notes(made)


def test_code_that_cannot_do_with_a_stand_in_is_left_out_and_the_rest_is_planned():
    def program() -> None:
        secret = pulumi_aws.secretsmanager.get_secret_version_output(secret_id="db")
        parsed = secret.secret_string.apply(lambda text: json.loads(text)["name"])
        pulumi_aws.s3.Bucket("named", bucket=parsed)
        velero()

    made = record_program(program)
    assert "unknown" in made.one(BUCKET, "named").inputs["bucket"]
    assert made.one("kubernetes:helm.sh/v3:Release").inputs["values"]["configuration"]
    [failed] = [note for note in made.notes if note.kind == "apply"]
    assert "JSONDecodeError" in str(failed.name)


def test_a_program_that_fails_by_itself_still_fails_with_stand_ins_about():
    def program() -> None:
        pulumi_aws.sns.Topic("alerts")
        raise ValueError("no such thing")

    with pytest.raises(ProgramError, match="no such thing"):
        record_program(program)


def test_the_name_of_a_cluster_that_only_the_deployment_knows_leaves_the_component_whole():
    def program() -> None:
        cluster = pulumi_aws.sns.Topic("cluster")
        velero(name=cluster.name)

    made = record_program(program)
    values = made.one("kubernetes:helm.sh/v3:Release").inputs["values"]
    location = values["configuration"]["backupStorageLocation"][0]
    assert location["bucket"] == {"unknown": f"{TOPIC} cluster: name"}
    assert location["config"] == {"region": "eu-west-1"}
    assert made.one("aws:iam/role:Role").inputs["name"] == {"unknown": f"{TOPIC} cluster: name"}
    assert made.one("kubernetes:velero.io/v1:Schedule").inputs["spec"]["schedule"] == "0 2 * * *"
    assert not [note for note in made.notes if note.kind == "apply"]


class Cluster(pulumi.ComponentResource):
    """A component of another language's package, as its generated class is."""

    kubeconfig: pulumi.Output[str]
    nodes: pulumi.Output[int]

    pulumi_type = "eks:index:Cluster"

    def __init__(self, name: str) -> None:
        super().__init__("eks:index:Cluster", name, {"kubeconfig": None, "nodes": None}, None, remote=True)


def test_a_component_of_another_languages_package_passes_through():
    def program() -> None:
        cluster = Cluster("shop")
        pulumi_kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig)
        pulumi.export("nodes", cluster.nodes)

    made = record_program(program)
    assert notes(made) == [("component", "eks:index:Cluster", "shop")]
    provider = made.one("pulumi:providers:kubernetes")
    assert provider.inputs["kubeconfig"] == {"unknown": "eks:index:Cluster shop: kubeconfig"}
    assert made.one("eks:index:Cluster").custom is False
    assert made.outputs["nodes"] == {"unknown": "an output"}


def test_a_method_of_a_component_is_passed_by():
    @pulumi.output_type
    class Answer:
        def __init__(self, result: str) -> None:
            pulumi.set(self, "result", result)

        @property
        @pulumi.getter
        def result(self) -> str:
            return pulumi.get(self, "result")

    def program() -> None:
        cluster = Cluster("shop")
        token = pulumi.runtime.call("eks:index:Cluster/getKubeconfig", {"__self__": cluster}, cluster, typ=Answer)
        pulumi.export("kubeconfig", token.result)

    made = record_program(program)
    assert made.outputs["kubeconfig"] == {"unknown": "eks:index:Cluster/getKubeconfig: result"}
    assert ("call", "eks:index:Cluster/getKubeconfig", None) in notes(made)


def test_what_exists_already_is_read_and_not_among_what_is_made():
    def program() -> None:
        logs = pulumi_aws.s3.Bucket.get("logs", "acme-logs")
        vpc = pulumi_aws.ec2.Vpc.get("vpc", "vpc-0a1b")
        pulumi.export("logs", [logs.bucket, logs.arn, vpc.id, vpc.cidr_block])

    made = record_program(program)
    assert made.resources == ()
    assert made.outputs["logs"] == [
        "acme-logs", "arn:aws:s3:::acme-logs", "vpc-0a1b", {"unknown": "aws:ec2/vpc:Vpc vpc: cidrBlock"}
    ]  # fmt: skip
    assert notes(made) == [("read", "aws:ec2/vpc:Vpc", "vpc"), ("read", BUCKET, "logs")]


def test_what_stands_under_a_thing_that_exists_already_stands_where_that_does():
    def program() -> None:
        theirs = pulumi_aws.s3.Bucket.get("theirs", "their-bucket")
        pulumi_aws.sns.Topic("events", opts=opts(parent=theirs))

    assert record_program(program).one(TOPIC).parent is None


def test_outputs_of_another_stack_are_unknown_by_name():
    def program() -> None:
        network = pulumi.StackReference("acme/network/prod")
        pulumi_aws.s3.Bucket("b", bucket=network.require_output("bucket"), tags={"of": network.get_output("team")})

    made = record_program(program)
    assert made.one(BUCKET).inputs == {
        "bucket": {"unknown": "stack acme/network/prod: bucket"},
        "tags": {"of": {"unknown": "stack acme/network/prod: team"}},
    }
    assert notes(made) == [("reference", "pulumi:pulumi:StackReference", "acme/network/prod")]


def tagged(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    if args.type_ != BUCKET:
        return None
    return pulumi.ResourceTransformResult(
        {**args.props, "tags": {"team": "backup"}},
        pulumi.ResourceOptions.merge(args.opts, opts(protect=True, ignore_changes=["acl"])),
    )


async def named(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    await asyncio.sleep(0)
    if args.type_ != BUCKET:
        return None
    return pulumi.ResourceTransformResult({**args.props, "bucket": f"{args.props['bucket']}-acme"}, args.opts)


def check_transformed(bucket: Resource) -> None:
    assert bucket.inputs == {"bucket": "b-acme", "tags": {"team": "backup"}}
    assert bucket.options.protect is True
    assert bucket.options.ignore_changes == ("acl",)


def test_transforms_of_a_resource_run_and_their_effect_is_in_the_plan():
    made = record_program(lambda: pulumi_aws.s3.Bucket("b", bucket="b", opts=opts(transforms=[tagged, named])) and None)
    check_transformed(made.one(BUCKET))


def test_transforms_of_the_stack_run_and_those_of_a_component_reach_what_is_below():
    class Box(pulumi.ComponentResource):
        def __init__(self, name: str, options: pulumi.ResourceOptions) -> None:
            super().__init__("test:index:Box", name, None, options)
            pulumi_aws.s3.Bucket("b", bucket="b", opts=opts(parent=self))

    def program() -> None:
        pulumi.runtime.register_resource_transform(named)
        Box("box", opts(transforms=[tagged]))

    check_transformed(record_program(program).one(BUCKET))


def test_a_transform_of_the_whole_stack_reaches_what_the_component_makes():
    def program() -> None:
        pulumi.runtime.register_resource_transform(tagged)
        velero()

    bucket = record_program(program).one(BUCKET)
    assert bucket.inputs["tags"] == {"team": "backup"}


def test_old_transformations_run_too():
    def old(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        return pulumi.ResourceTransformationResult({**args.props, "bucket": "other"}, args.opts)

    made = record_program(lambda: pulumi_aws.s3.Bucket("b", bucket="b", opts=opts(transformations=[old])) and None)
    assert made.one(BUCKET).inputs["bucket"] == "other"


def test_a_transform_that_fails_fails_the_program_with_its_own_words():
    def broken(args: pulumi.ResourceTransformArgs) -> None:
        raise ValueError("no team for this bucket")

    with pytest.raises(ProgramError, match=r"ValueError: no team for this bucket \(.*test_any_program\.py:\d+\)"):
        record_program(lambda: pulumi_aws.s3.Bucket("b", opts=opts(transforms=[broken])) and None)


def test_a_transform_of_lookups_runs():
    def elsewhere(args: pulumi.InvokeTransformArgs) -> pulumi.InvokeTransformResult:
        return pulumi.InvokeTransformResult({**args.args, "name": "other"}, args.opts)

    def program() -> None:
        pulumi.runtime.register_invoke_transform(elsewhere)
        pulumi.export("arn", pulumi_aws.eks.get_cluster_output(name="shop").arn)

    assert record_program(program).outputs["arn"].endswith(":cluster/other")


def test_hooks_are_noted_and_not_run():
    ran: list[str] = []

    def program() -> None:
        hook = pulumi.ResourceHook("told", lambda args: ran.append(args.name))
        pulumi_aws.s3.Bucket("b", bucket="b", opts=opts(hooks=pulumi.ResourceHookBinding(after_create=[hook])))

    made = record_program(program)
    assert ran == []
    assert notes(made) == [("hook", "resource hook", "told")]
    assert made.one(BUCKET).inputs == {"bucket": "b"}


def test_options_of_foreign_resources_are_recorded():
    def program() -> None:
        first = pulumi_aws.sns.Topic("first")
        pulumi_aws.sns.Topic(
            "second", opts=opts(deleted_with=first, replace_on_changes=["name"], ignore_changes=["tags"],
                                aliases=[pulumi.Alias(name="old")], depends_on=[first]),
        )  # fmt: skip

    made = record_program(program)
    first, second = made.one(TOPIC, "first"), made.one(TOPIC, "second")
    assert second.options.deleted_with == first.urn
    assert second.options.replace_on_changes == ("name",)
    assert second.options.ignore_changes == ("tags",)
    assert second.options.aliases[0].endswith("::old")
    assert second.options.depends_on == (first.urn,)


def test_manifests_in_yaml_are_decoded_and_a_remote_chart_passes_through():
    def program() -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n"
        pulumi_kubernetes.yaml.ConfigGroup("objects", yaml=[text])
        pulumi_kubernetes.helm.v4.Chart("ingress", chart="ingress-nginx")

    made = record_program(program)
    assert made.one("kubernetes:core/v1:ConfigMap").inputs["metadata"]["name"] == "a"
    assert ("component", "kubernetes:helm.sh/v4:Chart", "ingress") in notes(made)


def test_what_passes_by_is_noted_once_and_leaves_the_sdk_as_it_was():
    before = (pulumi.runtime.invoke, pulumi.runtime.call, pulumi.StackReference.get_output)

    def program() -> None:
        for _ in range(3):
            pulumi_aws.get_availability_zones()

    assert record_program(program).notes == (Note("invoke", "aws:index/getAvailabilityZones:getAvailabilityZones"),)
    assert (pulumi.runtime.invoke, pulumi.runtime.call, pulumi.StackReference.get_output) == before


def test_two_of_the_component_in_one_program_are_both_recorded():
    made = record_program(lambda: velero("east", "west"))
    assert {one.name for one in made.of_type(BUCKET)} == {"east", "west"}


def test_an_account_that_only_the_component_names_is_the_account_of_what_was_made_before_it():
    """A key of the same program is answered before the component is reached: the program runs again, knowing."""
    runs: list[int] = []

    def program() -> None:
        runs.append(1)
        aws = pulumi_aws.Provider("aws", region="eu-west-1")
        key = pulumi_aws.kms.Key("key", opts=opts(provider=aws))
        args: Any = {**mapping(), "storage": {"kmsKeyArn": key.arn}}
        args["cluster"]["account"] = "444455556666"
        providers = [aws, pulumi_kubernetes.Provider("k", context="shop")]
        VeleroOnEks("velero", args, opts(providers=providers))

    made = record_program(program, estate=Estate(account=None, region=None))
    assert len(runs) == 2
    [policy] = made.of_type("aws:iam/rolePolicy:RolePolicy")
    assert ":444455556666:key/" in policy.inputs["policy"]
    assert [note.kind for note in made.notes] == []
