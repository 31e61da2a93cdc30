"""A command as a person types it: in a shell, on a terminal of its own.

Every question is answered yes, and every default is taken.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

QUESTION = re.compile(rb"\[y/N\]:? ")
DEFAULT = re.compile(rb"\[[^\]\n]*\]: $")
_READ = 65_536


def typed(command: str, *, folder: Path, environment: Mapping[str, str], seconds: float = 240) -> tuple[int, str]:
    """Run it to its end: the exit code, and what the terminal showed. Raises `TimeoutError` with what it showed.

    The terminal is a plain one (`TERM=dumb`), so that what is shown is text.
    """
    master, slave = os.openpty()
    try:
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env={**environment, "TERM": "dumb", "COLUMNS": "160"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    finally:
        os.close(slave)
    shown = b""
    answered = 0
    limit = time.monotonic() + seconds
    try:
        while True:
            if not select.select([master], [], [], max(0.0, limit - time.monotonic()))[0]:
                raise TimeoutError(f"{command}: no end after {seconds:g} s; it showed:\n{_text(shown)}")
            try:
                read = os.read(master, _READ)
            except OSError:
                # What Linux says at the end of a terminal that no one holds any more.
                break
            if not read:
                break
            shown += read
            while len(QUESTION.findall(shown)) > answered:
                os.write(master, b"y\n")
                answered += 1
            if DEFAULT.search(shown) and not shown.endswith(b"[y/N]: "):
                os.write(master, b"\n")
        return process.wait(timeout=max(1.0, limit - time.monotonic())), _text(shown)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)
        os.close(master)


def _text(shown: bytes) -> str:
    return shown.decode(errors="replace").replace("\r\n", "\n")
