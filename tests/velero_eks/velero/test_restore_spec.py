"""What a Restore takes out of a backup, as Velero's filters read it."""

from __future__ import annotations

import pytest

from tests.velero_eks.recovery.restore.made import stored
from velero_eks.velero.restore_spec import RestoreSpec, made_anew, passed_over


def spec(**fields) -> RestoreSpec:
    return RestoreSpec(**{"backup": "b", "existing": "keep", **fields})


def names(found) -> list[str]:
    return sorted(item.place.name for item in found.values())


CONTENTS = [
    stored("Namespace", "shop"),
    stored("ConfigMap", "one", "shop", labels={"app": "a"}),
    stored("ConfigMap", "two", "shop", labels={"app": "b"}),
    stored("ConfigMap", "three", "other"),
    stored("CustomResourceDefinition", "questions.exam.example.com"),
    stored("Node", "node-1"),
    stored("Event", "happened", "shop"),
]


def test_a_namespace_alone_leaves_cluster_scoped_objects_and_other_namespaces_out():
    assert names(spec(namespaces=("shop",)).selected(CONTENTS)) == ["one", "two"]


def test_every_namespace_takes_cluster_scoped_objects_along():
    assert names(spec().selected(CONTENTS)) == ["one", "questions.exam.example.com", "shop", "three", "two"]


def test_an_excluded_namespace_makes_velero_leave_cluster_scoped_objects_out_unless_they_are_asked_for():
    assert names(spec(excluded_namespaces=("other",)).selected(CONTENTS)) == ["one", "two"]
    asked = spec(excluded_namespaces=("other",), cluster_resources=True).selected(CONTENTS)
    assert names(asked) == ["one", "questions.exam.example.com", "shop", "two"]


def test_a_kind_and_a_label_choose_together():
    chosen = spec(namespaces=("shop",), resources=("configmaps",), selectors=({"matchLabels": {"app": "b"}},))
    assert names(chosen.selected(CONTENTS)) == ["two"]


def test_a_claim_brings_its_volume_and_a_pod_its_claim_and_its_priority():
    contents = [
        stored("Pod", "web", "shop", spec={
            "priorityClassName": "high",
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        }),
        stored("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "pv-1"}, status={"phase": "Bound"}),
        stored("PersistentVolumeClaim", "lost", "shop", spec={"volumeName": "pv-2"}, status={"phase": "Lost"}),
        stored("PersistentVolume", "pv-1"),
        stored("PersistentVolume", "pv-2"),
        stored("PriorityClass", "high"),
    ]  # fmt: skip
    assert names(spec(namespaces=("shop",)).selected(contents)) == ["data", "high", "lost", "pv-1", "web"]
    without = spec(namespaces=("shop",), cluster_resources=False)
    assert names(without.selected(contents)) == ["data", "lost", "web"]


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (stored("Pod", "done", "shop", status={"phase": "Succeeded"}), "the Pod had ended"),
        (stored("Job", "done", "shop", status={"completionTime": "2026-11-24T02:00:00Z"}), "the Job had ended"),
        (stored("Pod", "etcd", "shop", annotations={"kubernetes.io/config.mirror": "x"}),
         "the node creates this Pod itself"),
        (stored("Job", "running", "shop", status={}), None),
    ],
)  # fmt: skip
def test_what_had_ended_or_is_made_by_others_is_passed_over(item, why):
    assert passed_over(item) == why


def test_the_document_says_what_velero_would_otherwise_decide_by_itself():
    document = spec(
        namespaces=("shop",), mapping={"shop": "copy"}, cluster_resources=True, existing="update",
        selectors=({"matchLabels": {"a": "b"}},), modifier="changes",
    ).document  # fmt: skip
    assert document == {
        "backupName": "b",
        "includedNamespaces": ["shop"],
        "includedResources": ["*"],
        "existingResourcePolicy": "update",
        "restorePVs": True,
        "includeClusterResources": True,
        "namespaceMapping": {"shop": "copy"},
        "orLabelSelectors": [{"matchLabels": {"a": "b"}}],
        "resourceModifier": {"kind": "ConfigMap", "name": "changes"},
    }


def volume(name: str, claim: str, policy: str = "Retain"):
    spec = {"persistentVolumeReclaimPolicy": policy, "claimRef": {"namespace": "shop", "name": claim}}
    return stored("PersistentVolume", name, spec=spec)


def test_a_volume_that_its_claim_makes_anew_is_not_restored_and_one_without_a_snapshot_is():
    contents = [
        volume("deleted", "a", "Delete"),
        volume("kept", "b"),
        volume("snapshotted", "c"),
        volume("moved", "d"),
        stored("VolumeSnapshot", "s", "shop", spec={"source": {"persistentVolumeClaimName": "c"}}),
        stored("DataUpload", "u", "velero", spec={"sourceNamespace": "shop", "sourcePVC": "d"}),
        stored("VolumeSnapshot", "s", "other", spec={"source": {"persistentVolumeClaimName": "b"}}),
    ]
    found = made_anew(contents)
    assert set(found) == {"deleted", "snapshotted", "moved"}
    assert "snapshot" in found["moved"]
