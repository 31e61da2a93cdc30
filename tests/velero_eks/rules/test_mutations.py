"""The mutation gate: every fault put into a good plan is reported, by the rule that is meant for it and by no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from tests.velero_eks.rules import faults_of_cluster, faults_of_identity, faults_of_objects, faults_of_storage
from tests.velero_eks.rules.faults import Injected
from tests.velero_eks.rules.plans import Draft, draft, good_resources, good_resources_with_pod_identity
from velero_eks.plan.findings import PlannedFinding
from velero_eks.rules import RULES

FAULTS = [*faults_of_storage.FAULTS, *faults_of_identity.FAULTS, *faults_of_cluster.FAULTS, *faults_of_objects.FAULTS]
# The production stack has no replica, so that this rule has its finding before anything is injected.
REPORTED_OF_THE_GOOD_PLAN = {"bucket-replication"}


@lru_cache(maxsize=16)
def findings_before(base: Callable[[], Draft], environment: str) -> frozenset[PlannedFinding]:
    plan = base()
    plan.environment = environment
    return frozenset(plan.findings())


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_every_injected_fault_is_reported_by_its_rule_and_by_no_other(fault: Injected):
    plan = fault.base()
    plan.environment = fault.environment
    fault.change(plan)
    new = set(plan.findings()) - findings_before(fault.base, fault.environment)
    assert {finding.rule for finding in new} == {fault.rule, *fault.implied}
    severities = {finding.severity for finding in new if finding.rule == fault.rule}
    assert severities == {fault.severity or RULES[fault.rule].severity}


def test_every_rule_has_a_fault_that_it_was_written_for():
    assert set(RULES) - {fault.rule for fault in FAULTS} == REPORTED_OF_THE_GOOD_PLAN


def test_no_two_faults_have_the_same_name():
    names = [fault.what for fault in FAULTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("base", [good_resources, good_resources_with_pod_identity])
def test_the_good_plan_has_no_error_and_no_warning_but_that_of_the_missing_replica(base: Callable[[], Draft]):
    assert [(finding.rule, finding.severity) for finding in base().findings()] == [("bucket-replication", "warning")]


@pytest.mark.parametrize("stack", ["dev", "staging"])
def test_the_other_stacks_have_no_finding(stack: str):
    assert draft(stack).findings() == []
