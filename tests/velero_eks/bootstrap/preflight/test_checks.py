"""Every finding of preflight: what provokes it, and what clears it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ACCOUNT
from tests.velero_eks.bootstrap import findings_aws, findings_cluster
from tests.velero_eks.bootstrap.cases import FACTS, MADE, facts, results
from tests.velero_eks.bootstrap.spoilt import BUCKET, CONTEXT, CSI, IN_STATE
from velero_eks.aws.client import CallerIdentity
from velero_eks.aws.eks import Unknown
from velero_eks.bootstrap.preflight import check, checks_account, checks_cluster, checks_machine
from velero_eks.bootstrap.preflight.check import Case, Finding
from velero_eks.bootstrap.preflight.facts import Claim, Contents, Namespace

TABLE = [*findings_aws.TABLE, *findings_cluster.TABLE]


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_it_is_found(case):
    result = results(facts(**case.provoked), **case.settings)[case.check]
    found = [finding for finding in result.findings if case.said in finding.message]
    assert [finding.severity for finding in found] == [case.severity], result
    assert case.remedy in found[0].remedy
    assert result.outcome == ("failed" if case.severity == "error" else "warning")


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_it_is_not_found_once_it_is_mended(case):
    mended = case.settings if case.cleared_settings is None else case.cleared_settings
    result = results(facts(**case.cleared), **mended)[case.check]
    assert [finding for finding in result.findings if case.said in finding.message] == []
    assert result.outcome == "passed", result


def test_a_stack_with_nothing_in_its_way_passes_every_check():
    assert {name: each.outcome for name, each in results(FACTS).items() if each.outcome != "passed"} == {}


def test_every_check_is_provoked_somewhere():
    assert {case.check for case in TABLE} == set(results(FACTS))


MODULES = (check, checks_account, checks_cluster, checks_machine)


def written() -> set[tuple[str, int]]:
    """Every place in the code that makes a finding, itself or through `Case.taken`."""
    found: set[tuple[str, int]] = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Finding", ".taken")):
                found.add((module.__name__, node.lineno))
    return found


def test_every_place_that_makes_a_finding_is_provoked(monkeypatch):
    reached: set[tuple[str, int]] = set()

    def caller() -> tuple[str, int]:
        frame = sys._getframe(2)
        return frame.f_globals["__name__"], frame.f_lineno

    def finding(*arguments: Any) -> Finding:
        reached.add(caller())
        return Finding(*arguments)

    taken = Case.taken

    def watched(case: Case, *arguments: Any, **keywords: Any) -> Iterator[Finding]:
        place = caller()
        found = list(taken(case, *arguments, **keywords))
        reached.update([place] if found else [])
        return iter(found)

    for module in MODULES:
        monkeypatch.setattr(module, "Finding", finding)
    monkeypatch.setattr(Case, "taken", watched)
    for case in TABLE:
        results(facts(**case.provoked), **case.settings)
    assert reached == written()


def test_every_finding_says_what_to_do():
    for case in TABLE:
        for finding in results(facts(**case.provoked), **case.settings)[case.check].findings:
            assert len(finding.remedy) > 10, finding


@pytest.mark.parametrize(
    ("unknown", "check"),
    [
        ("bucket", "bucket"),
        ("alias_target", "key"),
        ("role", "identity"),
        ("installed", "installed"),
        ("namespace", "namespace"),
        ("schedules", "schedules"),
        ("missing_rights", "rights"),
        ("volumes", "storage-class"),
    ],
)
def test_what_could_not_be_asked_is_told_as_that_and_not_as_fine(unknown, check):
    result = results(facts(**{unknown: Unknown("a right is missing")}))[check]
    assert (result.outcome, result.why) == ("not asked", "a right is missing")


def test_without_credentials_nobody_is_told_to_be_missing_in_iam():
    named = {"breakGlass": [f"arn:aws:iam::{ACCOUNT}:role/velero-deploy"]}
    other = CallerIdentity("999988887777", "arn:aws:sts::999988887777:assumed-role/admin/me")
    for caller, why in (
        (Unknown("no AWS credentials were found"), "no AWS credentials were found"),
        (other, "the AWS credentials are for another account"),
    ):
        result = results(facts(caller=caller), storage=named)["break-glass"]
        assert (result.outcome, result.findings, result.why) == ("not asked", (), why)


@pytest.mark.parametrize("unknown", ["claims", "snapshot_drivers", "storage_classes"])
def test_claims_that_could_not_be_asked_for_are_told_as_that_in_a_csi_mode(unknown):
    result = results(facts(**{unknown: Unknown("a right is missing")}), volumes={"mode": "csi-snapshot"})["claims"]
    assert (result.outcome, result.why) == ("not asked", "a right is missing")


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        ({}, True),
        ({"namespaces": ["shop"]}, True),
        ({"namespaces": ["other"]}, False),
        ({"excludedNamespaces": ["shop"]}, False),
        ({"excludedNamespaces": ["other"]}, True),
        ({"excludedResources": ["pvc"]}, False),
        ({"excludedResources": ["persistentvolumeclaims"]}, False),
        ({"excludedResources": ["secrets"]}, True),
    ],
)
def test_a_claim_matters_where_a_schedule_takes_it(schedule, found):
    claim = Claim(driver="efs.csi.aws.com", namespace="shop", name="files", volume="pv")
    sections = {
        "environment": "staging",
        "recovery": {"namespaces": ["other"], "rpo": "24h", "retention": "7d"},
        "storage": {"noncurrentDays": 14},
        "volumes": {"mode": "csi-snapshot"},
        "schedules": {
            "daily": {"cron": "0 2 * * *", "keep": "14d", **schedule},
            "others": {"cron": "0 3 * * *", "keep": "14d", "namespaces": ["other"]},
        },
    }
    result = results(facts(claims=(claim,)), **sections)["claims"]
    assert bool(result.findings) is found, result


def test_what_was_found_before_a_fact_was_missing_still_counts():
    result = results(facts(cluster={"oidc_provider": None}, role=Unknown("no right to read roles")))["identity"]
    assert result.outcome == "failed"
    assert result.why == "no right to read roles"


def breaking(caller: str, named: str, **aws: Any) -> tuple[str, str]:
    """The outcome of the check for a caller, and why it could not be asked."""
    who = CallerIdentity(ACCOUNT, f"arn:aws:{caller}")
    found = facts(caller=who, **{"principals": {named: named}, **aws})
    result = results(found, storage={"breakGlass": [named]})["break-glass"]
    return result.outcome, result.why


def test_a_deployer_whose_role_cannot_be_read_is_told_by_its_name():
    no_one, session = Unknown("no right to read roles"), f"sts::{ACCOUNT}:assumed-role/deploy/ci"
    named = f"arn:aws:iam::{ACCOUNT}:role/pipelines/deploy"
    assert breaking(session, named, deployer=no_one) == ("not asked", "no right to read roles")
    assert breaking(session.replace("deploy", "admin"), named, deployer=no_one)[0] == "failed"


@pytest.mark.parametrize("who", ["root", "user/someone"])
def test_neither_root_nor_another_user_deploys_where_somebody_else_breaks_the_glass(who):
    caller = f"arn:aws:iam::{ACCOUNT}:{who}"
    named = f"arn:aws:iam::{ACCOUNT}:user/anna"
    assert breaking(caller.removeprefix("arn:aws:"), named, deployer=caller)[0] == "failed"
    assert breaking(named.removeprefix("arn:aws:"), named, deployer=named)[0] == "passed"


def test_whether_those_named_exist_may_be_asked_of_nobody_and_stops_nothing():
    named = f"arn:aws:iam::{ACCOUNT}:role/deploy"
    unknown = {named: Unknown("no right to read roles")}
    assert breaking(f"iam::{ACCOUNT}:user/me", named, deployer=named, principals=unknown)[0] == "passed"


def test_without_credentials_the_cluster_is_not_asked_for_and_one_error_is_enough():
    no_one = Unknown("there are no AWS credentials")
    found = results(facts(caller=no_one, cluster=no_one, kubernetes=no_one))
    assert [name for name, each in found.items() if each.outcome == "failed"] == ["credentials"]
    assert found["access"].outcome == "not asked"


def test_a_named_context_needs_no_aws_credentials_to_reach_the_cluster():
    no_one = Unknown("there are no AWS credentials")
    found = results(facts(caller=no_one, cluster=no_one), **CONTEXT)
    assert found["namespace"].outcome == "passed"


@pytest.mark.parametrize("cluster", [None, {"status": "CREATING"}, {"status": "FAILED"}])
def test_an_api_server_that_cannot_be_there_yet_is_one_error_and_not_two(cluster):
    found = results(facts(cluster=cluster, kubernetes=Unknown("it has no endpoint yet")))
    assert [name for name, each in found.items() if each.outcome == "failed"] == ["cluster"]
    assert (found["access"].outcome, found["access"].why) == ("not asked", "it has no endpoint yet")


def test_backups_of_a_velero_that_is_gone_stop_nobody_who_adopts_their_bucket():
    left = {"contents": Contents(backups=(("daily-1", "before", MADE + 60),), count=1)}
    assert results(facts(**left))["shared-location"].outcome == "failed"
    assert results(facts(**left), adopt={"bucket": BUCKET})["shared-location"].outcome == "warning"
    rebuilt = {**left, "namespace": Namespace("Active", MADE + 120), "state": IN_STATE}
    assert results(facts(**rebuilt))["shared-location"].outcome == "warning"


def test_an_add_on_that_could_not_be_asked_for_is_not_taken_as_absent():
    unknown = {"addons": Unknown("no right to list add-ons")}
    found = results(facts(cluster=unknown), **CSI)["snapshots"]
    assert (found.outcome, found.why) == ("not asked", "no right to list add-ons")
    assert results(facts(cluster=unknown))["snapshots"].outcome == "passed"


def test_a_context_whose_cluster_will_not_say_which_it_is_is_not_taken_as_the_right_one():
    found = results(facts(issuer=Unknown("no right to read it")), **CONTEXT)["access"]
    assert found.outcome == "not asked"
    assert found.why == "whether the context shop-admin points to shop: no right to read it"
