"""What a newcomer to the code is told is true: commands, rooms, templates."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.test_imports import FLOORS
from tools.release import IMPACTS

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def test_every_target_of_the_makefile_that_tests_or_builds_is_described():
    described = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", PAGE))
    assert named <= described
    assert described - named <= {"help", "programs", "lab-shell"}


def test_every_room_of_the_code_is_described():
    rooms = {room.replace(".", "/") for floor in FLOORS for room in floor}
    folders = {room for room in rooms if (ROOT / room).is_dir() and room != "velero_eks"}
    table = PAGE.partition("## Rooms")[2].partition("## English")[0]
    described = set(re.findall(r"`([\w/]+)`", table))
    assert folders - {"benchmarks"} <= described
    assert [name for name in described if "/" in name and not (ROOT / name).exists()] == []


def test_a_change_says_its_state_impact_in_the_words_of_the_changelog():
    asked = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8").partition("## State impact")[2]
    assert set(re.findall(r"^- (none|in place|replace|import)\b", asked, re.MULTILINE)) == set(IMPACTS)
    assert all(f"**{impact}**" in PAGE for impact in IMPACTS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_a_form_that_github_takes(path):
    form: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert form == {"blank_issues_enabled": False}
        return
    assert {"name", "description", "body"} <= set(form)
    asked = [each for each in form["body"] if each["type"] != "markdown"]
    assert len({each["id"] for each in asked}) == len(asked)
    for each in asked:
        assert each["type"] in {"input", "textarea", "dropdown", "checkboxes"}
        assert each["attributes"]["label"]
        if each["type"] == "dropdown":
            # GitHub takes text alone: an unquoted No would be false.
            assert all(isinstance(option, str) for option in each["attributes"]["options"])


def test_a_wish_says_its_state_impact_too():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/feature.yml").read_text(encoding="utf-8"))
    (impact,) = [each for each in form["body"] if each.get("id") == "impact"]
    assert set(IMPACTS) < set(impact["attributes"]["options"])
