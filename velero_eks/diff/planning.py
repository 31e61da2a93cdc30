"""Both sides' plans, made at the same time by each revision's own `velero-eks plan --json`, in processes of their own.

A process is started again and never forked: this one stays without the SDKs, and gRPC's threads would make a fork
hang. Each plans many stacks, since loading the SDKs costs as much as forty of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from velero_on_eks.settings import Refusal

from velero_eks.diff.sides import Side
from velero_eks.errors import BAD_INPUT, DiffError
from velero_eks.plan import processes, saved
from velero_eks.plan.contract import finding_entry
from velero_eks.terminal import words

CONTRACT_VERSION = 1
# Seconds for a process: loading takes 3 and a stack a tenth on a machine with nothing else to do.
TIME_LIMIT_BASE, TIME_LIMIT_A_STACK = 120.0, 3.0

# A plan needs none of these, and a revision's program is not given what it does not need.
_NOT_HANDED_OVER = re.compile(r"^(AWS|PULUMI|KUBE|GITHUB|ACTIONS)|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_OWN, _OURS = "", str(Path(__file__).resolve().parents[2])
_SCRIPT = Path(__file__).with_name("record_revision.py")
# With 2 the document says what kept some stacks from a plan.
_PLANNED = (0, 1, BAD_INPUT)
# Stacks that a complaint about their process names.
_NAMED = 3


@dataclass
class Planned:
    """One side's plans by stack, as the contract has them, and for the stacks that have none what was refused.

    `failure` is what went wrong with the revision as a whole, whatever the stack.
    """

    side: Side
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, tuple[Refusal, ...]] = field(default_factory=dict)
    failure: str | None = None
    # Whether this tool's recorder ran a revision that has none, or one of another contract.
    borrowed: bool = False


@dataclass(frozen=True)
class _Complaint:
    """What a process said that made no document, and whether it took its input to be bad."""

    said: str
    of_bad_input: bool


@dataclass
class _Run:
    planned: Planned
    names: Sequence[str]
    recorder: str
    folder: Path
    process: subprocess.Popen[bytes]
    ends: float


def plan(wanted: Sequence[tuple[Side, Sequence[str]]], at: datetime) -> list[Planned]:
    """The plans of these stacks of these sides, all computed from one moment; in the order given.

    A stack that cannot be planned is among the errors and takes no other along. Raises `DiffError` when a revision
    cannot be planned at all: its contract is of a version that this tool does not read, or it never ends.
    """
    sides = [Planned(side) for side, _ in wanted]
    with TemporaryDirectory(prefix="velero-eks-plans-") as temporary, _running() as running:
        folders = (Path(temporary) / str(number) for number in range(1_000_000))

        def start(planned: Planned, names: Sequence[str], recorder: str) -> None:
            # A process that runs and is not in the list yet is one that no one would end.
            with _signals_held_back():
                running.append(_start(planned, names, recorder, next(folders), at))

        for planned, (_, names) in zip(sides, wanted, strict=True):
            recorder = _OWN if _has_a_recorder(planned.side.root) else _OURS
            for chunk in _chunks(names, _processes(len(names), len(sides))):
                start(planned, chunk, recorder)
        while running:
            made = _ended(running[0])
            _take(running.pop(0), made, start)
    return sides


def saved_plan(side: Side, names: Sequence[str], document: Any, file: str) -> Planned:
    """A side's plans out of a document that its own `velero-eks plan --json` wrote elsewhere: nothing of it is run.

    What its rules found is found again by those of this tool. Raises `BadPlanError` for a document that is not a plan.
    """
    read = {stack.stack: stack for stack in saved.read_document(document, file)}
    planned = Planned(side, errors=dict(saved.unplanned(document, file)))
    for entry in document["stacks"]:
        found = [finding_entry(finding) for finding in read[entry["stack"]].findings()]
        planned.stacks[entry["stack"]] = {**entry, "findings": found}
    for name in names:
        if name not in planned.stacks and name not in planned.errors:
            planned.errors[name] = (Refusal("not-planned", f"{file} has no plan of this stack"),)
    return planned


def _has_a_recorder(root: Path) -> bool:
    return (root / "velero_eks" / "plan" / "contract.py").is_file() and (root / "velero_eks" / "cli.py").is_file()


def _processes(stacks: int, sides: int) -> int:
    return processes.wanted(stacks, among=sides)


def _chunks(names: Sequence[str], count: int) -> Iterator[list[str]]:
    for number in range(count):
        chunk = list(names[number::count])
        if chunk:
            yield chunk


def _start(planned: Planned, names: Sequence[str], recorder: str, folder: Path, at: datetime) -> _Run:
    folder.mkdir()
    root = planned.side.root
    environment = {key: value for key, value in os.environ.items() if not _NOT_HANDED_OVER.search(key)}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), str(root), recorder, "plan", "--json", "--at", at.isoformat(), *names],
            cwd=root,
            # This command shares out the stacks; the recorder is not to do it again.
            env={**environment, "NO_COLOR": "1", processes.LIMIT: "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            # A group of its own: whatever the program starts ends with it.
            start_new_session=True,
        )
    limit = TIME_LIMIT_BASE + TIME_LIMIT_A_STACK * len(names)
    return _Run(planned, names, recorder, folder, process, time.monotonic() + limit)


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let a signal that would end this process wait for the end of the block; its own handler then gets it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    held: list[int] = []
    before = {name: signal.signal(name, lambda number, _: held.append(number)) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    for number in held:
        signal.raise_signal(number)


@contextlib.contextmanager
def _running() -> Iterator[list[_Run]]:
    running: list[_Run] = []
    try:
        yield running
    finally:
        for run in running:
            processes.end(run.process)


def _ended(run: _Run) -> dict[str, Any] | _Complaint:
    """What the process made: the document, or its complaint."""
    try:
        code = run.process.wait(timeout=max(0.0, run.ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise DiffError(
            f"{run.planned.side.revision}: planning {len(run.names)} stacks timed out"
            f" ({words.duration(TIME_LIMIT_BASE + TIME_LIMIT_A_STACK * len(run.names))});"
            " run 'velero-eks plan' there to see where"
        ) from None
    if code in _PLANNED:
        try:
            document = json.loads((run.folder / "out").read_bytes())
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
    complaint = _without_traceback((run.folder / "err").read_text(errors="replace").strip())
    if not complaint and code in _PLANNED:
        complaint = "the plan printed no JSON document"
    elif not complaint:
        shown = ", ".join(run.names[:_NAMED]) + (f" and {len(run.names) - _NAMED} more" if run.names[_NAMED:] else "")
        complaint = f"the process that planned {shown} {processes.ending(code)}"
    return _Complaint(complaint, code == BAD_INPUT)


def _without_traceback(complaint: str) -> str:
    """What was said, with only the end of a traceback, and without the word that this tool puts in front again."""
    said, trace, raised = complaint.partition("Traceback (most recent call last):")
    if trace:
        complaint = f"{said}its recorder failed: {raised.splitlines()[-1].strip()}"
    return "\n".join(line.removeprefix("error: ") for line in complaint.splitlines() if line.strip())


def _take(run: _Run, made: dict[str, Any] | _Complaint, start: Callable[..., None]) -> None:
    planned, revision = run.planned, run.planned.side.revision
    if isinstance(made, _Complaint):
        if made.of_bad_input and run.recorder == _OWN:
            # The first edition tells what is bad in words alone; this tool's recorder tells it by stack.
            start(planned, run.names, _OURS)
        else:
            planned.failure = made.said
        return
    if made.get("version") != CONTRACT_VERSION:
        if run.recorder == _OURS:
            raise DiffError(
                f"{revision}: its plan has version {made.get('version')}, this tool reads {CONTRACT_VERSION}"
            )
        # Another contract: this tool's recorder may still be able to run that revision's components.
        start(planned, run.names, _OURS)
        return
    planned.borrowed |= run.recorder == _OURS
    planned.stacks.update({stack["stack"]: stack for stack in made.get("stacks", [])})
    errors = made.get("errors") or {}
    for name in run.names:
        if name in errors:
            planned.errors[name] = tuple(Refusal.from_mapping(each) for each in errors[name])
        elif name not in planned.stacks:
            planned.errors[name] = (Refusal("not-planned", "the plan does not have it"),)
