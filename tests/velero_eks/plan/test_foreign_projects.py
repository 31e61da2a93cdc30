"""Whole projects of other people: a name, a configuration and a layout of their own, the settings in code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.support import mapping
from velero_eks.errors import BadTarget, PlanError
from velero_eks.plan import contract
from velero_eks.plan.runner import load_stacks, run_stack
from velero_eks.plan.saved import read
from velero_eks.project.project import Project

AT = datetime(2026, 11, 24, tzinfo=UTC)
# The component as a package of another version registers it: its settings are among its outputs.
COMPONENT = """
import pulumi, pulumi_aws
from velero_on_eks.documents.kubernetes import schedule_spec
import pulumi_kubernetes

class Velero(pulumi.ComponentResource):
    def __init__(self, name, settings, opts=None):
        super().__init__("velero-eks:index:VeleroOnEks", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        pulumi_aws.s3.Bucket(name, bucket=f"{name}-backups", force_destroy=True, opts=inside)
        for schedule in settings["schedules"]:
            pulumi_kubernetes.apiextensions.CustomResource(f"{name}-{schedule}", api_version="velero.io/v1",
                kind="Schedule", metadata={"name": schedule, "namespace": "velero"},
                spec={"schedule": "0 2 * * *", "template": {"ttl": "720h0m0s"}}, opts=inside)
        self.register_outputs({"settings": settings})
"""
SCHEDULES = {"daily": {"cron": "0 2 * * *", "keep": "30d"}}


def foreign(folder: Path, program: str, *, declared: str = "", at: str = ".", **stacks: str) -> Project:
    (folder / at).mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: acme-platform\nruntime: python\n{declared}")
    (folder / at / "__main__.py").write_text(COMPONENT + dedent(program))
    for stack, text in stacks.items():
        (folder / f"Pulumi.{stack}.yaml").write_text(dedent(text))
    return Project.find(folder)


def described(project: Project, *stacks: str) -> list[contract.Described]:
    files, bad = load_stacks(project, project.select(stacks))
    assert bad == {}
    return [contract.describe(run_stack(project, file), AT) for file in files]


def settings(**sections: Any) -> str:
    return repr({**mapping(schedules=SCHEDULES), **sections})


def test_a_stack_without_a_file_and_settings_in_code(tmp_path):
    project = foreign(tmp_path, f"Velero('velero', {settings()})")
    [plan] = described(project, "prod")
    [deployment] = plan.plan.deployments
    assert deployment.settings.cluster.name == "shop"
    assert (deployment.name, deployment.alone) == ("velero", False)
    assert [schedule.name for schedule in plan.schedules] == ["daily"]
    assert plan.objectives[0].met


def test_configuration_of_other_namespaces_reaches_the_program(tmp_path):
    program = f"""
        config = pulumi.Config("acme")
        Velero(config.require("team"), {settings()})
        pulumi.export("here", [pulumi_aws.get_region().region, pulumi_aws.get_caller_identity().account_id])
    """
    file = """
        config:
          aws:region: eu-north-1
          aws:allowedAccountIds: ["444455556666"]
          acme:team: payments
          datadog:apiKey: {secure: v1:abc}
    """
    [plan] = described(foreign(tmp_path, program, prod=file))
    assert plan.plan.deployments[0].name == "payments"
    assert plan.plan.recording.outputs["here"] == ["eu-north-1", "444455556666"]


def test_several_of_them_have_each_their_own_schedules_objectives_and_findings(tmp_path):
    development = {"environment": "development"}
    program = f"""
        Velero("east", {settings()})
        Velero("west", {settings(**development)})
    """
    [plan] = described(foreign(tmp_path, program), "prod")
    assert [one.name for one in plan.plan.deployments] == ["east", "west"]
    assert len({schedule.resource for schedule in plan.schedules}) == 2
    assert [(one.component or "").rsplit("::", 1)[-1] for one in plan.objectives] == ["east", "west"]
    destroyed = {one.resource.rsplit("::", 1)[-1] for one in plan.findings if one.rule == "bucket-force-destroy"}
    assert destroyed == {"east"}
    assert contract.document([plan])["stacks"][0]["environment"] == "production"


def test_rules_judge_what_is_of_the_component_and_leave_the_rest_of_a_program_alone(tmp_path):
    program = f"""
        pulumi_aws.s3.Bucket("site", bucket="acme-site", force_destroy=True)
        pulumi_aws.iam.User("robot", name="robot")
        Velero("velero", {settings()})
    """
    [plan] = described(foreign(tmp_path, program), "prod")
    assert plan.findings
    assert not [one for one in plan.findings if one.resource.endswith(("::site", "::robot"))]


def test_what_a_program_puts_on_the_components_own_bucket_is_judged(tmp_path):
    program = f"""
        Velero("velero", {settings()})
        everyone = '{{"Statement": {{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}}}}'
        pulumi_aws.s3.BucketPolicy("open", bucket="velero-backups", policy=everyone)
    """
    [plan] = described(foreign(tmp_path, program), "prod")
    assert [one for one in plan.findings if one.resource.endswith("::open") and one.severity == "error"]


def test_a_program_in_a_folder_of_its_own(tmp_path):
    program = f"""
        from pathlib import Path
        pulumi.export("cwd", Path.cwd().name)
        Velero("velero", {settings()})
    """
    project = foreign(tmp_path, program, declared="main: infra\nstackConfigDir: config\n", at="infra")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "Pulumi.prod.yaml").write_text("config: {aws:region: eu-west-1}\n")
    [plan] = described(project)
    assert (plan.plan.stack, plan.plan.recording.outputs["cwd"]) == ("prod", "infra")


def test_a_program_in_another_language_is_refused(tmp_path):
    project = foreign(tmp_path, "")
    (tmp_path / "Pulumi.yaml").write_text("name: acme\nruntime: nodejs\n")
    with pytest.raises(PlanError, match="runtime is nodejs"):
        described(Project.find(project.root), "prod")


def test_a_stack_that_nobody_named_is_asked_for(tmp_path):
    with pytest.raises(BadTarget, match="velero-eks plan STACK"):
        foreign(tmp_path, "").select([])


def test_a_file_that_is_no_stack_file_is_named(tmp_path):
    project = foreign(tmp_path, "", prod="config: [1, 2]\n", dev="config: {\n")
    files, bad = load_stacks(project, project.select([]))
    assert files == []
    assert [str(error).split(": ")[0].rsplit("/", 1)[-1] for error in bad.values()] == [
        "Pulumi.dev.yaml:1:9",
        "Pulumi.prod.yaml",
    ]


def test_settings_that_are_known_later_stay_so_in_the_plan(tmp_path):
    program = f"""
        topic = pulumi_aws.sns.Topic("cluster")
        wanted = {settings()}
        wanted["cluster"] = {{**wanted["cluster"], "name": topic.name}}
        Velero("velero", wanted)
    """
    [plan] = described(foreign(tmp_path, program), "prod")
    entry = contract.document([plan])["stacks"][0]["deployments"][0]
    assert entry["settings"]["cluster"]["name"] == {"unknown": "aws:sns/topic:Topic cluster: name"}
    [again] = read(contract.text([plan]), "plan.json")
    assert again.deployments[0].settings == plan.plan.deployments[0].settings


def test_a_program_without_the_component_is_planned_and_has_nothing_to_judge(tmp_path):
    [plan] = described(foreign(tmp_path, "pulumi_aws.sns.Topic('alerts')"), "prod")
    document = contract.document([plan])["stacks"][0]
    assert (document["deployments"], document["findings"], document["environment"]) == ([], [], "production")
    assert document["notes"] == [
        {"kind": "region", "token": "aws", "name": "us-east-1"},
        {"kind": "resource", "token": "aws:sns/topic:Topic", "name": "alerts"},
    ]


def test_settings_that_this_version_cannot_read_are_an_error_that_names_the_field(tmp_path):
    odd = {"storage": {"tape": True}}
    with pytest.raises(PlanError, match=r"settings of velero cannot be read: storage\.tape"):
        described(foreign(tmp_path, f"Velero('velero', {settings(**odd)})"), "prod")


def test_the_plan_of_a_foreign_program_is_what_the_schema_says(tmp_path, root):
    import jsonschema

    program = f"""
        zones = pulumi_aws.get_availability_zones()
        pulumi_aws.ec2.Subnet("a", vpc_id="vpc-1", availability_zone=zones.names[0])
        Velero("velero", {settings()})
    """
    schema = json.loads((root / "docs" / "reference" / "plan.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(contract.document(described(foreign(tmp_path, program), "prod")), schema)


def test_a_policy_that_depends_on_an_unknown_account_is_noted_and_not_passed_over(tmp_path):
    program = """
        import json

        account = pulumi_aws.get_caller_identity().account_id
        pulumi_aws.iam.Role("r", name="r", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]}))
    """
    [found] = described(foreign(tmp_path, program), "prod")
    assert found.grants == []
    assert ("grant", "aws:iam/role:Role", "r") in [(note.kind, note.token, note.name) for note in found.notes]


def test_a_stack_file_of_somebody_elses_may_have_keys_of_its_own_beside_the_settings(tmp_path):
    """The same program as ours in a project of another name, which reads one more key for itself."""
    program = """
        import pulumi
        from velero_on_eks import VeleroOnEks
        from velero_on_eks.settings import load_from_pulumi

        settings = load_from_pulumi()
        aws = pulumi_aws.Provider("aws", region=settings.region)
        kubernetes = pulumi_kubernetes.Provider("kubernetes", context="shop")
        VeleroOnEks("velero", settings, pulumi.ResourceOptions(providers=[aws, kubernetes]))
        pulumi.export("team", pulumi.Config().require("team"))
    """
    stack = """
        config:
          aws:region: eu-west-1
          acme-platform:team: recovery
          velero-eks:environment: staging
          velero-eks:cluster:
            name: shop
            account: "111122223333"
            kubernetesVersion: "1.35"
            oidcIssuer: https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789
    """
    [found] = described(foreign(tmp_path, program, prod=stack), "prod")
    assert found.plan.recording.outputs["team"] == "recovery"
    assert [one.settings.environment for one in found.plan.deployments] == ["staging"]
    misspelt = foreign(tmp_path / "b", program, prod=f"{dedent(stack)}  velero-eks:scheduels: {{}}\n")
    _, bad = load_stacks(misspelt, misspelt.select(["prod"]))
    [refusal] = bad["prod"].refusals
    assert (refusal.code, refusal.field) == ("unknown-key", "velero-eks:scheduels")
