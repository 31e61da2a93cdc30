"""Stacks that would write into each other's backups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from velero_on_eks.settings import StackFile, conflicts

from tests.support import settings


def file(stack: str, **storage: Any) -> StackFile:
    cluster = {"name": stack}
    return StackFile(stack, Path(f"stacks/Pulumi.{stack}.yaml"), {}, settings(cluster=cluster, storage=storage))


@pytest.mark.parametrize(
    ("one", "other", "part"),
    [
        ({"bucket": "all"}, {"bucket": "all"}, "the same bucket and prefix"),
        ({"bucket": "all", "prefix": "a"}, {"bucket": "all", "prefix": "a"}, "the same bucket and prefix"),
        ({"bucket": "all"}, {"bucket": "all", "prefix": "a"}, "the whole bucket and a"),
        ({"bucket": "all", "prefix": "a/b"}, {"bucket": "all", "prefix": "a"}, "(a and a/b)"),
    ],
)
def test_two_clusters_may_not_share_a_place_nor_lie_in_each_other(one, other, part):
    [error] = conflicts([file("first", **one), file("second", **other)])
    assert "stacks/Pulumi.second.yaml: velero-eks:storage = " in str(error)
    assert "stacks/Pulumi.first.yaml" in str(error)
    assert part in str(error)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"bucket": "all", "prefix": "a"}, {"bucket": "all", "prefix": "b"}),
        ({"bucket": "all", "prefix": "a"}, {"bucket": "all", "prefix": "ab"}),
        ({"bucket": "one"}, {"bucket": "other"}),
    ],
)
def test_clusters_side_by_side_are_fine(one, other):
    assert conflicts([file("first", **one), file("second", **other)]) == []
