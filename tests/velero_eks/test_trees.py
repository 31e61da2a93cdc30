"""Two trees compared: what differs, where, and what the caller may decide."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velero_eks.trees import ABSENT, Difference, differences, equal

LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.text("ab", max_size=2)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
)


def told(before: Any, after: Any, **how: Any) -> list[tuple[str, Any, Any]]:
    return [(found.path, found.before, found.after) for found in differences(before, after, **how)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2)]),
        ({"a": 1}, {"b": 1}, [("a", 1, ABSENT), ("b", ABSENT, 1)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        ({"a": True}, {"a": 1}, [("a", True, 1)]),
        ({"a": [{"b": True}, 2]}, {"a": [{"b": 1}, 2]}, [("a[0].b", True, 1)]),
        ({"a": [1, 2]}, {"a": [1]}, [("a", [1, 2], [1])]),
        ({"a": {"b": 1}}, {"a": "b"}, [("a", {"b": 1}, "b")]),
        (1, 2, [("", 1, 2)]),
    ],
)
def test_what_differs_is_told_by_its_path(before: Any, after: Any, expected: list[tuple[str, Any, Any]]):
    assert told(before, after) == expected


@given(TREES)
def test_a_tree_does_not_differ_from_itself(tree: Any):
    assert told(tree, copy.deepcopy(tree)) == []


@given(TREES, TREES)
def test_trees_are_equal_where_nothing_differs_and_turned_round_they_differ_in_the_same_places(one: Any, other: Any):
    found = told(one, other)
    assert (not found) is equal(one, other)
    assert [(path, after, before) for path, before, after in told(other, one)] == found


def test_values_are_compared_by_what_the_caller_says_they_mean():
    def lower(value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    assert told({"a": "X", "b": "y"}, {"a": "x", "b": "z"}, meaning=lower) == [("b", "y", "z")]


def test_items_belong_together_as_the_caller_says():
    def by_name(before: list[Any], after: list[Any]) -> Any:
        return [(f"[{old['name']}]", old, new) for old in before for new in after if old["name"] == new["name"]]

    before, after = [{"name": "x", "v": 1}, {"name": "y", "v": 1}], [{"name": "y", "v": 2}, {"name": "x", "v": 1}]
    assert told({"l": before}, {"l": after}, pairs=by_name) == [("l[y].v", 1, 2)]
    assert told({"l": before}, {"l": after}, pairs=lambda one, other: None) == [("l", before, after)]


def test_what_is_the_same_is_the_callers_to_say():
    found = differences({"a": "", "b": ""}, {"a": None, "b": "x"}, same=lambda one, other: not one and not other)
    assert list(found) == [Difference("b", "", "x")]
