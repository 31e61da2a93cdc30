"""The CrossGuard pack: its policies by themselves, and the pack as the engine starts and asks it."""

from __future__ import annotations

import contextvars
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import set_all_config
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from tests.conftest import ROOT
from tests.limits import HANG
from tests.stacks import FILES
from tests.velero_eks.rules.plans import Draft, good_resources
from tests.velero_eks.rules.test_mutations import FAULTS
from velero_eks.plan.recorder import engine_config
from velero_eks.rules import RULES, kinds
from velero_eks.rules.crossguard import crossguard_policies

PACK = ROOT / "policies"
PRODUCTION = engine_config(yaml.safe_load(FILES["prod"].read_text(encoding="utf-8"))["config"])
# One fault of each area, as many rules of one resource as of the whole stack.
ASKED_OF_THE_ENGINE = [
    "bucket key off",
    "versioning suspended",
    "TLS condition inverted",
    "a missing SSE header denied",
    "current objects expire after a day",
    "a deletion window of 3 days",
    "IRSA for a wildcard sub",
    "s3:* on the bucket",
    "ARNs of another partition",
    "the default Kubernetes provider",
    "a release before its password",
    "the standard driver on Auto Mode",
    "image tag latest",
    "two default locations",
    "a TTL in days",
    "key not protected",
    "a provider of another region",
    "changes of the bucket policy ignored",
    "a pod in Velero's namespace",
    "no repository password",
    "a ClusterRoleBinding that only the release has",
]


def judge(
    rule: str,
    kind: str,
    inputs: Mapping[str, Any],
    *,
    config: Mapping[str, str] | None = None,
    provider: str = "aws",
    project: str = "velero-eks",
    below: str = "velero-eks:index:VeleroOnEks$",
) -> list[str]:
    """What one policy of one resource reports, under a stack's configuration."""
    [policy] = [one for one in crossguard_policies() if one.name == rule]
    assert isinstance(policy, ResourceValidationPolicy)
    urn = f"urn:pulumi:prod::{project}::{below}{kind}::velero"
    options = PolicyResourceOptions(True, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    made_by = PolicyProviderResource(
        "pulumi:providers:aws",
        {"region": "ap-south-1"},
        f"urn:pulumi:prod::velero-eks::pulumi:providers:aws::{provider}",
        provider,
    )
    props = unknown_checking_proxy(dict(inputs))
    args = ResourceValidationArgs(kind, props, urn, "velero", options, made_by)
    reported: list[str] = []

    def run() -> None:
        set_all_config(dict(config or {}))
        policy.validate(args, lambda message, urn=None: reported.append(message))

    contextvars.copy_context().run(run)
    return reported


def test_every_rule_is_a_policy_of_the_same_name_sentence_and_weight():
    policies = {policy.name: policy for policy in crossguard_policies()}
    assert set(policies) == set(RULES)
    for name, rule in RULES.items():
        assert policies[name].description == rule.what
        mandatory = policies[name].enforcement_level is EnforcementLevel.MANDATORY
        assert mandatory == (rule.severity == "error")
        assert isinstance(policies[name], ResourceValidationPolicy) == (rule.scope == "resource")


def test_a_policy_reports_what_its_rule_finds():
    [message] = judge("iam-static-credentials", kinds.IAM_USER, {"name": "velero"})
    assert message.startswith("User velero: long-lived credentials, where Velero has a role;")
    assert judge("bucket-force-destroy", kinds.BUCKET, {"forceDestroy": False}) == []


def test_a_policy_passes_by_resources_of_other_types():
    assert judge("iam-static-credentials", kinds.BUCKET, {}) == []


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ("bucket-force-destroy", kinds.BUCKET, {"bucket": "site", "forceDestroy": True}),
        ("release-keeps-crds", kinds.RELEASE, {"chart": "velero", "values": {"cleanUpCRDs": True}}),
        ("iam-static-credentials", kinds.IAM_USER, {"name": "robot"}),
        ("policy-document", kinds.BUCKET_POLICY, {"bucket": "site", "policy": "{"}),
        ("schedule-cluster-resources", kinds.SCHEDULE, {"spec": {"template": {}}}),
    ],
)
def test_a_policy_leaves_alone_what_a_program_makes_beside_the_component(rule, kind, inputs):
    assert judge(rule, kind, inputs, project="acme", below="") == []
    assert judge(rule, kind, inputs, project="acme")


