"""Findings, values that cannot be judged, and what importing the rules costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.limits import HANG
from tests.velero_eks.rules.plans import good_resources
from velero_eks.rules import RULES, UNKNOWN, Finding, PolicyResource, check, kinds
from velero_eks.rules.model import NotKnown, look, rule
from velero_eks.rules.plan import Plan

ODD_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just({}), st.just([]), st.just({"secret": True}),
    st.just(["*"]), st.just([None]), st.just({"rules": 1}), st.just(UNKNOWN),
)  # fmt: skip


def bucket(**inputs: Any) -> PolicyResource:
    return PolicyResource("urn:bucket", kinds.BUCKET, "velero", inputs)


def test_a_rule_id_is_taken_once():
    with pytest.raises(ValueError, match="storage-kept is registered twice"):
        rule("storage-kept", on="x", what="", source="")(lambda resource, plan: iter(()))


def test_an_unknown_environment_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"'prod' is not one of development, staging, production"):
        check([], "prod")


def test_a_path_that_is_not_there_gives_the_default():
    assert look({"a": [{"b": 1}]}, "a", 0, "b") == 1
    assert look({"a": [{"b": 1}]}, "a", 1, "b", default="none") == "none"
    assert look({"a": None}, "a", "b") is None
    assert look("text", "a") is None


@pytest.mark.parametrize("value", [UNKNOWN, {"secret": True}])
def test_a_way_through_what_cannot_be_seen_is_not_silently_empty(value: Any):
    with pytest.raises(NotKnown, match="values"):
        look({"values": value}, "values", "image", "tag")


def test_a_secret_where_a_rule_looks_is_reported_and_does_not_pass():
    plan = good_resources()
    plan.set(kinds.RELEASE, ["values"], {"secret": True})
    [finding] = [one for one in plan.findings() if one.rule == "release-keeps-crds"]
    assert finding.severity == "warning"
    assert "values is a secret, so this rule could not check it" in finding.message


def test_inputs_of_a_wrong_kind_are_reported_and_do_not_pass():
    plan = good_resources()
    plan.set(kinds.RANDOM_PASSWORD, ["length"], "forty")
    [finding] = [one for one in plan.findings() if one.rule == "repository-password"]
    assert finding.severity == "error"
    assert "could not read its inputs" in finding.message


def test_errors_come_first_and_the_order_is_always_the_same():
    plan = good_resources()
    plan.set(kinds.BUCKET, ["forceDestroy"], True)
    plan.set(kinds.KEY, ["enableKeyRotation"], False)
    findings = plan.findings()
    plan.entries.reverse()
    assert plan.findings() == findings
    assert [one.severity for one in findings] == ["error", "error", "error", "warning"]


def test_a_finding_names_its_resource_and_what_to_do():
    [finding] = [one for one in check([bucket(forceDestroy=True)], "staging") if one.rule == "bucket-force-destroy"]
    assert finding == Finding(
        "bucket-force-destroy",
        "error",
        "urn:bucket",
        "Bucket velero: forceDestroy is true in staging, allowed in development only: a destroy would"
        " delete every backup. Set storage.forceDestroy: false.",
    )


def test_the_interim_types_of_the_aws_provider_are_judged_too():
    found = check([PolicyResource("urn:b", "aws:s3/bucketV2:BucketV2", "b", {"forceDestroy": True})], "production")
    assert "bucket-force-destroy" in {finding.rule for finding in found}


def test_what_nobody_knows_yet_is_told_once_for_a_resource_and_named():
    plan = good_resources()
    plan.set(kinds.ROLE_POLICY, ["policy"], {"unknown": "aws:sns/topic:Topic cluster: name"})
    found = [one for one in plan.findings() if one.rule == "unknown-value"]
    policy = plan.one(kinds.ROLE_POLICY)["urn"]
    assert [one.severity for one in found] == ["warning"] * len(found)
    [finding] = [one for one in found if one.resource == policy]
    assert "policy is not known before the deployment" in finding.message
    assert "It comes from aws:sns/topic:Topic cluster: name." in finding.message
    assert not [one for one in plan.findings() if one.severity == "error"]


def test_what_waits_for_what_is_followed_through_other_resources_and_components():
    urns = ["release", "secret", "component", "child", "password"]
    release, secret, component, child, password = (
        PolicyResource(
            urn, "t", urn, depends_on=waits, custom=urn != "component", parent="component" if urn == "child" else None
        )
        for urn, waits in zip(urns, [("secret", "component"), ("password",), (), (), ()], strict=True)
    )
    plan = Plan([release, secret, component, child, password], "production")
    assert plan.waits_for(release, password) is True
    assert plan.waits_for(release, child) is True
    assert plan.waits_for(secret, release) is False
    unrecorded = PolicyResource("unrecorded", "t", "unrecorded", depends_on=None)
    assert Plan([unrecorded, secret], "production").waits_for(unrecorded, secret) is None


def test_every_rule_says_what_must_hold_in_one_sentence_and_where_that_comes_from():
    for one in RULES.values():
        assert one.what.endswith(".") and one.what.count(". ") == 0, one.id
        assert one.source and one.on, one.id
        assert one.id == one.id.lower() and " " not in one.id


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_input_of_whatever_kind_makes_a_rule_fail(data: st.DataObject):
    plan = good_resources()
    entry = data.draw(st.sampled_from([one for one in plan.entries if one["inputs"]]))
    node, steps = entry["inputs"], data.draw(st.integers(0, 4))
    key = data.draw(st.sampled_from(sorted(node)))
    for _ in range(steps):
        below = node[key]
        if not below or not isinstance(below, dict | list):
            break
        node = below
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(ODD_VALUES)
    for finding in plan.findings():
        assert finding.message


def test_importing_the_rules_imports_no_engine_and_no_pydantic():
    heavy = ("pulumi", "pulumi_aws", "pulumi_policy", "pydantic", "yaml", "components")
    code = f"import sys, policies; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.strip() == "[]"
