"""renovate.json: its patterns match the lines that pin something, each once, and none is forgotten."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from velero_on_eks.settings import versions

ROOT = Path(__file__).resolve().parent.parent
BOT: dict[str, Any] = json.loads((ROOT / "renovate.json").read_text())
UV = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
PULUMI = re.search(r"pulumi-version: (\S+)", (ROOT / ".github/actions/stack/action.yml").read_text())
# What is pinned: the data source, the name there, the registry where it is not the source's own, and the version.
PINS = {
    "The Velero server": ("docker", versions.VELERO_IMAGE, None, versions.PINNED_VELERO),
    "Its plugin for AWS": ("docker", versions.PLUGIN_IMAGE, None, versions.PINNED_PLUGIN),
    "The chart": ("helm", versions.CHART_NAME, versions.CHART_REPOSITORY, versions.PINNED_CHART),
    "uv, which the Makefile installs": ("pypi", "uv", None, UV and UV[1]),
    "The Pulumi CLI of the workflows, which is of the version that uv.lock has of the SDK": (
        "pypi", "pulumi", None, PULUMI and PULUMI[1],
    ),
}  # fmt: skip


def files(manager: dict[str, Any]) -> list[Path]:
    """The files that a manager reads; Renovate writes a pattern between slashes."""
    patterns = [re.compile(pattern.removeprefix("/").removesuffix("/")) for pattern in manager["managerFilePatterns"]]
    named = [ROOT / path for path in ("Makefile", "components/velero_on_eks/settings/versions.py")]
    there = [*named, *(ROOT / ".github").rglob("*.yml"), *ROOT.glob("*.py")]
    return [path for path in there if any(each.search(path.relative_to(ROOT).as_posix()) for each in patterns)]


@pytest.mark.parametrize("manager", BOT["customManagers"], ids=lambda each: each["description"])
def test_a_pattern_matches_one_pin_with_its_source_and_its_version(manager: dict[str, Any]) -> None:
    [path], [pattern] = files(manager), manager["matchStrings"]
    # JavaScript's spelling of a named group.
    found = list(re.finditer(pattern.replace("(?<", "(?P<"), path.read_text()))
    assert len(found) == 1
    groups = found[0].groupdict()
    name = groups.get("depName") or manager["depNameTemplate"]
    made = (manager["datasourceTemplate"], name, groups.get("registryUrl"), groups["currentValue"])
    assert made == PINS[manager["description"]]


def test_every_pin_has_a_pattern() -> None:
    assert {manager["description"] for manager in BOT["customManagers"]} == set(PINS)
    pinned = {value for name, value in vars(versions).items() if name.startswith("PINNED_")}
    assert pinned <= {version for *_, version in PINS.values()}


def test_what_moves_together_is_one_request() -> None:
    [group] = [rule for rule in BOT["packageRules"] if rule.get("groupName") == "Velero"]
    assert set(group["matchDepNames"]) == {name for source, name, *_ in PINS.values() if source in ("docker", "helm")}


def test_actions_are_kept_by_digest_and_the_lock_file_is_renewed() -> None:
    assert "helpers:pinGitHubActionDigests" in BOT["extends"]
    assert {"custom.regex", "github-actions", "pep621"} == set(BOT["enabledManagers"])
    assert BOT["lockFileMaintenance"]["enabled"] is True
