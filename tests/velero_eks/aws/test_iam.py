"""Policy documents as rules read them."""

from __future__ import annotations

import fnmatch
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velero_eks.aws.iam import Caller, MalformedDocument, Statement, canonical, statements
from velero_eks.aws.iam_conditions import Condition, UnknownOperator, matches

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


# --- matching a request

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/velero/pod"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER = "arn:aws:iam::444455556666:role/velero"


@pytest.mark.parametrize(
    ("operator", "wanted", "given_values", "expected"),
    [
        ("StringEquals", ["a", "b"], ["b"], True),
        ("StringEquals", "a", ["A"], False),
        ("StringEqualsIgnoreCase", "a", ["A"], True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", ["a", "b"], ["c"], True),
        ("StringLike", "team-*", ["team-1"], True),
        ("StringNotLike", "team-*", ["team-1"], False),
        ("StringEqualsIfExists", "a", ["b"], False),
        ("Null", "true", ["b"], False),
        ("Null", "false", ["b"], True),
        ("Null", False, ["b"], True),
        ("Bool", False, ["false"], True),
        ("Bool", "true", ["True"], True),
        ("Bool", "true", ["false"], False),
        ("ArnLike", "arn:aws:iam::*:role/ve*", [ROLE], True),
        ("ArnLike", "arn:aws:iam::*", [ROLE], False),
        ("ArnLike", "arn:*:role/velero", [ROLE], False),
        ("ArnEquals", f"arn:aws:iam::{ACCOUNT}:role/*", [ROLE], True),
        ("ArnNotLike", "arn:aws:iam::*:role/ve*", [ROLE], False),
        ("ArnLike", "arn:aws:iam::*:role/ve*", ["no ARN"], False),
        ("NumericLessThanEquals", "10", ["10"], True),
        ("NumericGreaterThan", "10", ["10"], False),
        ("NumericEquals", "10", ["ten"], False),
        ("NumericNotEquals", "10", ["11"], True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", ["2026-01-02"], True),
        ("DateLessThan", "2026-01-01T00:00:00Z", ["1767312000"], False),
        ("IpAddress", "10.0.0.0/8", ["10.1.2.3"], True),
        ("NotIpAddress", "10.0.0.0/8", ["10.1.2.3"], False),
        ("IpAddress", "10.0.0.0/8", ["fd00::1"], False),
        ("BinaryEquals", "QQ==", ["QQ=="], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "a"], False),
        ("ForAnyValue:StringNotEquals", ["a"], ["b", "a"], True),
        ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
        ("ForAllValues:StringLikeIfExists", "a*", ["ab"], True),
        ("StringEquals", "a", [], False),
        ("ForAllValues:StringEquals", "a", [], True),
    ],
)
def test_a_condition_holds_as_iam_evaluates_it(operator: str, wanted: object, given_values: list[str], expected: bool):
    statement = one(Action="*", Resource="*", Condition={operator: {"aws:Key": wanted}})
    assert statement.conditions_hold({"AWS:KEY": given_values}) is expected


def test_every_condition_of_a_statement_must_hold():
    both = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    statement = one(Action="*", Resource="*", Condition=both)
    assert statement.conditions_hold({"a": "1", "b": "2", "c": "true"})
    for missing in "abc":
        assert not statement.conditions_hold({"a": "1", "b": "2", "c": "true"} | {missing: "x"})


@pytest.mark.parametrize("operator", ["StringMatches", "ForNoValue:StringEquals", "Not"])
def test_an_operator_that_iam_does_not_have_is_an_error_and_no_answer(operator: str):
    with pytest.raises(UnknownOperator, match=operator):
        Condition(operator, "key", ("a",)).holds({"key": "a"})


@pytest.mark.parametrize(
    ("resource", "arn", "expected"),
    [
        ("arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "arn:aws:s3:::b/red/x", True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "arn:aws:s3:::b/blue/x", False),
        ("arn:aws:s3:::b/${AWS:principaltag/TEAM}/*", "arn:aws:s3:::b/red/x", True),
        ("arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/", False),
        ("arn:aws:s3:::b/${aws:userid, 'nobody'}", "arn:aws:s3:::b/nobody", True),
        ("arn:aws:s3:::b/${aws:wild}", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/${aws:wild}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
    ],
)
def test_a_policy_variable_has_its_value_of_the_request(resource: str, arn: str, expected: bool):
    context = {"aws:PrincipalTag/team": "red", "aws:wild": "*"}
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": resource}}
    [statement] = statements(document)
    assert statement.covers_resource(arn, context) is expected
    [older] = statements({**document, "Version": "2008-10-17"})
    assert not older.covers_resource(arn, context) or arn == resource


def test_a_variable_in_a_condition_has_its_value_too():
    wanted = {
        "StringEquals": {"s3:ResourceAccount": "${aws:PrincipalAccount}"},
        "ArnLike": {"k": "${aws:PrincipalArn}"},
    }
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Condition": wanted}}
    [statement] = statements(document)
    context = {"aws:PrincipalAccount": ACCOUNT, "s3:ResourceAccount": ACCOUNT, "aws:PrincipalArn": ROLE, "k": ROLE}
    assert statement.conditions_hold(context)
    assert not statement.conditions_hold({**context, "s3:ResourceAccount": "444455556666"})
    assert not statement.conditions_hold({**context, "k": OTHER})


@pytest.mark.parametrize(
    ("principal", "caller", "expected"),
    [
        ("*", Caller(arn=ROLE), True),
        ({"AWS": "*"}, Caller(service="s3.amazonaws.com"), True),
        ({"AWS": ROLE}, Caller(arn=ROLE), True),
        ({"AWS": ROLE}, Caller(arn=SESSION), True),
        ({"AWS": SESSION}, Caller(arn=ROLE), False),
        ({"AWS": [OTHER, ROOT]}, Caller(arn=ROLE), True),
        ({"AWS": ACCOUNT}, Caller(arn=ROLE), True),
        ({"AWS": OTHER}, Caller(arn=ROLE), False),
        ({"AWS": "arn:aws:iam::111122223333:role/*"}, Caller(arn=ROLE), False),
        ({"Service": "pods.eks.amazonaws.com"}, Caller(service="pods.eks.amazonaws.com"), True),
        ({"Service": "pods.eks.amazonaws.com"}, Caller(service="s3.amazonaws.com"), False),
        ({"Federated": "arn:x"}, Caller(federated="arn:x"), True),
        ({"AWS": "arn:x"}, Caller(federated="arn:x"), False),
        (None, Caller(arn=ROLE), False),
    ],
)
def test_a_principal_speaks_of_a_caller_by_any_of_its_names(principal: object, caller: Caller, expected: bool):
    assert one(Principal=principal, Action="*", Resource="*").covers_caller(caller) is expected


@pytest.mark.parametrize(
    ("excepted", "caller", "applies"),
    [
        ({"AWS": [ROLE, ROOT]}, ROLE, False),
        ({"AWS": [ROLE, ACCOUNT]}, ROLE, False),
        # IAM wants the account beside the role, and the role beside the session.
        ({"AWS": ROLE}, ROLE, True),
        ({"AWS": ROOT}, ROLE, True),
        ({"AWS": [SESSION, ROOT]}, SESSION, True),
        ({"AWS": [SESSION, ROLE, ROOT]}, SESSION, False),
        ({"AWS": [ROLE, ROOT]}, OTHER, True),
        ("*", ROLE, False),
    ],
)
def test_not_principal_leaves_out_a_caller_whose_every_name_is_there(excepted: object, caller: str, applies: bool):
    statement = one(NotPrincipal=excepted, Action="*", Resource="*")
    assert statement.covers_caller(Caller(arn=caller)) is applies


def test_two_ways_of_writing_one_policy_are_one():
    short = {
        "Effect": "Deny",
        "Principal": {"AWS": ROLE},
        "Action": ["s3:b", "s3:a"],
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    }
    long = {
        "Sid": "",
        "Resource": ["*"],
        "Action": ["s3:a", "s3:b"],
        "Principal": {"AWS": [ROLE]},
        "Effect": "Deny",
        "Condition": {"Bool": {"aws:SecureTransport": ["false"]}},
    }
    other = {"Effect": "Allow", "Action": "s3:a", "Resource": "*"}
    assert canonical({"Statement": [short, other]}) == canonical({"Statement": [other, long]})
    assert canonical({"Statement": short}) != canonical({"Statement": {**short, "Action": "s3:a"}})


def test_one_writing_leaves_what_it_cannot_read():
    assert canonical({"Statement": ["x"], "Id": "y"}) == {"Statement": ["x"], "Id": "y"}
