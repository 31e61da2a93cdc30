"""A backup compared with a cluster: each difference with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.velero_eks.recovery.recorded import KINDS, ago, backup, kind
from velero_eks.commands.coverage import render
from velero_eks.kube.kinds import ResourceKind
from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.coverage import Coverage, LiveObject, Missing, Saved, Why, compare
from velero_eks.terminal.output import console
from velero_eks.velero.records import moment
from velero_eks.velero.results import VeleroMessage

LONG_AGO = ago(days=30)
DEFINITION = "questions.exam.example.com"


def live(name: str, *objects: str, created: str = LONG_AGO, **metadata: Any) -> tuple[ResourceKind, list[LiveObject]]:
    """Objects of a kind that the cluster has, as `namespace/name` or `name`."""
    found = kind(name)
    bodies = [
        {"metadata": {"name": place.rpartition("/")[2], "namespace": place.rpartition("/")[0] or None,
                      "creationTimestamp": created, **metadata}}
        for place in objects
    ]  # fmt: skip
    return found, [LiveObject.of(found, body) for body in bodies]


def saved(*objects: str, stored: bool | None = True) -> Saved:
    """Objects that a backup lists, as `Kind namespace/name`; `stored` says whether their content is there too."""
    keys: list[tuple[ResourceKind, ObjectKey]] = []
    for text in objects:
        name, _, place = text.partition(" ")
        namespace, _, own = place.rpartition("/")
        keys.append((kind(name), ObjectKey(kind(name).group, name, namespace, own)))
    places = {(found.resource, key.namespace, key.name) for found, key in keys} if stored else frozenset()
    return Saved(frozenset(key for _, key in keys), None if stored is None else frozenset(places))


def held(
    spec: dict[str, Any], contents: Saved, *objects: tuple[ResourceKind, list[LiveObject]],
    messages: tuple[VeleroMessage, ...] = (), phase: str = "Completed", **more: Any,
) -> Coverage:  # fmt: skip
    cluster: dict[ResourceKind, list[LiveObject]] = {kind: [] for kind in KINDS}
    for found, items in objects:
        cluster[found] = [*cluster[found], *items]
    return compare(backup("b", phase=phase, **spec), contents, messages, cluster, **more)


def only(found: Coverage) -> Missing:
    (missing,) = [missing for item in found.kinds for missing in item.missing]
    return missing


ALL = {"includedNamespaces": ["*"], "includeClusterResources": True}
ONE = {"includedNamespaces": ["exam-prod"]}


def test_a_backup_with_everything_in_it_is_whole():
    found = held(ALL, saved("ConfigMap exam-prod/a", "ClusterRole view"), live("ConfigMap", "exam-prod/a"),
                 live("ClusterRole", "view"))  # fmt: skip
    assert found.whole
    assert [(item.kind.kind, item.live, item.saved) for item in found.kinds] == [
        ("ConfigMap", 1, 1), ("ClusterRole", 1, 1),
    ]  # fmt: skip


def test_a_backup_that_failed_in_part_is_not_whole_though_nothing_is_missing():
    assert not held(
        ALL, saved("ConfigMap exam-prod/a"), live("ConfigMap", "exam-prod/a"), phase="PartiallyFailed"
    ).whole


def test_what_was_created_later_is_said_and_is_no_gap():
    found = held(ALL, saved(), live("ConfigMap", "exam-prod/a", created=ago(minutes=30)))
    missing = only(found)
    assert (missing.why, missing.text) == (Why.CREATED_LATER, "created 30 min after the backup started")
    assert found.whole


@pytest.mark.parametrize(
    ("spec", "name", "place"),
    [
        (ONE, "ConfigMap", "other/a"),
        ({**ALL, "excludedResources": ["secrets"]}, "Secret", "exam-prod/a"),
        ({**ALL, "excludedNamespaces": ["velero"]}, "Namespace", "velero"),
        ({**ALL, "labelSelector": {"matchLabels": {"a": "b"}}}, "ConfigMap", "exam-prod/a"),
        ({"includedNamespaces": ["*"], "includeClusterResources": False}, "ClusterRole", "view"),
    ],
)
def test_what_the_filters_leave_out_is_said_and_is_no_gap(spec, name, place):
    found = held(spec, saved(), live(name, place))
    assert only(found).why is Why.EXCLUDED
    assert found.whole


def test_what_the_filters_take_and_is_not_there_is_a_gap_that_nothing_explains():
    found = held(ALL, saved(), live("ConfigMap", "exam-prod/a"))
    assert only(found).why is Why.UNEXPLAINED
    assert not found.whole


def test_what_controllers_make_is_no_gap():
    owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": "1"}]
    assert held(ALL, saved(), live("Pod", "exam-prod/a", ownerReferences=owner)).whole


def test_an_object_that_is_being_deleted_is_taken_by_no_backup():
    assert (
        only(held(ALL, saved(), live("ConfigMap", "exam-prod/a", deletionTimestamp=ago(hours=2)))).why is Why.DELETING
    )


def question(age_at_backup: timedelta) -> tuple[tuple[ResourceKind, list[LiveObject]], ...]:
    """A custom resource, and its CRD of this age when the backup (an hour ago) began."""
    made = ago(seconds=3600 + age_at_backup.total_seconds())
    return live("CustomResourceDefinition", DEFINITION, created=made), live("Question", "exam-prod/q", created=made)


def test_a_kind_that_was_installed_a_second_ago_is_one_that_velero_did_not_know():
    contents = saved(f"CustomResourceDefinition {DEFINITION}")
    found = held(ALL, contents, *question(timedelta(seconds=1)))
    missing = only(found)
    assert (missing.why, missing.key.kind, missing.gap) == (Why.UNKNOWN_KIND, "Question", True)
    assert "its CRD was created 1 s before the backup" in missing.text


def test_a_kind_that_velero_had_time_to_learn_of_is_no_excuse():
    contents = saved(f"CustomResourceDefinition {DEFINITION}")
    assert only(held(ALL, contents, *question(timedelta(minutes=6)))).why is Why.UNEXPLAINED


def test_a_definition_without_objects_is_a_gap_of_a_backup_of_everything():
    found = held({"includedNamespaces": ["*"]}, saved(), live("CustomResourceDefinition", DEFINITION))
    missing = only(found)
    assert (missing.why, missing.gap) == (Why.DEFINITION_UNUSED, True)
    assert "only if includeClusterResources is true" in missing.text


def test_a_definition_without_objects_is_named_by_a_backup_of_one_namespace_and_was_never_asked_of_it():
    found = held(ONE, saved(), live("CustomResourceDefinition", DEFINITION))
    assert (only(found).why, only(found).gap, found.whole) == (Why.DEFINITION_UNUSED, False, True)


def test_what_is_needed_must_be_there_whatever_the_reason():
    cluster = [live("CustomResourceDefinition", DEFINITION), live("ClusterRole", "view")]
    found = held(ONE, saved(), *cluster, needs=["exam.example.com"])
    assert [missing.key.name for missing in found.gaps] == [DEFINITION]
    assert not found.whole
    assert not held(ONE, saved(), *cluster, needs=["clusterrole/view"]).whole
    assert held(ALL, saved("ClusterRole edit"), *cluster[:0], needs=["clusterrole/edit"]).whole


@pytest.mark.parametrize("need", ["widgets", "clusterrole/edit"])
def test_what_is_needed_and_is_nowhere_is_called_unknown(need):
    found = held(ALL, saved("ClusterRole view"), live("ClusterRole", "view"), needs=[need])
    assert (found.unknown_needs, found.whole) == ((need,), False)


def test_a_definition_whose_objects_lie_elsewhere_is_no_gap():
    found = held(ONE, saved(), live("CustomResourceDefinition", DEFINITION), used_definitions=[DEFINITION])
    assert (only(found).why, found.whole) == (Why.EXCLUDED, True)


def test_a_definition_of_a_young_kind_goes_with_the_objects_that_should_be_in_the_backup():
    made = ago(seconds=3601)
    definition = live("CustomResourceDefinition", DEFINITION, created=made)
    found = held(ONE, saved(), definition, live("Question", "exam-prod/q", created=made), used_definitions=[DEFINITION])
    assert {(missing.key.kind, missing.why) for missing in found.gaps} == {
        ("Question", Why.UNKNOWN_KIND), ("CustomResourceDefinition", Why.UNKNOWN_KIND),
    }  # fmt: skip
    elsewhere = held(ONE, saved(), definition, live("Question", "other/q", created=made), used_definitions=[DEFINITION])
    assert elsewhere.whole


def test_veleros_own_definitions_come_with_velero():
    assert held({"includedNamespaces": ["*"]}, saved(), live("CustomResourceDefinition", "restores.velero.io")).whole


def test_cluster_scoped_objects_that_a_backup_of_everything_leaves_out_in_silence_are_gaps():
    found = held({"includedNamespaces": ["*"]}, saved(), live("ClusterRole", "view"))
    assert (only(found).why, found.whole) == (Why.CLUSTER_SCOPED, False)


def test_an_error_about_an_object_is_its_reason():
    error = VeleroMessage("error", "exam-prod", "pods/a: Error backing up item: no", True, "pods", "a")
    found = held(ALL, saved(), live("Pod", "exam-prod/a"), messages=(error,), phase="PartiallyFailed")
    assert (only(found).why, only(found).text, only(found).gap) == (Why.FAILED, error.text, True)


def test_what_is_listed_and_not_stored_did_fail_though_velero_says_its_name_alone():
    error = VeleroMessage("error", "velero", "a: Error backing up item: no", name="a")
    found = held(ALL, saved("Pod exam-prod/a", stored=False), live("Pod", "exam-prod/a"), messages=(error,),
                 phase="PartiallyFailed")  # fmt: skip
    assert (only(found).why, only(found).text) == (Why.FAILED, error.text)


def test_what_is_listed_and_not_stored_is_missing_without_any_error_too():
    found = held(ALL, saved("ConfigMap exam-prod/a", stored=False), live("ConfigMap", "exam-prod/a"))
    assert (only(found).why, found.whole) == (Why.NOT_STORED, False)


def test_a_list_alone_is_believed_where_nobody_looked_into_the_tarball():
    assert held(ALL, saved("ConfigMap exam-prod/a", stored=None), live("ConfigMap", "exam-prod/a")).whole


def test_an_error_of_listing_a_kind_is_the_reason_for_its_objects():
    error = VeleroMessage("error", "exam-prod", "questions: Error listing items: conversion failed", True, "questions")
    contents = saved(f"CustomResourceDefinition {DEFINITION}")
    found = held(ALL, contents, *question(timedelta(days=1)), messages=(error,), phase="PartiallyFailed")
    assert (only(found).why, only(found).text) == (Why.FAILED, error.text)


def test_a_kind_that_velero_still_looked_for_is_named():
    text = "probes: Error listing items: the server could not find the requested resource"
    found = held(ALL, saved(), messages=(VeleroMessage("error", "big", text, True, "probes"),), phase="PartiallyFailed")
    assert found.removed_kinds == ("probes",)


def test_what_is_gone_from_the_cluster_is_counted_and_no_gap():
    found = held(ALL, saved("ConfigMap exam-prod/a", "ConfigMap exam-prod/b"), live("ConfigMap", "exam-prod/a"))
    (item,) = found.kinds
    assert ([key.name for key in item.gone], found.whole) == (["b"], True)


def test_objects_of_a_kind_that_is_no_longer_served_are_counted():
    contents = Saved(frozenset({ObjectKey("old.example.com", "Widget", "exam-prod", name) for name in "ab"}))
    assert held(ALL, contents).unserved == {"Widget.old.example.com": 2}


def test_what_could_not_be_listed_keeps_a_backup_from_being_whole_and_nothing_is_called_gone():
    contents = saved("Secret exam-prod/a")
    found = held(ALL, contents, unlisted={"secrets": "not allowed"})
    assert (found.whole, found.kinds[0].gone) == (False, ())


def test_events_that_are_served_twice_count_once():
    found = held(ALL, saved("Event exam-prod/e"), live("Event", "exam-prod/e"))
    assert [(item.kind.group, item.live, item.saved) for item in found.kinds] == [("", 1, 1)]


def test_a_live_object_is_read_from_its_metadata_alone():
    body = {"metadata": {"name": "a", "namespace": "n", "creationTimestamp": LONG_AGO, "labels": {"x": "y"}}}
    found = LiveObject.of(kind("Secret"), body)
    assert (found.key, found.labels, found.created) == (ObjectKey("", "Secret", "n", "a"), {"x": "y"}, moment(LONG_AGO))


def test_a_kind_is_named_with_its_group_only_where_another_has_the_same_name(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    own = replace(kind("ConfigMap"), group="example.com")
    found = held(ONE, saved("ConfigMap exam-prod/a"), live("ConfigMap", "exam-prod/a"), live("Role", "exam-prod/r"))
    (other,) = [item for item in found.kinds if item.kind.kind == "ConfigMap"]
    twice = replace(found, kinds=(*found.kinds, replace(other, kind=own)))
    session = SimpleNamespace(cluster=SimpleNamespace(name="exam"), target=SimpleNamespace(arguments="--stack prod"))
    render(twice, session, console())  # pyright: ignore[reportArgumentType] - as much of it as is printed
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[0] for words in lines if len(words) > 2 and words[1].isdigit()] == [
        "ConfigMap", "Role", "ConfigMap.example.com",
    ]  # fmt: skip
