"""Every command's report and help at four widths, in a pipe and on a terminal, with colours and without."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from tests import reports
from tests.conftest import ROOT
from tests.limits import HANG

# Lines that are not broken: a command is copied, a log and a list of names are searched.
WHOLE = re.compile(r"\s*(velero-eks|kubectl|pulumi) |\d{4}-\d\d-\d\dT[\d:]+Z |\S+/\S+( -n \S+)?$")
CODES = re.compile(r"\x1b\[[\d;]*m")
COLOUR = re.compile(r"\x1b\[(\d+;)*3\d(;\d+)*m")
# How a terminal may be, and what the environment says of it.
MODES = {"colours": {}, "no colours": {"NO_COLOR": "1"}, "dumb": {"TERM": "dumb"}}
# All of it with colours; without them the width makes no difference.
SHOTS = [("colours", width) for width in reports.WIDTHS] + [("no colours", 80), ("dumb", 80)]
DRIVER = """
import json, os, sys, termios
from tests import reports
plain = dict(os.environ)
every = list(reports.quick())
for mode, changes, width in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update(plain | changes)
    termios.tcsetwinsize(1, (50, width))
    for name, render in every:
        sys.stdout.write(f"\\x1e{mode}\\x1f{width}\\x1f{name}\\n")
        render()
sys.stdout.flush()
"""
NAMES = {
    "status": ["every-six-hours-20261123060000", "daily-backup-20261123020000", "every-six-hours"],
    "backups": ["before-the-change-of-cert-manager", "daily-backup-20261123020000"],
    "coverage": ["CustomResourceDefinition"],
    "plan": ["exam-hourly", "daily-backup"],
    "show --list": ["questions.exam.example.com", "grading-service-2"],
}


@pytest.fixture(scope="module")
def terminal() -> dict[tuple[str, int, str], str]:
    """What a terminal gets, by mode, width and report."""
    ours, theirs = pty.openpty()
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
    }
    asked = json.dumps([(mode, MODES[mode], width) for mode, width in SHOTS])
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, asked],
        cwd=ROOT,
        env={**environment, "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    try:
        text = b"".join(read(ours)).decode()
        _, said = process.communicate(timeout=HANG)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert (process.returncode, said) == (0, b"")
    found = {}
    for part in text.split("\x1e")[1:]:
        head, _, shown = part.partition("\n")
        name, width, report = head.split("\x1f")
        found[name, int(width), report] = shown
    return found


def read(descriptor: int) -> Iterator[bytes]:
    """Everything that is written until the last writer has left, which Linux says with an error."""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            return
        if not chunk:
            return
        yield chunk


def faults(text: str, width: int) -> list[str]:
    """The lines that are too long, end with a blank or were cut."""
    lines = CODES.sub("", text).split("\n")
    long = [line for line in lines if len(line) > width and not WHOLE.match(line)]
    return long + [line for line in lines if line != line.rstrip() or re.search(r"\w…", line)]


@pytest.mark.parametrize("width", reports.WIDTHS)
def test_in_a_pipe_every_line_fits_and_nothing_is_coloured(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    for name, render in reports.reports():
        render()
        text = capsys.readouterr().out
        assert (name, faults(text, width)) == (name, [])
        assert "\x1b" not in text, name
        assert [each for each in NAMES.get(name, ()) if each not in text] == [], name


def test_in_a_pipe_without_a_word_of_the_width_it_is_80(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    for name, render in reports.reports():
        render()
        assert (name, faults(capsys.readouterr().out, 80)) == (name, [])


@pytest.mark.parametrize(("mode", "width"), SHOTS)
def test_on_a_terminal_every_line_fits(terminal, mode, width):
    shown = {name: text for (which, wide, name), text in terminal.items() if (which, wide) == (mode, width)}
    assert set(shown) == {name for name, _ in reports.quick()}
    for name, text in shown.items():
        assert (name, faults(text, width)) == (name, [])


def test_colours_are_where_they_are_wanted(terminal):
    for (mode, _, name), text in terminal.items():
        if mode == "dumb":
            assert "\x1b" not in text, name
        elif mode == "no colours":
            assert not COLOUR.search(text), name
        elif name not in ("show --list",):
            assert COLOUR.search(text), name


def test_a_pipe_is_coloured_where_somebody_forces_it(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    reports.REPORTS["status"]()
    text = capsys.readouterr().out
    assert COLOUR.search(text)
    assert faults(text, 80) == []


@pytest.mark.parametrize(
    ("line", "fault"), [("a" * 81, True), ("a ", True), ("\x1b[1ma  \x1b[0m", True), ("a-na…", True), ("a\n\nb", False)]
)
def test_a_fault_is_found(line, fault):
    assert bool(faults(line, 80)) is fault
