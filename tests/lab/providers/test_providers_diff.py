"""Only what means something else is a change."""

from __future__ import annotations

import json

import pytest

from lab.providers.diff import (
    Change,
    Kind,
    Rules,
    changes,
    delete_first,
    path_text,
    policies_equivalent,
    project,
    reconcile,
)
from lab.providers.properties import UNKNOWN, Secret

RULES = Rules(
    force_new=frozenset({"name", "spec.selector"}),
    defaults={"path": "/", "spec.replicas": 1},
    computed=frozenset({"version"}),
    sets=frozenset({"subnets"}),
    documents=frozenset({"document"}),
    policies=frozenset({"policy"}),
    name="name",
)


def texts(old, new, rules=RULES):
    return {change.text: change.kind.value for change in changes(old, new, rules)}


def test_added_removed_and_changed_properties_are_told_apart():
    old = {"a": 1, "gone": "x", "list": [{"k": "v"}]}
    new = {"a": 2, "fresh": True, "list": [{"k": "w"}, {"k": "x"}]}
    assert texts(old, new) == {
        "a": "update",
        "gone": "delete",
        "fresh": "add",
        "list[0].k": "update",
        "list[1]": "add",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"path": "/"}),
        ({"spec": {"replicas": 1}}, {"spec": {}}),
        ({"version": "1.34"}, {}),
        ({"subnets": ["a", "b"]}, {"subnets": ["b", "a"]}),
        ({"document": '{"a": 1}'}, {"document": '{ "a":1 }'}),
        ({"tags": {}}, {}),
        ({"secret": Secret("x")}, {"secret": "x"}),
    ],
)
def test_what_says_the_same_is_no_change(old, new):
    assert texts(old, new) == {}


def test_an_unknown_value_is_a_change_and_may_replace():
    assert changes({"name": "a"}, {"name": UNKNOWN}, RULES) == [Change(("name",), Kind.UPDATE, replaces=True)]


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"spec": {"selector": {"a": "1"}}}, {"spec": {"selector": {"a": "2"}}}, True),
        ({"spec": {"selector": {"a": "1"}}}, {}, True),
        ({"spec": {"other": 1}}, {"spec": {"other": 2}}, False),
        ({"names": "a"}, {"names": "b"}, False),
    ],
)
def test_a_change_at_or_around_a_forcing_property_replaces(old, new, replaces):
    assert [change.replaces for change in changes(old, new, RULES)] == [replaces]


def test_a_replacement_that_keeps_the_name_deletes_first():
    old, new = {"name": "a", "spec": {"selector": 1}}, {"name": "a", "spec": {"selector": 2}}
    assert delete_first(old, new, changes(old, new, RULES), RULES)
    renamed = {**new, "name": "b"}
    assert not delete_first(old, renamed, changes(old, renamed, RULES), RULES)


def test_paths_are_written_as_pulumi_writes_them():
    assert path_text(("spec", "rules", 0, "host")) == "spec.rules[0].host"
    assert path_text(("data", "a.b")) == 'data["a.b"]'


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"Action": "s3:Get*"}, {"Action": ["s3:Get*"]}, True),
        ({"Action": ["a:b", "a:c"]}, {"Action": ["a:c", "a:b"]}, True),
        ({"Principal": {"AWS": "x"}}, {"Principal": {"AWS": ["x"]}}, True),
        ({"Condition": {"Bool": {"k": False}}}, {"Condition": {"Bool": {"k": "false"}}}, True),
        ({"Sid": ""}, {}, True),
        ({"Action": "s3:Get*"}, {"Action": "s3:*"}, False),
        ({"Principal": "*"}, {"Principal": {"AWS": "*"}}, False),
        ({"Condition": {"Bool": {"k": "false"}}}, {}, False),
    ],
)
def test_policies_are_compared_by_meaning(one, other, same):
    assert policies_equivalent(policy(**one), policy(**other)) is same


def test_a_live_value_is_written_as_it_was_known_where_both_say_the_same():
    known = {"policy": policy(Action="a:b"), "subnets": ["b", "a"], "filter": {}, "path": "/", "size": 3}
    live = {"policy": policy(Action=["a:b"]), "subnets": ["a", "b"], "size": 4}
    assert reconcile(live, known, RULES) == {**known, "size": 4}


def test_a_projection_keeps_what_was_wished_and_what_was_added_inside_it():
    live = {"rules": [{"id": "a", "prefix": "", "expiration": {"days": 1}}], "extra": [], "path": "/"}
    assert project(live, {"rules": [{"id": "a"}]}, RULES) == {"rules": [{"id": "a", "expiration": {"days": 1}}]}
