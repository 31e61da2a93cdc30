"""Arguments as a program gives them: two spellings, late values, providers from the options, refusals."""

from __future__ import annotations

import re
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes
import pytest
from velero_on_eks import (
    BackupStorage,
    BackupStorageArgs,
    VeleroOnEks,
    VeleroOnEksArgs,
    VeleroValues,
    WorkloadIdentity,
    WorkloadIdentityArgs,
)
from velero_on_eks.inputs import Inputs
from velero_on_eks.settings import Settings

from tests.support import ACCOUNT, ISSUER, MINIMAL, document, record, record_arguments
from velero_eks.errors import ProgramError
from velero_eks.plan.model import Recording
from velero_eks.plan.recorder import record_program

REGION = "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"
SHOP: Any = {"name": "shop", "kubernetes_version": "1.34", "oidc_issuer": ISSUER}
FROM_PROVIDER = [("cluster", "account"), ("region",)]
PASSWORD = "the-password-of-the-other-cluster"
RELEASE = "kubernetes:helm.sh/v3:Release"


def late(value: Any) -> pulumi.Output[Any]:
    """A value that the program knows once something else is made."""
    return pulumi.Output.from_input(value).apply(lambda known: known)


def arguments(**more: Any) -> VeleroOnEksArgs:
    """The smallest arguments, with sections put in or replaced."""
    given: dict[str, Any] = {
        "environment": "production",
        "region": REGION,
        "cluster": {"name": "shop", "account": ACCOUNT, "kubernetes_version": "1.34", "oidc_issuer": ISSUER},
    }
    return VeleroOnEksArgs(**{**given, **more})


def refused(make: Any) -> str:
    """The message about arguments that cannot be used."""
    with pytest.raises(ProgramError) as raised:
        record_arguments(make)
    return str(raised.value)


def test_a_program_and_a_stack_file_that_say_the_same_make_the_same():
    from_file = record(storage={"kmsKeyArn": KEY}, volumes={"mode": "csi-snapshot"})
    from_program = record_arguments(lambda: arguments(storage={"kms_key_arn": KEY}, volumes={"mode": "csi-snapshot"}))
    assert [(r.urn, r.inputs, r.options) for r in from_program] == [(r.urn, r.inputs, r.options) for r in from_file]


def test_camel_case_is_read_like_snake_case():
    camel = record_arguments(lambda: {**MINIMAL, "storage": {"noncurrentDays": 20, "accessLogs": {"bucket": "logs"}}})
    snake = record_arguments(lambda: arguments(storage={"noncurrent_days": 20, "access_logs": {"bucket": "logs"}}))
    assert [r.inputs for r in camel] == [r.inputs for r in snake]


def test_names_arns_issuer_log_bucket_and_password_may_all_be_known_late():
    def make() -> VeleroOnEksArgs:
        return arguments(
            cluster={
                "name": late("Made_Late"),
                "account": late(ACCOUNT),
                "oidc_issuer": late(ISSUER),
                "kubernetes_version": "1.34",
            },
            storage={"kms_key_arn": late(KEY), "access_logs": {"bucket": late("logs-made-late")}},
            identity={"permissions_boundary": late(f"arn:aws:iam::{ACCOUNT}:policy/bound")},
            repository_password=late(PASSWORD),
            tags={"team": late("recovery")},
        )

    recording = record_arguments(make)
    role = recording.one("aws:iam/role:Role")
    assert role.inputs["name"] == "velero-Made_Late-eu-west-1"
    assert role.inputs["permissionsBoundary"] == f"arn:aws:iam::{ACCOUNT}:policy/bound"
    assert role.inputs["tags"]["team"] == "recovery"
    assert document(role, "assumeRolePolicy")["Statement"][0]["Principal"]["Federated"].endswith(
        ISSUER.removeprefix("https://")
    )
    bucket = recording.one("aws:s3/bucket:Bucket").inputs["bucket"]
    assert bucket.startswith(f"velero-made-late-{ACCOUNT}-eu-west-1"[:20])
    assert recording.one("aws:s3/bucketLogging:BucketLogging").inputs["targetBucket"] == "logs-made-late"
    assert recording.of_type("aws:kms/key:Key") == []
    assert KEY in str(document(recording.one("aws:iam/rolePolicy:RolePolicy")))
    assert PASSWORD not in repr(recording)
    assert recording.outputs["repositoryPassword"] == {"secret": True}


