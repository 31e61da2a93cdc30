"""Messages point at what there is: settings, commands and documents that a text names exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.setting_paths import settings
from velero_eks.commands.app import PANELS

_SECTIONS = "adopt|cluster|identity|recovery|release|storage|volumes"
_SETTING = re.compile(rf"(?<![\w.$-])(?:{_SECTIONS})\.[a-z]\w*(?:\.[a-zA-Z]\w*)*")
_COMMAND = re.compile(r"velero-eks ([a-z]+)\b")
_DOCUMENT = re.compile(r"(?<![\w/.])docs/[\w./-]*\w")
# Words after the tool's name that are none of its commands; what EKS and Kubernetes call theirs.
_OTHER_WORDS = {"met", "that"}
_OF_OTHERS = re.compile(r"cluster\.(arn|version|computeConfig\.\w+|identity\.oidc\.issuer|go)|storage\.k8s\.io")


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the program that is not a docstring, and where it stands; `{}` for what is put in."""
    for path in sorted([*(ROOT / "velero_eks").rglob("*.py"), *(ROOT / "components").rglob("*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr):
                # A docstring; of a field, the text after it.
                known.add(id(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
                known |= {id(node), *map(id, node.values)}
                yield f"{path.relative_to(ROOT)}:{node.lineno}", "".join(map(str, parts))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in known:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


TEXTS = list(texts())


def named(pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    """What texts name, and where."""
    return {(found[found.re.groups], place) for place, text in TEXTS for found in pattern.finditer(text)}


def test_a_setting_that_a_message_names_exists():
    parts = {tuple(path.split(".")) for path in settings()}
    there = {".".join(path[:length]) for path in parts for length in range(1, len(path) + 1)}
    found = {(name, place) for name, place in named(_SETTING) if not _OF_OTHERS.fullmatch(name)}
    assert len(found) > 50
    assert sorted((name, place) for name, place in found if name not in there) == []


def test_a_command_that_a_message_names_exists():
    there = {name for panel in PANELS.values() for name in panel} | _OTHER_WORDS
    found = named(_COMMAND)
    assert len(found) > 20
    assert sorted((name, place) for name, place in found if name not in there) == []


def test_a_document_that_a_message_names_exists():
    found = {(name, place) for name, place in named(_DOCUMENT) if "://" not in name}
    assert sorted((name, place) for name, place in found if not (ROOT / name).exists()) == []


def test_no_message_sends_anybody_to_the_readme():
    """It tells what the project is; what a message is about stands in a document of its own."""
    assert [place for place, text in TEXTS if re.search(r"\b(see|in) the README", text)] == []


@pytest.mark.parametrize("runbook", sorted((ROOT / "docs" / "runbooks").glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_begins_with_what_the_tool_shows_and_not_with_an_alert_that_nobody_made(runbook: Path):
    assert "the alert" not in runbook.read_text(encoding="utf-8")
