"""`--timeout`: what blocks is ended, and neither a person nor a clean-up is hurried."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from tests.limits import HANG
from velero_eks.plan.recorder import _alarm
from velero_eks.time_limit import TimeUp, limited, unlimited, waiting_for

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="nothing ends what blocks here")


def clock() -> float:
    return signal.getitimer(signal.ITIMER_REAL)[0]


def test_what_blocks_is_ended_and_says_what_it_was():
    with pytest.raises(TimeUp) as up, limited(0.01), waiting_for("outer"), waiting_for("inner"):
        threading.Event().wait(HANG)
    assert (up.value.doing, up.value.begun, clock()) == (["inner", "outer"], False, 0)


def test_what_has_begun_is_said_to_have():
    with pytest.raises(TimeUp) as up, waiting_for("outer"), waiting_for("Backup b", begun=True):
        raise TimeUp
    assert up.value.begun


def test_no_limit_is_none_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGALRM)
    with limited(None):
        assert clock() == 0
    with limited(HANG):
        assert 0 < clock() <= HANG
    assert (signal.getsignal(signal.SIGALRM), clock()) == (before, 0)


def test_the_clock_stands_still_while_somebody_is_asked_and_goes_on_after():
    with limited(HANG):
        with unlimited(), unlimited():
            assert clock() == 0
        assert clock() > 0
    with unlimited():
        pass
    assert clock() == 0


def test_a_plan_within_has_its_own_limit_and_gives_the_clock_back():
    with limited(HANG):
        with _alarm(HANG * 100):
            assert clock() > HANG
        assert 0 < clock() <= HANG


def test_the_longest_limit_is_one():
    with limited(292 * 365 * 86_400.0):
        assert clock() > 0


def test_a_thread_beside_the_main_one_has_none():
    seen: list[float] = []

    def work() -> None:
        with limited(HANG), unlimited():
            seen.append(clock())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(HANG)
    assert seen == [0]
    assert sys.exc_info()[0] is None
