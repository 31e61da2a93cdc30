"""Threads that no one has to wait for."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from velero_eks.kube.threads import Threads

# A hang alone reaches it.
LIMIT = 120.0


def test_all_is_done_in_order_by_several_threads():
    seen: set[str] = set()
    together = threading.Barrier(4)

    def work(number: int) -> int:
        together.wait(LIMIT)
        seen.add(threading.current_thread().name)
        return number * 2

    with Threads(4) as pool:
        assert list(pool.map(work, range(40))) == [number * 2 for number in range(40)]
    assert len(seen) == 4


def test_what_goes_wrong_is_raised_where_it_is_asked_for():
    with Threads(2) as pool, pytest.raises(ZeroDivisionError):
        list(pool.map(lambda number: 1 // number, [1, 0]))


def test_who_gives_up_waits_for_nothing_and_what_has_not_begun_never_does():
    release, begun = threading.Event(), threading.Barrier(3)

    def work(number: int) -> None:
        begun.wait(LIMIT)
        release.wait(LIMIT)

    futures: list[Future[None]] = []
    with pytest.raises(KeyboardInterrupt), Threads(2) as pool:
        futures += [pool.submit(work, number) for number in range(10)]
        begun.wait(LIMIT)
        raise KeyboardInterrupt
    assert [future.running() for future in futures[:2]] == [True, True]
    assert all(future.cancelled() for future in futures[2:])
    release.set()
    for future in futures[:2]:
        future.result(LIMIT)


def test_its_threads_end_with_it():
    before = set(threading.enumerate())
    with Threads(5) as pool:
        list(pool.map(str, range(5)))
        own = set(threading.enumerate()) - before
    for thread in own:
        thread.join(LIMIT)
    assert len(own) == 5 and not any(thread.is_alive() for thread in own)
