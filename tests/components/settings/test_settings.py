"""What a valid stack means: defaults by environment, objectives, names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from velero_on_eks.settings import Settings
from velero_on_eks.settings.names import (
    BUCKET_NAME_MAX,
    as_bucket_name,
    check_bucket_name,
    check_label,
    check_schedule_name,
    shortened,
)
from velero_on_eks.settings.rules import WARNINGS
from velero_on_eks.settings.versions import PINNED_CHART, PINNED_PLUGIN, PINNED_VELERO, TABLE, mismatches, unrehearsed

from tests.support import mapping, settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("environment", "keep", "window", "protect", "budget"),
    [
        ("development", "7d", 7, False, False),
        ("staging", "14d", 30, True, False),
        ("production", "30d", 30, True, True),
    ],
)
def test_an_environment_brings_its_defaults(environment, keep, window, protect, budget):
    found = settings(environment=environment)
    assert {name: str(schedule.keep) for name, schedule in found.schedules.items()} == {"daily-backup": keep}
    assert str(found.recovery[0].retention) == keep
    assert found.storage.key_deletion_window_days == window
    assert found.storage.protect is protect
    assert found.storage.force_destroy is not protect
    assert found.release.disruption_budget is budget


def test_a_longer_retention_keeps_the_default_schedules_backups_as_long():
    found = settings(recovery={"retention": "90d"})
    assert [str(schedule.keep) for schedule in found.schedules.values()] == ["90d"]


def test_named_schedules_replace_the_default_one():
    found = settings(schedules={"hourly": {"cron": "@hourly", "keep": "30d"}})
    assert list(found.schedules) == ["hourly"]


def test_one_key_of_a_section_leaves_its_other_defaults():
    found = settings(storage={"noncurrentDays": 45})
    assert (found.storage.noncurrent_days, found.storage.key_deletion_window_days) == (45, 30)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        settings().region = "eu-west-2"  # pyright: ignore[reportAttributeAccessIssue]


def test_settings_survive_a_round_trip_through_their_own_mapping():
    found = settings(volumes={"mode": "csi-snapshot"}, storage={"prefix": "a/b"})
    again = Settings.from_mapping(found.to_mapping())
    assert again == found


def test_a_schedule_of_every_namespace_takes_cluster_resources_and_one_of_a_few_does_not():
    found = settings(
        schedules={
            "all": {"cron": "@daily", "keep": "30d"},
            "few": {"cron": "@daily", "keep": "30d", "namespaces": ["shop"]},
            "few-with": {"cron": "@daily", "keep": "30d", "namespaces": ["shop"], "clusterResources": True},
        }
    ).schedules
    assert {name: schedule.includes_cluster_resources for name, schedule in found.items()} == {
        "all": True,
        "few": None,
        "few-with": True,
    }


def test_a_gap_that_only_a_clock_change_makes_is_a_warning_and_not_a_refusal():
    def warned(zone: str, cron: str = "0 2 * * *", velero: str = "v1.18.2") -> list[str]:
        given = settings(
            schedules={"daily": {"cron": cron, "timezone": zone, "keep": "30d"}}, release={"image": {"tag": velero}}
        )
        return [warning.message for warning in given.warnings(NOW) if warning.rule == "rpo-clock-change"]

    assert warned("UTC") == warned("Asia/Kolkata") == []
    [repeated] = warned("America/New_York", "0 5 * * *")
    assert "25 h pass" in repeated
    # 02:00 does not exist on the day that the clocks go forward, and robfig/cron leaves that day's run out.
    [skipped] = warned("America/New_York")
    assert "47 h pass" in skipped
    assert "runs that the clock change skips are not made up" in skipped
    assert "timezone: UTC" in skipped
    # go-cron makes up for it an hour later; what is left is the day of 25 hours.
    [made_up_for] = warned("America/New_York", velero="v1.18.3")
    assert "25 h pass" in made_up_for
    assert "left out" not in made_up_for


def test_a_namespace_left_out_of_an_objective_of_all_is_a_warning():
    given = settings(schedules={"daily": {"cron": "@daily", "keep": "30d", "excludedNamespaces": ["kube-system"]}})
    assert [warning.rule for warning in given.warnings(NOW)] == ["excluded-namespaces"]


def test_an_untested_kubernetes_can_be_allowed_and_is_then_a_warning():
    given = settings(cluster={"kubernetesVersion": "1.36"}, release={"allowUntestedKubernetes": True})
    assert [warning.rule for warning in given.warnings(NOW)] == ["untested-kubernetes"]


@pytest.mark.parametrize("version", ["1.36", "1.37", "1.38", "1.32", "1.31"])
def test_a_kubernetes_that_no_velero_was_tested_on_is_refused_with_those_that_were(version):
    with pytest.raises(ValueError, match=f"tested on Kubernetes 1.33 to 1.35, and no Velero .* tested on {version}"):
        settings(cluster={"kubernetesVersion": version})
    settings(cluster={"kubernetesVersion": version}, release={"allowUntestedKubernetes": True})


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.velero)
def test_every_row_of_the_table_goes_together_and_is_no_finding(row):
    for kubernetes in row.kubernetes:
        for prefix in ("", "v"):
            versions = {"velero": prefix + row.velero, "plugin": prefix + row.plugin, "chart": row.chart}
            assert mismatches(kubernetes=kubernetes, **versions) == unrehearsed(**versions) == []


def test_the_pins_are_a_row_of_the_table():
    pins = (PINNED_VELERO.removeprefix("v"), PINNED_PLUGIN.removeprefix("v"), PINNED_CHART)
    assert pins in {(row.velero, row.plugin, row.chart) for row in TABLE}


# What is not in the table: refused by these codes, or else a finding of these fields.
OUTSIDE = [
    ({"velero": "v1.18.4"}, set(), {"release.image.tag"}),
    ({"velero": "1.18.12-eks-1"}, set(), {"release.image.tag"}),
    ({"plugin": "v1.14.4"}, set(), {"release.plugin.tag"}),
    ({"plugin": "v1.14.20", "velero": "v1.18.4"}, set(), {"release.plugin.tag", "release.image.tag"}),
    ({"chart": "12.2.0"}, set(), {"release.chart.version"}),
    ({"chart": "12.1.1"}, set(), {"release.chart.version"}),
    ({"velero": "v1.18.1"}, {"velero-version"}, set()),
    ({"velero": "v1.18.0"}, {"velero-version"}, set()),
    ({"velero": "v1.17.2"}, {"velero-version"}, set()),
    ({"velero": "v1.16.2"}, {"velero-version"}, set()),
    ({"velero": "v1.19.0"}, {"velero-version"}, set()),
    ({"velero": "v2.0.0"}, {"velero-version"}, set()),
    ({"plugin": "v1.14.2"}, {"plugin-version"}, set()),
    ({"plugin": "v1.14.1"}, {"plugin-version"}, set()),
    ({"plugin": "v1.14.0"}, {"plugin-version"}, set()),
    ({"plugin": "v1.13.2"}, {"plugin-version"}, set()),
    ({"plugin": "v1.12.1"}, {"plugin-version"}, set()),
    ({"plugin": "v1.15.0"}, {"plugin-version"}, set()),
    ({"chart": "12.0.0"}, {"chart-of-another-velero"}, set()),
    ({"chart": "12.0.9"}, {"chart-of-another-velero"}, set()),
    ({"chart": "13.0.0"}, {"chart-of-another-velero"}, set()),
    ({"chart": "11.4.0"}, {"chart-of-another-velero"}, set()),
    ({"chart": "10.1.3"}, {"chart-of-another-velero"}, set()),
    ({"chart": "9.2.0"}, {"chart-of-another-velero"}, set()),
    ({"chart": "5.0.2"}, {"chart-of-another-velero"}, set()),
]


@pytest.mark.parametrize(
    ("changed", "refused", "found"),
    OUTSIDE,
    ids=lambda value: str(sorted(value.items() if isinstance(value, dict) else value)),
)
def test_what_is_older_or_of_another_line_is_refused_and_a_newer_patch_is_a_finding(changed, refused, found):
    versions = {"velero": PINNED_VELERO, "plugin": PINNED_PLUGIN, "chart": PINNED_CHART, **changed}
    refusals = mismatches(kubernetes="1.34", **versions)
    assert {refusal.code for refusal in refusals} == refused
    assert {refusal.field for refusal in unrehearsed(**versions)} == found
    assert all(refusal.remedy for refusal in refusals)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"plugin": "v1.14.2"}, "empty x-amz-tagging header"),
        ({"plugin": "v1.14.1"}, "s3:PutObjectTagging"),
        ({"chart": "11.4.0"}, "cannot run in a restricted namespace"),
        ({"chart": "9.2.0"}, "name the Deployment after the release"),
        ({"velero": "v1.17.2"}, "1.18.3, 1.18.2"),
    ],
)
def test_a_refused_version_says_why(changed, reason):
    versions = {"velero": PINNED_VELERO, "plugin": PINNED_PLUGIN, "chart": PINNED_CHART, **changed}
    [refusal] = mismatches(kubernetes="1.34", **versions)
    assert reason in refusal.limit
    assert "v1.18.3" in refusal.remedy or "v1.14.3" in refusal.remedy or "12.1.0" in refusal.remedy


def test_a_newer_patch_is_an_error_to_waive():
    given = settings(release={"image": {"tag": "v1.18.4"}})
    assert [(one.rule, one.severity) for one in given.warnings(NOW)] == [("untested-version", "error")]


@pytest.mark.parametrize("waiver", [{"s3-access-logs": "no"}])
def test_a_waiver_without_a_reason_is_refused(waiver):
    with pytest.raises(ValueError, match="reason"):
        Settings.from_mapping(mapping(waivers=waiver))


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", fullmatch=True))
def test_every_cluster_name_makes_a_bucket_name_that_s3_takes(cluster):
    name = as_bucket_name(f"velero-{cluster}-111122223333-ap-northeast-1")
    assert check_bucket_name(name) == name
    assert len(name) <= BUCKET_NAME_MAX


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", fullmatch=True), unique=True, min_size=2, max_size=20))
def test_two_cluster_names_never_make_the_same_bucket_name(clusters):
    names = {as_bucket_name(f"velero-{cluster}-111122223333-eu-west-1") for cluster in clusters}
    assert len(names) == len(clusters)


@given(st.text(alphabet="abcdefghij-", min_size=1, max_size=200), st.integers(min_value=20, max_value=64))
def test_a_shortened_name_fits_and_one_that_fits_is_left_alone(name, limit):
    found = shortened(name, limit)
    assert len(found) <= limit
    if len(name) <= limit:
        assert found == name


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", fullmatch=True))
def test_every_schedule_name_leaves_room_for_its_backups(name):
    assert check_label(f"{check_schedule_name(name)}-20261123020000")


@pytest.mark.parametrize(
    "tags",
    [
        {"team": "shop", "Cost Center": "R+D-1 @ a/b:c=d_e"},
        {"straße": "größer"},
        {"empty": ""},
        {f"k{number}": "x" for number in range(48)},
        {"k" * 128: "v" * 256},
        {"velero-eks/team": "x", "my:aws:key": "x"},
    ],
)
def test_tags_that_every_service_takes_are_accepted(tags):
    assert settings(tags=tags).tags == tags


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-west-1.amazonaws.com",
        "https://s3.dualstack.eu-west-1.amazonaws.com",
        "https://s3-fips.dualstack.eu-west-1.amazonaws.com",
        "https://s3-eu-west-1.amazonaws.com",
        "https://bucket.vpce-0a1b-2c3d.s3.eu-west-1.vpce.amazonaws.com",
        "https://bucket.vpce-0a1b-2c3d-eu-west-1a.s3.eu-west-1.vpce.amazonaws.com",
        "https://minio.backup.svc:9000",
        "https://s3.example.com",
        "https://192.168.0.7:9000",
        "https://[fd00::7]:9000",
    ],
)
def test_endpoints_of_the_region_and_of_others_are_accepted(url):
    assert settings(storage={"s3Url": url}).storage.s3_url == url


def test_the_global_endpoint_is_that_of_us_east_1():
    assert (
        settings(
            region="us-east-1",
            cluster={"oidcIssuer": None},
            identity={"mode": "pod-identity"},
            storage={"s3Url": "https://s3.amazonaws.com"},
        ).storage.s3_url
        == "https://s3.amazonaws.com"
    )


def test_a_key_of_another_account_is_taken_with_a_warning_of_what_its_policy_must_do():
    arn = "arn:aws:kms:eu-west-1:444455556666:key/mrk-0a1b"
    [warning] = [
        one
        for one in settings(storage={"kmsKeyArn": arn}).warnings(datetime(2026, 11, 27, tzinfo=UTC))
        if one.rule == "key-of-another-account"
    ]
    assert warning.field == "storage.kmsKeyArn"
    assert "444455556666" in warning.message
    assert "let account 111122223333 use it" in warning.message


@pytest.mark.parametrize(
    ("cron", "every"),
    [
        ("*/5 * * * *", "5 min"),
        ("* * * * *", "1 min"),
        ("@every 1m", "1 min"),
        ("@every 14m59s", "14 min 59 s"),
        ("0,14 * * * *", "14 min"),
        ("*/7 * * * *", "4 min"),
        ("50 23 * * *", None),
        ("*/15 * * * *", None),
        ("@every 15m", None),
    ],
)
def test_a_schedule_finer_than_a_quarter_of_an_hour_is_a_finding_to_waive(cron: str, every: str | None):
    given = settings(schedules={"often": {"cron": cron, "keep": "30d"}})
    found = [warning for warning in given.warnings(NOW) if warning.rule == "interval-too-short"]
    assert [(one.field, one.severity) for one in found] == ([("schedules.often.cron", "error")] if every else [])
    assert all(f"often runs every {every} at its closest, below 15 min" in one.message for one in found)
    assert "interval-too-short" in WARNINGS
