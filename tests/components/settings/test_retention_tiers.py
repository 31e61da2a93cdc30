"""Retention in tiers: one setting that becomes several schedules, each held to every schedule's rules."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from velero_on_eks.settings import Cron, InvalidSettings, Settings

from tests.support import mapping, record, settings

AT = datetime(2026, 11, 28, tzinfo=UTC)
TIERS: dict[str, Any] = {"hourly": "3d", "daily": "30d", "weekly": "8w", "monthly": "365d", "yearly": "2555d"}


def refused(**sections: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_mapping(mapping(**sections))
    return [(refusal.code, refusal.field) for refusal in raised.value.refusals]


def tiers(**more: Any) -> dict[str, Any]:
    return {"retentionTiers": {"all": {**TIERS, **more}}}


def test_each_tier_is_a_schedule_and_no_default_one_is_made():
    found = settings(**tiers())
    assert {name: (each.cron, str(each.keep)) for name, each in found.schedules.items()} == {
        "all-hourly": ("0 * * * *", "3d"),
        "all-daily": ("10 2 * * *", "30d"),
        "all-weekly": ("20 2 * * 0", "8w"),
        "all-monthly": ("30 2 1 * *", "365d"),
        "all-yearly": ("40 2 1 1 *", "2555d"),
    }
    assert found.warnings(AT) == ()


def test_no_two_tiers_start_within_ten_minutes():
    found = settings(**tiers(minute=55, hour=23))
    starts = sorted(
        moment
        for schedule in found.schedules.values()
        # From New Year's Eve on, when all of them run.
        for moment in schedule.recurrence.next_runs(datetime(2026, 12, 31, 20, tzinfo=UTC), 40)
        if moment < datetime(2027, 1, 2, tzinfo=UTC)
    )
    assert min((later - sooner).total_seconds() for sooner, later in pairwise(starts)) >= 600


def test_both_cron_libraries_read_a_tier_alike():
    for schedule in settings(**tiers(timezone="Europe/Berlin")).schedules.values():
        old, new = (Cron.parse(schedule.cron, library=library) for library in ("robfig", "go-cron"))
        assert old.next_runs(AT, 50) == new.next_runs(AT, 50)
        assert not old.restricts_both_day_fields
        assert schedule.timezone == "Europe/Berlin"


def test_tiers_stand_beside_schedules_and_share_what_they_take():
    found = settings(
        schedules={"nightly": {"cron": "0 1 * * *", "keep": "30d"}},
        retentionTiers={
            "shop": {"daily": "14d", "weekly": "60d", "namespaces": ["shop-*"], "excludedResources": ["events"]}
        },
    )
    assert list(found.schedules) == ["shop-daily", "shop-weekly", "nightly"]
    for name in ("shop-daily", "shop-weekly"):
        assert found.schedules[name].namespaces == ("shop-*",)
        assert found.schedules[name].excluded_resources == ("events",)


def test_the_component_makes_a_schedule_a_tier():
    made = record(**tiers()).of_type("kubernetes:velero.io/v1:Schedule")
    assert {each.inputs["metadata"]["name"] for each in made} == {f"all-{tier}" for tier in TIERS}
    assert {each.inputs["spec"]["template"]["ttl"] for each in made} == {
        "72h0m0s", "720h0m0s", "1344h0m0s", "8760h0m0s", "61320h0m0s"
    }  # fmt: skip


def test_what_was_read_once_reads_as_the_same_again():
    found = settings(**tiers())
    for said in (
        found.model_dump(mode="json", by_alias=True, exclude_unset=True),
        {**mapping(**tiers()), "schedules": found.to_mapping()["schedules"]},
    ):
        assert Settings.from_mapping(said) == found


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (tiers(daily="3d"), ("tier-order", "retentionTiers.all")),
        (tiers(yearly="30d"), ("tier-order", "retentionTiers.all")),
        ({"retentionTiers": {"all": {}}}, ("no-tier", "retentionTiers.all")),
        ({"retentionTiers": {"all": {"namespaces": ["shop"]}}}, ("no-tier", "retentionTiers.all")),
        (tiers(monthly="12M"), ("duration", "retentionTiers.all.monthly")),
        (tiers(quarterly="180d"), ("unknown-key", "retentionTiers.all.quarterly")),
        (tiers(hour=24), ("out-of-range", "retentionTiers.all.hour")),
        (tiers(minute=60), ("out-of-range", "retentionTiers.all.minute")),
        ({"retentionTiers": {"All": TIERS}}, ("kubernetes-name", "retentionTiers.All")),
        ({"retentionTiers": {"a" * 41: TIERS}}, ("schedule-name", f"retentionTiers.{'a' * 41}.monthly")),
        ({"retentionTiers": ["daily"]}, ("not-a-mapping", "retentionTiers")),
        ({"retentionTiers": {"all": "30d"}}, ("not-a-mapping", "retentionTiers.all")),
        # Rules of every schedule, said of the tier.
        (tiers(yearly="366d"), ("retention-below-interval", "retentionTiers.all.yearly")),
        (tiers(excludedResources=["*"]), ("every-kind", "retentionTiers.all.excludedResources.0")),
        (tiers(timezone="Mars"), ("timezone", "retentionTiers.all.timezone")),
        (tiers(excludedResources=["secrets"]), ("objective-missed", "recovery")),
        (tiers(paused=True), ("production-no-schedule", "schedules")),
        (
            {**tiers(), "schedules": {"all-daily": {"cron": "0 1 * * *", "keep": "30d"}}},
            ("tier-name-taken", "retentionTiers.all.daily"),
        ),
    ],
)
def test_wrong_tiers_are_refused_where_they_are_written(sections, expected):
    assert expected in refused(**sections)


def test_an_objective_of_each_age_is_served_by_its_tier():
    wanted = [{"rpo": "1h", "retention": "3d"}, {"retention": "30d"}, {"rpo": "7d", "retention": "8w"}]
    assert settings(recovery=wanted, **tiers()).recovery[2].retention.seconds == 56 * 86400
    assert ("objective-missed", "recovery.1") in refused(recovery=[{}, {"rpo": "1h", "retention": "4d"}], **tiers())
