"""The plan of a shipped stack at a fixed moment, as text that can be compared."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from velero_on_eks.settings import load_stack_file

from tests.conftest import ROOT
from velero_eks.plan import contract
from velero_eks.plan.runner import Project, run_stack

FOLDER = Path(__file__).resolve().parent
MOMENT = "2026-11-23T00:00:00+00:00"
STACKS = ("dev", "local", "prod", "staging")


def planned(stack: str) -> str:
    """The JSON contract of one stack, indented."""
    project = Project.find(ROOT)
    plan = run_stack(project, load_stack_file(project.stack_files()[stack]))
    return contract.text([contract.describe(plan, datetime.fromisoformat(MOMENT))]) + "\n"
