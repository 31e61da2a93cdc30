"""`python -m benchmarks.day2`: what recovery costs in the lab, with the real programs: thousands of objects, timed.

Backup, coverage, preview, restore and drill of one namespace, each as someone types it. Ratios are of one run, so that
the machine and its day do not matter; the rates in `velero_eks/recovery/restore/duration.py` are to be checked by it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lab.__main__ import deployed
from lab.chart import choose_chart
from lab.deployment import PROJECT, Deployment
from lab.environment import running_lab
from lab.processes import wait_until
from lab.programs import require_programs
from velero_eks.recovery.restore.duration import MARGIN

OBJECTS = 5000
NAMESPACE = "benchmark"
# Seconds. A command that takes this long has hung.
TIME_LIMIT = 1200
BUDGET_RATIO = 0.1
# A preview of five times the objects may take five times as long, and some for the noise of a busy machine.
BUDGET_SCALE = 1.5
BUDGET_MEMORY = 500.0
_MAIN = "from velero_eks.commands.app import main; main()"
_CONNECTIONS = 8


@dataclass(frozen=True)
class Timed:
    """One command: wall and CPU seconds, peak memory in MB, and the JSON that it printed."""

    seconds: float
    cpu: float
    memory: float
    document: Any


@dataclass(frozen=True)
class Judged:
    """One line of the second table."""

    what: str
    measured: float
    budget: float
    unit: str

    @property
    def within(self) -> bool:
        return self.measured <= self.budget


class Bench:
    """A lab with a namespace full of ConfigMaps."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.lab = deployment.lab
        self.api = self.lab.cluster.api

    def fill(self, namespace: str, count: int) -> None:
        """Make the namespace and its objects, over several connections."""
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        local = threading.local()

        def post(number: int) -> None:
            if not hasattr(local, "api"):
                local.api = self.lab.cluster.api
            metadata = {"name": f"object-{number:05}", "labels": {"number": str(number)}}
            data = {"value": str(number) * 20, "text": "x" * 200}
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            local.api.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(post, range(count)))

    def empty(self, namespace: str) -> None:
        """Delete the namespace and wait until it is gone."""
        path = f"/api/v1/namespaces/{namespace}"
        self.api.delete(path)
        wait_until(lambda: self.api.find(path) is None, seconds=600, what=f"{namespace} was gone")

    def run(self, *arguments: str) -> Timed:
        """Run a command of the tool. Raises CalledProcessError where it says no."""
        command = [sys.executable, "-c", _MAIN, *arguments, "--stack", "local", "--json"]
        environment = {**os.environ, **self.deployment.variables, "PYTHONPATH": str(PROJECT)}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            begin = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=self.deployment.workspace,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            killer = threading.Timer(TIME_LIMIT, process.kill)
            killer.start()
            # `wait4` gives this child's own peak, where `getrusage` has the greatest of all children.
            _, status, usage = os.wait4(process.pid, 0)
            killer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - begin
            out.seek(0)
            err.seek(0)
            text, errors = out.read().decode(), err.read().decode()
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command, text[-2000:], errors[-2000:])
        unit = 1 if sys.platform == "darwin" else 1024
        memory = usage.ru_maxrss * unit / 1e6
        return Timed(seconds, usage.ru_utime + usage.ru_stime, memory, json.loads(text))


def measure(bench: Bench, count: int) -> dict[str, Timed]:
    """Every command over one namespace of `count` objects."""
    namespace, backup = f"{NAMESPACE}-{count}", f"benchmark-{count}"
    bench.fill(namespace, count)
    found = {
        "backup": bench.run(
            "backup", backup, "-n", namespace, "--schedule", "daily-backup", "--count-for-schedule", "--yes"
        ),
        "coverage": bench.run("coverage", backup),
        "preview, nothing lost": bench.run("restore", "namespace", namespace, "--from", backup, "--preview"),
        "drill": bench.run("drill", "-n", namespace, "--schedule", "daily-backup", "--yes"),
    }
    bench.empty(namespace)
    found["preview"] = bench.run("restore", "namespace", namespace, "--from", backup, "--preview")
    found["restore"] = bench.run("restore", "namespace", namespace, "--from", backup, "--yes")
    bench.empty(namespace)
    return found


def judge(small: dict[str, Timed], large: dict[str, Timed], factor: float) -> list[Judged]:
    """What was measured against what issue and README promise."""
    restore = large["restore"].document
    estimate, took = restore["estimated_seconds"], restore["seconds"]
    judged = [
        Judged(f"{what} / restore", large[what].seconds / took, BUDGET_RATIO, "of the restore")
        for what in ("coverage", "preview", "preview, nothing lost")
    ]
    judged += [
        Judged(f"{what}, {factor:g} times the objects", large[what].cpu / small[what].cpu / factor, BUDGET_SCALE,
               f"times {factor:g}")
        for what in ("coverage", "preview")
    ]  # fmt: skip
    judged.append(Judged("the predicted time is off by", abs(estimate - took) / took, MARGIN, "of the time taken"))
    peak = max(each.memory for each in large.values())
    judged.append(Judged("peak memory", peak, BUDGET_MEMORY, "MB"))
    return judged


def report(console: Console, small: int, large: int, found: dict[int, dict[str, Timed]], judged: list[Judged]) -> None:
    """Both tables, and the rate of the restore."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("What")
    for count in (small, large):
        for unit in ("s", "CPU s", "MB"):
            table.add_column(f"{count:,}: {unit}", justify="right")
    for what in found[large]:
        figures = [
            text
            for count in (small, large)
            for timed in [found[count][what]]
            for text in (f"{timed.seconds:.1f}", f"{timed.cpu:.1f}", f"{timed.memory:.0f}")
        ]
        table.add_row(what, *figures)
    console.print(table)
    restore = found[large]["restore"].document
    rate = large / restore["seconds"]
    took, predicted = restore["seconds"], restore["estimated_seconds"]
    console.print(f"\nThe restore itself: {took:.1f} s, {rate:.0f} objects/s; predicted {predicted} s.")
    verdicts = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    verdicts.add_column("What")
    for heading in ("Measured", "Budget"):
        verdicts.add_column(heading, justify="right")
    verdicts.add_column("")
    for each in judged:
        verdict = "[green]within[/]" if each.within else "[bold red]over[/]"
        verdicts.add_row(each.what, f"{each.measured:.3g}", f"{each.budget:.3g} {each.unit}", verdict)
    console.print(verdicts)


def main(arguments: list[str] | None = None) -> int:
    """Measure in a lab of its own, print, and return 1 where a budget is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day2", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=OBJECTS, help="how many objects the larger namespace has")
    count = parser.parse_args(arguments).objects
    small = max(1, count // 5)
    console = Console(highlight=False)
    programs = require_programs(console=console)
    with (
        tempfile.TemporaryDirectory(prefix="velero-eks-bench-", ignore_cleanup_errors=True) as folder,
        running_lab(programs, Path(folder) / "lab") as lab,
    ):
        bench = Bench(deployed(lab, choose_chart(lab), console))
        found = {number: measure(bench, number) for number in (small, count)}
    judged = judge(found[small], found[count], count / small)
    report(console, small, count, found, judged)
    return 0 if all(each.within for each in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
