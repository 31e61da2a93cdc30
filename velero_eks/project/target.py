"""Which cluster a command means: a stack of this project, or a kubeconfig context by name. Never the current one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
            from velero_eks.project.project import stack_of

            file = stack_of(stack)
            settings = file.settings
            return cls(file.stack, settings.cluster.context, namespace or settings.release.namespace, settings)
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
