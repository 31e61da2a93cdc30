"""Properties compared by what they mean; secrets never looked into."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velero_eks.diff.model import SECRET, place_of
from velero_eks.diff.properties import changes, shown
from velero_eks.trees import ABSENT

HIDDEN = {"secret": True}


def told(old: object, new: object) -> list[tuple[str, object, object]]:
    return [(one.path, one.old, one.new) for one in changes({"x": old}, {"x": new})]


def test_a_value_is_told_with_its_path():
    assert told({"a": {"b": 1}}, {"a": {"b": 2}}) == [("x.a.b", 1, 2)]


def test_what_is_not_there_is_not_null():
    assert told({"a": None}, {}) == [("x.a", None, ABSENT)]


def test_true_is_not_one():
    assert told(True, 1) == [("x", True, 1)]


def test_items_with_a_name_are_compared_whatever_their_place():
    old = [{"id": "one", "days": 1}, {"id": "two", "days": 2}]
    new = [{"id": "zero", "days": 0}, {"id": "one", "days": 9}, {"id": "two", "days": 2}]
    assert told(old, new) == [("x[one].days", 1, 9), ("x[zero]", ABSENT, {"id": "zero", "days": 0})]


def test_another_order_of_named_items_is_told_as_such():
    old = [{"name": "a"}, {"name": "b"}]
    assert told(old, old[::-1]) == [("x", ["a", "b"], ["b", "a"])]


def test_a_list_of_plain_values_is_one_value():
    assert told(["a", "b"], ["a", "c"]) == [("x", ["a", "b"], ["a", "c"])]


def test_text_that_is_json_is_compared_by_content():
    value = {"b": [1, {"c": None}], "a": "text"}
    assert told(json.dumps(value), json.dumps(value, indent=3, sort_keys=True)) == []
    assert told(json.dumps(value), json.dumps({**value, "a": "other"})) == [("x.a", "text", "other")]


def test_text_that_only_looks_like_json_is_text():
    assert told("{broken", "{broken too") == [("x", "{broken", "{broken too")]


def policy(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "S", "Effect": "Allow", **statement}]})


def test_one_action_and_a_list_of_one_are_the_same_to_iam():
    assert told(policy(Action="s3:GetObject", Resource="*"), policy(Action=["s3:GetObject"], Resource=["*"])) == []


def test_a_condition_may_be_written_as_a_boolean_or_as_text():
    tests = [{"Bool": {"aws:SecureTransport": value}} for value in (False, "false", ["false"])]
    assert told(policy(Condition=tests[0]), policy(Condition=tests[1])) == []
    assert told(policy(Condition=tests[1]), policy(Condition=tests[2])) == []


def test_a_statement_is_told_by_its_sid():
    assert told(policy(Action="s3:GetObject"), policy(Action="s3:PutObject")) == [
        ("x.Statement[S].Action", ["s3:GetObject"], ["s3:PutObject"])
    ]


def test_a_secret_is_never_shown_on_either_side():
    assert told(HIDDEN, HIDDEN) == []
    assert told(HIDDEN, "unencrypted") == [("x", SECRET, SECRET)]
    assert told("unencrypted", HIDDEN) == [("x", SECRET, SECRET)]
    assert told({}, {"a": {"password": HIDDEN, "user": "u"}}) == [("x.a", ABSENT, {"password": SECRET, "user": "u"})]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_nothing_differs_from_itself(value):
    assert told(value, value) == []


@given(VALUES, VALUES)
def test_a_difference_is_found_from_both_sides(one, other):
    forth, back = told(one, other), told(other, one)
    assert sorted(path for path, _, _ in forth) == sorted(path for path, _, _ in back)
    assert bool(forth) == (json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))


@pytest.mark.parametrize(("one", "other"), [(False, 0), ([True], [1]), ([False, "a"], [0, "a"])])
def test_true_and_false_are_not_one_and_zero(one, other):
    assert told(one, other) == [("x", one, other)]


def test_a_place_has_no_positions_and_names_in_it():
    assert place_of("rules[expire.all].days") == "rules.days"
    assert place_of("metadata.labels.app[0][1]") == "metadata.labels.app"


def test_a_value_is_shown_in_one_line_of_a_limit():
    assert shown("a\nb") == "a\\nb"
    assert shown(["a", "b"]) == "a, b"
    assert (shown(True), shown(None), shown(ABSENT), shown("")) == ("true", "(none)", "(none)", '""')
    assert len(shown("x" * 500, 40)) == 40
