"""The shipped stacks' plans have not changed unseen."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.golden.plans import FOLDER, STACKS, planned
from velero_eks.plan.runner import Project


@pytest.mark.parametrize("stack", STACKS)
def test_the_plan_is_the_one_that_was_looked_at(stack):
    assert planned(stack) == (FOLDER / f"{stack}.json").read_text(encoding="utf-8"), "python -m tests.golden"


def test_every_shipped_stack_has_a_golden_plan():
    assert set(Project.find(ROOT).stack_files()) == set(STACKS)
