"""Stacks that make the same thing: the second would be stopped by the first, or shut it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from velero_on_eks.fleet import conflicts, made_by
from velero_on_eks.settings import StackFile

from tests.support import settings

KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b"
POD_IDENTITY = {"mode": "pod-identity"}


def file(stack: str, **sections: Any) -> StackFile:
    sections = {"cluster": {"name": stack}, **sections}
    return StackFile(stack, Path(f"stacks/Pulumi.{stack}.yaml"), {}, settings(**sections))


def told(one: dict[str, Any], other: dict[str, Any]) -> dict[str, str]:
    """The refusal of the second of two stacks: each field with its sentence."""
    errors = conflicts([file("first", **one), file("second", **other)])
    return {refusal.field: refusal.sentence for error in errors for refusal in error.refusals}


@pytest.mark.parametrize(
    ("one", "other", "part"),
    [
        ({"bucket": "all"}, {"bucket": "all"}, "the same prefix"),
        ({"bucket": "all", "prefix": "a"}, {"bucket": "all", "prefix": "a"}, "the same prefix"),
        ({"bucket": "all"}, {"bucket": "all", "prefix": "a"}, "inside the other"),
        ({"bucket": "all", "prefix": "a/b"}, {"bucket": "all", "prefix": "a"}, "inside the other"),
        ({"bucket": "all", "prefix": "a"}, {"bucket": "all", "prefix": "b"}, "its own key and policy"),
        ({"bucket": "all", "prefix": "a"}, {"bucket": "all", "prefix": "ab"}, "its own key and policy"),
    ],
)
def test_one_bucket_is_made_by_one_stack(one, other, part):
    [error] = conflicts([file("first", storage=one), file("second", storage=other)])
    assert "stacks/Pulumi.second.yaml: velero-eks:storage.bucket = " in str(error)
    assert "stacks/Pulumi.first.yaml" in str(error)
    assert part in str(error)


@pytest.mark.parametrize(
    ("one", "other", "fields"),
    [
        pytest.param(
            {"cluster": {"name": "shop"}, "storage": {"bucket": "one"}},
            {"cluster": {"name": "shop"}, "storage": {"bucket": "two"}},
            {"identity.roleName", "storage.kmsKeyArn", "release.namespace", "release.name"},
            id="one cluster in two stacks",
        ),
        pytest.param(
            {"identity": {"roleName": "velero"}},
            {"identity": {"roleName": "velero"}, "region": "eu-west-1"},
            {"identity.roleName"},
            id="one role's name in an account",
        ),
        pytest.param(
            {"cluster": {"name": "shop"}, "storage": {"bucket": "one", "kmsKeyArn": KEY}},
            {
                "cluster": {"name": "shop"},
                "storage": {"bucket": "two"},
                "identity": {"roleName": "other"},
                "release": {"namespace": "velero-two", "name": "velero-two"},
            },
            set(),
            id="two Veleros of one cluster that share nothing",
        ),
        pytest.param(
            {"cluster": {"name": "shop"}, "storage": {"bucket": "one"}},
            {
                "cluster": {"name": "shop"},
                "storage": {"bucket": "two", "kmsKeyArn": KEY},
                "identity": {"roleName": "other"},
                "release": {"namespace": "velero-two"},
            },
            {"release.name"},
            id="the chart's ClusterRoleBinding",
        ),
        pytest.param(
            {"cluster": {"name": "shop"}, "storage": {"bucket": "one"}, "release": {"name": "backup"}},
            {
                "cluster": {"name": "shop"},
                "storage": {"bucket": "two", "kmsKeyArn": KEY},
                "identity": {"roleName": "other"},
                "release": {"namespace": "velero-two", "name": "backup-velero"},
            },
            {"release.name"},
            id="two release names that the chart makes one of",
        ),
        pytest.param(
            {"cluster": {"name": "shop"}, "volumes": {"mode": "csi-snapshot"}, "storage": {"bucket": "one"}},
            {
                "cluster": {"name": "shop"},
                "volumes": {"mode": "csi-snapshot"},
                "storage": {"bucket": "two", "kmsKeyArn": KEY},
                "identity": {"roleName": "other"},
                "release": {"namespace": "velero-two", "name": "velero-two"},
            },
            {"volumes.mode", "volumes.snapshotController"},
            id="the snapshot controller and its class",
        ),
        pytest.param(
            {"cluster": {"name": "Shop"}, "storage": {"bucket": "one"}},
            {"cluster": {"name": "shop"}, "storage": {"bucket": "two"}},
            set(),
            id="names that differ in case alone",
        ),
        pytest.param(
            {"cluster": {"name": "shop"}},
            {
                "cluster": {"name": "shop", "account": "444455556666"},
            },
            set(),
            id="one name in two accounts",
        ),
        pytest.param({}, {}, set(), id="two clusters"),
        pytest.param({"identity": POD_IDENTITY}, {"identity": POD_IDENTITY}, set(), id="two clusters, Pod Identity"),
    ],
)
def test_what_two_stacks_make_differs_in_every_physical_name(one, other, fields):
    found = told(one, other)
    assert {field.removeprefix("velero-eks:") for field in found} == fields, found
    for sentence in found.values():
        assert "stacks/Pulumi.first.yaml makes the " in sentence


def test_each_pair_is_told_of_and_names_the_earlier_file():
    files = [file(name, storage={"bucket": "all"}) for name in ("first", "second", "third")]
    said = [str(error) for error in conflicts(files)]
    assert [("second" in each.split(":")[0], "first.yaml makes" in each) for each in said] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_a_place_is_of_one_thing_only():
    made = list(made_by(settings(volumes={"mode": "csi-snapshot"})))
    assert len({each.place for each in made}) == len(made)