def test_an_account_and_a_region_that_are_left_out_are_the_providers():
    cluster: Any = {"name": "shop", "kubernetes_version": "1.34", "oidc_issuer": ISSUER}
    recording = record_arguments(lambda: VeleroOnEksArgs(environment="production", cluster=cluster))
    assert recording.one("aws:s3/bucket:Bucket").inputs["bucket"].startswith("velero-shop-")
    assert len(recording.of_type("kubernetes:velero.io/v1:Schedule")) == 1


def test_a_late_value_in_the_charts_values_comes_where_it_belongs():
    recording = record_arguments(
        lambda: arguments(release={"helm_values_overrides": {"nodeSelector": {"pool.example.com/name": late("spot")}}})
    )
    assert recording.one(RELEASE).inputs["values"]["nodeSelector"] == {"pool.example.com/name": "spot"}


def test_a_plain_name_stays_plain_beside_late_ones():
    """An output would be unknown in a preview, and an unknown namespace reads as a replacement of what is in it."""
    recording = record_arguments(lambda: arguments(storage={"kms_key_arn": late(KEY)}))
    for kind in ("kubernetes:core/v1:Secret", "kubernetes:velero.io/v1:Schedule"):
        found = recording.one(kind)
        assert found.inputs["metadata"]["namespace"] == "velero"
        assert "metadata" not in found.options.property_dependencies


CLUSTER = {"account": ACCOUNT, "kubernetes_version": "1.34", "oidc_issuer": ISSUER}


@pytest.mark.parametrize(
    ("section", "field", "value", "said"),
    [
        ("storage", "kms_key_arn", "alias/aws/s3", "storage.kms_key_arn"),
        ("cluster", "name", "a_bad name", "cluster.name"),
        ("cluster", "account", "1111", "cluster.account"),
        ("cluster", "oidc_issuer", ISSUER.replace(REGION, "us-east-1"), "the issuer is in us-east-1"),
        ("identity", "permissions_boundary", "arn:aws:iam::999999999999:policy/bound", "of account 999999999999"),
        ("identity", "role_name", "r" * 65, "identity.role_name"),
        ("storage", "bucket", "Not_A_Bucket", "storage.bucket"),
        ("tags", "team", 7, "tags.team"),
        (None, "repository_password", "short", "repository_password"),
        (None, "region", "eu-west-9", "region"),
    ],
)
def test_a_bad_late_value_fails_with_the_message_of_a_plain_one(section, field, value, said):
    def given(value: Any) -> VeleroOnEksArgs:
        if section is None:
            return arguments(**{field: value})
        return arguments(**{section: {**(CLUSTER | {"name": "shop"} if section == "cluster" else {}), field: value}})

    plain, known_late = refused(lambda: given(value)), refused(lambda: given(late(value)))
    assert said in plain
    assert known_late == plain


