"""How many processes share the stacks of a command, and how they end. Loads nothing: `diff` asks as well."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from velero_eks.errors import PlanError

# Limits them, for a machine with little memory: each takes some 150 MB.
LIMIT = "VELERO_EKS_PROCESSES"
# A further process pays off only for as many stacks as it takes to load the SDKs again.
STACKS_A_PROCESS = 25


def wanted(stacks: int, *, among: int = 1) -> int:
    """How many processes plan so many stacks soonest, where `among` commands like it share the cores."""
    return max(1, min(_allowed() // among, -(-stacks // STACKS_A_PROCESS)))


def _allowed() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get(LIMIT)
    if not given:
        return cores
    if not given.isdecimal() or int(given) < 1:
        raise PlanError(f"{LIMIT}={given!r} is not a number of processes; write 1 or more, or omit it to use all cores")
    return min(cores, int(given))


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group of its own, with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def ending(code: int) -> str:
    """How a process ended by itself, by its exit code, for a sentence that begins with the process."""
    if code >= 0:
        return f"ended with exit code {code}; the program, or a library that it loads, ended it"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = f"; with too little memory, set {LIMIT} to fewer processes" if name == "SIGKILL" else ""
    return f"was ended by {name}{memory}"
