"""The plan as JSON is what docs/reference/plan.schema.json says, and the same to the byte every time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.velero_eks.plan.projects import plan_of, project, stack_text
from velero_eks.plan import contract

AT = datetime(2026, 11, 24, tzinfo=UTC)

EVERYTHING = """\
  velero-eks:identity: {mode: pod-identity}
  velero-eks:volumes: {mode: csi-snapshot}
  velero-eks:recovery: {rpo: 24h, retention: 14d, namespaces: [shop, "*"]}
  velero-eks:schedules:
    whole: {cron: "0 2 * * *", timezone: Asia/Kolkata, keep: 14d}
    shop: {cron: "@every 2h", keep: 3d, namespaces: [shop]}
    resting: {cron: "0 3 * * 0", keep: 60d, paused: true}
  velero-eks:waivers:
    nothing-of-that-name: a reason that is long enough
  velero-eks:release:
    helmValuesOverrides:
      nodeSelector: {kubernetes.io/arch: arm64}
      configuration:
        extraArgs: [--concurrent-backups=2]
        extraEnvVars: [{name: LICENSE, value: {secure: v1:abc}}]
"""


@pytest.fixture(scope="module")
def schema(root: Path) -> dict[str, Any]:
    return json.loads((root / "docs" / "reference" / "plan.schema.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> contract.Described:
    root = project(tmp_path_factory.mktemp("contract") / "p", prod=stack_text(more=EVERYTHING))
    return contract.describe(plan_of(root, "prod"), AT)


@pytest.fixture(scope="module")
def document(whole) -> dict[str, Any]:
    return json.loads(contract.text([whole]))


def test_the_schema_is_itself_valid(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_plan_with_every_kind_of_thing_in_it_matches_the_schema(schema, document):
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    stack = document["stacks"][0]
    assert all(
        stack[key] for key in ("resources", "outputs", "schedules", "objectives", "grants", "findings", "overrides")
    )


def test_the_schema_names_every_key_that_is_written(schema, document):
    definitions = schema["$defs"]
    stack = document["stacks"][0]
    entries = {
        "stack": [stack],
        "resource": stack["resources"],
        "options": [resource["options"] for resource in stack["resources"]],
        **{kind: stack[f"{kind}s"] for kind in ("schedule", "objective", "grant", "finding", "override")},
    }
    for kind, written in entries.items():
        unknown = {key for entry in written for key in entry} - set(definitions[kind]["properties"])
        assert unknown == set(), kind


def test_resources_are_sorted_and_every_reference_is_to_one_of_them(document):
    resources = document["stacks"][0]["resources"]
    urns = [resource["urn"] for resource in resources]
    assert urns == sorted(set(urns))
    for resource in resources:
        options = resource["options"]
        referred = [
            resource["parent"],
            options["provider"],
            *options["dependsOn"],
            *options.get("providers", {}).values(),
        ]
        assert {urn for urn in referred if urn} <= set(urns), resource["urn"]


def test_the_text_is_the_same_at_every_run(tmp_path, whole):
    root = project(tmp_path / "p", prod=stack_text(more=EVERYTHING))
    again = contract.describe(plan_of(root, "prod"), AT)
    assert contract.text([again]) == contract.text([whole])


def test_coming_runs_are_reckoned_from_the_moment_given_on_the_schedules_own_clocks(document):
    schedules = {schedule["name"]: schedule for schedule in document["stacks"][0]["schedules"]}
    whole = schedules["whole"]
    assert whole["next"] == [f"2026-11-{day}T02:00:00+05:30" for day in (25, 26, 27, 28, 29)]
    assert (whole["keep"], whole["ttl"], whole["worst_case_rpo_seconds"]) == ("14d", "336h0m0s", 86400)
    assert schedules["shop"]["worst_case_rpo_seconds"] == 7200
    assert schedules["resting"]["paused"]
    assert (schedules["resting"]["next"], schedules["resting"]["worst_case_rpo_seconds"]) == ([], None)


def test_every_value_laid_over_the_charts_is_there_with_what_is_said_of_it(document):
    stack = document["stacks"][0]
    [release] = [one["urn"] for one in stack["resources"] if one["type"] == "kubernetes:helm.sh/v3:Release"]
    assert {one["release"] for one in stack["overrides"]} == {release}
    assert [(one["path"], one["value"], one["verdict"], one["effect"]) for one in stack["overrides"]] == [
        ("nodeSelector", {"kubernetes.io/arch": "arm64"}, "harmless", None),
        (
            "configuration.extraArgs[0]",
            "--concurrent-backups=2",
            "finding",
            "sets how many backups run in parallel",
        ),
        (
            "configuration.extraEnvVars[0]",
            {"name": "LICENSE", "value": {"secret": True}},
            "finding",
            "gives the server the variable LICENSE",
        ),
    ]
    said = [one["message"] for one in stack["findings"] if one["rule"] == "helm-override"]
    assert len(said) == 2
    assert all(one["severity"] == "warning" for one in stack["findings"] if one["rule"] == "helm-override")


def test_secrets_stay_secrets_in_the_text(whole):
    text = contract.text([whole])
    stack = json.loads(text)["stacks"][0]
    secret = next(one for one in stack["resources"] if one["type"] == "kubernetes:core/v1:Secret")
    password = whole.plan.recording.one("random:index/randomPassword:RandomPassword")
    assert secret["inputs"]["stringData"] == {"secret": True}
    assert (password.outputs or {})["result"] == {"secret": True}
    assert stack["outputs"]["repositoryPassword"] == {"secret": True}


def test_policy_documents_stay_the_text_that_aws_gets(document):
    policy = next(one for one in document["stacks"][0]["resources"] if one["type"] == "aws:iam/rolePolicy:RolePolicy")
    assert json.loads(policy["inputs"]["policy"])["Version"] == "2012-10-17"
