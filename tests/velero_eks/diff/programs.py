"""Plans of a project before and after an edit, both made in this process: the SDKs are loaded once for all edits."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from velero_on_eks.settings import load_stack_file

from velero_eks.diff.compare import compare
from velero_eks.diff.model import StackDiff
from velero_eks.plan import contract
from velero_eks.plan.runner import run_stack
from velero_eks.project.project import Project

REAL = Path(__file__).resolve().parents[3]
PROGRAM = ("__main__.py", "Pulumi.yaml", "components")
AT = datetime(2026, 11, 24, tzinfo=UTC)

STACK = """\
config:
  aws:region: ap-south-1
  velero-eks:environment: production
  velero-eks:cluster:
    name: exam-prod
    account: "777788889999"
    kubernetesVersion: "1.34"
    oidcIssuer: https://oidc.eks.ap-south-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE
    autoMode: true
  velero-eks:recovery: {rpo: 24h, retention: 30d, namespaces: [exam-prod]}
  velero-eks:identity: {mode: irsa}
  velero-eks:volumes: {mode: csi-snapshot}
  velero-eks:storage:
    accessLogs: {bucket: exam-access-logs, prefix: velero}
    breakGlass: ["arn:aws:iam::777788889999:role/deploy", "arn:aws:iam::777788889999:role/break-glass"]
  velero-eks:schedules:
    daily-backup: {cron: "0 2 * * *", timezone: Asia/Kolkata, keep: 30d, namespaces: ["*"]}
    exam-hourly: {cron: "15 * * * *", timezone: Asia/Kolkata, keep: 3d, namespaces: [exam-prod]}
"""


@dataclass(frozen=True)
class Edit:
    """Texts replaced in files of the project, by path: `(path, old, new)`. `stack` replaces in the stack file."""

    code: tuple[tuple[str, str, str], ...] = ()
    stack: tuple[tuple[str, str], ...] = ()
    # Further lines of the stack file, under `config:`.
    more: str = ""
    moved: dict[str, str] = field(default_factory=dict)


def stack_text(edit: Edit) -> str:
    """The stack file after an edit."""
    text = STACK
    for old, new in edit.stack:
        assert text.count(old) == 1, f"the stack file has {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    return text + edit.more


def write_stack(folder: Path, text: str) -> Path:
    """The project with another stack file."""
    write(folder, Edit())
    (folder / "stacks" / "Pulumi.prod.yaml").write_text(text)
    return folder


def write(folder: Path, edit: Edit) -> Path:
    """The project with an edit made in it."""
    folder.mkdir(parents=True)
    # An edit of settings alone runs on the components that this process has loaded.
    for name in PROGRAM if edit.code or edit.moved else PROGRAM[:2]:
        source = REAL / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for old, new in edit.moved.items():
        (folder / old).rename(folder / new)
    for path, old, new in edit.code:
        text = (folder / path).read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        (folder / path).write_text(text.replace(old, new))
    (folder / "stacks").mkdir()
    (folder / "stacks" / "Pulumi.prod.yaml").write_text(stack_text(edit))
    return folder


def plan(root: Path) -> dict[str, Any]:
    """The plan of the project's one stack, as `velero-eks plan --json` has it."""
    with _components_of(root) if (root / "components").exists() else nullcontext():
        made = run_stack(Project.find(root), load_stack_file(root / "stacks" / "Pulumi.prod.yaml"))
        return contract.document([contract.describe(made, AT)])["stacks"][0]


@contextmanager
def _components_of(root: Path) -> Iterator[None]:
    """Let the program import its own components; what this process has loaded of the real ones comes back after."""
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "velero_on_eks"}
    for name in ours:
        del sys.modules[name]
    sys.path.insert(0, str(root / "components"))
    try:
        yield
    finally:
        sys.path.remove(str(root / "components"))
        for name in [name for name in sys.modules if name.split(".")[0] == "velero_on_eks"]:
            del sys.modules[name]
        sys.modules.update(ours)


@cache
def unedited() -> dict[str, Any]:
    """The plan of the project as it is."""
    with TemporaryDirectory() as folder:
        return plan(write(Path(folder) / "unedited", Edit()))


def custom(plan: dict[str, Any]) -> int:
    """How many resources a plan has, components aside."""
    return sum(entry["custom"] for entry in plan["resources"])


def difference(folder: Path, after: Edit, before: Edit | None = None) -> StackDiff:
    """What the tool says of an edit, of the project as it is or of another state of it."""
    old = unedited() if before is None else plan(write(folder / "before", before))
    return compare("prod", old, plan(write(folder / "after", after)))
