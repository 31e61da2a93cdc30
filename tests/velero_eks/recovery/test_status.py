"""Whether the objectives are met: each thing that keeps it from being so, with since when."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import settings
from tests.velero_eks.recovery.recorded import NOW, ago, backup, location, recorded, recorded_schedule
from velero_eks.commands import status as status_command
from velero_eks.errors import OperationError
from velero_eks.project.target import Target
from velero_eks.recovery.session import Session
from velero_eks.recovery.status.judge import assess
from velero_eks.recovery.status.problems import Observed, Problem, Status
from velero_eks.velero.records import Location, Repository, Restore, Schedule, moment
from velero_eks.velero.volume_info import ClaimWithoutData

SETTINGS = settings(
    environment="development",
    recovery={"rpo": "24h", "retention": "7d", "namespaces": ["exam-prod"]},
    schedules={"daily-backup": {"cron": "0 2 * * *", "keep": "7d"}},
)


def schedule(name: str = "daily-backup", **changes: Any) -> Schedule:
    """The recorded schedule as it is after a day; `spec`, `status` and `metadata` are merged over."""
    body = recorded("schedule-daily-backup.json")
    metadata = {**body["metadata"], "name": name, "creationTimestamp": ago(days=2), **changes.pop("metadata", {})}
    spec = {**body["spec"], "schedule": "0 2 * * *", **changes.pop("spec", {})}
    status = {"phase": "Enabled", "lastBackup": ago(hours=10), **changes.pop("status", {})}
    return Schedule({**body, "metadata": metadata, "spec": spec, "status": status})


def seen(**changes: Any) -> Observed:
    """An installation in which all is well: a daily schedule whose last run, ten hours ago, was good."""
    good: dict[str, Any] = {
        "at": NOW,
        "locations": (location(),),
        "schedules": (schedule(),),
        "backups": (backup("old", hours=34), backup("new", hours=10)),
        "server": True,
    }
    return Observed(**{**good, **changes})


def the(status: Status) -> Problem:
    (problem,) = status.problems
    return problem


def test_all_is_well_when_it_is():
    for stack in (SETTINGS, None):
        found = assess(seen(), stack)
        assert (found.problems, found.well) == ((), True)
        (state,) = found.schedules
        assert state.last_good is not None and state.last_good.name == "new"
        assert state.next == datetime.fromisoformat("2026-11-24T02:00:00+00:00")


def test_a_location_that_a_new_server_has_not_read_yet_is_a_warning():
    found = assess(seen(locations=(location(lastSyncedTime=None),)))
    assert (the(found).subject, the(found).severity) == ("location default", "warning")
    assert "has not read the bucket yet" in the(found).text


def test_without_a_stack_and_without_a_schedule_nothing_is_backed_up_by_itself():
    found = assess(seen(schedules=()))
    assert (the(found).subject, the(found).text) == ("schedules", "no schedule: nothing is backed up automatically")
    assert not found.well


def test_without_a_stack_no_backup_at_all_is_a_problem():
    fresh = schedule(metadata={"creationTimestamp": ago(minutes=1)}, status={"lastBackup": None})
    found = assess(seen(schedules=(fresh,), backups=(backup("bad", phase="PartiallyFailed"),)))
    assert "no Completed backup: nothing can be restored" in {p.subject: p.text for p in found.problems}["backups"]


def test_without_a_stack_a_missed_run_is_the_problem():
    found = assess(seen(backups=(backup("old", hours=34),)))
    assert (the(found).subject, found.well) == ("schedule daily-backup", False)
    assert the(found).since == datetime.fromisoformat("2026-11-23T02:00:00+00:00")
    assert "a backup was due 10 h ago" in the(found).text


def test_with_a_stack_a_missed_run_is_worth_a_warning_as_long_as_the_objective_holds():
    generous = settings(
        environment="development",
        recovery={"rpo": "48h", "retention": "7d", "namespaces": ["exam-prod"]},
        schedules={"daily-backup": {"cron": "0 2 * * *", "keep": "7d"}},
    )
    found = assess(seen(backups=(backup("old", hours=34),)), generous)
    assert (the(found).severity, found.well) == ("warning", True)


def test_a_run_that_is_only_just_due_is_not_missed():
    looked = ago(hours=9, minutes=31)
    there = (location(lastValidationTime=looked, lastSyncedTime=looked),)
    observed = seen(at=NOW.replace(hour=2, minute=30), locations=there, backups=(backup("old", hours=34),))
    assert assess(observed).well


def test_an_unavailable_location_says_what_the_server_said_and_when_it_was_last_seen():
    synced = ago(hours=3)
    bad = location(phase="Unavailable", message="AccessDenied:\n  status code: 403", lastSyncedTime=synced)
    problem, lost = assess(seen(locations=(bad,)), SETTINGS).problems
    assert (problem.subject, problem.severity) == ("location default", "error")
    # While it is, nothing can be restored from what is in it.
    assert "(new is in location default, which is Unavailable)" in lost.text
    assert problem.text == "Unavailable, last seen available 3 h ago: AccessDenied: status code: 403"
    assert problem.since == moment(synced)


def test_a_location_that_nobody_looks_at_any_more_is_a_problem():
    stale = location(lastValidationTime=ago(minutes=30))
    assert "last checked 30 min ago" in the(assess(seen(locations=(stale,)), SETTINGS)).text


def located(**spec: Any) -> Location:
    """The recorded location with this merged over its spec."""
    body = location().body
    return Location({**body, "spec": {**body["spec"], **spec}})


def test_no_location_at_all_is_a_problem():
    assert not assess(seen(locations=(), schedules=()), SETTINGS).well


def test_a_read_only_location_is_a_warning_until_a_schedule_would_write_to_it():
    read_only = (located(accessMode="ReadOnly"),)
    found = assess(seen(locations=read_only))
    assert [problem.severity for problem in found.problems] == ["error", "warning"]
    assert "its location default is ReadOnly: its backups fail their validation" in found.problems[0].text
    # A cluster that only restores what another one backs up.
    assert assess(seen(locations=read_only, schedules=())).well


def test_a_location_is_stale_by_its_own_frequency():
    def found(age: int, frequency: str) -> Status:
        seldom = located(validationFrequency=frequency)
        seldom.body["status"]["lastValidationTime"] = ago(minutes=age)
        return assess(seen(locations=(seldom,)), SETTINGS)

    assert found(100, "1h0m0s").well
    assert "it should be every 1 h:" in the(found(200, "1h0m0s")).text
    assert found(5000, "0s").well


@pytest.mark.parametrize("behind", [timedelta(hours=26), timedelta(days=300)])
def test_a_slow_clock_makes_no_backup_young(behind):
    found = assess(seen(at=NOW - behind, backups=(backup("old", hours=30),), schedules=()), SETTINGS)
    assert not found.objectives[0].met
    warning = next(problem for problem in found.problems if problem.subject == "this machine's clock")
    assert "behind the cluster's; ages use the cluster's clock" in warning.text
    assert found.observed.at == NOW - timedelta(seconds=20)


def test_a_server_that_does_not_run_is_a_problem_and_one_that_cannot_be_seen_a_warning():
    assert "no available replica" in the(assess(seen(server=False), SETTINGS)).text
    assert the(assess(seen(server=None), SETTINGS)).severity == "warning"


def test_a_paused_schedule_says_who_paused_it_and_how_to_go_on():
    paused = recorded_schedule("paused")
    problem = next(
        problem for problem in assess(seen(schedules=(schedule(), paused)), None).problems if "paused" in problem.text
    )
    assert problem.severity == "error"
    assert problem.since == datetime.fromisoformat("2026-11-23T11:39:13+00:00")
    assert problem.text.startswith("paused, by velero-eks-lab at 2026-11-23 11:39:13 UTC or before")
    assert problem.mend.endswith(
        """-n velero patch schedule.velero.io paused --type merge -p '{"spec":{"paused":false}}'"""
    )


def test_a_schedule_that_the_stack_pauses_is_as_it_should_be():
    stack = settings(
        environment="development",
        recovery={"rpo": "24h", "retention": "7d", "namespaces": ["exam-prod"]},
        schedules={
            "daily-backup": {"cron": "0 2 * * *", "keep": "7d"},
            "weekly": {"cron": "0 3 * * 0", "keep": "30d", "paused": True},
        },
    )
    weekly = schedule("weekly", spec={"paused": True, "template": {"ttl": "720h0m0s"}})
    found = assess(seen(schedules=(schedule(), weekly)), stack)
    assert (the(found).severity, found.well) == ("warning", True)


def test_a_schedule_that_fails_its_validation_says_why_and_since_when():
    found = assess(seen(schedules=(schedule(), recorded_schedule("invalid-cron"))))
    problem = next(problem for problem in found.problems if problem.subject == "schedule invalid-cron")
    assert problem.text == "fails validation: invalid schedule: end of range (25) above maximum (23): 25"
    assert problem.since == datetime.fromisoformat("2026-11-23T11:39:13+00:00")
    assert not found.well


def test_a_ttl_in_days_stops_every_schedule_and_the_patch_is_given():
    found = assess(seen(schedules=(schedule(), recorded_schedule("days"))), SETTINGS)
    problem = next(problem for problem in found.problems if problem.subject == "schedule days")
    assert "none of the schedules of this cluster" in problem.text
    assert """-p '{"spec":{"template":{"ttl":"720h0m0s"}}}'""" in problem.mend
    assert [state.next for state in found.schedules] == [None, None]


def test_a_cron_that_never_matches_backs_up_without_end():
    problem = the(assess(seen(schedules=(schedule(spec={"schedule": "0 0 30 2 *"}),)), SETTINGS))
    assert "backs up in a loop" in problem.text


def test_a_schedule_that_the_server_does_not_take_up_is_a_problem_after_two_minutes():
    def found(age: int) -> Status:
        fresh = schedule(metadata={"creationTimestamp": ago(seconds=age)}, status={"phase": "", "lastBackup": None})
        return assess(seen(schedules=(fresh,)), SETTINGS)

    assert found(60).well
    assert "ignores it" in the(found(180)).text


def test_a_schedule_of_the_stack_that_the_cluster_lacks_is_a_problem():
    problem = the(assess(seen(schedules=()), SETTINGS))
    assert (problem.subject, problem.mend) == ("schedule daily-backup", "pulumi up")


def test_a_schedule_whose_location_is_not_there_is_a_problem():
    elsewhere = schedule(spec={"template": {"ttl": "168h0m0s", "storageLocation": "elsewhere"}})
    assert "'elsewhere' does not exist" in the(assess(seen(schedules=(elsewhere,)), SETTINGS)).text


def test_backups_that_are_kept_shorter_than_the_stack_says_are_a_problem():
    short = schedule(spec={"template": {"ttl": "24h0m0s", "storageLocation": "default"}})
    assert (
        "keeps its backups for 24 h, and the stack file says 7 days"
        in the(assess(seen(schedules=(short,)), SETTINGS)).text
    )


@pytest.mark.parametrize(
    ("phase", "severity", "well"), [("FailedValidation", "error", False), ("PartiallyFailed", "warning", True)]
)
def test_a_newest_backup_that_went_wrong_is_said(phase, severity, well):
    backups = (backup("old", hours=34), backup("new", hours=10), backup("bad", hours=1, phase=phase))
    found = assess(seen(backups=backups), SETTINGS)
    assert (the(found).severity, found.well) == (severity, well)
    assert f"its newest backup, bad, is {phase}" in the(found).text


def test_what_runs_is_listed():
    running = backup("now", hours=0.1, phase="InProgress")
    restore = Restore({"kind": "Restore", "metadata": {"name": "r"}, "spec": {}, "status": {"phase": "InProgress"}})
    observed = seen(backups=(*seen().backups, running), restores=(restore,))
    assert [operation.name for operation in observed.running] == ["now", "r"]
    assert assess(observed, SETTINGS).well


def test_a_deletion_that_hangs_names_the_finalizers():
    metadata = {"name": "r", "deletionTimestamp": ago(hours=1), "finalizers": ["restores.velero.io/external-resources"]}
    restore = Restore({"kind": "Restore", "metadata": metadata, "status": {"phase": "Completed"}})
    problem = the(assess(seen(restores=(restore,)), SETTINGS))
    assert "hangs on finalizers: restores.velero.io/external-resources" in problem.text


@pytest.mark.parametrize(
    ("status", "severity", "text"),
    [
        ({"phase": "NotReady", "message": "no such bucket"}, "error", "not ready: no such bucket"),
        ({"phase": "Ready", "lastMaintenanceTime": ago(days=3)}, "warning", "last maintained 3 days ago"),
        (
            {"phase": "Ready", "recentMaintenance": [{"result": "Failed", "message": "no"}]},
            "warning",
            "its last maintenance failed: no",
        ),
    ],
)
def test_a_repository_that_is_not_kept_up_is_said(status, severity, text):
    repository = Repository({"metadata": {"name": "exam-prod-default-kopia"}, "spec": {}, "status": status})
    problem = the(assess(seen(repositories=(repository,)), SETTINGS))
    assert problem.severity == severity
    assert text in problem.text


@pytest.mark.parametrize(
    ("context", "named"),
    [("exam", "exam"), (None, "arn:aws:eks:eu-west-1:111122223333:cluster/shop")],
)
def test_a_proposed_kubectl_never_falls_on_the_current_context(monkeypatch, capsys, context, named):
    stack = settings(cluster={"context": context})
    observed = seen(schedules=(schedule(), recorded_schedule("days")))
    monkeypatch.setattr(status_command, "observe", lambda session: observed)
    session = Session(Target("prod", context, "velero", stack))
    monkeypatch.setitem(session.target.__dict__, "cluster", SimpleNamespace(name="shop"))
    assert status_command.run_status(session, as_json=True) == 1
    mends = [problem["mend"] or "" for problem in json.loads(capsys.readouterr().out)["problems"]]
    assert [mend.partition(" -n ")[0] for mend in mends if " -n " in mend] == [f"kubectl --context {named}"]


def test_a_proposed_command_of_this_tool_names_the_target(monkeypatch, capsys):
    observed = seen(backups=(backup("bad", phase="PartiallyFailed"),))
    monkeypatch.setattr(status_command, "observe", lambda session: observed)
    session = Session(Target("prod", "exam", "velero", SETTINGS))
    monkeypatch.setitem(session.target.__dict__, "cluster", SimpleNamespace(name="exam"))
    assert status_command.run_status(session, as_json=True) == 1
    said = capsys.readouterr().out
    assert "velero-eks backup --stack prod NAME makes one now" in said
    assert "velero-eks logs --stack prod bad says why" in said


def test_a_proposed_deployment_names_the_stack(monkeypatch, capsys):
    monkeypatch.setattr(status_command, "observe", lambda session: seen(schedules=()))
    session = Session(Target("prod", "exam", "velero", SETTINGS))
    monkeypatch.setitem(session.target.__dict__, "cluster", SimpleNamespace(name="exam"))
    assert status_command.run_status(session, as_json=True) == 1
    mends = [problem["mend"] for problem in json.loads(capsys.readouterr().out)["problems"]]
    assert [mend for mend in mends if mend and mend.startswith("pulumi ")] == ["pulumi up --stack prod"]


LOST = ClaimWithoutData("exam-prod", "data", "pv-1", "no applicable volumesnapshotter found")


def test_a_good_backup_without_the_data_of_a_claim_is_an_error_that_names_the_claim():
    well = assess(seen(), SETTINGS)
    newest = well.schedules[0].last_good
    assert newest is not None
    problem = the(assess(seen(without_data={newest.name: (LOST,)}), SETTINGS))
    assert (problem.severity, problem.subject) == ("error", "schedule daily-backup")
    assert problem.text == (
        f"its newest Completed backup, {newest.name}, has no data of exam-prod/data"
        " (no applicable volumesnapshotter found)"
    )


def test_a_bucket_that_cannot_be_read_leaves_open_whether_claims_have_their_data():
    problem = the(assess(seen(volumes_unread="access denied"), SETTINGS))
    assert (problem.severity, problem.subject) == ("warning", "volumes")
    assert problem.text.endswith("volume data: access denied")


class Store:
    """A bucket that says of volumes what the test says."""

    def __init__(self, found: list[ClaimWithoutData] | OperationError) -> None:
        self.found = found
        self.asked: list[str] = []

    def claims_without_data(self, name: str) -> list[ClaimWithoutData]:
        self.asked.append(name)
        if isinstance(self.found, OperationError):
            raise self.found
        return self.found


@pytest.mark.parametrize("found", [[LOST], OperationError("no such bucket")])
def test_only_the_newest_good_backup_of_a_schedule_that_takes_volumes_is_looked_into(found):
    good, older = backup("new", hours=1), backup("old", hours=30)
    other = backup("objects", hours=1, schedule="plain", snapshotVolumes=False)
    schedules = (schedule(), schedule("plain"))
    store = Store(found)
    velero = SimpleNamespace(
        **dict.fromkeys(("locations", "restores", "repositories"), list),
        schedules=lambda: schedules,
        backups=lambda: [older, good, other],
    )
    session: Any = SimpleNamespace(
        velero=velero,
        server_ready=lambda: True,
        server_version=lambda: "1.18.3",
        settings=None,
        store=lambda location: store,
    )
    seen_now = status_command.observe(session)
    assert store.asked == ["new"]
    if isinstance(found, list):
        assert (seen_now.without_data, seen_now.volumes_unread) == ({"new": (LOST,)}, "")
    else:
        assert (seen_now.without_data, seen_now.volumes_unread) == ({}, "no such bucket")


def test_a_repository_is_kept_up_as_often_as_it_says():
    weekly = {"metadata": {"name": "r"}, "spec": {"maintenanceFrequency": "168h0m0s"}}
    kept, late = (
        Repository({**weekly, "status": {"phase": "Ready", "lastMaintenanceTime": ago(days=days)}}) for days in (10, 15)
    )
    assert assess(seen(repositories=(kept,)), SETTINGS).problems == ()
    assert "last maintained 15 days ago" in the(assess(seen(repositories=(late,)), SETTINGS)).text


@pytest.mark.parametrize(
    ("tag", "pinned", "says"),
    [
        ("1.18.2", "v1.18.3", "day of week '7': 7 is out of range"),
        ("1.18.3", "v1.18.2", None),
        ("", "v1.18.2", "day of week '7': 7 is out of range"),
        ("", "v1.18.3", None),
    ],
)
def test_a_cron_is_read_as_the_server_that_runs_reads_it(tag: str, pinned: str, says: str | None):
    stack = settings(
        environment="development",
        recovery={"rpo": "14d", "retention": "7d", "namespaces": ["exam-prod"]},
        schedules={"daily-backup": {"cron": "0 2 * * *", "keep": "7d"}},
        release={"image": {"tag": pinned}},
    )
    found = assess(seen(schedules=(schedule(spec={"schedule": "0 2 * * 7"}),), server_version=tag), stack)
    problems = [problem.text for problem in found.problems if "never runs" in problem.text]
    assert bool(problems) is (says is not None)
    assert all(str(says) in text for text in problems)
