"""Policy documents as rules read them."""

from __future__ import annotations

import fnmatch
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velero_eks.aws.iam import MalformedDocument, Statement, statements
from velero_eks.aws.iam_conditions import Condition, matches

ACTIONS = st.text(alphabet="abAB:*?", max_size=8)


def one(**elements: object) -> Statement:
    [statement] = statements({"Statement": {"Effect": "Allow", **elements}})
    return statement


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "s3:GetObject", True),
        ("s3:*", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get", "s3:GetObject", False),
        ("kms:*", "s3:GetObject", False),
        ("S3:GETOBJECT", "s3:GetObject", True),
        ("s3:[A-Z]*", "s3:GetObject", False),
    ],
)
def test_an_action_matches_a_pattern_as_iam_matches_it(pattern: str, text: str, expected: bool):
    assert matches(pattern, text, ignore_case=True) is expected


@given(ACTIONS, ACTIONS)
def test_patterns_match_as_the_shell_matches_them_where_both_have_the_same_wildcards(pattern: str, text: str):
    assert matches(pattern, text) == fnmatch.fnmatchcase(text, pattern)


def test_resources_match_with_their_case():
    statement = one(Action="s3:GetObject", Resource="arn:aws:s3:::Bucket/*")
    assert statement.covers_resource("arn:aws:s3:::Bucket/key")
    assert not statement.covers_resource("arn:aws:s3:::bucket/key")


def test_not_action_covers_all_the_others():
    statement = one(NotAction=["s3:Get*"], Resource="*")
    assert statement.covers_action("s3:PutObject")
    assert not statement.covers_action("s3:GetObject")


def test_not_resource_covers_all_the_others():
    statement = one(Action="s3:GetObject", NotResource="arn:aws:s3:::kept/*")
    assert statement.covers_resource("arn:aws:s3:::other/key")
    assert not statement.covers_resource("arn:aws:s3:::kept/key")


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::111122223333:root", "*"]}])
def test_everyone_is_recognised_in_every_spelling(principal: object):
    assert one(Principal=principal, Action="s3:GetObject", Resource="*").for_everyone


def test_a_single_statement_and_single_values_are_read_as_lists_of_one():
    text = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}})
    [statement] = statements(text)
    assert (statement.actions, statement.resources) == (("s3:GetObject",), ("arn:aws:s3:::b/*",))


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "a", False),
        ("StringLike", "*", False),
        ("StringNotEquals", "a", True),
        ("StringNotEqualsIfExists", "a", True),
        ("StringEqualsIfExists", "a", True),
        ("ForAllValues:StringEquals", "a", True),
        ("ForAnyValue:StringEquals", "a", False),
        ("ForAnyValue:StringNotEquals", "a", False),
        ("Null", "true", True),
        ("Null", "false", False),
        ("ArnNotLike", "a", True),
        ("Bool", "false", False),
    ],
)
def test_whether_a_condition_holds_without_its_key(operator: str, value: str, expected: bool):
    assert Condition(operator, "aws:SourceVpce", (value,)).holds_without_key is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("StringEquals", ("one",), True),
        ("StringEquals", ("one", "two"), True),
        ("StringEquals", ("one*",), False),
        ("StringEquals", (), False),
        ("StringEqualsIfExists", ("one",), False),
        ("StringLike", ("one",), False),
        ("ForAllValues:StringEquals", ("one",), False),
        ("ArnEquals", ("arn:aws:eks:eu-west-1:111122223333:cluster/c",), True),
    ],
)
def test_only_a_plain_equals_without_wildcards_pins_a_key(operator: str, values: tuple[str, ...], expected: bool):
    assert Condition(operator, "key", values).exact is expected


def test_a_boolean_in_a_condition_reads_as_iam_reads_it():
    statement = one(Action="*", Resource="*", Condition={"Bool": {"aws:SecureTransport": False}})
    assert statement.on_key("AWS:securetransport")[0].values == ("false",)


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", '"text"', "{}", {"Statement": []}, {"Statement": [{"Action": "*"}]}, {"Statement": ["x"]}, 5, None,
     {"Statement": {"Effect": "Allow", "Condition": "x"}},
     {"Statement": {"Effect": "Allow", "Condition": {"Bool": 1}}}],
)  # fmt: skip
def test_what_is_no_policy_is_called_malformed(document: object):
    with pytest.raises(MalformedDocument):
        statements(document)