def test_the_environment_of_the_stack_decides_and_without_one_production_does():
    development = {"velero-eks:environment": "development"}
    assert judge("bucket-force-destroy", kinds.BUCKET, {"forceDestroy": True}, config=development) == []
    assert judge("bucket-force-destroy", kinds.BUCKET, {"forceDestroy": True}, config=PRODUCTION)
    assert judge("bucket-force-destroy", kinds.BUCKET, {"forceDestroy": True})


def test_what_is_a_warning_in_this_environment_does_not_stop_the_deployment():
    values = {"chart": "velero", "values": {"cleanUpCRDs": True}}
    development = {"velero-eks:environment": "development"}
    assert judge("release-keeps-crds", kinds.RELEASE, values, config=development) == []
    assert judge("release-keeps-crds", kinds.RELEASE, values, config=PRODUCTION)


def test_the_default_provider_is_recognised_by_the_name_that_the_engine_gives_it():
    assert judge("explicit-provider", kinds.BUCKET, {}, provider="default_7_51_1")
    assert judge("explicit-provider", kinds.BUCKET, {}, provider="aws") == []


def test_a_value_that_a_preview_cannot_know_is_left_to_the_engine_to_report():
    with pytest.raises(UnknownValueError):
        judge("policy-document", kinds.BUCKET_POLICY, {"bucket": "b", "policy": UNKNOWN_STRING_VALUE})


def test_a_waived_rule_is_not_applied_and_the_reason_is_given():
    waivers = json.dumps({"bucket-force-destroy": "emptied by hand on every evening"})
    with pytest.raises(_NotApplicableError) as caught:
        judge("bucket-force-destroy", kinds.BUCKET, {"forceDestroy": True}, config={"velero-eks:waivers": waivers})
    assert caught.value.reason == "waived: emptied by hand on every evening"


def test_the_pack_runs_in_the_environment_that_uv_makes_for_the_project():
    declared = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    assert declared["runtime"]["name"] == "python"
    assert (PACK / declared["runtime"]["options"]["virtualenv"]).resolve() == (ROOT / ".venv").resolve()


# The pack as the engine sees it: a process that prints a port and answers there.


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(PACK / "__main__.py")]
    process = subprocess.Popen(
        command,
        cwd=PACK,
        env={**environment, "PULUMI_CONFIG": json.dumps(PRODUCTION)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    # Ends the process, and with it the wait for its first line, if the pack does not start.
    limit = threading.Timer(HANG, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        limit.cancel()
        assert port.isdigit(), "the pack ended without saying a port"
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        limit.cancel()
        process.kill()
        process.wait(HANG)
        if process.stdout is not None:
            process.stdout.close()


def test_the_engine_can_ask_the_pack_for_its_policies(analyzer: analyzer_pb2_grpc.AnalyzerStub):
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=HANG)
    assert info.name == "velero-eks"
    assert {policy.name for policy in info.policies} == set(RULES)


def test_the_pack_finds_in_the_good_plan_what_the_offline_check_finds(analyzer: analyzer_pb2_grpc.AnalyzerStub):
    assert asked(analyzer, good_resources()) == {("bucket-replication", "ADVISORY")}


def answered(entry: dict[str, Any]) -> None:
    """Put in what a provider answers beside the inputs, which is what an engine shows of a stack."""
    inputs = entry["inputs"]
    if entry["type"].startswith("aws:"):
        inputs.update(arn="arn:aws:…", tagsAll={}, hostedZoneId="Z1", versioning={"enabled": True}, acl=None)
    for rule in inputs.get("rules", []):
        if "filter" in rule:
            rule.setdefault("expiration", {"days": 0, "date": "", "expiredObjectDeleteMarker": False})
            rule["filter"] = {"prefix": "", "objectSizeGreaterThan": 0}
    if "metadata" in inputs:
        inputs["metadata"] |= {"uid": "0a1b", "resourceVersion": "7", "managedFields": [{}]}
    if entry["type"] == kinds.RELEASE:
        inputs.update(status={"status": "deployed"}, resourceNames={"Deployment": ["velero"]}, verify=False)


def test_what_a_provider_fills_in_is_no_finding(analyzer: analyzer_pb2_grpc.AnalyzerStub):
    plan = good_resources()
    for entry in plan.entries:
        if entry["custom"]:
            answered(entry)
    assert asked(analyzer, plan) == {("bucket-replication", "ADVISORY")}


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.what in ASKED_OF_THE_ENGINE], ids=str)
def test_the_pack_stops_what_the_offline_check_stops(analyzer: analyzer_pb2_grpc.AnalyzerStub, fault: Any):
    plan = fault.base()
    fault.change(plan)
    expected = {(rule, "MANDATORY") for rule in (fault.rule, *fault.implied)}
    assert asked(analyzer, plan) == {*expected, ("bucket-replication", "ADVISORY")}


