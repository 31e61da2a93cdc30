"""What a plan costs: one stack against the imports that it needs, and each further stack."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from velero_eks.plan.processes import LIMIT

ROOT = Path(__file__).resolve().parent.parent
# Rounds of one process each, taken in turn so that a busy moment falls on all alike.
ROUNDS = 7
MANY = 200
# The one that is measured alone: production, IRSA, CSI snapshots, Auto Mode.
STACK = 2
# Seconds. A process that takes this long has hung.
TIME_LIMIT = 300

BUDGET_RATIO = 1.3
BUDGET_STACK = 0.05

IMPORT = (
    "import pulumi, pulumi_aws.s3, pulumi_aws.kms, pulumi_aws.iam, pulumi_aws.eks,"
    " pulumi_kubernetes.core.v1, pulumi_kubernetes.helm.v3, pulumi_kubernetes.apiextensions, pulumi_random,"
    " velero_on_eks.velero_on_eks, velero_on_eks.providers, velero_eks.commands.plan"
)
IMPORTS = "the imports that a plan needs"
TOOL = "from velero_eks.commands.app import main; main()"

REGIONS = ("eu-west-1", "ap-south-1", "us-east-1", "eu-central-1")
ENVIRONMENTS = ("development", "staging", "production")


@dataclass(frozen=True)
class Taken:
    """What a process took, in seconds. `cpu` is judged: it is what the work costs, whoever else uses the machine."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Cost:
    """One line of the table. `ratio` is against the imports; `measured` and `budget` are in `unit`."""

    what: str
    taken: Taken
    ratio: float
    measured: float
    budget: float
    unit: str

    @property
    def within(self) -> bool:
        """Whether the budget holds."""
        return self.measured <= self.budget


def run(code: str, *arguments: str, cwd: Path = ROOT) -> Taken:
    """What a fresh interpreter takes for `code`. Raises CalledProcessError where it fails (1 is a finding)."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    # A stack's cost is measured in one process, and a comparison's in one for each side.
    environment[LIMIT] = "1"
    command = [sys.executable, "-c", code, *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, timeout=TIME_LIMIT, check=False)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise subprocess.CalledProcessError(done.returncode, command)
    return Taken(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def medians(taken: list[Taken]) -> Taken:
    """The median of each."""
    return Taken(median(one.wall for one in taken), median(one.cpu for one in taken))


def one_stack() -> dict[str, Taken]:
    """One stack in a fresh process, as JSON and for people, and the imports alone in another."""
    runs = {
        IMPORTS: (IMPORT,),
        "one stack, --json": (TOOL, "plan", "--json"),
        "one stack, for people": (TOOL, "plan"),
    }
    taken: dict[str, list[Taken]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as folder:
        root = generated(Path(folder), [STACK])
        for arguments in runs.values():
            run(*arguments, cwd=root)  # Writes the bytecode, and fills the disk's cache, for what is measured.
        for _ in range(ROUNDS):
            for name, arguments in runs.items():
                taken[name].append(run(*arguments, cwd=root))
    return {name: medians(values) for name, values in taken.items()}


def many_stacks() -> Taken:
    """What each of many stacks takes beyond the first, in one process."""
    with tempfile.TemporaryDirectory() as folder:
        root = generated(Path(folder), range(MANY))
        first = medians([run(TOOL, "plan", "stack-000", "--json", cwd=root) for _ in range(3)])
        all_ = run(TOOL, "plan", "--json", cwd=root)
    return Taken((all_.wall - first.wall) / (MANY - 1), (all_.cpu - first.cpu) / (MANY - 1))


def generated(root: Path, stacks: Iterable[int]) -> Path:
    """A project with these of many stacks, no two alike."""
    (root / "stacks").mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    for number in stacks:
        (root / "stacks" / f"Pulumi.stack-{number:03}.yaml").write_text(stack_file(number))
    return root


def stack_file(number: int) -> str:
    """The file of one of many stacks: all environments, identities and volume modes come up, schedules vary."""
    region = REGIONS[number % len(REGIONS)]
    return f"""\
config:
  aws:region: {region}
  velero-eks:environment: {ENVIRONMENTS[number % len(ENVIRONMENTS)]}
  velero-eks:cluster:
    name: cluster-{number:03}
    account: "{111122220000 + number}"
    kubernetesVersion: "1.34"
    oidcIssuer: https://oidc.eks.{region}.amazonaws.com/id/EXAMPLE{number:032X}
    autoMode: {str(number % 2 == 0).lower()}
  velero-eks:recovery: {{rpo: 24h, retention: 30d, namespaces: [shop-{number:03}]}}
  velero-eks:identity: {{mode: {"irsa" if number % 5 else "pod-identity"}}}
  velero-eks:volumes: {{mode: {"csi-snapshot" if number % 3 else "none"}}}
  velero-eks:schedules:
    daily: {{cron: "{number % 60} 2 * * *", timezone: Asia/Kolkata, keep: 30d}}
    hourly: {{cron: "{number % 60} * * * *", keep: 3d, namespaces: [shop-{number:03}]}}
"""


def main() -> int:
    """Measure, print the table, and return 1 where a budget is exceeded."""
    single = one_stack()
    imports = single[IMPORTS].cpu
    costs = [
        Cost(name, taken, taken.cpu / imports, taken.cpu / imports, BUDGET_RATIO, "times the imports")
        for name, taken in single.items()
    ]
    further = many_stacks()
    name = f"each of {MANY} stacks beyond the first"
    costs.append(Cost(name, further, further.cpu / imports, further.cpu, BUDGET_STACK, "s"))
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("What")
    for column in ("Wall s", "CPU s", "Times imports", "Budget"):
        table.add_column(column, justify="right")
    table.add_column("")
    for cost in costs:
        verdict = "[green]within[/]" if cost.within else "[bold red]over[/]"
        figures = (
            f"{cost.taken.wall:.3f}",
            f"{cost.taken.cpu:.3f}",
            f"{cost.ratio:.2f}",
            f"{cost.budget:g} {cost.unit}",
        )
        table.add_row(cost.what, *figures, "" if cost.what == IMPORTS else verdict)
    Console(highlight=False).print(table)
    return 0 if all(cost.within for cost in costs) else 1
