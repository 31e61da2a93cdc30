"""What the tool says of each kind of edit, to the settings and to the code."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from tests.velero_eks.diff.programs import Edit, custom, difference, unedited
from velero_eks.diff.compare import compare
from velero_eks.diff.model import CATEGORIES, Effect, StackDiff


@dataclass(frozen=True)
class Case:
    """An edit, and of the facts that it must lead to one: its category, words of it, and its effect.

    `also` are the categories and effects, as "category effect", of the other facts about it.
    """

    name: str
    edit: Edit
    category: str
    words: str
    effect: Effect = ""
    detail: str = ""
    also: tuple[str, ...] = ()


def cases() -> list[Case]:
    """The table in edits.yaml."""
    return [
        Case(
            name=row["name"],
            edit=Edit(
                code=tuple((path, old, new) for path, old, new in row.get("code", [])),
                stack=tuple((old, new) for old, new in row.get("stack", [])),
                more=row.get("more", ""),
            ),
            category=row["category"],
            words=row["words"],
            effect=row.get("effect", ""),
            detail=row.get("detail", ""),
            also=tuple(row.get("also", ())),
        )
        for row in yaml.safe_load(Path(__file__).with_name("edits.yaml").read_text())
    ]


def _edit(case: Case) -> str:
    return repr(case.edit)


CASES = cases()
# Several rows may speak of one edit.
BY_EDIT = [list(group) for _, group in groupby(sorted(CASES, key=_edit), key=_edit)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_an_edit_is_told_in_its_category_and_in_words(case: Case, tmp_path: Path) -> None:
    made = difference(tmp_path, case.edit)
    assert made.status == "changed"
    found = [fact for fact in made.of(case.category) if case.words in fact.text]
    assert found, said(made)
    assert case.effect in {fact.effect for fact in found}, said(made)
    assert case.detail in "\n".join(detail for fact in found for detail in fact.details), said(made)
    about = {urn for fact in made.facts for urn in fact.resources}
    assert [change.urn for change in made.resources if change.urn not in about] == [], said(made)


@pytest.mark.parametrize("cases", BY_EDIT, ids=lambda cases: cases[0].name.replace(" ", "-"))
def test_nothing_is_told_of_an_edit_beyond_what_the_table_says(cases: list[Case], tmp_path: Path) -> None:
    named = {f"{case.category} {case.effect}".strip() for case in cases}
    more = {kind for case in cases for kind in case.also}
    made = difference(tmp_path, cases[0].edit)
    assert {f"{fact.category} {fact.effect}".strip() for fact in made.facts} == named | more, said(made)


def test_the_table_has_edits_of_settings_and_of_code() -> None:
    code = {repr(case.edit) for case in CASES if case.edit.code}
    settings = {repr(case.edit) for case in CASES if not case.edit.code}
    assert len(code) >= 10
    assert len(settings) >= 20


def test_the_table_has_thirty_kinds_of_edits() -> None:
    assert len({repr(case.edit) for case in CASES}) >= 30
    assert {case.category for case in CASES} == set(CATEGORIES)


def test_a_new_stack_is_told_whole_and_nothing_of_it_is_replaced_or_deleted() -> None:
    made = compare("prod", None, unedited())
    assert (made.status, made.count("create"), made.same) == ("added", custom(unedited()), 0)
    assert made.of("schedules") and made.of("permissions") and made.of("objectives")
    assert not made.of("replaced") and not made.of("deleted")


def test_a_stack_file_that_goes_destroys_nothing_and_says_so() -> None:
    made = compare("prod", unedited(), None)
    assert (made.status, made.resources) == ("removed", ())
    (fact,) = made.facts
    assert f"its {custom(unedited())} resources are no longer planned, checked or deployed" in fact.text
    assert "until 'pulumi destroy --stack prod'" in fact.details[0]


def said(made: StackDiff) -> str:
    """Everything that was said, for a test that misses something."""
    lines = [f"{fact.category} [{fact.effect}] {fact.text}\n    {fact.details}" for fact in made.facts]
    return "\n".join(["", *lines])
