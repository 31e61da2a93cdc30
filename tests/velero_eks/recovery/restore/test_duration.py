"""How long a restore takes, by what it does and by the server's own limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from velero_eks.kube.objects import ObjectKey
from velero_eks.recovery.restore.duration import (
    CREATED_SECONDS,
    DEFAULT_QPS,
    FIXED_SECONDS,
    PREDICTED,
    Limits,
    Pace,
    Work,
    estimate,
    patience,
    within_margin,
)
from velero_eks.recovery.restore.prediction import Fate, Prediction
from velero_eks.velero.records import Restore


def told(fate: Fate, count: int, *, updating: bool = False) -> Work:
    predictions = [Prediction(ObjectKey("", "ConfigMap", "shop", f"{fate}-{number}"), fate) for number in range(count)]
    return Work.of(predictions, updating=updating)


def timed(seconds: int, work: Work | None, *, phase: str = "Completed", days: int = 1, name: str = "timed") -> Restore:
    """A Restore that took so long, with what it was predicted to do."""
    ended = datetime(2026, 11, 24, 2, tzinfo=UTC) - timedelta(days=days)
    annotations = {PREDICTED: work.text} if work else {}
    stamps = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (ended - timedelta(seconds=seconds), ended)]
    status = {"phase": phase, "startTimestamp": stamps[0], "completionTimestamp": stamps[1],
              "progress": {"totalItems": work.objects if work else 9000}}  # fmt: skip
    metadata = {"name": name, "namespace": "velero", "annotations": annotations}
    return Restore({"kind": "Restore", "metadata": metadata, "spec": {}, "status": status})


def deployment(*arguments: str, command: tuple[str, ...] = ("/velero",)):
    container = {"command": list(command), "args": list(arguments)}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


@pytest.mark.parametrize(
    ("found", "limits"),
    [
        (deployment("server", "--client-qps=1000", "--client-burst=500"), Limits(1000, 500)),
        (deployment("server", "--client-qps", "250"), Limits(250, DEFAULT_QPS)),
        (deployment("server"), Limits(DEFAULT_QPS, DEFAULT_QPS)),
        (deployment("--client-qps=nonsense"), Limits(DEFAULT_QPS, DEFAULT_QPS)),
        (None, Limits(DEFAULT_QPS, DEFAULT_QPS)),
    ],
)
def test_the_limits_are_those_of_the_servers_deployment(found, limits):
    assert Limits.of_deployment(found) == limits


def test_at_veleros_own_limit_two_requests_an_object_are_what_takes_the_time():
    # Measured with 5,000 small objects: 105 s.
    found = estimate(told(Fate.CREATED, 5000), Limits())
    assert within_margin(found.seconds, 105)
    assert found.seconds == pytest.approx(FIXED_SECONDS + (2 * 5000 - 100) / 100)


def test_updating_costs_one_request_for_every_object_that_is_there():
    # Measured with 5,000 small objects: 49 s.
    found = estimate(told(Fate.CHANGED, 5000, updating=True), Limits())
    assert within_margin(found.seconds, 49)
    assert estimate(told(Fate.KEPT, 5000, updating=True), Limits()).seconds == found.seconds


def test_without_a_limit_the_objects_themselves_are_what_takes_the_time():
    found = estimate(told(Fate.CREATED, 5000), Limits(100_000, 100_000))
    assert found.seconds == pytest.approx(FIXED_SECONDS + 5000 * CREATED_SECONDS)


def test_what_velero_leaves_out_takes_none():
    for fate in (Fate.LEFT_OUT, Fate.ABSENT):
        assert estimate(told(fate, 1000), Limits(), restores=3).seconds == 3 * FIXED_SECONDS


FAST = Limits(100_000, 100_000)
WORK = told(Fate.CREATED, 2000)


def test_the_pace_is_that_of_the_newest_restore_that_was_long_enough():
    # 60 s over the fixed ones for what takes the lab 21.
    slow = timed(60 + 2, WORK, name="slow", days=2)
    brief = timed(3, told(Fate.CREATED, 20), name="brief")
    failed = timed(300, WORK, phase="Failed", name="failed")
    foreign = timed(300, None, name="someone-elses")
    pace = Pace.measured([foreign, failed, brief, slow], FAST)
    assert pace.restore == "slow"
    assert pace.factor == pytest.approx((62 - FIXED_SECONDS) / (2000 * CREATED_SECONDS))
    found = estimate(told(Fate.CREATED, 5000), FAST, pace=pace)
    assert within_margin(found.seconds, 150)
    newer = timed(31, WORK, name="newer")
    assert Pace.measured([slow, newer], FAST).restore == "newer"


def test_a_pace_that_is_nearly_the_labs_is_the_labs():
    # Measured in one lab: 12.4 s for 1,000 objects, and 46 s for 5,000.
    pace = Pace.measured([timed(14, told(Fate.CREATED, 1000))], FAST)
    assert (pace.factor, pace.restore) == (1.0, "timed")
    assert within_margin(estimate(told(Fate.CREATED, 5000), FAST, pace=pace).seconds, 46)


def test_a_restore_that_the_servers_limit_held_back_tells_no_pace():
    limits = Limits(100, 100)
    # 2,000 objects are 4,000 requests: 39 s of limit.
    assert Pace.measured([timed(41, WORK)], limits) == Pace()
    assert estimate(WORK, limits).limited
    assert not estimate(WORK, FAST).limited


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", '{"created": "many"}', '{"made": 1}'])
def test_an_annotation_of_another_making_tells_no_pace(text):
    assert Work.parse(text) is None


def test_the_work_survives_being_written_down():
    work = Work(5, 4, 3, updating=True)
    assert Work.parse(work.text) == work


def test_a_prediction_is_good_within_a_third_of_what_was_measured():
    assert within_margin(80, 60)
    assert within_margin(40, 60)
    assert not within_margin(81, 60)
    assert not within_margin(39, 60)


def test_a_long_restore_is_waited_for_many_times_as_long_as_it_should_take():
    long = estimate(Work(50_000, 0, 0), Limits(), restores=1)
    assert patience(long) >= 5 * long.seconds > 900
