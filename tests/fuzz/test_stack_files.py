"""Stack files changed by chance: each is read or refused, fast, and none keeps another from its plan."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from velero_on_eks.settings import Refusal, StackFileError, load_stack_file, render

from tests.fuzz import SEED, STACK_FILES
from tests.fuzz.stack_files import mutated
from tests.stacks import FILES
from tests.velero_eks.plan.projects import project, stack_text
from velero_eks.plan.runner import load_stacks
from velero_eks.project.project import Project

CPU_SECONDS = 1.0
"""Of processor time, which a busy machine does not lengthen; a real file takes a fiftieth of it."""
BATCH = 100


@pytest.fixture(scope="module", params=range(0, STACK_FILES, BATCH))
def mutants(request: pytest.FixtureRequest) -> list[bytes]:
    return list(mutated(SEED + request.param, min(BATCH, STACK_FILES - request.param)))


def test_each_is_read_or_refused_within_a_second_and_stops_no_other(tmp_path, mutants):
    root = project(tmp_path / "p", good=stack_text(name="good"))
    files = {"good": root / "stacks" / "Pulumi.good.yaml"}
    slow: list[tuple[float, int]] = []
    for number, text in enumerate(mutants):
        path = root / "stacks" / f"Pulumi.m{number}.yaml"
        path.write_bytes(text)
        files[f"m{number}"] = path
        began = time.process_time()
        refusals = read(path)
        slow.append((time.process_time() - began, number))
        for refusal in refusals:
            line = render(refusal)
            assert refusal.file and refusal.code and refusal.limit, mutants[number]
            assert line.isprintable() and len(line) < 2_000, line
            assert "hunter2" not in line and "AKIAABCDEFGHIJKLMNOP" not in line and "BEGIN PRIVATE" not in line, line
    worst, number = max(slow)
    assert worst < CPU_SECONDS, (worst, mutants[number][:2_000])
    good, bad = load_stacks(Project.find(root), files)
    assert "good" in {stack.stack for stack in good}
    assert {stack.stack for stack in good} | set(bad) == set(files)
    assert all(error.refusals for error in bad.values())


def read(path: Path) -> tuple[Refusal, ...]:
    """What is refused of a file."""
    try:
        load_stack_file(path)
    except StackFileError as error:
        return error.refusals
    return ()


def test_the_files_are_the_same_for_a_seed_and_of_every_kind():
    first, second = list(mutated(1, 50)), list(mutated(1, 50))
    assert first == second
    assert len(set(first)) > 45
    assert not set(first) & {path.read_bytes() for path in FILES.values()}