def test_who_breaks_the_glass_may_be_known_late_one_by_one():
    plain, made_late = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("deploy", "made-late"))

    def given(arn: str) -> VeleroOnEksArgs:
        return arguments(storage={"break_glass": [plain, late(arn)]})

    policy = document(record_arguments(lambda: given(made_late)).one("aws:s3/bucketPolicy:BucketPolicy"))
    assert policy["Statement"][-1]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [plain, made_late]}}
    for bad in (f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::999999999999:role/deploy", f"{plain}*"):
        said = refused(lambda bad=bad: given(bad))
        assert "storage.break_glass.1" in said
        assert said == refused(lambda bad=bad: arguments(storage={"break_glass": [plain, bad]}))


def test_two_late_values_are_held_against_each_other():
    other = KEY.replace(REGION, "eu-central-1")
    said = refused(lambda: arguments(region=late(REGION), storage={"kms_key_arn": late(other)}))
    assert "the key is in eu-central-1 and the bucket in eu-west-1" in said


def test_what_the_plan_is_checked_by_cannot_be_late():
    said = refused(lambda: arguments(schedules={"daily": {"cron": late("@daily"), "keep": "30d"}}))
    assert "schedules.daily.cron" in said
    assert "cannot be an Output" in said
    assert "cluster:" in refused(lambda: arguments(cluster=late({"name": "shop"})))


def test_everything_wrong_is_said_at_once_in_the_programs_spelling():
    said = refused(
        lambda: arguments(
            storage={"noncurent_days": 30, "key_rotation_days": 5},
            recovery={"retention": "1M"},
            identity={"mode": "user"},
        )
    )
    for part in (
        "storage.noncurent_days",
        "noncurrentDays",
        "storage.key_rotation_days = 5",
        "recovery.retention",
        "mode",
    ):
        assert part in said
    assert "Traceback" not in said


def test_objectives_are_one_or_a_list_of_them_in_both_spellings():
    daily: Any = {"daily": {"cron": "30 2 * * *", "keep": "30d"}}
    one = VeleroOnEksArgs(environment="production", cluster=SHOP, recovery={"minimum_copies": 5}, schedules=daily)
    several = VeleroOnEksArgs(
        environment="production",
        cluster=SHOP,
        recovery=[{"minimum_copies": 5}, {"namespaces": ["shop"], "rpo": "24h"}],
        schedules=daily,
    )
    camel: Any = {**one, "recovery": [{"minimumCopies": 5}]}
    found = [Inputs.of("Velero", Settings, given, from_provider=FROM_PROVIDER).model for given in (one, several, camel)]
    assert [[objective.minimum_copies for objective in each.recovery] for each in found] == [[5], [5, 3], [5]]
    said = refused(lambda: arguments(recovery=[{}, {"minimum_copies": 0}]))
    assert "recovery.1.minimum_copies = 0" in said


def test_a_key_in_both_spellings_is_refused():
    said = refused(lambda: arguments(storage={"kms_key_arn": KEY, "kmsKeyArn": KEY}))
    assert "storage.kms_key_arn: given as kms_key_arn and as kmsKeyArn; give one of the two" in said


def test_nothing_is_registered_before_plain_arguments_are_found_good():
    made: list[str] = []

    def program() -> None:
        pulumi.runtime.register_stack_transformation(lambda args: made.append(args.type_))
        VeleroOnEks("velero", arguments(storage={"kms_key_arn": "key"}))

    with pytest.raises(ProgramError):
        record_program(program)
    assert made == []


def test_none_leaves_a_field_out_and_whole_numbers_of_other_languages_are_read():
    plain = record_arguments(lambda: arguments(storage={"noncurrent_days": 20}))
    other = record_arguments(lambda: arguments(storage={"noncurrent_days": 20.0, "prefix": None}, identity=None))
    assert [r.inputs for r in plain] == [r.inputs for r in other]


def test_none_where_the_default_is_something_takes_that_away():
    """`priorityClass: null` in a stack file, and None in a program: the Pod gets no priority class."""
    from_file = record(release={"priorityClass": None})
    from_program = record_arguments(lambda: arguments(release={"priority_class": None}))
    for recording in (from_file, from_program):
        assert "priorityClassName" not in recording.one(RELEASE).inputs["values"]
    assert record().one(RELEASE).inputs["values"]["priorityClassName"] == "system-cluster-critical"


def test_irsa_without_an_issuer_stops_before_any_resource():
    cluster = {"name": "shop", "account": ACCOUNT, "kubernetes_version": "1.34"}
    assert "cluster.oidc_issuer: required by identity.mode irsa" in refused(lambda: arguments(cluster=cluster))


def test_the_settings_are_an_output_without_the_password():
    recording = record_arguments(
        lambda: arguments(storage={"kms_key_arn": late(KEY)}, repository_password=pulumi.Output.secret(PASSWORD))
    )
    outputs = recording.one("velero-eks:index:VeleroOnEks").outputs
    assert outputs is not None
    document = outputs["settings"]
    assert document["storage"]["kmsKeyArn"] == KEY
    assert document["recovery"]["retention"] == "30d"
    assert "repositoryPassword" not in document
    assert PASSWORD not in repr(recording)
    assert Settings.from_mapping(document).storage.kms_key_arn == KEY


def test_a_failing_apply_fails_the_recording():
    def fail(_: str) -> str:
        raise ValueError("no such cluster")

    cluster = {"account": ACCOUNT, "kubernetes_version": "1.34", "oidc_issuer": ISSUER}
    said = refused(lambda: arguments(cluster={**cluster, "name": pulumi.Output.from_input("x").apply(fail)}))
    assert "no such cluster" in said


# Parts by themselves.


def _parts() -> Recording:
    def program() -> None:
        aws = pulumi_aws.Provider("aws", region=REGION)
        on_aws = pulumi.ResourceOptions(providers=[aws])
        storage = BackupStorage(
            "backups", BackupStorageArgs(bucket="acme-backups", region=REGION, account=ACCOUNT), on_aws
        )
        identity = WorkloadIdentity(
            "backups",
            WorkloadIdentityArgs(
                role_name="velero",
                cluster_name="shop",
                oidc_issuer=ISSUER,
                region=REGION,
                account=ACCOUNT,
                bucket_arn=storage.bucket_arn,
                key_arn=storage.key_arn,
            ),
            on_aws,
        )
        values = VeleroValues(
            "backups", {"bucket": storage.bucket, "region": REGION, "role_arn": identity.role_arn}, on_aws
        )
        pulumi.export("values", values.helm_values)

    return record_program(program)


@pytest.fixture(scope="module")
def parts() -> Recording:
    return _parts()


def test_storage_and_identity_serve_a_velero_that_somebody_else_installs(parts):
    values = parts.outputs["values"]
    assert values["configuration"]["backupStorageLocation"][0]["bucket"] == "acme-backups"
    role = parts.one("aws:iam/role:Role")
    assert values["serviceAccount"]["server"]["annotations"]["eks.amazonaws.com/role-arn"] == role.outputs["arn"]
    assert not [r for r in parts if r.type.startswith("kubernetes:")]


def test_parts_get_the_policies_that_the_whole_gets(parts):
    whole = record(storage={"bucket": "acme-backups"}, identity={"roleName": "velero"})
    for kind, field in (
        ("aws:iam/role:Role", "assumeRolePolicy"),
        ("aws:s3/bucketPolicy:BucketPolicy", "policy"),
        ("aws:kms/key:Key", "policy"),
    ):
        mine, theirs = (document(recording.one(kind), field) for recording in (parts, whole))
        assert _without_ids(mine) == _without_ids(theirs), kind


def test_a_part_protects_what_it_makes_unless_told_otherwise(parts):
    assert parts.one("aws:s3/bucket:Bucket").options.protect
    assert parts.one("aws:kms/key:Key").options.retain_on_delete


def test_a_part_refuses_bad_arguments_in_its_own_name():
    def program() -> None:
        BackupStorage("backups", BackupStorageArgs(bucket="Bad_Name", noncurrent_days=0))

    with pytest.raises(ProgramError) as raised:
        record_program(program)
    assert "BackupStorage 'backups': bucket" in str(raised.value)
    assert "noncurrent_days = 0" in str(raised.value)


def test_providers_come_from_the_options():
    def program() -> None:
        aws = pulumi_aws.Provider("mine", region=REGION)
        kubernetes = pulumi_kubernetes.Provider("mine", context="test")
        VeleroOnEks("velero", arguments(), pulumi.ResourceOptions(providers={"aws": aws, "kubernetes": kubernetes}))

    recording = record_program(program)
    mine = {r.type.split(":")[-1]: r.urn for r in recording if r.type.startswith("pulumi:providers:")}
    for resource in recording:
        package = resource.type.split(":")[0]
        if package in ("aws", "kubernetes"):
            assert resource.options.provider == mine[package], resource.urn


def _without_ids(document: Any) -> Any:
    return re.sub(r"key/[0-9a-f-]{36}", "key/ID", repr(document))
