"""The attack table: every request is answered as it is wanted, by the simulator and by the lab's own evaluator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.attacks import simulator
from tests.attacks.table import ALLOWED, REFUSED, Case, answers, cases
from tests.support import document, record
from velero_eks.aws.iam import statements

CASES = cases()
# What the table has to try, by what a case's name, action or keys say.
KINDS: dict[str, Callable[[Case], bool]] = {
    "right and wrong account": lambda case: case.caller is not None and case.caller.account not in ("", case.owner),
    "audience": lambda case: case.group == "IRSA" and "a token for" in case.what,
    "service account": lambda case: "service account" in case.what,
    "namespace": lambda case: "namespace" in case.what,
    "cluster": lambda case: "another cluster" in case.what,
    "prefix": lambda case: "prefix" in case.what,
    "key": lambda case: case.action.startswith("kms:"),
    "header": lambda case: any(key.startswith("s3:x-amz-server-side") for key in case.context),
    "customer's key": lambda case: any(key.endswith("customer-algorithm") for key in case.context),
    "storage class": lambda case: "s3:x-amz-storage-class" in case.context,
    "plain HTTP": lambda case: case.context.get("aws:SecureTransport") == "false",
    "old versions": lambda case: case.action == "s3:DeleteObjectVersion",
    "lifecycle": lambda case: case.action == "s3:PutLifecycleConfiguration",
    "break-glass": lambda case: case.by == "LeaveToBreakGlass",
    "another bucket": lambda case: "another bucket" in case.what,
    "through another service": lambda case: "through EC2" in case.what,
    "unsigned": lambda case: case.caller is None,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_simulator_answered_as_it_is_wanted(case: Case):
    found = answers()[case.name]
    assert found["got"] == case.wanted
    if case.by:
        assert case.by in found["by"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_labs_evaluator_answers_as_it_is_wanted(case: Case):
    assert case.judged_here == case.wanted


def test_the_answers_are_of_this_table_and_of_no_other():
    assert list(answers()) == [case.name for case in CASES]
    assert len({case.name for case in CASES}) == len(CASES) >= 50


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_request_is_in_the_table(kind: str):
    assert any(KINDS[kind](case) for case in CASES)


SIDS = [one.sid for one in statements(document(record(storage={"breakGlass": ["arn:aws:iam::111122223333:role/a"]}).one(
    "aws:s3/bucketPolicy:BucketPolicy")))]  # fmt: skip


@pytest.mark.parametrize("sid", SIDS)
def test_the_table_notices_where_a_refusal_is_taken_away(sid: str):
    """And each refusal is tried by itself: something is let through that no other statement stops."""
    let_in = [case for case in CASES if case.wanted == REFUSED and _without(case, sid).judged_here == ALLOWED]
    assert let_in
    assert {case.by for case in let_in} == {sid}


def _without(case: Case, sid: str) -> Case:
    policy = case.resource_policy
    if policy is None:
        return case
    kept = [one for one in policy["Statement"] if one.get("Sid") != sid]
    return replace(case, resource_policy={**policy, "Statement": kept})


@pytest.mark.parametrize("mode", ["irsa", "pod-identity"])
def test_without_volumes_the_role_is_granted_no_more_than_eight_things(mode: str):
    recording = record(identity={"mode": mode}, volumes={"mode": "none"})
    granted = {
        (action, _class(resource))
        for policy in recording.of_type("aws:iam/rolePolicy:RolePolicy")
        for one in statements(document(policy))
        for action in one.actions
        for resource in one.resources
    }
    assert recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == []
    assert len(granted) <= 8, sorted(granted)
    assert not [pair for pair in granted if "*" in pair[0]]


def _class(resource: str) -> str:
    """What kind of thing an ARN is of: `s3 object`, `s3 bucket`, `kms key`."""
    _, _, service, _, _, name = resource.split(":", 5)
    return f"{service} {('object' if '/' in name else 'bucket') if service == 's3' else name.partition('/')[0]}"


@pytest.mark.simulator
def test_the_simulator_still_answers_as_it_is_written_down():
    simulator.install()
    assert simulator.ask(CASES) == answers()


@pytest.mark.simulator
def test_a_request_that_the_simulator_cannot_judge_is_an_error_and_no_answer():
    simulator.install()
    of_no_service: Any = replace(CASES[0], action="s3:NoSuchAction")
    with pytest.raises(ValueError, match="cannot judge it"):
        simulator.ask([of_no_service])
    passed_over = replace(CASES[0], context={**CASES[0].context, "oidc.example.com/id/A:amr": json.dumps("x")})
    with pytest.raises(ValueError, match="passed over"):
        simulator.ask([passed_over])
