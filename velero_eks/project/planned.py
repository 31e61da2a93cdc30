"""The project and the stack that a command is called for."""

from __future__ import annotations

from pathlib import Path

from velero_on_eks.settings import StackFile, StackFileError, load_stack_file

from velero_eks.errors import BadTarget
from velero_eks.plan.model import PlanError, Recording
from velero_eks.plan.runner import Project, run_stack


def find_project(start: Path) -> Project:
    """The project that `start` lies in. Raises `BadTarget`."""
    try:
        return Project.find(start)
    except PlanError as error:
        raise BadTarget(str(error)) from error


def stack_file(project: Project, stack: str) -> StackFile:
    """A stack's file, read and checked. Raises `BadTarget` where there is none or it is bad."""
    files = project.stack_files()
    if stack not in files:
        there = f"there are: {', '.join(files)}" if files else "the project has none in stacks/"
        raise BadTarget(f"no stack {stack!r}; {there}. 'velero-eks init {stack}' writes one")
    try:
        return load_stack_file(files[stack])
    except StackFileError as error:
        raise BadTarget(str(error)) from error


def planned(project: Project, file: StackFile) -> Recording:
    """What the project's program would make of a stack. Raises `BadTarget` where it fails."""
    try:
        return run_stack(project, file).recording
    except PlanError as error:
        raise BadTarget(str(error)) from error
