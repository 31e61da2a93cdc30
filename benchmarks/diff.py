"""What a comparison costs: fifty stacks between two revisions, against planning the same stacks once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.plan import ROOT, TOOL, Taken, medians, run, stack_file

STACKS = 50
PROGRAM = ("__main__.py", "Pulumi.yaml", "components", "policies", "velero_eks")
# An edit that reaches every stack, so that nothing can be skipped.
EDITED = (
    "components/velero_on_eks/workload_identity.py",
    "max_session_duration=12 * 3600",
    "max_session_duration=6 * 3600",
)

# Seconds on two cores with nothing else to do. The two sides are halves of the work, so that is half of the CPU time.
CORES = 2
BUDGET_SECONDS = 15.0
# Two plans, what it takes to lay out, read and compare them, and that two at a time share a core's caches.
BUDGET_RATIO = 3.0


def repository(root: Path) -> Path:
    """A repository with the program and its stacks committed, and the edit in the work tree."""
    for name in PROGRAM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    (root / "stacks").mkdir()
    for number in range(STACKS):
        (root / "stacks" / f"Pulumi.stack-{number:03}.yaml").write_text(stack_file(number))
    (root / ".gitignore").write_text("__pycache__/\n")
    identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    for arguments in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "before")):
        subprocess.run(("git", "-C", str(root), *arguments), check=True, timeout=60)
    path, old, new = EDITED
    text = (root / path).read_text()
    if text.count(old) != 1:
        raise ValueError(f"{path} no longer has {old!r} once; choose another edit (EDITED)")
    (root / path).write_text(text.replace(old, new))
    return root


def measure() -> tuple[Taken, Taken]:
    """The comparison, and planning the stacks once, in the same folder one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        root = repository(Path(folder))
        run(TOOL, "plan", "--json", "stack-000", cwd=root)  # Writes the bytecode, and fills the disk's cache.
        # Before and after it, so that a busy moment falls on both.
        before = run(TOOL, "plan", "--json", cwd=root)
        compared = run(TOOL, "diff", "HEAD", "--json", cwd=root)
        return compared, medians([before, run(TOOL, "plan", "--json", cwd=root)])


def main() -> int:
    """Measure, print the table, and return 1 where a budget is exceeded."""
    compared, once = measure()
    seconds, ratio = compared.cpu / CORES, compared.cpu / once.cpu
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("What")
    for column in ("Wall s", "CPU s", f"On {CORES} cores", "Times", "Budget"):
        table.add_column(column, justify="right")
    table.add_column("")
    within = seconds <= BUDGET_SECONDS and ratio <= BUDGET_RATIO
    table.add_row(f"plan {STACKS} stacks", f"{once.wall:.2f}", f"{once.cpu:.2f}", "", "1.00", "", "")
    table.add_row(
        f"compare {STACKS} stacks",
        f"{compared.wall:.2f}",
        f"{compared.cpu:.2f}",
        f"{seconds:.2f}",
        f"{ratio:.2f}",
        f"{BUDGET_SECONDS:g} s, {BUDGET_RATIO:g} times",
        "[green]within[/]" if within else "[bold red]over[/]",
    )
    Console(highlight=False).print(table)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
