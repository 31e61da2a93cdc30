"""What is waited for: a line that moves on a terminal, seldom lines in a log, nothing of what takes no time."""

from __future__ import annotations

import io
import time

import pytest

from velero_eks import contact
from velero_eks.contact import Wait
from velero_eks.kube.waiting import wait_for
from velero_eks.terminal import progress
from velero_eks.terminal.progress import Log, Spinner, Waits
from velero_eks.time_limit import TimeUp

API = "the API server of context exam (https://10.0.0.1:443)"


class Terminal(io.StringIO):
    """A terminal, as far as it is asked whether it is one."""

    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A person at a terminal; not by a fixture, after which pytest takes stderr for itself again."""
    made = Terminal()
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return made


def began(waits: Waits, *waiting: Wait) -> None:
    for each in waiting:
        waits.began(each)


# A log


def test_a_log_has_a_line_after_ten_seconds_and_then_at_rising_intervals():
    waits, lines = Waits(), []
    began(waits, Wait(API, since=0.0))
    clock = [0.0]
    log = Log(waits, lines.append, lambda: clock[0])
    when = []
    for second in range(1200):
        before, clock[0] = len(lines), float(second)
        log.look()
        when += [second] * (len(lines) - before)
    assert when == [10, 30, 60, 120, 300, 600, 900]
    assert lines[:2] == [f"waiting for {API}, 10 s so far", f"waiting for {API}, 30 s so far"]
    assert lines[-1] == f"waiting for {API}, 15 min so far"


def test_several_that_wait_for_the_same_are_one_line_and_a_step_that_waits_is_none():
    waits, lines = Waits(), []
    began(waits, Wait("reading the state", verb="", since=0.0), Wait(API, since=0.0), Wait(API, since=1.0))
    Log(waits, lines.append, lambda: 12.0).look()
    assert lines == [f"waiting for {API}, 12 s so far"]


def test_a_step_that_waits_for_nothing_is_a_line_of_its_own():
    waits, lines = Waits(), []
    began(waits, Wait("reading backup daily", verb="", since=0.0))
    Log(waits, lines.append, lambda: 31.0).look()
    assert lines == ["reading backup daily, 31 s so far"]


def test_what_has_ended_is_not_spoken_of():
    waits, lines = Waits(), []
    wait = Wait(API, since=0.0)
    began(waits, wait)
    waits.ended(wait)
    Log(waits, lines.append, lambda: 100.0).look()
    assert lines == []


# A terminal


def test_a_terminal_shows_the_newest_wait_that_takes_its_time():
    waits = Waits()
    began(waits, Wait("the end of backup x", operation=True, since=0.0), Wait(API, since=50.0))
    assert waits.line(50.5) == "waiting for the end of backup x 50 s"
    assert waits.line(57.2) == f"waiting for {API} 7 s"
    # A bar shows the operation itself.
    assert waits.line(50.5, operations=False) == ""


def test_a_spinner_says_whom_and_since_when_and_is_gone_afterwards(monkeypatch):
    terminal = watched(monkeypatch)
    waits = Waits()
    spinner = Spinner(waits, lambda: 7.5)
    wait = Wait(API, since=0.0)
    began(waits, wait)
    spinner.look()
    assert f"waiting for {API} 7 s" in terminal.getvalue()
    waits.ended(wait)
    spinner.look()
    # The cursor is back, and the line is erased.
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in terminal.getvalue()


def test_ctrl_c_leaves_no_spinner_behind(monkeypatch):
    terminal = watched(monkeypatch)
    with pytest.raises(KeyboardInterrupt), progress.shown_waits(), Wait(API, since=time.monotonic() - 9):
        assert progress._SPINNER is not None
        progress._SPINNER.look()
        assert "waiting for" in terminal.getvalue()
        raise KeyboardInterrupt
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")
    assert progress._WAITS.all() == [] and contact._LISTENERS == ()


def test_a_step_says_what_it_waits_for_in_its_own_line(monkeypatch):
    terminal = watched(monkeypatch)
    with progress.shown_waits(), Wait(API, since=time.monotonic() - 7.5), progress.working("reading the state"):
        pass
    assert f"reading the state; waiting for {API} " in terminal.getvalue()


def test_whoever_is_asked_has_the_terminal_for_himself(monkeypatch):
    terminal = watched(monkeypatch)
    with progress.shown_waits(), progress.working("reading the state"):
        with Wait("the credential plugin", asks=True, since=time.monotonic() - 30):
            asked = terminal.getvalue()
            assert asked.rstrip().endswith("\x1b[2K")
            assert progress._SPINNER is not None
            progress._SPINNER.look()
            assert terminal.getvalue() == asked
        assert terminal.getvalue() != asked
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")


def test_in_ci_nothing_moves_on_a_terminal_either(monkeypatch):
    terminal = watched(monkeypatch)
    monkeypatch.setenv("CI", "true")
    assert not progress.moving()
    with progress.shown_waits(), progress.working("reading the state"):
        pass
    assert terminal.getvalue() == ""


# Who is listened to


def test_an_operation_is_waited_for_aloud():
    told: list[str] = []

    class Listener:
        def began(self, wait: Wait) -> None:
            told.append(wait.text)

        def ended(self, wait: Wait) -> None:
            told.append("over")

    with contact.listening(Listener()):
        wait_for(lambda: "done", seconds=10, what="the end of backup x")
    assert told == ["waiting for the end of backup x", "over"]


def test_when_the_time_is_up_the_waits_say_what_it_was_lost_with():
    with pytest.raises(TimeUp) as raised, Wait("the end of backup x", operation=True), Wait(API):
        raise TimeUp
    assert raised.value.doing == [f"waiting for {API}"]
