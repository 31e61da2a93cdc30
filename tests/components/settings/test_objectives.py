"""The objectives against the schedules: what a schedule leaves out counts, in whatever way it is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from velero_on_eks.settings import InvalidSettings, Settings
from velero_on_eks.settings.coverage import Wanted, lacks
from velero_on_eks.settings.kinds import check_kind
from velero_on_eks.settings.objectives import copies
from velero_on_eks.settings.refusals import Refusal, Refused

from tests.support import mapping, settings

NOW = datetime(2026, 11, 28, tzinfo=UTC)
DAILY: dict[str, Any] = {"cron": "0 2 * * *", "keep": "30d"}
# A16: the input of the fault as it was found, and more of its kind.
LEFT_OUT = [
    (["secrets", "deployments.apps"], "secrets, deployments.apps"),
    (["persistentvolumeclaims"], "persistentvolumeclaims"),
    (["Secrets"], "secrets"),
    (["deployments.apps", "events"], "deployments.apps"),
    (["pods"], "pods"),
    (["customresourcedefinitions.apiextensions.k8s.io"], "customresourcedefinitions.apiextensions.k8s.io"),
    (["*.cert-manager.io"], "*.cert-manager.io"),
]
MALFORMED = [
    ("not a resource!!", "KIND.GROUP"),
    ("*", "every kind"),
    ("", "KIND.GROUP"),
    ("secrets/db", "KIND.GROUP"),
    ("apps/v1", "KIND.GROUP"),
    (".apps", "KIND.GROUP"),
    ("deployments.", "KIND.GROUP"),
    ("-secrets", "KIND.GROUP"),
    ("secret*", "KIND.GROUP"),
    ("deployments.v1.apps", "no version"),
    ("pods.v1", "no version"),
    ("secrets,configmaps", "KIND.GROUP"),
]
NEEDLESS = [
    "events",
    "Event",
    "events.events.k8s.io",
    "events.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "leases.coordination.k8s.io",
    "nodes",
    "backups.velero.io",
    "volumesnapshots.snapshot.storage.k8s.io",
]


def refused(**sections: Any) -> list[Refusal]:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_mapping(mapping(**sections))
    return list(raised.value.refusals)


def daily(**more: Any) -> dict[str, Any]:
    return {"daily": {**DAILY, **more}}


@pytest.mark.parametrize(("excluded", "named"), LEFT_OUT)
def test_a_kind_that_is_left_out_counts_against_the_objective(excluded, named):
    [refusal] = refused(schedules=daily(excludedResources=excluded))
    assert (refusal.code, refusal.field) == ("objective-missed", "recovery")
    assert f"daily leaves out {named}" in refusal.limit
    assert "excludedResources" in refusal.remedy


@pytest.mark.parametrize(("excluded", "_"), LEFT_OUT)
def test_an_objective_may_do_without_a_kind(excluded, _):
    found = settings(recovery={"excludedResources": excluded}, schedules=daily(excludedResources=excluded))
    assert found.recovery[0].excluded_resources == found.schedules["daily"].excluded_resources


@pytest.mark.parametrize(("kind", "said"), MALFORMED)
def test_what_is_no_kind_is_refused(kind, said):
    refusals = refused(schedules=daily(excludedResources=["events", kind]))
    assert {refusal.field for refusal in refusals} == {"schedules.daily.excludedResources.1"}
    assert said in refusals[0].limit
    assert refusals[0].remedy
    with pytest.raises(Refused):
        check_kind(kind)


@pytest.mark.parametrize("kind", NEEDLESS)
def test_what_is_never_restored_or_made_anew_counts_for_nothing(kind):
    if kind == "events.k8s.io":
        # A kind called events in a group called k8s.io: not the Events that are meant.
        assert refused(schedules=daily(excludedResources=[kind]))
    else:
        assert settings(schedules=daily(excludedResources=[kind]))


@pytest.mark.parametrize(
    ("namespaces", "schedule", "met"),
    [
        # B3, and more of its kind.
        (["app-*"], {"namespaces": ["app-*"]}, True),
        (["app-a*"], {"namespaces": ["app-*"]}, True),
        (["app-*"], {}, True),
        (["shop", "app-1"], {"namespaces": ["app-*", "sh?p"]}, True),
        (["app-[ab]"], {"namespaces": ["app-a", "app-b"]}, True),
        (["app-*"], {"namespaces": ["app-a*"]}, False),
        (["*"], {"namespaces": ["app-*"]}, False),
        (["app-*"], {"excludedNamespaces": ["app-test"]}, False),
        (["*"], {"excludedNamespaces": ["app-*"]}, False),
        (["*"], {"excludedNamespaces": ["app-test"]}, True),
        (["app-1"], {"namespaces": ["app-*"], "excludedNamespaces": ["*-1"]}, False),
        (["app-1"], {"namespaces": ["app-*"], "excludedNamespaces": ["*-2"]}, True),
        (["vel*"], {}, True),
    ],
)
def test_a_pattern_is_covered_where_all_that_it_can_be_is_taken(namespaces, schedule, met):
    sections: dict[str, Any] = {"recovery": {"namespaces": namespaces}, "schedules": daily(**schedule)}
    if met:
        assert settings(**sections).recovery[0].namespaces == tuple(namespaces)
    else:
        assert {(each.code, each.field) for each in refused(**sections)} == {
            ("namespace-not-covered", "recovery.namespaces")
        }


def test_an_objective_may_leave_namespaces_out_by_pattern():
    sections: dict[str, Any] = {"schedules": daily(excludedNamespaces=["test-*", "scratch"])}
    assert refused(**sections)
    found = settings(recovery={"excludedNamespaces": ["test-*", "scratch"]}, **sections)
    assert found.warnings(NOW) == ()
    assert [warning.rule for warning in settings(schedules=daily(excludedNamespaces=["scratch"])).warnings(NOW)] == [
        "excluded-namespaces"
    ]


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        ({"namespaces": ["app-**"]}, "namespace-pattern"),
        ({"namespaces": ["app-{a,b}"]}, "namespace-pattern"),
        ({"namespaces": ["App-*"]}, "kubernetes-name"),
        ({"namespaces": ["*-"]}, "kubernetes-name"),
        ({"namespaces": ["*", "app-*"]}, "star-and-names"),
        ({"namespaces": ["app-*", "app-*"]}, "twice"),
        ({"namespaces": ["app-1"], "excludedNamespaces": ["app-*"]}, "in-and-out"),
        ({"namespaces": ["app-1*"], "excludedNamespaces": ["app-?*"]}, "in-and-out"),
        ({"excludedNamespaces": ["?"]}, "wildcard"),
        ({"excludedNamespaces": ["*"]}, "wildcard"),
        ({"excludedNamespaces": ["?*"]}, "wildcard"),
        ({"namespaces": ["velero", "app-*"]}, "velero-backs-itself-up"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(schedule, code):
    assert code in {each.code for each in refused(schedules=daily(**schedule), recovery={"namespaces": ["shop"]})}


@pytest.mark.parametrize(
    ("namespaces", "excluded"),
    [
        (["*"], ["velero"]),
        (["vel*"], ["velero"]),
        (["v*", "app-*"], ["velero"]),
        (["[t-w]elero"], ["velero"]),
        (["app-*"], None),
    ],
)
def test_velero_is_left_out_of_every_pattern_that_takes_it(namespaces, excluded):
    found = settings(
        recovery={"namespaces": ["app-1"]}, schedules={**daily(), "more": {**DAILY, "namespaces": namespaces}}
    )
    template = found.schedules["more"].filters(velero="velero", snapshot_volumes=False)
    assert template.get("excludedNamespaces") == excluded


@pytest.mark.parametrize(
    ("recovery", "schedule", "said"),
    [
        ({}, {"clusterResources": False}, "does not include all cluster-scoped objects"),
        ({"rpo": "12h"}, {}, "daily runs every 24 h"),
        ({"retention": "31d"}, {}, "keeps 30d"),
    ],
)
def test_what_else_keeps_an_objective_from_being_met(recovery, schedule, said):
    [refusal] = refused(recovery=recovery, schedules=daily(**schedule))
    assert refusal.code == "objective-missed"
    assert said in refusal.limit


def test_a_paused_schedule_serves_nothing():
    schedules = {"daily": {**DAILY, "paused": True}, "weekly": {"cron": "0 3 * * 0", "keep": "60d"}}
    assert [each.code for each in refused(schedules=schedules)] == ["objective-missed"]
    schedules["weekly"]["namespaces"] = ["other"]
    assert [each.code for each in refused(schedules=schedules)] == ["namespace-not-covered"]


def test_volumes_count_where_the_mode_or_the_objective_says_so():
    [refusal] = refused(recovery={"volumes": True})
    assert (refusal.code, refusal.field) == ("volumes-without-mode", "recovery.volumes")
    assert settings(recovery={"volumes": True}, volumes={"mode": "csi-snapshot"})
    assert settings(recovery={"volumes": False}, volumes={"mode": "csi-snapshot"})


@pytest.mark.parametrize(
    ("template", "wanted", "codes"),
    [
        ({}, Wanted("*"), []),
        ({"labelSelector": {"matchLabels": {"a": "b"}}}, Wanted("shop"), ["labels"]),
        ({"orLabelSelectors": [{"matchLabels": {"a": "b"}}]}, Wanted("*"), ["labels"]),
        ({"includedResources": ["secrets"]}, Wanted("shop"), ["kinds"]),
        ({"excludedNamespaceScopedResources": ["secrets"]}, Wanted("shop"), ["kinds"]),
        ({"excludedClusterScopedResources": ["storageclasses"]}, Wanted("*"), ["cluster-resources"]),
        ({"excludedClusterScopedResources": ["storageclasses"]}, Wanted("shop"), []),
        ({"snapshotVolumes": False}, Wanted("shop"), []),
        ({"snapshotVolumes": False}, Wanted("shop", volumes=True), ["volumes"]),
        ({"snapshotVolumes": False, "defaultVolumesToFsBackup": True}, Wanted("shop", volumes=True), []),
        ({"excludedNamespaces": ["velero"]}, Wanted("v*", velero="velero"), []),
        ({"includedNamespaces": ["a{b}"]}, Wanted("shop"), ["namespaces"]),
        ({"includedNamespaces": ["a"], "snapshotVolumes": False}, Wanted("b", volumes=True), ["namespaces", "volumes"]),
    ],
)
def test_a_template_is_judged_whole(template, wanted, codes):
    assert [lack.code for lack in lacks(template, wanted)] == codes


@pytest.mark.parametrize(
    ("more", "found"),
    [
        # B6, and more of its kind: beside the schedule that serves the objective.
        ({"cron": "0 3 1 1 *", "keep": "1095d"}, []),
        ({"cron": "0 3 1 1 *", "keep": "1095d", "minimumCopies": 1}, []),
        ({"cron": "0 3 1 1 *", "keep": "400d"}, ["few-copies"]),
        ({"cron": "0 3 1 1 *", "keep": "400d", "minimumCopies": 1}, []),
        ({"cron": "0 3 * * 0", "keep": "8d"}, ["few-copies"]),
        ({"cron": "0 3 * * 0", "keep": "14d"}, []),
        ({"cron": "0 3 * * 0", "keep": "8d", "paused": True}, []),
    ],
)
def test_a_schedule_beside_the_objectives_is_not_held_to_their_copies(more, found):
    read = settings(schedules={**daily(), "more": more})
    assert [warning.rule for warning in read.warnings(NOW)] == found


@pytest.mark.parametrize(
    ("schedules", "recovery", "said"),
    [
        ({"more": {"cron": "0 3 1 1 *", "keep": "1095d", "minimumCopies": 3}, **daily()}, {}, "fewer than 3"),
        ({"weekly": {"cron": "0 3 * * 0", "keep": "30d"}}, {"rpo": "7d", "minimumCopies": 5}, "fewer than 5"),
        # The schedule's own number is not an excuse for one that serves an objective.
        (
            {"weekly": {"cron": "0 3 * * 0", "keep": "30d", "minimumCopies": 1}},
            {"rpo": "7d", "minimumCopies": 5},
            "than 5",
        ),
        ({"yearly": {"cron": "0 3 1 1 *", "keep": "1095d"}}, {"rpo": "400d", "retention": "1095d"}, "fewer than 3"),
        ({"monthly": {"cron": "0 3 1 * *", "keep": "62d"}}, {"rpo": "31d", "retention": "60d"}, "fewer than 3"),
    ],
)
def test_a_schedule_that_serves_an_objective_keeps_as_many_as_it_asks(schedules, recovery, said):
    [refusal] = refused(schedules=schedules, recovery=recovery)
    name = next(iter(schedules))
    assert (refusal.code, refusal.field) == ("too-few-copies", f"schedules.{name}.keep")
    assert said in refusal.limit


def test_copies_are_counted_over_the_longest_interval():
    found = settings(schedules={**daily(), "monthly": {"cron": "0 3 1 * *", "keep": "93d"}})
    assert {name: copies(schedule) for name, schedule in found.schedules.items()} == {"daily": 30, "monthly": 3}


def test_each_objective_of_a_list_is_held_against_its_own_schedules():
    schedules = {
        "hourly": {"cron": "0 * * * *", "keep": "3d", "namespaces": ["pay-*"]},
        "daily": {**DAILY, "excludedResources": ["secrets"]},
    }
    recovery = [
        {"namespaces": ["pay-*"], "rpo": "1h", "retention": "3d"},
        {"excludedResources": ["secrets"]},
    ]
    assert len(settings(schedules=schedules, recovery=recovery).recovery) == 2
    [refusal] = refused(schedules=schedules, recovery=[recovery[0], {}])
    assert refusal.field == "recovery.1"


def test_a_schedule_that_would_be_in_time_and_leaves_something_out_is_named_with_what():
    """The reader's question is why the daily backup does not count, not how seldom the other one runs."""
    schedules = {
        "daily": {"cron": "0 2 * * *", "keep": "30d", "excludedResources": ["secrets"]},
        "hourly": {"cron": "15 * * * *", "keep": "3d", "namespaces": ["shop"]},
    }
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_mapping(
            mapping(schedules=schedules, recovery={"namespaces": ["shop"], "rpo": "24h", "retention": "30d"})
        )
    [refusal] = raised.value.refusals
    assert refusal.code == "objective-missed"
    assert "hourly runs every 1 h and keeps 3d; in time, but incomplete: daily leaves out secrets" in refusal.limit
    assert "excludedResources" in refusal.remedy
