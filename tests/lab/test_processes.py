"""Children end with their parent, however it ends; a child that is not ready says why."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab import watchdog
from lab.processes import (
    LabError,
    Process,
    ProcessFailed,
    Supervisor,
    Terminated,
    TimeLimit,
    free_port,
    port_is_free,
    terminating_signals,
    wait_until,
)

PATIENT = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()
"""
POLITE = """
import signal, sys

def goodbye(*_):
    with open(sys.argv[1], "a") as stream:
        stream.write(sys.argv[2])
    sys.exit()

signal.signal(signal.SIGTERM, goodbye)
print("ready", flush=True)
while True:
    signal.pause()
"""
LIMIT = 20.0

PARENT = """
import signal, sys
from pathlib import Path
from lab.processes import Supervisor, terminating_signals
from tests.limits import HANG

child = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
nested = [sys.executable, "-S", "-c",
          "import subprocess, sys, signal;"
          "print(subprocess.Popen([sys.executable, '-S', '-c', 'import signal; signal.pause()'],"
          " start_new_session=True).pid, flush=True); signal.pause()"]
with terminating_signals(), Supervisor(Path(sys.argv[1])) as supervisor:
    first = supervisor.start("first", child)
    second = supervisor.start("second", nested)
    second_said = lambda: second.log.read_text().strip()
    from lab.processes import wait_until
    wait_until(lambda: bool(second_said()), seconds=HANG, what="the grandchild was started", process=second)
    print(first.pid, second.pid, second_said(), flush=True)
    signal.pause()
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_children_and_grandchildren_end_when_their_parent_is_killed(tmp_path: Path, ending: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3
        assert all(is_running(pid) for pid in pids)
        parent.send_signal(ending)
        parent.wait(timeout=LIMIT)
        wait_until(lambda: not any(is_running(pid) for pid in pids), seconds=LIMIT, what="all children were gone")
    finally:
        parent.kill()
        parent.wait(timeout=LIMIT)
        assert parent.stdout is not None
        parent.stdout.close()


def test_children_are_ended_newest_first(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    with Supervisor(tmp_path) as supervisor:
        for name in ("a", "b", "c"):
            log = tmp_path / f"{name}.log"
            supervisor.start(
                name,
                [sys.executable, "-S", "-c", POLITE, ended, name],
                ready=lambda log=log: "ready" in log.read_text(),
                seconds=LIMIT,
            )
    assert ended.read_text() == "cba"


def test_a_restarted_child_keeps_its_place_in_the_order(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        first = supervisor.start("first", ["sh", "-c", "echo hello; exec sleep 300"])
        wait_until(lambda: "hello" in first.log_tail(), seconds=LIMIT, what="it said hello", process=first)
        supervisor.start("second", PATIENT)
        with pytest.raises(LabError, match=f"first runs already, as process {first.pid}"):
            supervisor.start("first", PATIENT)
        first.kill()
        again = supervisor.start("first", PATIENT)
        assert again.log_tail() == f" It wrote nothing to {tmp_path / 'first.log'}."
        assert [process.name for process in supervisor.processes] == ["first", "second"]
        assert supervisor.processes[0] is again


def test_children_are_ended_when_the_block_is_left_by_an_error(tmp_path: Path) -> None:
    children: list[Process] = []
    with pytest.raises(ZeroDivisionError), Supervisor(tmp_path) as supervisor:
        children.append(supervisor.start("child", PATIENT))
        raise ZeroDivisionError
    assert not is_running(children[0].pid)


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start(
            "deaf", [sys.executable, "-S", "-c", DEAF], ready=lambda: "deaf" in (tmp_path / "deaf.log").read_text()
        )
        supervisor.end(child, grace=0.2)
        assert child.outcome == "SIGKILL"
        assert supervisor.processes == ()


def test_a_suspended_child_is_ended_too(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("suspended", PATIENT)
        child.signal(signal.SIGSTOP)
        supervisor.end(child, grace=LIMIT)
        assert child.outcome == "SIGTERM"


def test_a_killed_child_takes_its_own_children_along(tmp_path: Path) -> None:
    shell = ["sh", "-c", "sleep 300 & echo $!; wait"]
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("shell", shell, ready=lambda: bool((tmp_path / "shell.log").read_text().strip()))
        grandchild = int(child.log.read_text())
        assert watchdog.marked(child.mark)[0] == grandchild
        child.kill()
        assert not is_running(grandchild)


def test_a_child_that_ends_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ProcessFailed) as caught:
            supervisor.start("etcd", ["sh", "-c", "echo address in use >&2; exit 3"], ready=lambda: False)
        assert "etcd ended with exit code 3 before etcd was ready" in str(caught.value)
        assert "address in use" in str(caught.value)
        assert str(tmp_path / "etcd.log") in str(caught.value)


def test_a_child_that_is_not_ready_in_time_is_reported_with_its_log_and_ended(tmp_path: Path) -> None:
    log = tmp_path / "slow.log"
    with Supervisor(tmp_path) as supervisor:
        # The line must be in the log before the limit is looked at, whatever the speed of this machine.
        slow = supervisor.start(
            "slow",
            ["sh", "-c", "echo still loading; exec sleep 300"],
            ready=lambda: "loading" in log.read_text(),
        )
        with pytest.raises(ProcessFailed, match=r"slow: not within 0 s: it listens.*\n.*still loading"):
            wait_until(lambda: False, seconds=0, what="it listens", process=slow)
        with pytest.raises(ProcessFailed, match="not within 0 s"):
            supervisor.start("never", PATIENT, ready=lambda: False, seconds=0)
        assert [process.name for process in supervisor.processes] == ["slow"]


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "no-such-program"
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(ProcessFailed, match=f"ghost .*{missing}.*No such file"),
    ):
        supervisor.start("ghost", [missing])


def test_a_wait_without_a_process_names_what_it_waited_for() -> None:
    with pytest.raises(TimeLimit, match="not within 0 s: the moon is full"):
        wait_until(lambda: False, seconds=0, what="the moon is full")


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports[0]))
        server.listen()
        assert not port_is_free(ports[0])


def test_sigterm_unwinds_the_program_and_is_then_handled_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as caught, terminating_signals():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
