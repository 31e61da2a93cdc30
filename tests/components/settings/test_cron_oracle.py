"""Random schedules and durations, put to Velero's cron libraries and to this code: ``-m oracle``, some minutes."""

from __future__ import annotations

import importlib
import os
import random
import shutil
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from velero_on_eks.settings.cron import Cron
from velero_on_eks.settings.duration import Duration

FOLDER = Path(__file__).parents[2] / "oracles" / "cron"
QUESTIONS = 4_000
WHOLE = 100_000

pytestmark = pytest.mark.oracle

Ask = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """The compiled oracle. Both sides read the zone rules of the tzdata package."""
    # `make lab-test` skips nothing.
    if shutil.which("go") is None and not os.environ.get("VELERO_EKS_REQUIRE_PROGRAMS"):
        pytest.skip("go, which builds the oracle, is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        oracle = importlib.import_module("cron_oracle")
        program = oracle.build(tmp_path_factory.mktemp("oracle"))
        zoneinfo.reset_tzpath(to=[])
        ZoneInfo.clear_cache()
        yield lambda questions: oracle.ask(program, questions)
        zoneinfo.reset_tzpath()
        ZoneInfo.clear_cache()


@pytest.fixture
def questions() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("cron_questions")


def ours(question: dict[str, Any], written: Callable[[datetime], str]) -> tuple[bool, list[str]]:
    try:
        cron = Cron.parse(question["expression"], library=question["library"], allow_never=True)
    except ValueError:
        return False, []
    runs = cron.next_runs(datetime.fromisoformat(question["after"]), question["count"])
    return True, [written(run) for run in runs]


def schedules_and_text(questions: ModuleType, library: str, dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Three schedules, nearly all valid, for each text that may be one."""
    after = "2026-03-07T22:10:11Z"
    return [
        questions.random_question(dice, library)
        if number % 4
        else {"library": library, "expression": questions.random_text(dice, library), "after": after, "count": 2}
        for number in range(count)
    ]


@pytest.mark.parametrize("library", ["robfig", "go-cron"])
def test_the_whole_run_finds_no_difference(ask: Ask, questions: ModuleType, library: str) -> None:
    asked, found = 0, []
    dice = random.Random(f"{library} 2026-11-28")
    accepted = {True: 0, False: 0}
    while asked < WHOLE:
        batch = schedules_and_text(questions, library, dice, QUESTIONS)
        answers = ask(batch)
        for question, answer in zip(batch, answers, strict=True):
            expected = (answer["accepted"], answer.get("runs", []))
            got = ours(question, questions.written)
            accepted[answer["accepted"]] += 1
            if got != expected:
                found.append((question, answer, got))
        asked += len(batch)
    print(f"{library}: {asked} expressions, {accepted[True]} accepted, {len(found)} differences")
    assert found[:5] == []
    assert min(accepted.values()) > WHOLE // 20


@pytest.mark.parametrize("seed", range(3))
def test_random_durations_are_gos(ask: Ask, questions: ModuleType, seed: int) -> None:
    dice = random.Random(seed)
    asked = [{"duration": questions.random_duration(dice)} for _ in range(QUESTIONS)]
    found = []
    for question, answer in zip(asked, ask(asked), strict=True):
        try:
            duration = Duration.parse_go(question["duration"])
        except ValueError:
            got = None
        else:
            got = (duration.nanoseconds, duration.go)
        expected = (answer.get("nanoseconds", 0), answer["printed"]) if answer["accepted"] else None
        if got != expected:
            found.append((question, answer, got))
    assert found[:5] == []
