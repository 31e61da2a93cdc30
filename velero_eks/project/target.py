"""Which cluster a command means: a stack of this project, or a kubeconfig context by name. Never the current one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from velero_eks.errors import BadTarget

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings, StackFile

    from velero_eks.kube.client import Cluster

VELERO_NAMESPACE = "velero"


@dataclass(frozen=True)
class Target:
    """A cluster and its Velero. Without a stack, `settings` is None, and with it the objectives and the bucket."""

    stack: str | None
    context: str | None
    namespace: str
    settings: Settings | None = None
    kubeconfig: Path | None = None

    @classmethod
    def of(
        cls, *, stack: str | None, context: str | None, namespace: str | None = None, kubeconfig: str | None = None
    ) -> Target:
        """The target of `--stack` (a name, or a stack file's path) or `--context`; exactly one is given.

        `namespace` is Velero's; by default the stack's, else `velero`. `kubeconfig` is the file with the context, a
        stack's too; by default KUBECONFIG, else ~/.kube/config. Raises `BadTarget`.
        """
        if stack and context:
            raise BadTarget(
                "--stack and --context are both given; a stack file names its own context, keep one of them"
            )
        if stack:
            from velero_eks.project.project import stack_of

            return cls.of_file(stack_of(stack), namespace=namespace, kubeconfig=kubeconfig)
        if context:
            return cls(None, context, namespace or VELERO_NAMESPACE, None, _file(kubeconfig))
        raise BadTarget(
            "which cluster? Give --stack with a stack of this project, or --context with a kubeconfig context;"
            " the current context is never used"
        )

    @classmethod
    def of_file(cls, file: StackFile, *, namespace: str | None = None, kubeconfig: str | None = None) -> Target:
        """The target of a stack file.

        A stack that names no context is reached through EKS; with `kubeconfig`, through the context there that
        `aws eks update-kubeconfig` or eksctl wrote for its cluster. Raises `BadTarget`.
        """
        settings, path = file.settings, _file(kubeconfig)
        context = settings.cluster.context
        if path is not None and context is None:
            context = _context_of(settings, path)
        return cls(file.stack, context, namespace or settings.release.namespace, settings, path)

    @property
    def name(self) -> str:
        """What the target is called in words."""
        return f"stack {self.stack}" if self.stack else f"context {self.context}"

    @property
    def arguments(self) -> str:
        """The target as it is typed, for commands that are proposed."""
        said = f"--stack {self.stack}" if self.stack else f"--context {self.context}"
        if self.kubeconfig is not None:
            said += f" --kubeconfig {shlex.quote(str(self.kubeconfig))}"
        usual = self.settings.release.namespace if self.settings is not None else VELERO_NAMESPACE
        return said if self.namespace == usual else f"{said} --velero-namespace {self.namespace}"

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster; nothing is asked of it yet, but where it is reached through EKS, AWS is."""
        from velero_eks.kube.client import Cluster

        if self.context:
            return Cluster.by_context(self.context, self.kubeconfig)
        if self.settings is None:
            raise BadTarget("the target has neither a context nor a stack")
        facts = self.settings.cluster
        return Cluster.by_name(facts.name, region=self.settings.region, account=facts.account)


def _file(kubeconfig: str | None) -> Path | None:
    if kubeconfig is None:
        return None
    path = Path(kubeconfig).expanduser()
    if not path.is_file():
        raise BadTarget(f"--kubeconfig {kubeconfig}: {'not a file' if path.exists() else 'no such file'}")
    return path


def _context_of(settings: Settings, path: Path) -> str:
    """The context for a stack's cluster in a kubeconfig, by the names that the AWS CLI and eksctl give clusters."""
    from velero_eks.kube.kubeconfig import Kubeconfig

    cluster, region = settings.cluster, settings.region
    arn = f"arn:{settings.partition.name}:eks:{region}:{cluster.account}:cluster/{cluster.name}"
    found = Kubeconfig.load(path).contexts_of({arn, f"{cluster.name}.{region}.eksctl.io"})
    if len(found) != 1:
        there = f"has {len(found)} contexts for it: {', '.join(found)}" if found else f"has no context for {arn}"
        raise BadTarget(
            f"--kubeconfig {path}: the stack names no context, and the file {there}."
            " Write the context's name to the stack file, as cluster.context, or remove --kubeconfig"
        )
    return found[0]
