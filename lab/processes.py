"""Child processes that never outlive the lab.

Every child gets a session of its own, a log file and a mark in its environment. Leaving a `Supervisor` ends the
children, newest first. A supervisor that is itself killed cannot do that, so a watchdog (`lab/watchdog.py`) holds the
other end of a pipe: when the pipe closes, it ends whatever still carries the mark.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from lab import watchdog

GRACE_SECONDS = 10.0
"""How long a child may take to end after SIGTERM before SIGKILL."""

_POLL_SECONDS = 0.05
_LOG_TAIL = 15
_LOG_TAIL_BYTES = 16_384
# Below Linux's and macOS's ranges for outgoing connections, so that nothing takes a server's port while it restarts.
_PORTS = range(20_000, 32_000)
_issued_ports: set[int] = set()


class LabError(Exception):
    """Something in the lab went wrong; the message is meant for the person at the terminal."""


class ProcessFailed(LabError):
    """A child ended, or was not ready in time. The message ends with the last lines of its log."""


class TimeLimit(LabError):
    """Something did not happen in the time allowed."""


def free_port() -> int:
    """A loopback port no one listens on, never the same one twice from this process.

    Raises `LabError` when 200 tries find none.
    """
    for _ in range(200):
        port = random.choice(_PORTS)  # noqa: S311 - no secret
        if port in _issued_ports or not port_is_free(port):
            continue
        _issued_ports.add(port)
        return port
    raise LabError(f"no free port between {_PORTS.start} and {_PORTS.stop - 1} on 127.0.0.1")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `host:port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_until(check: Callable[[], bool], *, seconds: float, what: str, process: Process | None = None) -> float:
    """Wait until `check` is true; return the seconds it took.

    `what` completes "… within 10 s" in the error. With `process`, its end stops the wait at once, and the error shows
    its log. Raises `ProcessFailed` (with `process`) or `TimeLimit`.
    """
    started = time.monotonic()
    while True:
        if process is not None and not process.running:
            raise ProcessFailed(f"{process.name} ended with {process.outcome} before {what}.{process.log_tail()}")
        if check():
            return time.monotonic() - started
        if time.monotonic() - started > seconds:
            message = f"not within {seconds:g} s: {what}."
            if process is not None:
                raise ProcessFailed(f"{process.name}: {message}{process.log_tail()}")
            raise TimeLimit(message)
        time.sleep(_POLL_SECONDS)


class Process:
    """One running child. Made by `Supervisor.start`."""

    def __init__(
        self,
        name: str,
        child: subprocess.Popen[bytes],
        log: Path,
        mark: str,
        *,
        log_start: int,
        grace: float,
    ) -> None:
        self.name = name
        self.log = log
        self.mark = mark
        self._child = child
        self._log_start = log_start
        self._grace = grace

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._child.poll()

    @property
    def outcome(self) -> str:
        """How it ended, in words: `exit code 1`, `SIGKILL`."""
        code = self.exit_code
        if code is None:
            return "running"
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def log_tail(self, lines: int = _LOG_TAIL) -> str:
        """The last lines it wrote, ready to be put behind an error's first sentence."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(self._log_start, stream.tell() - _LOG_TAIL_BYTES))
                found = stream.read().decode(errors="replace").splitlines()[-lines:]
        except OSError:
            found = []
        if not found:
            return f" It wrote nothing to {self.log}."
        return f" Last lines of {self.log}:\n  " + "\n  ".join(found)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL it and wait: what a crash looks like. Its own children are ended too."""
        self._child.kill()
        self._child.wait(timeout=GRACE_SECONDS)
        watchdog.end_marked(self.mark, 0, (self.pid,))

    def end(self, grace: float | None = None) -> None:
        """SIGTERM, SIGKILL after `grace` seconds (default: as given at its start), then whatever it left behind."""
        if self.running:
            self._child.terminate()
            # A stopped process does not act on SIGTERM until it is continued.
            self._child.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=self._grace if grace is None else grace)
        if self.running:
            self._child.kill()
            self._child.wait(timeout=GRACE_SECONDS)
        watchdog.end_marked(self.mark, 0, (self.pid,))


class Supervisor:
    """Starts children and ends all of them, newest first, when the `with` block is left.

    `logs` is the folder of the log files, one per name; a restarted process appends to its log.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._id = uuid.uuid4().hex
        self._started = 0
        # One a name, in the order in which the names were first started.
        self._processes: dict[str, Process | None] = {}
        self._lifeline: int | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        readable, self._lifeline = os.pipe()
        environment = {key: value for key, value in os.environ.items() if key != watchdog.MARK}
        try:
            # -S -E: the watchdog needs the standard library alone, and starts in a few milliseconds.
            self._watchdog = subprocess.Popen(
                [sys.executable, "-S", "-E", watchdog.__file__, str(readable), self._id, str(GRACE_SECONDS)],
                pass_fds=(readable,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(readable)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def processes(self) -> tuple[Process, ...]:
        """The children that were started and not yet ended, oldest first; a restarted one keeps its place."""
        return tuple(process for process in self._processes.values() if process is not None)

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        ready: Callable[[], bool] | None = None,
        seconds: float = 30.0,
        grace: float = GRACE_SECONDS,
    ) -> Process:
        """Start a child and wait until `ready` says so. A name stands for one process at a time.

        `environment` is the whole environment (default: this process's own). Without `ready` the child counts as
        ready at once. `grace` is how long it may take to end after SIGTERM. Raises `ProcessFailed` when the program
        cannot be started, ends, or is not ready in `seconds`; the child is ended first.
        """
        if self._lifeline is None:
            raise LabError(f"{name} was to be started outside the supervisor's `with` block")
        before = self._processes.get(name)
        if before is not None:
            if before.running:
                raise LabError(f"{name} runs already, as process {before.pid}")
            self.end(before)
        self._started += 1
        mark = f"{self._id}/{self._started}"
        log = self.logs / f"{name}.log"
        with log.open("ab") as stream:
            log_start = stream.tell()
            try:
                child = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=directory,
                    env={**(os.environ if environment is None else environment), watchdog.MARK: mark},
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessFailed(f"{name} could not be started ({command[0]}): {error.strerror}") from error
        os.write(self._lifeline, f"{child.pid}\n".encode())
        process = Process(name, child, log, mark, log_start=log_start, grace=grace)
        self._processes[name] = process
        if ready is not None:
            try:
                wait_until(ready, seconds=seconds, what=f"{name} was ready", process=process)
            except BaseException:
                self.end(process)
                raise
        return process

    def end(self, process: Process, grace: float | None = None) -> None:
        """End one child; ending it twice does nothing."""
        process.end(grace)
        if self._processes.get(process.name) is process:
            self._processes[process.name] = None

    def close(self) -> None:
        """End every child, newest first. A child that resists does not keep the others alive."""
        try:
            for process in reversed(self.processes):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.end(process)
        finally:
            if self._lifeline is not None:
                os.close(self._lifeline)
                self._lifeline = None
            if self._watchdog is not None:
                # It sweeps again, which ends what an interrupted loop above has left.
                self._watchdog.wait(timeout=3 * GRACE_SECONDS)
                self._watchdog = None


class Terminated(SystemExit):
    """SIGTERM or SIGHUP arrived; unwinding ends the children. The exit code is 128 + the signal."""


@contextlib.contextmanager
def terminating_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `Terminated`, so that `with` blocks are left as on Ctrl-C. Main thread only."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated(128 + number)

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, terminate) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
