"""The lab as one thing: start it, get its variables, take it apart again."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from lab.cloud import Cloud
from lab.cluster import Cluster, ClusterPrograms
from lab.control_plane import CONTEXT, CONTROLLERS, ISSUER
from lab.processes import Supervisor, terminating_signals

PASSPHRASE = "lab-passphrase"  # noqa: S105 - it encrypts the state of a rehearsal

_OF_THE_USER = ("AWS_", "PULUMI_", "HELM_", "KUBE")


class LabPrograms(ClusterPrograms, Protocol):
    """Where all programs of the lab lie."""

    @property
    def pulumi(self) -> Path: ...
    @property
    def language_python_dir(self) -> Path: ...
    @property
    def helm(self) -> Path: ...
    @property
    def kubectl(self) -> Path: ...
    @property
    def velero_version(self) -> str: ...


@dataclass(frozen=True)
class Part:
    """One part of the lab, for the list that is printed at the start."""

    name: str
    kind: Literal["real", "stand-in", "absent"]
    what: str


PARTS = (
    Part("Pulumi engine", "real", "the program, its state and its encryption, on a local backend"),
    Part("Helm", "real", "renders and installs the chart; hooks need Jobs, which nothing here runs"),
    Part("etcd, kube-apiserver", "real", "TLS, RBAC, admission and signed service-account tokens"),
    Part("kube-controller-manager", "real", ", ".join(name.removesuffix("-controller") for name in CONTROLLERS)),
    Part("Velero server and its AWS plugin", "real", "with the command, settings and rights that the chart gives them"),
    Part("Pulumi providers", "stand-in", "aws, kubernetes and random: the real engine speaks to programs of the lab"),
    Part("AWS", "stand-in", "moto, in memory: S3, KMS, IAM, STS, EKS; signatures of requests are not checked"),
    Part(
        "IAM's decisions",
        "stand-in",
        "S3 and KMS calls, IRSA and Pod Identity are judged by the policies in the account",
    ),
    Part("Node", "stand-in", "runs the Velero server as a process without isolation; says of other Pods that they run"),
    Part("EKS webhook, Pod Identity Agent", "stand-in", "give the Velero Pod its token and the way to its credentials"),
    Part("Scheduler, volumes, CSI snapshots, Jobs, network", "absent", "nothing of these is rehearsed"),
)


@dataclass(kw_only=True)
class LabEnvironment:
    """A running lab. `timings` holds the seconds that starting its parts took."""

    programs: LabPrograms
    directory: Path
    supervisor: Supervisor
    cloud: Cloud
    cluster: Cluster
    parts: tuple[Part, ...] = PARTS
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """The folder with one log file for each process."""
        return self.supervisor.logs

    @property
    def variables(self) -> dict[str, str]:
        """What leads kubectl, velero, AWS clients, Helm and Pulumi to this lab; to be added to an environment."""
        programs = self.programs
        clients = (programs.pulumi, programs.helm, programs.velero, programs.kubectl)
        found = [*(program.parent for program in clients), programs.language_python_dir]
        folders = list(dict.fromkeys(str(folder) for folder in found))
        if not shutil.which("uv") and (started_by := os.environ.get("UV")):
            # A uv beside the project is not on PATH, where the engine looks for it.
            folders.append(str(Path(started_by).parent))
        return {
            **self.cloud.variables,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "PULUMI_HOME": str(self.directory / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # What is not attached must be an error and not a download.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "HELM_CACHE_HOME": str(self.directory / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(self.directory / "helm" / "config"),
            "HELM_DATA_HOME": str(self.directory / "helm" / "data"),
            "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "/usr/bin:/bin")]),
        }

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with the lab's variables, for child processes.

        Variables of the user's own for AWS, Pulumi and Helm are left out: with `AWS_PROFILE`, or a session's token,
        clients would fail or go elsewhere.
        """
        own = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_USER)}
        return {**own, **self.variables}

    def add_cluster(self, name: str) -> Cluster:
        """A second cluster in the same account, started, with an issuer of its own.

        Its Velero server waits until the first cluster's has ended: both need the same port.
        """
        cluster = _cluster(self.supervisor, self.programs, self.cloud, self.directory, name, self._issuer(name))
        with self.timed(f"cluster {name}"):
            cluster.start()
        return cluster

    def rebuild_cluster(self) -> None:
        """Lose the cluster, and make it again under its name: empty, reached again, and with another issuer, as in EKS.

        What it had in AWS stays, and so does its kubeconfig's path.
        """
        name = self.cluster.name
        self.cluster.lose()
        self.cloud.delete_cluster(name)
        shutil.rmtree(self.directory / name)
        issuer = self._issuer(f"again-{name}")
        self.cluster = _cluster(self.supervisor, self.programs, self.cloud, self.directory, name, issuer)
        with self.timed(f"cluster {name} again"):
            self.cluster.start()

    def _issuer(self, name: str) -> str:
        return f"https://oidc.eks.{self.cloud.region}.amazonaws.com/id/{name.encode().hex().upper():0<32.32}"

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Record in `timings` how long the block took."""
        started = time.monotonic()
        yield
        self.timings[what] = time.monotonic() - started


def _cluster(
    supervisor: Supervisor, programs: LabPrograms, cloud: Cloud, directory: Path, name: str, issuer: str
) -> Cluster:
    return Cluster(supervisor, programs, cloud, directory / name, name=name, issuer=issuer)


@contextlib.contextmanager
def running_lab(
    programs: LabPrograms, directory: Path, *, name: str = CONTEXT, keep: bool = False
) -> Iterator[LabEnvironment]:
    """A started lab: the emulated AWS, one cluster, its node. Everything ends with the block, however it ends.

    `name` is the cluster's in EKS and that of its kubeconfig context.

    A lab that is started again on the same `directory` finds the cluster's objects as they were, but an empty AWS.
    Without `keep`, a directory that was new or empty is removed after success, and left for its logs after a
    failure. Raises `LabError` when a part does not start. Main thread only.
    """
    directory = directory.resolve()
    remove = not keep and not (directory.exists() and any(directory.iterdir()))
    directory.mkdir(parents=True, exist_ok=True)
    with terminating_signals():
        with Supervisor(directory / "logs") as supervisor:
            cloud = Cloud(supervisor, directory / "cloud")
            cluster = _cluster(supervisor, programs, cloud, directory, name, ISSUER)
            lab = LabEnvironment(
                programs=programs, directory=directory, supervisor=supervisor, cloud=cloud, cluster=cluster
            )
            for folder in ("state", "pulumi-home"):
                (directory / folder).mkdir(exist_ok=True)
            with lab.timed("AWS"):
                cloud.start()
            with lab.timed("control plane"):
                cluster.control_plane.start()
            with lab.timed("node"):
                cluster.register()
                cluster.start_node()
            yield lab
        if remove:
            shutil.rmtree(directory)
