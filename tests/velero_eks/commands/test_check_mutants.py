"""Every mutant of a saved plan is reported by `velero-eks check FILE`, by the rule that is meant for it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.limits import HANG
from tests.velero_eks.rules.mutants import BASES, MUTANTS, Mutant
from tests.velero_eks.rules.plans import Draft
from velero_eks.commands.check import run_check
from velero_eks.rules import RULES

CASES = [pytest.param(mutant, base, id=f"{mutant}, {base}") for mutant in MUTANTS for base in mutant.bases]
# What is asked of the command as a person calls it.
CALLED = ["key: a grant", "association: another cluster"]


def saved(plan: Draft, folder: Path) -> str:
    path = folder / "plan.json"
    path.write_text(json.dumps({"version": 1, "stacks": [plan.document]}), encoding="utf-8")
    return str(path)


def found(output: str) -> list[dict[str, Any]]:
    [stack] = json.loads(output)["stacks"]
    return stack["findings"]


@lru_cache(maxsize=16)
def said_of(base: str) -> frozenset[str]:
    return frozenset(finding.message for finding in BASES[base]().findings())


@pytest.mark.parametrize(("mutant", "base"), CASES)
def test_a_mutant_is_reported_by_its_rule(
    mutant: Mutant, base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    plan = BASES[base]()
    mutant.change(plan)
    assert run_check(saved(plan, tmp_path), as_json=True) == 1
    new = [one for one in found(capsys.readouterr().out) if one["message"] not in said_of(base)]
    assert mutant.rule in {one["rule"] for one in new if one["severity"] == "error" and one["waived"] is None}


@pytest.mark.parametrize("base", BASES)
def test_a_plan_that_nobody_changed_is_clean(base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_check(saved(BASES[base](), tmp_path), as_json=True) == 0
    assert [one for one in found(capsys.readouterr().out) if one["severity"] == "error"] == []


@pytest.mark.parametrize("what", CALLED)
def test_a_mutant_fails_the_command_as_it_is_called(what: str, tmp_path: Path):
    [mutant] = [one for one in MUTANTS if one.what == what]
    plan = BASES[mutant.bases[0]]()
    mutant.change(plan)
    command = [sys.executable, "-m", "velero_eks", "check", saved(plan, tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 1, done.stderr
    assert f"error {mutant.rule}" in done.stdout


def test_mutants_are_enough_of_every_kind_and_no_two_are_the_same():
    names = [mutant.what for mutant in MUTANTS]
    assert len(names) == len(set(names))
    of_both = [mutant for mutant in MUTANTS if {"irsa", "pod-identity"} <= set(mutant.bases)]
    assert len(of_both) >= 300
    assert {mutant.rule for mutant in MUTANTS} <= set(RULES)
