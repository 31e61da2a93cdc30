"""Which cluster a command means: a stack of this project, or a kubeconfig context by name. Never the current one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from velero_eks.errors import BadTarget

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

    from velero_eks.kube.client import Cluster

VELERO_NAMESPACE = "velero"


@dataclass(frozen=True)
class Target:
    """A cluster and its Velero. Without a stack, `settings` is None, and with it the objectives and the bucket."""

    stack: str | None
    context: str | None
    namespace: str
    settings: Settings | None = None

    @classmethod
    def of(cls, *, stack: str | None, context: str | None, namespace: str | None = None) -> Target:
        """The target of `--stack` (a name, or a stack file's path) or `--context`; exactly one is given.

        `namespace` is Velero's; by default the stack's, else `velero`. Raises `BadTarget`.
        """
        if stack and context:
            raise BadTarget(
                "--stack and --context are both given; a stack file names its own context, keep one of them"
            )
        if stack:
            name, settings = _load(stack)
            return cls(name, settings.cluster.context, namespace or settings.release.namespace, settings)
        if context:
            return cls(None, context, namespace or VELERO_NAMESPACE)
        raise BadTarget(
            "which cluster? Give --stack with a stack of this project, or --context with a kubeconfig context;"
            " the current context is never used"
        )

    @property
    def name(self) -> str:
        """What the target is called in words."""
        return f"stack {self.stack}" if self.stack else f"context {self.context}"

    @property
    def arguments(self) -> str:
        """The target as it is typed, for commands that are proposed."""
        return f"--stack {self.stack}" if self.stack else f"--context {self.context}"

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster; nothing is asked of it yet, but where it is reached through EKS, AWS is."""
        from velero_eks.kube.client import Cluster

        if self.context:
            return Cluster.by_context(self.context)
        if self.settings is None:
            raise BadTarget("the target has neither a context nor a stack")
        facts = self.settings.cluster
        return Cluster.by_name(facts.name, region=self.settings.region, account=facts.account)


def _load(stack: str) -> tuple[str, Settings]:
    from velero_on_eks.settings import StackFileError, find_stack_files, load_stack_file

    if stack.endswith((".yaml", ".yml")):
        path = Path(stack)
        if not path.is_file():
            raise BadTarget(f"--stack {stack}: there is no such file; give a stack's name or its file")
    else:
        files = find_stack_files(_project())
        if stack not in files:
            there = f"there are: {', '.join(files)}" if files else "the project has none in stacks/"
            raise BadTarget(f"no stack {stack!r}; {there}")
        path = files[stack]
    try:
        loaded = load_stack_file(path)
    except StackFileError as error:
        raise BadTarget(str(error)) from error
    return loaded.stack, loaded.settings


def _project() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise BadTarget(f"no Pulumi.yaml in {here} or above it; go to the project's folder, or use --context")
