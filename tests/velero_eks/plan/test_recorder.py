"""One program under the recorder: what is kept of each registration, and what must not pass."""

from __future__ import annotations

import json
import os
import sys
import time

import pulumi
import pulumi_aws
import pulumi_kubernetes
import pulumi_random
import pytest

from velero_eks.errors import PlanError, ProgramError, TimeLimitError
from velero_eks.plan.recorder import record_program

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
SECRET = {"secret": True}


class Box(pulumi.ComponentResource):
    """A component that holds what a test puts in."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Box", name, None, opts)


def opts(**options) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(**options)


def provider(region: str = "eu-west-1", account: str = "444455556666") -> pulumi_aws.Provider:
    return pulumi_aws.Provider("aws", region=region, allowed_account_ids=[account])


def test_a_resource_is_recorded_with_its_parents_and_its_provider():
    def program() -> None:
        box = Box("outer")
        bucket = pulumi_aws.s3.Bucket("b", bucket="backups", opts=opts(parent=box, provider=provider()))
        pulumi_aws.s3.BucketVersioning(
            "v", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}, opts=opts(parent=bucket)
        )

    made = record_program(program)
    box, bucket, versioning = made.one("test:index:Box"), made.one(BUCKET), made.one(VERSIONING)
    assert box.urn == "urn:pulumi:test::velero-eks::test:index:Box::outer"
    assert bucket.urn == f"urn:pulumi:test::velero-eks::test:index:Box${BUCKET}::b"
    assert versioning.urn == f"urn:pulumi:test::velero-eks::test:index:Box${BUCKET}${VERSIONING}::v"
    assert (box.parent, bucket.parent, versioning.parent) == (None, box.urn, bucket.urn)
    assert (box.custom, bucket.custom) == (False, True)
    assert bucket.options.provider == made.one("pulumi:providers:aws").urn
    assert versioning.options.provider == bucket.options.provider
    assert versioning.inputs == {"bucket": "backups", "versioningConfiguration": {"status": "Enabled"}}


def test_protection_comes_down_from_the_parent_as_in_the_engine_unless_a_child_says_no():
    def program() -> None:
        box = Box("kept", opts(protect=True, retain_on_delete=True))
        pulumi_random.RandomPassword("kept", length=8, opts=opts(parent=box))
        pulumi_random.RandomPassword("free", length=8, opts=opts(parent=box, protect=False, retain_on_delete=False))
        pulumi_random.RandomPassword("alone", length=8)

    made = record_program(program)
    found = {resource.name: resource.options for resource in made.of_type("random:index/randomPassword:RandomPassword")}
    assert (found["kept"].protect, found["kept"].retain_on_delete) == (True, True)
    assert (found["free"].protect, found["free"].retain_on_delete) == (False, False)
    assert (found["alone"].protect, found["alone"].retain_on_delete) == (False, False)


def test_dependencies_are_recorded_both_explicit_and_through_inputs():
    def program() -> None:
        first = pulumi_aws.s3.Bucket("first", bucket="first")
        second = pulumi_aws.s3.Bucket("second", bucket="second")
        pulumi_aws.s3.BucketVersioning(
            "v", bucket=first.bucket, versioning_configuration={"status": "Enabled"}, opts=opts(depends_on=[second])
        )

    made = record_program(program)
    first, second = made.one(BUCKET, "first").urn, made.one(BUCKET, "second").urn
    options = made.one(VERSIONING).options
    assert options.depends_on == (first, second)
    assert options.property_dependencies == {"bucket": (first,)}


def test_a_secret_is_shown_nowhere_and_is_a_secret_wherever_it_goes():
    def program() -> None:
        password = pulumi_random.RandomPassword("pw", length=20)
        pulumi_kubernetes.core.v1.Secret("s", string_data={"key": password.result, "plain": "seen"})
        pulumi.export("password", password.result)
        pulumi.export("half", {"inside": pulumi.Output.secret("hidden"), "plain": "seen"})

    made = record_program(program)
    assert made.one("kubernetes:core/v1:Secret").inputs["stringData"] == SECRET
    assert (made.one("random:index/randomPassword:RandomPassword").outputs or {})["result"] == SECRET
    assert made.outputs["password"] == SECRET
    assert "hidden" not in json.dumps(made.outputs)


def test_options_of_a_change_are_recorded():
    def program() -> None:
        pulumi_aws.s3.Bucket(
            "b",
            bucket="b",
            opts=opts(
                ignore_changes=["tags"],
                delete_before_replace=True,
                import_="b-that-exists",
                aliases=[pulumi.Alias(name="old"), "urn:pulumi:test::other::x:y:Z::whole"],
                custom_timeouts=pulumi.CustomTimeouts(create="5m"),
            ),
        )

    options = record_program(program).one(BUCKET).options
    assert options.ignore_changes == ("tags",)
    assert options.delete_before_replace is True
    assert options.import_id == "b-that-exists"
    assert options.custom_timeouts == {"create": "5m"}
    # The SDK adds aliases of its own for types that it renamed.
    assert options.aliases[:2] == (
        f"urn:pulumi:test::velero-eks::{BUCKET}::old",
        "urn:pulumi:test::other::x:y:Z::whole",
    )


def test_a_components_registered_outputs_are_kept_and_an_unregistered_component_has_none():
    def program() -> None:
        box = Box("full")
        box.register_outputs({"answer": 42})
        Box("empty")

    made = record_program(program)
    assert made.one("test:index:Box", "full").outputs == {"answer": 42}
    assert made.one("test:index:Box", "empty").outputs is None


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_arns_are_of_the_providers_partition_region_and_account(region, partition):
    def program() -> None:
        where = opts(provider=provider(region))
        pulumi.export("bucket", pulumi_aws.s3.Bucket("b", bucket="backups", opts=where).arn)
        pulumi.export("role", pulumi_aws.iam.Role("r", name="velero", assume_role_policy="{}", opts=where).arn)
        pulumi.export("key", pulumi_aws.kms.Key("k", opts=where).arn)

    outputs = record_program(program).outputs
    assert outputs["bucket"] == f"arn:{partition}:s3:::backups"
    assert outputs["role"] == f"arn:{partition}:iam::444455556666:role/velero"
    assert outputs["key"].startswith(f"arn:{partition}:kms:{region}:444455556666:key/")


def test_what_is_made_up_depends_on_the_urn_alone():
    def program() -> None:
        pulumi_aws.kms.Key("k")

    key = "aws:kms/key:Key"
    assert record_program(program).one(key).id == record_program(program).one(key).id
    assert record_program(program).one(key).id != record_program(program, stack="other").one(key).id


def test_a_cluster_that_is_looked_up_answers_like_one_that_is_made():
    def program() -> None:
        made = pulumi_aws.eks.Cluster("c", name="shop", role_arn="arn:x", vpc_config={"subnet_ids": ["a", "b"]})
        pulumi.export("made", [made.arn, made.endpoint, made.identities])
        found = pulumi_aws.eks.get_cluster_output(name="shop")
        pulumi.export("found", [found.arn, found.endpoint, found.identities])

    outputs = record_program(program).outputs
    assert outputs["made"] == outputs["found"]
    assert outputs["made"][0] == "arn:aws:eks:us-east-1:111122223333:cluster/shop"


def test_an_output_that_no_rule_computes_is_said_to_be_unknown_where_it_is_used():
    def program() -> None:
        bucket = pulumi_aws.s3.Bucket("b", bucket="b")
        pulumi_aws.s3.BucketPolicy("p", bucket="b", policy=bucket.hosted_zone_id)

    policy = record_program(program).one("aws:s3/bucketPolicy:BucketPolicy")
    assert policy.inputs == {"bucket": "b", "policy": {"unknown": "an output of aws:s3/bucket:Bucket b"}}


def test_the_same_name_twice_under_one_parent_is_refused():
    def program() -> None:
        pulumi_random.RandomPassword("pw", length=8)
        pulumi_random.RandomPassword("pw", length=8)

    with pytest.raises(PlanError, match="registered twice"):
        record_program(program)


def failing(_: object) -> str:
    raise ValueError("no such thing")


def test_a_failing_apply_fails_although_nobody_reads_its_result():
    with pytest.raises(ProgramError, match="ValueError: no such thing"):
        record_program(lambda: pulumi_aws.s3.Bucket("b", bucket="b").arn.apply(failing) and None)


def test_a_failing_apply_fails_as_an_input():
    def program() -> None:
        bucket = pulumi_aws.s3.Bucket("b", bucket="b")
        pulumi_aws.s3.BucketPolicy("p", bucket="b", policy=bucket.arn.apply(failing))

    with pytest.raises(ProgramError, match=r"no such thing \(.*test_recorder\.py:\d+\)"):
        record_program(program)


def test_a_failing_apply_fails_as_an_export():
    with pytest.raises(ProgramError, match="no such thing"):
        record_program(lambda: pulumi.export("x", pulumi.Output.from_input(1).apply(failing)))


def test_a_failing_apply_fails_after_a_chain_of_others():
    def program() -> None:
        value = pulumi_aws.kms.Key("k").arn
        for _ in range(50):
            value = value.apply(lambda arn: arn)
        value.apply(failing)

    with pytest.raises(ProgramError, match="no such thing"):
        record_program(program)


def test_a_timeout_of_the_programs_own_is_told_from_the_limit():
    def program() -> None:
        raise TimeoutError("the registry did not answer")

    with pytest.raises(ProgramError, match="TimeoutError: the registry did not answer"):
        record_program(program)


def test_an_error_that_the_program_logs_fails_and_a_warning_is_kept():
    def warn() -> None:
        pulumi.log.warn("mind the gap")

    assert [(message.severity, message.text) for message in record_program(warn).messages] == [
        ("warning", "mind the gap")
    ]
    with pytest.raises(ProgramError, match="all is lost"):
        record_program(lambda: pulumi.log.error("all is lost"))


def leave(_: object) -> None:
    sys.exit(3)


@pytest.mark.parametrize("program", [lambda: leave(0), lambda: pulumi.Output.from_input(1).apply(leave) and None])
def test_a_program_that_exits_by_itself_is_an_error(program):
    with pytest.raises(ProgramError, match=r"called exit, with 3 \("):
        record_program(program)


def test_a_program_that_waits_for_what_never_comes_ends_at_the_limit():
    def program() -> None:
        import asyncio

        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        pulumi_aws.s3.Bucket("b", bucket=pulumi.Output.from_input(never))

    with pytest.raises(TimeLimitError, match=r"did not end within 0\.2 s"):
        record_program(program, time_limit=0.2)


def work_without_end(_: object = None) -> None:
    while True:
        time.monotonic()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only Unix can interrupt a program that blocks")
@pytest.mark.parametrize(
    "program", [work_without_end, lambda: pulumi.Output.from_input(1).apply(work_without_end) and None]
)
def test_a_program_that_blocks_ends_at_the_limit(program):
    with pytest.raises(TimeLimitError):
        record_program(program, time_limit=0.2)


def test_configuration_reaches_the_program_as_the_engine_gives_it():
    seen = {}

    def program() -> None:
        config = pulumi.Config("velero-eks")
        seen.update(
            text=config.require("text"),
            number=config.require("number"),
            switch=config.require_bool("switch"),
            tree=config.require_object("tree"),
            secret=pulumi.runtime.is_config_secret("velero-eks:hidden"),
            plain=pulumi.runtime.is_config_secret("velero-eks:text"),
        )

    config = {
        "velero-eks:text": "as it is",
        "velero-eks:number": 5,
        "velero-eks:switch": True,
        "velero-eks:tree": {"a": [1, {"b": None}]},
        "velero-eks:hidden": {"secure": "v1:abc"},
    }
    record_program(program, config=config)
    assert seen == {
        "text": "as it is",
        "number": "5",
        "switch": True,
        "tree": {"a": [1, {"b": None}]},
        "secret": True,
        "plain": False,
    }


def test_nothing_of_the_callers_surroundings_reaches_the_program(monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"velero-eks:leak": "yes"}))
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("KUBECONFIG", "/somewhere")

    def program() -> None:
        pulumi.export("leak", pulumi.Config("velero-eks").get("leak"))
        pulumi_aws.Provider("aws")
        pulumi_kubernetes.Provider("kubernetes")

    made = record_program(program)
    assert made.outputs.get("leak") is None
    assert "region" not in made.one("pulumi:providers:aws").inputs
    assert "kubeconfig" not in made.one("pulumi:providers:kubernetes").inputs
    assert os.environ["KUBECONFIG"] == "/somewhere"


def test_the_process_is_left_as_it_was():
    before = (pulumi.get_stack(), pulumi.get_project(), pulumi.runtime.settings.get_monitor(), dict(os.environ))
    record_program(lambda: pulumi_aws.s3.Bucket("b") and None, stack="inside", config={"aws:region": "eu-west-1"})
    with pytest.raises(ProgramError):
        record_program(lambda: pulumi.Output.from_input(1).apply(failing) and None, stack="inside")
    after = (pulumi.get_stack(), pulumi.get_project(), pulumi.runtime.settings.get_monitor(), dict(os.environ))
    assert after == before
    assert pulumi.runtime.get_config("aws:region") is None
    assert pulumi.runtime.settings.get_root_resource() is None
    assert not hasattr(sys, "tracebacklimit")
