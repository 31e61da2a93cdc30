"""The plan of the fullest stack at a fixed moment, as text that can be compared."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from velero_on_eks.settings import load_stack_file

from tests.conftest import ROOT
from tests.stacks import FILES
from velero_eks.plan import contract
from velero_eks.plan.runner import run_stack
from velero_eks.project.project import Project

MOMENT = "2026-11-23T00:00:00+00:00"
STACK = "prod"
GOLDEN = Path(__file__).resolve().parent / f"{STACK}.json"


def planned() -> str:
    """The JSON contract of the stack, indented."""
    plan = run_stack(Project.find(ROOT), load_stack_file(FILES[STACK]))
    return contract.text([contract.describe(plan, datetime.fromisoformat(MOMENT))]) + "\n"