def test_every_fault_asked_of_the_engine_is_one_of_the_gate():
    assert set(ASKED_OF_THE_ENGINE) <= {fault.what for fault in FAULTS}


def asked(analyzer: analyzer_pb2_grpc.AnalyzerStub, plan: Draft) -> set[tuple[str, str]]:
    """The rules that the pack reports, and how strictly, asked as the engine asks: each resource, then the stack."""
    level = analyzer_pb2.EnforcementLevel.Name
    responses = [
        analyzer.Analyze(request(plan, entry, analyzer_pb2.AnalyzeRequest), timeout=HANG)
        for entry in plan.entries
        if entry["custom"]
    ]
    stack = analyzer_pb2.AnalyzeStackRequest(
        resources=[request(plan, entry, analyzer_pb2.AnalyzerResource) for entry in plan.entries]
    )
    responses.append(analyzer.AnalyzeStack(stack, timeout=HANG))
    return {
        (diagnostic.policyName, level(diagnostic.enforcementLevel))
        for response in responses
        for diagnostic in response.diagnostics
    }


def request(plan: Draft, entry: dict[str, Any], message: Callable[..., Any]) -> Any:
    """An entry of the plan as the engine hands it to an analyzer."""
    options = entry["options"]
    fields: dict[str, Any] = {
        "type": entry["type"],
        "urn": entry["urn"],
        "name": entry["name"],
        "properties": json_format.ParseDict(revealed(entry["inputs"]), struct_pb2.Struct()),
        "options": analyzer_pb2.AnalyzerResourceOptions(
            protect=bool(options.get("protect")),
            parent=entry["parent"] or "",
            ignoreChanges=options.get("ignoreChanges", []),
        ),
    }
    if options.get("provider"):
        urn = options["provider"]
        made_by = [one for one in plan.entries if one["urn"] == urn]
        fields["provider"] = analyzer_pb2.AnalyzerProviderResource(
            type=urn.split("::")[2],
            urn=urn,
            name=urn.rsplit("::", 1)[-1],
            properties=json_format.ParseDict(made_by[0]["inputs"] if made_by else {}, struct_pb2.Struct()),
        )
    if message is analyzer_pb2.AnalyzerResource:
        fields["parent"] = entry["parent"] or ""
        fields["dependencies"] = options.get("dependsOn", [])
    return message(**fields)


def revealed(value: Any) -> Any:
    """The inputs with secrets unencrypted, as the engine shows them to policies."""
    if value == {"secret": True}:
        return {kinds.REPOSITORY_SECRET_KEY: "a-password-that-someone-made"}
    if isinstance(value, dict):
        return {key: revealed(below) for key, below in value.items()}
    return [revealed(below) for below in value] if isinstance(value, list) else value
