"""Ends marked processes; run as a program, it waits for its parent's pipe to close first.

Standard library only, since it is started with `-S`. The mark is in the environment, which children inherit: it
finds grandchildren (Velero's plugins) whose parent is gone, and cannot hit a stranger that was given an old number.
The session finds those that are just replacing their program, when Linux shows no environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

MARK = "VELERO_EKS_LAB_PROCESS"
"""`<supervisor>/<number>`: whose child a process is."""


def marked(mark: str, sessions: Collection[int] = ()) -> list[int]:
    """Process ids that carry `mark` or belong to one of `sessions`, newest first.

    A supervisor's id alone stands for all of its children.
    """
    found = [
        (start, pid)
        for pid, start, session, value in _processes()
        if value == mark or value.startswith(mark + "/") or session in sessions
    ]
    return [pid for _, pid in sorted(found, reverse=True)]


def end_marked(mark: str, grace: float, sessions: Collection[int] = ()) -> None:
    """End what `marked` finds, newest first: SIGTERM, and SIGKILL after `grace` seconds each.

    Looks again until none is found, for those that were being started meanwhile; gives up after ten rounds.
    """
    for _ in range(10):
        pids = [pid for pid in marked(mark, sessions) if pid != os.getpid()]
        if not pids:
            return
        for pid in pids:
            _end(pid, grace)


def _end(pid: int, grace: float) -> None:
    if grace > 0:
        _send(pid, signal.SIGTERM)
        _send(pid, signal.SIGCONT)
        _wait(pid, grace)
    _send(pid, signal.SIGKILL)
    _wait(pid, 5)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _wait(pid: int, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):
            return
        if _is_zombie(pid):
            return
        time.sleep(0.02)


def _is_zombie(pid: int) -> bool:
    try:
        return _stat(Path(f"/proc/{pid}"))[0] == "Z"
    except (OSError, IndexError):
        return False


def _processes() -> list[tuple[int, int, int, str]]:
    """(pid, start order, session, mark or "") of every living process of this user."""
    if not Path("/proc/self").is_dir():
        return _processes_from_ps()
    rows: list[tuple[int, int, int, str]] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = _stat(folder)
            variables = (folder / "environ").read_bytes().split(b"\0")
        except (OSError, IndexError):
            continue
        if fields[0] == "Z":
            continue
        values = (value for key, _, value in (item.partition(b"=") for item in variables) if key == MARK.encode())
        rows.append((int(folder.name), int(fields[19]), int(fields[3]), next(values, b"").decode(errors="replace")))
    return rows


def _stat(folder: Path) -> list[str]:
    """The fields of `/proc/<pid>/stat` from the state on: [0] state, [3] session, [19] start time."""
    return (folder / "stat").read_bytes().rpartition(b")")[2].decode().split()


def _processes_from_ps() -> list[tuple[int, int, int, str]]:
    """The same on macOS, where `ps -E` shows the environment of one's own processes, and no session."""
    listing = subprocess.run(
        ["ps", "-A", "-E", "-ww", "-o", "pid=,command="],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    rows: list[tuple[int, int, int, str]] = []
    for line in listing.stdout.splitlines():
        pid, *words = line.split()
        values = (word.partition("=")[2] for word in words if word.startswith(MARK + "="))
        rows.append((int(pid), int(pid), 0, next(values, "")))
    return rows


def main(pipe: int, mark: str, grace: float) -> None:
    """Block until every holder of the other end of `pipe` is gone, then end what carries `mark`.

    The parent writes a line with the session of each child that it starts. A child that is being started holds the
    pipe until it runs its own program, so none is missed.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with os.fdopen(pipe, "rb") as stream:
        sessions = {int(line) for line in stream}
    end_marked(mark, grace, sessions)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
