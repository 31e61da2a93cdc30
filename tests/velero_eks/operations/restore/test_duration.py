"""How long a restore takes, by what it does and by the server's own limits."""

from __future__ import annotations

import pytest

from velero_eks.operations.objects import Key
from velero_eks.operations.restore.duration import (
    CREATED_SECONDS,
    DEFAULT_QPS,
    FIXED_SECONDS,
    Limits,
    estimate,
    within_margin,
)
from velero_eks.operations.restore.prediction import Fate, Prediction


def told(fate: Fate, count: int) -> list[Prediction]:
    return [Prediction(Key("", "ConfigMap", "shop", f"{fate}-{number}"), fate) for number in range(count)]


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
    found = estimate(told(Fate.CHANGED, 5000), Limits(), updating=True)
    assert within_margin(found.seconds, 49)
    assert estimate(told(Fate.KEPT, 5000), Limits(), updating=True).seconds == found.seconds


def test_without_a_limit_the_objects_themselves_are_what_takes_the_time():
    found = estimate(told(Fate.CREATED, 5000), Limits(100_000, 100_000))
    assert found.seconds == pytest.approx(FIXED_SECONDS + 5000 * CREATED_SECONDS)


def test_what_velero_leaves_out_takes_none():
    none = [*told(Fate.LEFT_OUT, 1000), *told(Fate.ABSENT, 1000)]
    assert estimate(none, Limits(), restores=3).seconds == 3 * FIXED_SECONDS


def test_a_prediction_is_good_within_a_third_of_what_was_measured():
    assert within_margin(80, 60)
    assert within_margin(40, 60)
    assert not within_margin(81, 60)
    assert not within_margin(39, 60)
