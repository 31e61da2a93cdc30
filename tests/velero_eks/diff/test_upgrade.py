"""An upgrade of Velero, its plugin or its chart: the runs of each schedule, and what the newer one does otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from velero_on_eks.settings import Cron

from tests.velero_eks.diff.programs import Edit, difference
from tests.velero_eks.diff.test_facts import scheduled
from velero_eks.diff import backups, upgrade
from velero_eks.velero import releases

DAY, HOUR = 86_400, 3_600


def fact_of(cron: str, zone: str = "UTC", *, gaps: tuple[int, int], back: bool = False, **more: Any) -> Any:
    sides = [
        scheduled(cron, zone, gap, cron_library=library, **more)
        for library, gap in zip(("robfig", "go-cron"), gaps, strict=True)
    ]
    old, new = reversed(sides) if back else sides
    return backups.schedules(old, new)


def test_the_runs_before_and_after_are_counted():
    (fact,) = fact_of("0 2 1,15 * 1", gaps=(7 * DAY, 413 * DAY), next=["2027-01-01T02:00:00+00:00"])
    assert fact.text == (
        "daily runs 361 times in five years, then 20:"
        " from Velero 1.18.3 on both of day of month and day of week must match"
    )
    assert fact.effect == "weaker"
    assert fact.details[:2] == (
        "It runs Mondays that are day 1 or 15 of a month at 02:00 UTC.",
        "longest gap: 413 days, was 7 days",
    )


def test_the_way_back_is_told_as_well():
    (fact,) = fact_of("0 2 1,15 * 1", gaps=(7 * DAY, 413 * DAY), back=True, next=["2027-01-01T02:00:00+00:00"])
    assert fact.text == (
        "daily runs 20 times in five years, then 361:"
        " before Velero 1.18.3 one of day of month and day of week must match"
    )
    assert fact.effect == "stronger"


@pytest.mark.parametrize("cron", ["0 2 1-7 * MON", "0 0 13 * FRI", "0 2 * * 1/2", "*/30 2 1 * SUN", "0 2 1 1 SUN"])
def test_whatever_the_libraries_read_in_two_ways_is_counted(cron: str):
    first, last = datetime(2027, 1, 2, tzinfo=UTC), datetime(2032, 1, 2, tzinfo=UTC)
    # One after the other, as the libraries' own answers are (tests/oracles/cron).
    was, now = (
        sum(
            run < last
            for run in Cron.parse(cron, library=library, allow_never=True).next_runs(first - timedelta(seconds=1), 1200)
        )
        for library in ("robfig", "go-cron")
    )
    (fact,) = fact_of(cron, gaps=(DAY, 2 * DAY), next=["2027-01-02T02:00:00+00:00"])
    assert f"daily runs {was} times in five years, then {now}: " in fact.text
    assert was != now


def test_a_skipped_hour_is_made_up_for_from_1_18_3_on():
    (fact,) = fact_of("30 2 * * *", "Europe/Berlin", gaps=(47 * HOUR, 24 * HOUR))
    assert fact.text == "daily: from Velero 1.18.3 on a run at a time that the clocks skip is made up for an hour later"
    assert (fact.effect, fact.details) == ("stronger", ("longest gap: 24 h, was 47 h",))


@pytest.mark.parametrize("cron", ["0 2 * * *", "@daily", "@every 6h", "0 2 1-31 * *", "0 3 * * SUN", "0 0 1 */2 *"])
def test_what_both_libraries_read_alike_is_no_change(cron: str):
    assert fact_of(cron, gaps=(DAY, DAY)) == []


def test_a_plan_saved_before_there_were_two_libraries_is_robfigs():
    old, new = scheduled("0 2 1,15 * 1"), scheduled("0 2 1,15 * 1", gap=413 * DAY, cron_library="go-cron")
    assert len(backups.schedules(old, new)) == 1
    assert backups.schedules(old, scheduled("0 2 1,15 * 1", cron_library="robfig")) == []


def test_a_longer_gap_is_told_where_the_cron_itself_changes():
    (fact,) = backups.schedules(scheduled("0 2 * * *"), scheduled("0 2 * * 1", gap=7 * DAY))
    assert "longest gap: 7 days, was 24 h" in fact.details


# --- the versions themselves ------------------------------------------------------------------------


def plan(velero: str = "v1.18.2", plugin: str = "v1.14.3", chart: str = "12.1.0", **image: str) -> dict[str, Any]:
    release = {"image": {"tag": velero, **image}, "plugin": {"tag": plugin}, "chart": {"version": chart}}
    return {"deployments": [{"component": "urn:velero", "settings": {"release": release}}], "resources": []}


def test_the_same_versions_are_no_change():
    assert list(upgrade.upgrade(plan(), plan())) == []


def test_an_upgrade_of_velero_tells_fields_rights_and_what_is_refused():
    versions, rights = upgrade.upgrade(plan(), plan("v1.18.3"))
    assert versions.text == "What Velero 1.18.3 does differently from 1.18.2"
    assert any("data mover fails its validation where no node-agent runs" in detail for detail in versions.details)
    assert any("Restore.spec.resourcePolicy" in detail for detail in versions.details)
    assert any("have no hooks" in detail for detail in versions.details)
    assert rights.category == "permissions"
    assert "create, delete, get and list of ConfigMaps and Secrets" in rights.text
    assert "cluster-admin" in rights.details[0]


def test_the_way_back_says_what_is_no_longer_there():
    versions, rights = upgrade.upgrade(plan("v1.18.3"), plan())
    assert versions.text == "What Velero 1.18.2 does differently from 1.18.3"
    assert all(detail.startswith("Only from Velero 1.18.3 on: ") for detail in versions.details)
    assert rights.text.startswith("Only from Velero 1.18.3 on: ")


@pytest.mark.parametrize(
    "new",
    [
        plan("1.18.2-eks-1"),
        plan("v1.18.1"),
        plan(plugin="v1.14.4"),
        plan(chart="12.2.1"),
        plan("own", digest="sha256:" + "0" * 64, version="1.18.2"),
    ],
)
def test_what_is_the_same_to_its_reader_is_not_told(new: dict[str, Any]):
    assert list(upgrade.upgrade(plan(), new)) == []


def test_an_image_by_digest_is_the_release_that_it_says():
    versions, _ = upgrade.upgrade(plan(), plan("own", digest="sha256:" + "0" * 64, version="1.18.3"))
    assert versions.text == "What Velero 1.18.3 does differently from 1.18.2"


def test_every_change_is_between_two_releases_once():
    assert releases.between("1.18.2", "1.18.3") == releases.between("1.18.3", "1.17.0") == releases.CHANGES
    assert releases.between("1.18.3", "1.18.9") == ()
    assert releases.between("1.18.2", "1.18.2") == ()


def test_a_whole_diff_has_runs_versions_and_rights(tmp_path: Path):
    older = [("  velero-eks:volumes:", "  velero-eks:release: {image: {tag: v1.18.2}}\n  velero-eks:volumes:")]
    made = difference(tmp_path, Edit(), before=Edit(stack=tuple(older)))
    texts = [fact.text for fact in made.facts]
    assert "What Velero 1.18.3 does differently from 1.18.2" in texts
    assert any("ConfigMaps and Secrets" in text for text in texts)
