"""Waiting: to the end that is wanted, or to the limit, and over a server that restarts."""

from __future__ import annotations

from typing import Any

import pytest

from velero_eks.errors import ApiError, TimeLimit, Unreachable
from velero_eks.kube.waiting import wait_for


class Clock:
    """Time that passes when someone sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock():
    return Clock()


def wait(clock, look, seconds: float = 10, what: Any = "the end"):
    return wait_for(look, seconds=seconds, what=what, every=1, now=clock.now, sleep=clock.sleep)


def test_what_is_there_already_is_not_waited_for(clock):
    assert wait(clock, lambda: "done") == "done"
    assert clock.time == 0


def test_the_limit_names_what_did_not_come(clock):
    with pytest.raises(TimeLimit, match="the end did not come within 10 s") as error:
        wait(clock, lambda: None)
    assert error.value.exit_code == 1
    assert clock.time == 10


def test_a_limit_between_two_looks_is_kept(clock):
    with pytest.raises(TimeLimit):
        wait(clock, lambda: None, seconds=2.5)
    assert clock.time == 2.5


def test_a_server_that_restarts_meanwhile_is_asked_again(clock):
    def look():
        if clock.time < 3:
            raise Unreachable("no answer")
        return "done"

    assert wait(clock, look) == "done"


def test_a_server_that_stays_away_is_the_reason_given(clock):
    def look():
        raise Unreachable("no answer from https://10.0.0.1")

    with pytest.raises(TimeLimit, match=r"Last error: no answer from https://10\.0\.0\.1"):
        wait(clock, look)


def test_a_refusal_ends_the_wait_at_once(clock):
    def look():
        raise ApiError(500, "InternalError", "etcd is gone")

    with pytest.raises(ApiError):
        wait(clock, look)
    assert clock.time == 0


def test_the_words_for_what_is_awaited_can_be_made_when_the_time_is_up(clock):
    phase = iter(["New", *["InProgress"] * 20])
    last = ""

    def look():
        nonlocal last
        last = next(phase)

    with pytest.raises(TimeLimit, match=r"the end \(InProgress\) did not come"):
        wait(clock, look, what=lambda: f"the end ({last})")
