"""Git repositories for tests: with the real program, or with a recorder that prints what a file says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

from typer.testing import Result

from tests.limits import HANG
from tests.velero_eks.diff.entries import entry, stack
from tests.velero_eks.diff.programs import REAL

PROGRAM = ("__main__.py", "Pulumi.yaml", "components", "policies", "velero_eks")
# Two plans that differ.
ONE = {"resources": [entry("aws:s3/bucket:Bucket", "b", {"bucket": "one"})]}
TWO = {"resources": [entry("aws:s3/bucket:Bucket", "b", {"bucket": "two"})]}
# Speaks the contract without the SDKs: the plans are in plans.json.
RECORDER = """
    import json, os, signal, sys
    from pathlib import Path

    def main():
        wanted = sys.argv[5:]
        plans = json.loads(Path("plans.json").read_text())
        {before}
        bad = [name for name in wanted if name in plans.get("bad", {{}})]
        if bad and plans["in_words"]:
            for name in bad:
                print("error: " + plans["bad"][name]["limit"], file=sys.stderr)
            raise SystemExit(2)
        stacks = [plans["stacks"][name] for name in wanted if name not in bad]
        errors = {{"errors": {{name: [plans["bad"][name]] for name in bad}}}} if bad else {{}}
        print(json.dumps({{"version": plans["version"], "stacks": stacks, **errors}}))
        raise SystemExit(2 if bad else 0)
"""


def git(root: Path, *arguments: str) -> str:
    """Run git in a repository and return what it prints."""
    command = ("git", "-C", str(root), "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=HANG).stdout


def commit(root: Path, message: str = "a commit") -> str:
    """Commit all there is and return the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-qm", message, "--allow-empty")
    return git(root, "rev-parse", "HEAD").strip()


def repository(root: Path) -> Path:
    """An empty repository whose branch is `main`."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    (root / ".gitignore").write_text("__pycache__/\n")
    return root


def real(root: Path, **stacks: str) -> Path:
    """A repository with the real program and these stack files, nothing committed."""
    repository(root)
    for name in PROGRAM:
        source = REAL / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    write_stacks(root, **stacks)
    return root


def scripted(root: Path, before: str = "", **plans: Any) -> Path:
    """A repository whose recorder prints these plans (`write_plans`), nothing committed; it runs `before` first."""
    repository(root)
    (root / "Pulumi.yaml").write_text("name: velero-eks\n")
    (root / "__main__.py").write_text("")
    (root / "velero_eks" / "plan").mkdir(parents=True)
    for name in ("__init__.py", "plan/__init__.py", "plan/contract.py"):
        (root / "velero_eks" / name).write_text("")
    (root / "velero_eks" / "cli.py").write_text(dedent(RECORDER).format(before=before))
    write_plans(root, **plans)
    return root


def write_plans(
    root: Path,
    version: int = 1,
    bad: dict[str, dict[str, Any]] | None = None,
    in_words: bool = False,
    **plans: dict[str, Any],
) -> None:
    """What the recorder prints from now on, and a stack file for each plan; `in_words` as the first edition did."""
    stacks = {name: {**stack(), **plan, "stack": name} for name, plan in plans.items()}
    text = json.dumps({"version": version, "stacks": stacks, "bad": bad or {}, "in_words": in_words})
    (root / "plans.json").write_text(text)
    write_stacks(root, **{name: f"# {json.dumps(plan)}" for name, plan in {**plans, **(bad or {})}.items()})


def write_stacks(root: Path, **stacks: str) -> None:
    """Write stack files."""
    (root / "stacks").mkdir(exist_ok=True)
    for name, text in stacks.items():
        (root / "stacks" / f"Pulumi.{name}.yaml").write_text(text)


def statuses(result: Result) -> dict[str, str]:
    """The status of each stack, from the JSON that the tool printed."""
    assert result.exit_code in (0, 1), result.stderr
    return {stack["stack"]: stack["status"] for stack in json.loads(result.stdout)["stacks"]}
