"""`python -m lab`: the rehearsal from nothing to its report; `--shell` leaves the lab running with a shell in it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from lab.chart import ChosenChart, choose_chart
from lab.deployment import Deployment
from lab.environment import PARTS, LabEnvironment, running_lab
from lab.processes import LabError
from lab.programs import ProgramError, require_programs
from lab.rehearsal.incidents import Outcome, Rehearsal, deploy
from lab.rehearsal.report import as_json, print_outcomes, print_parts
from lab.rehearsal.velero import Velero
from velero_eks.errors import OperationError

_NAMESPACE = "velero"


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when everything came back, 1 when something did not or the lab failed, 2 for bad arguments."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=options.json, highlight=False)
    try:
        return _run(options, console)
    except (LabError, OperationError, ProgramError) as error:
        console.print(f"[red]failed[/]: {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; every process of the lab has ended")
        return 130


def _run(options: argparse.Namespace, console: Console) -> int:
    started = time.monotonic()
    programs = require_programs(console=console)
    with _directory(options.directory) as directory, running_lab(programs, directory, keep=options.shell) as lab:
        with lab.timed("chart"):
            chart = choose_chart(lab)
        print_parts(console, PARTS, chart.said)
        # Before Velero: its server learns of new kinds every five minutes, and a backup misses what it has not seen.
        with _step(lab, console, "sample application"):
            deploy(lab.cluster.api)
        deployment = deployed(lab, chart, console)
        if options.shell:
            _shell(deployment, console)
            return 0
        outcomes = _rehearse(lab, console)
        lab.timings["whole"] = time.monotonic() - started
        report = as_json(outcomes, lab.timings, programs, chart.said)
        print_outcomes(console, outcomes)
        console.print(f"\n{lab.timings['whole']:.0f} s in all.")
        if options.json:
            print(json.dumps(report, indent=2))
        if options.report:
            options.report.write_text(json.dumps(report, indent=2) + "\n")
        return 0 if all(outcome.comparison.whole for outcome in outcomes) else 1


def deployed(lab: LabEnvironment, chart: ChosenChart, console: Console) -> Deployment:
    """The stack `local`, brought up by the real engine, with its location Available."""
    deployment = Deployment(lab, chart=chart.path, install_manifest=chart.install_manifest)
    with _step(lab, console, "pulumi up"):
        deployment.prepare()
        deployment.up()
    with _step(lab, console, "Velero available"):
        lab.cluster.wait_until_available(_NAMESPACE, "velero")
        Velero(lab.cluster.api, _NAMESPACE).wait_until_location_is_available()
    return deployment


def _rehearse(lab: LabEnvironment, console: Console) -> list[Outcome]:
    rehearsal = Rehearsal(lab.cluster.api, Velero(lab.cluster.api, _NAMESPACE), time.strftime("%H%M%S"))
    outcomes: list[Outcome] = []
    for incident in (rehearsal.namespace_deleted, rehearsal.hotfix_overwritten, rehearsal.definition_removed):
        with _step(lab, console, incident.__name__.replace("_", " ")):
            outcomes.append(incident())
    return outcomes


@contextmanager
def _step(lab: LabEnvironment, console: Console, what: str) -> Iterator[None]:
    console.print(f"{what} … ", end="")
    with lab.timed(what):
        yield
    console.print(f"{lab.timings[what]:.1f} s")


def _shell(deployment: Deployment, console: Console) -> None:
    shell = os.environ.get("SHELL", "/bin/sh")
    console.print(
        "KUBECONFIG, AWS_* and PULUMI_* lead to the lab; the workspace is the current folder. exit ends it all."
    )
    environment = {**deployment.lab.environment, **deployment.variables, "PS1": "(lab) \\w $ "}
    subprocess.run([shell], env=environment, cwd=deployment.workspace, check=False)


@contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="velero-eks-lab-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shell", action="store_true", help="leave the lab running with a shell in it")
    parser.add_argument(
        "--json", action="store_true", help="the report on standard output, the words on standard error"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there as well")
    parser.add_argument("--directory", type=Path, help="the lab's files; default: a folder that is removed at the end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
