"""Every mutant of a saved plan is reported by `velero-eks check FILE`, by the rule that is meant for it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from tests.limits import HANG
from tests.velero_eks.rules.mutants import BASES, MUTANTS, Mutant
from tests.velero_eks.rules.plans import Draft
from velero_eks.commands.check import run_check
from velero_eks.rules import RULES

# What is asked of the command as a person calls it.
CALLED = ["key: a grant"]


def saved(folder: Path, *plans: Draft) -> str:
    path = folder / "plan.json"
    path.write_text(json.dumps({"version": 1, "stacks": [plan.document for plan in plans]}), encoding="utf-8")
    return str(path)


def mutated(mutant: Mutant, base: str) -> Draft:
    plan = BASES[base]()
    mutant.change(plan)
    return plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


@lru_cache(maxsize=16)
def said_of(base: str) -> frozenset[str]:
    return frozenset(finding.message for finding in BASES[base]().findings())


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_is_reported_by_its_rule_in_every_plan_that_it_is_made_of(
    mutant: Mutant, folder: Path, capsys: pytest.CaptureFixture[str]
):
    plans = [mutated(mutant, base) for base in mutant.bases]
    assert run_check(saved(folder, *plans), as_json=True) == 1
    stacks = json.loads(capsys.readouterr().out)["stacks"]
    for base, stack in zip(mutant.bases, stacks, strict=True):
        new = [one for one in stack["findings"] if one["message"] not in said_of(base)]
        errors = {one["rule"] for one in new if one["severity"] == "error" and one["waived"] is None}
        assert mutant.rule in errors, f"in the plan {base!r}"


def test_plans_that_nobody_changed_are_clean(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run_check(saved(folder, *(BASES[base]() for base in BASES)), as_json=True) == 0
    stacks = json.loads(capsys.readouterr().out)["stacks"]
    assert len(stacks) == len(BASES)
    assert [one for stack in stacks for one in stack["findings"] if one["severity"] == "error"] == []


@pytest.mark.parametrize("what", CALLED)
def test_a_mutant_fails_the_command_as_it_is_called(what: str, folder: Path):
    [mutant] = [one for one in MUTANTS if one.what == what]
    command = [sys.executable, "-m", "velero_eks", "check", saved(folder, mutated(mutant, mutant.bases[0]))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 1, done.stderr
    assert f"error {mutant.rule}" in done.stdout


def test_mutants_are_enough_of_every_kind_and_no_two_are_the_same():
    names = [mutant.what for mutant in MUTANTS]
    assert len(names) == len(set(names))
    of_both = [mutant for mutant in MUTANTS if {"irsa", "pod-identity"} <= set(mutant.bases)]
    assert len(of_both) >= 300
    assert {mutant.rule for mutant in MUTANTS} <= set(RULES)
