"""Projects for tests of the plan: a folder with a Pulumi.yaml, a program and stack files."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from velero_on_eks.settings import load_stack_file

from velero_eks.plan.runner import StackPlan, run_stack
from velero_eks.project.project import Project

REAL = Path(__file__).resolve().parents[3]

STACK = """\
config:
  aws:region: {region}
  velero-eks:environment: {environment}
  velero-eks:cluster:
    name: {name}
    account: "{account}"
    kubernetesVersion: "1.35"
    oidcIssuer: https://oidc.eks.{region}.{suffix}/id/EXAMPLE0123456789ABCDEF
"""
# A program that loads no provider's SDK, which takes a process longer than all else, and makes one Schedule. The rules
# say of it that it has errors.
LIGHT = """\
import pulumi
spec = {"schedule": "0 2 * * *", "template": {"ttl": "168h0m0s"}}
named = {"name": "daily-backup", "namespace": "velero"}
pulumi.CustomResource("kubernetes:velero.io/v1:Schedule", "daily-backup", {"metadata": named, "spec": spec})
"""


def stack_text(
    name: str = "shop",
    *,
    region: str = "eu-west-1",
    account: str = "111122223333",
    environment: str = "staging",
    more: str = "",
) -> str:
    """A valid stack file, with `more` (YAML under `config:`, indented by two) at its end."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return STACK.format(suffix=suffix, name=name, region=region, account=account, environment=environment) + more


def project(folder: Path, *, program: str | None = None, **stacks: str) -> Path:
    """A project in `folder`: the real program, or `program`, with these stack files; returns its root."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: velero-eks\nruntime: python\nstackConfigDir: stacks\n")
    text = (REAL / "__main__.py").read_text() if program is None else dedent(program)
    (folder / "__main__.py").write_text(text)
    for stack, content in stacks.items():
        (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text(content)
    return folder


def plan_of(root: Path, stack: str) -> StackPlan:
    """One stack of a project, planned."""
    return run_stack(Project.find(root), load_stack_file(root / "stacks" / f"Pulumi.{stack}.yaml"))
