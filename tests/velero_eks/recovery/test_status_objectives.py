"""The objectives, compared with the backups that exist: which of them count, how old, and how far back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from velero_on_eks.settings.coverage import Wanted, lacks

from tests.support import settings
from tests.velero_eks.recovery.recorded import NOW, ago, backup
from tests.velero_eks.recovery.test_status import SETTINGS, schedule, seen, the
from velero_eks.recovery.status.judge import assess
from velero_eks.recovery.status.problems import Status
from velero_eks.velero.records import moment


def test_a_stacks_objective_is_measured_from_the_begin_of_the_newest_backup():
    (objective,) = assess(seen(), SETTINGS).objectives
    assert (objective.namespace, objective.met, objective.copies, objective.age) == ("exam-prod", True, 2, 36_000)


def test_a_missed_objective_says_since_when():
    observed = seen(backups=(backup("old", hours=30),))
    found = assess(observed, SETTINGS)
    error = next(problem for problem in found.problems if problem.severity == "error")
    assert not found.well
    assert error.subject == "namespace exam-prod"
    assert "old, started 30 h ago; the RPO is 24 h" in error.text
    assert error.since == NOW - timedelta(hours=6)


def test_the_time_a_backup_takes_is_no_missed_objective():
    assert assess(seen(backups=(backup("old", hours=24.5),), schedules=()), SETTINGS).objectives[0].met
    assert not assess(seen(backups=(backup("old", hours=25.5),), schedules=()), SETTINGS).objectives[0].met


def test_a_cluster_without_any_backup_misses_its_objective():
    found = assess(seen(backups=(), schedules=(schedule(status={"lastBackup": None}),)), SETTINGS)
    assert not found.well
    assert any("it has no Completed backup" in problem.text for problem in found.problems)


@pytest.mark.parametrize(
    ("spec", "namespace", "covered"),
    [
        ({}, "exam-prod", True),
        ({}, "*", True),
        ({"includedNamespaces": ["exam-prod"]}, "exam-prod", True),
        ({"includedNamespaces": ["exam-prod"]}, "other", False),
        ({"includedNamespaces": ["exam-prod"]}, "*", False),
        ({"excludedNamespaces": ["exam-prod"]}, "exam-prod", False),
        ({"excludedNamespaces": ["velero"]}, "*", True),
        ({"includedResources": ["configmaps"]}, "exam-prod", False),
        ({"includedResources": ["*"]}, "exam-prod", True),
        ({"excludedResources": ["events"]}, "exam-prod", True),
        ({"labelSelector": {"matchLabels": {"a": "b"}}}, "exam-prod", False),
        ({"includedNamespaces": ["exam-*"]}, "exam-prod", True),
        ({"includedNamespaces": ["*"], "excludedNamespaces": ["exam-*"]}, "exam-prod", False),
        ({"excludedNamespaceScopedResources": ["*"]}, "exam-prod", False),
        ({"excludedResources": ["*"]}, "*", False),
    ],
)
def test_a_backup_counts_for_a_namespace_that_it_holds_whole(spec, namespace, covered):
    assert (not lacks(backup("b", **spec).spec, Wanted(namespace))) is covered


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"storageLocation": "gone"}, "new is in location gone, which does not exist"),
        ({"expiration": ago(minutes=5)}, "new expired 5 min ago: Velero removes it within the hour"),
    ],
)
@pytest.mark.parametrize("stack", [SETTINGS, None])
def test_a_backup_that_cannot_be_had_does_not_count(changes, why, stack):
    new = backup("new", hours=10)
    place = new.status if "expiration" in changes else new.spec
    place.update(changes)
    found = assess(seen(backups=(new,)), stack)
    assert not found.well
    assert any(why in problem.text for problem in found.problems)
    older = assess(seen(backups=(backup("older", hours=20), new)), SETTINGS)
    assert (older.well, older.objectives[0].met, older.objectives[0].copies) == (True, True, 1)


def test_a_backup_that_is_being_deleted_is_no_copy():
    going = backup("going", hours=12)
    going.body["metadata"]["deletionTimestamp"] = ago(seconds=10)
    (objective,) = assess(seen(backups=(going, backup("new", hours=10))), SETTINGS).objectives
    assert (objective.copies, objective.oldest) == (1, moment(ago(hours=10)))


def test_a_backup_without_volumes_does_not_count_where_the_stack_backs_volumes_up():
    stack = settings(
        recovery={"rpo": "24h", "retention": "30d", "namespaces": ["exam-prod"]},
        volumes={"mode": "csi-snapshot"},
    )
    bare = backup("bare", hours=1, snapshotVolumes=False)
    assert not assess(seen(backups=(bare,)), stack).objectives[0].met
    assert assess(seen(backups=(backup("b", hours=1),)), stack).objectives[0].met


def test_backups_that_are_gone_before_their_time_are_a_warning():
    def found(*hours: float, days: int = 7, ttl: str = "168h0m0s") -> Status:
        template = {"ttl": ttl, "storageLocation": "default"}
        old = schedule(metadata={"creationTimestamp": ago(days=days)}, spec={"template": template})
        return assess(seen(schedules=(old,), backups=tuple(backup(f"b{h}", hours=h) for h in hours)), SETTINGS)

    daily = [10 + 24 * day for day in range(7)]
    assert found(*reversed(daily)).problems == ()
    assert found(*reversed(daily[:-1])).problems == ()
    few = found(*reversed(daily[:3]))
    assert (few.well, the(few).severity) == (True, "warning")
    assert (
        "its Completed backups go back 2 days 10 h, but the retention is 7 days; expected one of 6 days 10 h ago"
        in the(few).text
    )
    # A schedule cannot have what was before it, and what it keeps shorter is another problem.
    assert found(10, days=2).problems == ()
    assert ["keeps its backups for" in problem.text for problem in found(10, ttl="24h0m0s").problems] == [True]
