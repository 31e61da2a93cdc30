"""What a command works with: the cluster it was told, the Velero there, and the bucket, each reached on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from velero_eks.errors import BadTarget, NotFound
from velero_eks.kube.client import Cluster
from velero_eks.project.target import Target
from velero_eks.terminal.safe import say
from velero_eks.velero.api import Velero
from velero_eks.velero.bucket import BackupStore, StoreAddress
from velero_eks.velero.installation import Installation
from velero_eks.velero.records import Location

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

DEPLOYMENT = "velero"
"""The server's Deployment: it asks for it by this very name whenever it restores."""

ReportProgress = Callable[[str, int, int], None]
"""Takes the phase of an operation, and how many objects are done of how many; 0 of 0 while Velero does not know."""
ShowProgress = Callable[[str], AbstractContextManager[ReportProgress]]


@contextmanager
def phases(what: str) -> Iterator[ReportProgress]:
    """Progress for logs: a line on stderr when the phase changes."""
    last = ""

    def show(phase: str, done: int, total: int) -> None:
        nonlocal last
        if phase != last:
            last = phase
            say(f"{what}: {phase}")

    yield show


@dataclass(frozen=True)
class Session:
    """A target, and what hangs on it. Nothing is asked before it is needed: a lost cluster does not matter to `store`
    where a stack says where the bucket is. `progress` shows how far a Backup or a Restore is."""

    target: Target
    progress: ShowProgress = field(default=phases, compare=False)

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.target.cluster

    @cached_property
    def velero(self) -> Velero:
        """Velero in the target's namespace."""
        return Velero(self.cluster, self.target.namespace)

    @property
    def settings(self) -> Settings | None:
        """The stack's settings, None for a bare context."""
        return self.target.settings

    def store(self, location: str | None = None) -> BackupStore:
        """The bucket: the stack's own, or with a bare context that of a location (by default the default one).

        With a stack, `location` is asked of the cluster where it is another than the stack's.
        """
        settings = self.settings
        if settings is not None and location in (None, "default"):
            return BackupStore(StoreAddress.of_settings(settings))
        account = settings.cluster.account if settings is not None else None
        return BackupStore(StoreAddress.of_location(self._location(location), account=account))

    def server_ready(self) -> bool:
        """Whether the Velero server runs. Without it nothing that is asked of it will ever be answered."""
        path = f"/apis/apps/v1/namespaces/{self.target.namespace}/deployments/{DEPLOYMENT}"
        try:
            found = self.cluster.get(path)
        except NotFound:
            return False
        return bool((found.get("status") or {}).get("availableReplicas"))

    def server_version(self) -> str:
        """Which Velero the server is, by its image; empty where there is none, or the image does not say."""
        server = Installation(self.cluster, self.target.namespace).server()
        return server.version if server else ""

    def _location(self, name: str | None) -> Location:
        if name is not None:
            return self.velero.location(name)
        found = self.velero.locations()
        chosen = [location for location in found if location.default] or found
        if len(chosen) != 1:
            there = ", ".join(location.name for location in found) or "none"
            raise BadTarget(
                f"{self.target.name}: expected one default location in namespace {self.target.namespace};"
                f" known: {there}"
            )
        return chosen[0]


def connected(
    *,
    stack: str | None,
    context: str | None,
    namespace: str | None = None,
    kubeconfig: str | None = None,
    progress: ShowProgress = phases,
) -> Session:
    """The session of `--stack` or `--context`, with Velero in `namespace` (by default the stack's, else `velero`).

    `kubeconfig` is the file with the context, a stack's too; by default KUBECONFIG, else ~/.kube/config.

    Raises `BadTarget` for arguments that name nothing; nothing is connected yet.
    """
    return Session(Target.of(stack=stack, context=context, namespace=namespace, kubeconfig=kubeconfig), progress)
