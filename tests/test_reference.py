"""The reference is whole: every setting has its row, and a place in an example that the real loader reads."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import yaml
from velero_on_eks.settings import load_stack_file
from velero_on_eks.settings.settings import Settings

from tests.generated import commands, components, errors, settings
from velero_eks.commands import app
from velero_eks.rules import RULES
from velero_eks.rules.table import markdown

# What cannot be written beside the others: the key of storage.kmsKeyArn is used, and not managed here.
_COMMENTED = {"adopt": {"key"}}


def test_the_complete_stack_file_is_valid() -> None:
    assert load_stack_file(settings.EXAMPLE).stack == "complete"


def test_every_field_of_the_settings_has_a_section() -> None:
    assert {*settings.NAMES, "region"} == set(Settings.model_fields)


@pytest.mark.parametrize("name", settings.NAMES)
def test_every_key_of_a_section_has_its_row_and_stands_in_the_example(name: str) -> None:
    key = f"velero-eks:{Settings.model_fields[name].alias or name}"
    text = settings.example_sections()[key]
    example = yaml.safe_load(text)[key]
    _, _, section = settings.page().partition(f"\n## `{key}`\n")
    rows = re.findall(r"^\| `([^`]+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    assert rows == settings.keys(name)
    by_name = name in ("schedules", "retention_tiers")
    shown = {key for one in (example.values() if by_name else _as_list(example)) for key in _keys(one)}
    commented = {each for each in _COMMENTED.get(name, ()) if f"# {each}: " in text}
    missing = [row for row in rows if row not in shown and row not in commented]
    assert not missing, f"docs/reference/Pulumi.complete.yaml: {key} has no {', '.join(missing)}"


def test_a_limit_is_what_a_refusal_says() -> None:
    from velero_on_eks.settings.sections import Release, Storage

    assert settings.limits(Release, "client_qps").startswith("1 to 5000 requests a second")
    assert "3 to 63 characters" in settings.limits(Storage, "bucket")
    assert settings.limits(Storage, "protect") == ""


def test_every_command_with_its_options_examples_and_exit_codes_has_its_place() -> None:
    text = commands.page()
    for page in app.pages():
        _, found, section = text.partition(f"\n## {page.name}\n")
        section = section.partition("\n## ")[0]
        assert found
        labels = [" ".join(row.label.split()) for rows in page.sections.values() for row in rows]
        assert [label for label in labels if f"| `{label}` |" not in section] == []
        assert [example for example in page.examples if f"\n{example}\n" not in section] == []
        assert [code for code in page.exits if f"| {code} |" not in section] == []


def test_every_output_and_every_argument_of_a_part_has_its_meaning() -> None:
    for name in components.COMPONENTS:
        meanings = components.output_meanings(name)
        assert meanings and all(meanings.values()), name
    exports = components.plan()["outputs"]
    assert all(f"| `{name}` |" in components.page() for name in exports)


def test_every_rule_and_every_code_has_its_row() -> None:
    rules, page = markdown(), errors.page()
    assert [name for name in RULES if f"| `{name}` |" not in rules] == []
    assert {"unknown-key", "both-days", "either-day", "cron"} <= errors.codes()
    assert [code for code in errors.codes() if f"| `{code}` |" not in page] == []


def test_an_error_has_the_words_of_its_own_place() -> None:
    source = """
limit = "of the module"
def first(remedy):
    Refused("first", limit, remedy)
def second():
    limit, remedy = "unread", "unread"
    limit = "of the function"
    remedy = "before the call"
    Refused("second", limit, remedy)
    remedy = "behind the call"
def third():
    Refused("third", limit, "its own")
"""
    assert sorted(errors._found_in(ast.parse(source), {})) == [
        ("first", "of the module", ""),
        ("second", "of the function", "before the call"),
        ("third", "of the module", "its own"),
    ]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _keys(value: Any, before: str = "") -> list[str]:
    """The keys of an example, those of mappings inside it in dots, and both for a mapping that is a value."""
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for key, inner in value.items():
        found += [f"{before}{key}", *_keys(inner, f"{before}{key}.")]
    return found
