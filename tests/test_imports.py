"""The import graph, drawn from the code: data goes one way, and an arrow back is a fault.

Imports inside functions count. One under `TYPE_CHECKING` counts as well, since its types tie two rooms together; only
what a library costs at run time is not asked of it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.limits import HANG

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "velero_on_eks": ROOT / "components" / "velero_on_eks",
    "velero_eks": ROOT / "velero_eks",
    "policies": ROOT / "policies",
    "lab": ROOT / "lab",
    "benchmarks": ROOT / "benchmarks",
}
# From the ground up. A room imports from its own floor and those below; two rooms of one floor not each other.
FLOORS = (
    ("velero_on_eks.settings",),
    ("velero_on_eks.documents",),
    ("velero_on_eks",),
    # How a time, a number or a text of others is shown, who is waited for, and what goes wrong: any room may use it. So
    # is the clock of a command.
    (
        "velero_eks.contact",
        "velero_eks.errors",
        "velero_eks.terminal.no_contact",
        "velero_eks.terminal.safe",
        "velero_eks.terminal.words",
        "velero_eks.time_limit",
        "velero_eks.trees",
    ),
    ("velero_eks.kube", "velero_eks.aws", "velero_eks.velero"),
    ("velero_eks.project", "velero_eks.plan", "velero_eks.rules"),
    ("velero_eks.diff", "velero_eks.recovery", "velero_eks.bootstrap"),
    ("velero_eks.terminal",),
    ("velero_eks.commands",),
    ("velero_eks",),
    ("policies", "lab"),
    ("benchmarks",),
)
# Who may load a library. What is not named here is free.
LIBRARIES = {
    "typer": ("velero_eks.commands",),
    "rich": ("velero_eks.commands", "velero_eks.terminal", "lab", "benchmarks"),
    "boto3": ("velero_eks.aws", "lab"),
    "botocore": ("velero_eks.aws", "velero_eks.velero", "lab"),
    "pulumi": ("velero_on_eks", "velero_eks.plan", "velero_eks.rules", "lab"),
    "pulumi_aws": ("velero_on_eks",),
    "pulumi_kubernetes": ("velero_on_eks",),
    "pulumi_random": ("velero_on_eks",),
    "pulumi_policy": ("velero_eks.rules", "policies"),
}
# In a process of its own, on another revision's code: what it imports is not of this tree.
ELSEWHERE = {("velero_eks.diff.record_revision", "velero_eks.cli")}


@dataclass(frozen=True, order=True)
class Arrow:
    """One import: who imports, what is imported, and where that is written."""

    module: str
    imported: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.module} imports {self.imported}"


def modules(sources: Mapping[str, Path]) -> dict[str, Path]:
    """Every module's file, by dotted name."""
    found = {}
    for package, folder in sources.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def arrows(sources: Mapping[str, Path]) -> Iterator[Arrow]:
    """Every import of every module, at whatever depth; names of one's own packages as the module they stand in."""
    known = modules(sources)
    for module, path in known.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                names = [inside if (inside := f"{base}.{alias.name}") in known else base for alias in node.names]
            else:
                continue
            for name in names:
                yield Arrow(module, name, f"{path.name}:{node.lineno}")


def room(module: str) -> str | None:
    """The room a module stands in, None for what is not a module of ours."""
    fitting = [name for floor in FLOORS for name in floor if f"{module}.".startswith(f"{name}.")]
    return max(fitting, key=len, default=None)


def floor(name: str) -> int:
    """How high a room lies."""
    return next(height for height, rooms in enumerate(FLOORS) if name in rooms)


def faults(sources: Mapping[str, Path]) -> list[Arrow]:
    """The arrows that go up, and those to a library that the room is not to know."""
    found = []
    for arrow in arrows(sources):
        here, there = room(arrow.module), room(arrow.imported)
        assert here is not None
        if (arrow.module, arrow.imported) in ELSEWHERE:
            continue
        if there is not None:
            if floor(there) > floor(here):
                found.append(arrow)
        else:
            library = arrow.imported.split(".")[0]
            allowed = LIBRARIES.get(library)
            if allowed is not None and not any(f"{here}.".startswith(f"{name}.") for name in allowed):
                found.append(arrow)
    return sorted(found)


def test_every_module_stands_in_a_room():
    assert [module for module in modules(SOURCES) if room(module) is None] == []
    empty = [name for rooms in FLOORS for name in rooms if not any(room(module) == name for module in modules(SOURCES))]
    assert empty == []


def test_no_arrow_goes_back():
    assert [str(arrow) for arrow in faults(SOURCES)] == []


def test_rooms_of_one_floor_do_not_need_each_other():
    needed: dict[str, set[str]] = {}
    for arrow in arrows(SOURCES):
        here, there = room(arrow.module), room(arrow.imported)
        if here and there and here != there and floor(here) == floor(there):
            needed.setdefault(here, set()).add(there)
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize(
    ("module", "text", "imported"),
    [
        ("velero_on_eks/settings/late.py", "import velero_on_eks.documents.iam", "velero_on_eks.documents.iam"),
        ("velero_on_eks/documents/iam.py", "from velero_eks.aws import client", "velero_eks.aws.client"),
        ("velero_on_eks/naming.py", "def f():\n    import boto3.session", "boto3.session"),
        ("velero_eks/kube/kinds.py", "from ..plan.model import Recording", "velero_eks.plan.model"),
        ("velero_eks/plan/model.py", "if True:\n    from velero_eks.diff import compare", "velero_eks.diff.compare"),
        ("velero_eks/rules/model.py", "from rich.table import Table", "rich.table"),
        ("velero_eks/recovery/history.py", "from lab import chart", "lab.chart"),
    ],
)
def test_an_arrow_back_is_seen_wherever_it_stands(tmp_path, module, text, imported):
    sources = {name: tmp_path / name for name in SOURCES}
    for name in ("velero_on_eks.documents.iam", "velero_eks.aws.client", "velero_eks.diff.compare", "lab.chart"):
        path = (tmp_path / name.replace(".", "/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    path = tmp_path / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"from __future__ import annotations\n{text}\n")
    assert [arrow.imported for arrow in faults(sources)] == [imported]


# A reader of stack files, or whoever asks for `--help`, waits for none of these.
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("velero_on_eks.settings", ("pulumi", "pulumi_aws", "pulumi_kubernetes", "boto3", "typer", "rich")),
        ("velero_on_eks.documents", ("pulumi", "pulumi_aws", "pulumi_kubernetes", "boto3", "typer", "rich")),
        ("velero_on_eks", ("boto3", "botocore", "typer", "rich", "kubernetes", "velero_eks")),
        ("velero_eks.commands.app", ("pulumi", "pulumi_aws", "pydantic", "boto3", "kubernetes", "rich.table")),
    ],
)
def test_a_module_loads_no_more_than_it_needs(module, heavy):
    code = f"import sys, {module}; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
