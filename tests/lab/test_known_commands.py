"""The list of known commands is held to the programs themselves, those of them that the lab has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.known_commands import KNOWN
from tests.limits import HANG

pytestmark = pytest.mark.lab

# Flags by their short names, as the list has them, and those of a whole program.
_FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_COMMANDS = [(program, name) for program in ("pulumi", "kubectl", "velero", "uv") for name in KNOWN[program]]


@pytest.mark.parametrize(("program", "name"), _COMMANDS, ids=lambda word: word)
def test_a_command_of_the_list_exists_with_its_flags(program: str, name: str, programs):
    path = getattr(programs, program, None) or shutil.which(program)
    if program == "uv":
        # It may stand beside the project alone, and has started this test then.
        path = path or os.environ.get("UV")
    assert path, f"{program} is not on this machine"
    said = subprocess.run(
        [str(path), *name.split(), "--help"], capture_output=True, text=True, timeout=HANG, check=False
    )
    assert said.returncode == 0, said.stderr
    text = said.stdout + said.stderr
    if program == "kubectl":
        text += subprocess.run([str(path), "options"], capture_output=True, text=True, timeout=HANG, check=True).stdout
    assert sorted(KNOWN[program][name] - set(_FLAG.findall(text))) == []
