"""Which resource is which, with the cases that the engine's own rules decide."""

from __future__ import annotations

from typing import Any

from tests.velero_eks.diff.entries import entry
from velero_eks.diff.identity import match

COMPONENT, BUCKET, POLICY = "velero:eks:VeleroOnEks", "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"


def renamed(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> dict[str, str]:
    """Names of the old resources by those of the new ones that they became."""
    pairs = match(old, new).pairs
    return {now["name"]: was["name"] for was, now in pairs if was and now and was["urn"] != now["urn"]}


def test_a_resource_is_first_of_all_the_one_of_its_own_urn():
    old = [entry(BUCKET, "a"), entry(BUCKET, "b")]
    new = [entry(BUCKET, "a", aliases=[old[1]["urn"]]), entry(BUCKET, "b")]
    assert renamed(old, new) == {}


def test_an_alias_leads_to_the_old_resource():
    old = entry(BUCKET, "a")
    assert renamed([old], [entry(BUCKET, "b", aliases=[old["urn"]])]) == {"b": "a"}


def test_of_several_aliases_the_first_that_exists_counts():
    old = entry(BUCKET, "a")
    aliases = [entry(BUCKET, "before-that")["urn"], old["urn"]]
    assert renamed([old], [entry(BUCKET, "b", aliases=aliases)]) == {"b": "a"}


def test_one_old_resource_becomes_one_new_resource():
    old = entry(BUCKET, "a")
    new = [entry(BUCKET, name, aliases=[old["urn"]]) for name in ("b", "c")]
    matching = match([old], new)
    assert sorted(matching.renamed.values()) == [old["urn"]]
    assert [was for was, now in matching.pairs if now and now["name"] == "c"] == [None]


def test_children_inherit_the_alias_of_their_parent_with_its_name_in_theirs():
    old_top = entry(COMPONENT, "shop", custom=False)
    old = [old_top, entry(BUCKET, "shop-backups", parent=old_top), entry(BUCKET, "other", parent=old_top)]
    top = entry(COMPONENT, "store", custom=False, aliases=[old_top["urn"]])
    new = [entry(BUCKET, "store-backups", parent=top), entry(BUCKET, "other", parent=top), top]
    assert renamed(old, new) == {"store": "shop", "store-backups": "shop-backups"}


def test_an_alias_is_inherited_through_every_generation():
    old_top = entry(COMPONENT, "shop", custom=False)
    old_bucket = entry(BUCKET, "shop", parent=old_top)
    old = [old_top, old_bucket, entry(POLICY, "shop", parent=old_bucket)]
    top = entry(COMPONENT, "store", custom=False, aliases=[old_top["urn"]])
    bucket = entry(BUCKET, "store", parent=top)
    policy = entry(POLICY, "store", parent=bucket)
    assert renamed(old, [top, bucket, policy]) == {"store": "shop"}
    assert len(match(old, [top, bucket, policy]).renamed) == 3


def test_a_childs_own_alias_is_also_looked_for_under_the_parents_old_name():
    old_top = entry(COMPONENT, "shop", custom=False)
    old = [old_top, entry(BUCKET, "archive", parent=old_top)]
    top = entry(COMPONENT, "store", custom=False, aliases=[old_top["urn"]])
    own = entry(BUCKET, "archive", parent=top)["urn"]
    assert renamed(old, [top, entry(BUCKET, "backups", parent=top, aliases=[own])]) == {
        "store": "shop",
        "backups": "archive",
    }


def test_a_parent_that_did_not_need_its_alias_hands_none_down():
    old_top = entry(COMPONENT, "store", custom=False)
    elsewhere = entry(COMPONENT, "shop", custom=False)
    old = [old_top, entry(BUCKET, "x", parent=elsewhere)]
    top = entry(COMPONENT, "store", custom=False, aliases=[elsewhere["urn"]])
    assert renamed(old, [top, entry(BUCKET, "x", parent=top)]) == {}


def test_what_nothing_leads_to_is_deleted_and_created():
    pairs = match([entry(BUCKET, "a")], [entry(BUCKET, "b")]).pairs
    assert [(was and was["name"], now and now["name"]) for was, now in pairs] == [(None, "b"), ("a", None)]
