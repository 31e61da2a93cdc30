"""One EKS cluster of the lab: its control plane, its stand-in node, and its entry in the emulated AWS."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lab.cloud import Cloud
from lab.control_plane import ISSUER, ControlPlane, ControlPlanePrograms
from lab.kubelet.node import CONTROLLER_PORT
from lab.kubernetes_api import KubernetesApi
from lab.processes import LabError, Process, Supervisor, TimeLimit, port_is_free, wait_until

KUBERNETES_VERSION = "1.34"
_NODE_SECONDS = 30.0


class ClusterPrograms(ControlPlanePrograms, Protocol):
    """Where the programs of a cluster lie; `plugin_dir` is a folder of Velero plugins, named like their images."""

    @property
    def velero(self) -> Path: ...
    @property
    def plugin_dir(self) -> Path: ...


@dataclass(frozen=True, kw_only=True)
class VeleroServer:
    """The Velero server as the node sees it. `pid` and `metrics` (a URL) are None while it does not run."""

    namespace: str
    pod: str
    pid: int | None
    log: Path
    metrics: str | None
    restarts: int
    ready: bool


class Cluster:
    """A control plane, the node that runs its Velero, and the cluster of that name in EKS.

    Give every cluster its own `issuer`: it distinguishes their tokens.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        programs: ClusterPrograms,
        cloud: Cloud,
        directory: Path,
        *,
        name: str,
        issuer: str = ISSUER,
    ) -> None:
        self.name = name
        self.control_plane = ControlPlane(
            supervisor,
            programs,
            directory / "control-plane",
            name=name,
            issuer=issuer,
            token_review=cloud.token_review(name),
        )
        self.node: Process | None = None
        self._supervisor = supervisor
        self._programs = programs
        self._cloud = cloud
        self._home = directory / "node"

    @property
    def api(self) -> KubernetesApi:
        """A client with every right."""
        return self.control_plane.api

    @property
    def kubeconfig(self) -> Path:
        return self.control_plane.kubeconfig

    def start(self) -> None:
        """Start the control plane, register it in EKS and start the node."""
        self.control_plane.start()
        self.register()
        self.start_node()

    def register(self) -> None:
        """Make the cluster in EKS, with the account's OIDC provider. Needed again when the emulator was restarted."""
        self._cloud.make_cluster(
            self.name,
            version=KUBERNETES_VERSION,
            endpoint=self.control_plane.server,
            issuer=self.control_plane.issuer,
            certificate_authority=self.control_plane.certificate_authority,
            public_key=self.control_plane.service_account_keys.public,
        )

    def start_node(self) -> None:
        """Start the stand-in node; it then runs the Velero server as soon as a Pod asks for one."""
        log = self._supervisor.logs / f"{self.name}-node.log"
        offset = log.stat().st_size if log.exists() else 0
        self.node = self._supervisor.start(
            f"{self.name}-node",
            [
                sys.executable,
                "-m",
                "lab.kubelet",
                f"--kubeconfig={self.kubeconfig}",
                f"--context={self.name}",
                f"--home={self._home}",
                f"--logs={self._supervisor.logs}",
                f"--velero={self._programs.velero}",
                f"--plugins={self._programs.plugin_dir}",
                f"--cluster={self.name}",
                f"--cloud={self._cloud.endpoint}",
                f"--trusted={self._cloud.bundle}",
                f"--region={self._cloud.region}",
                f"--clusters={self._cloud.clusters}",
                f"--associations={self._cloud.associations}",
            ],
            directory=Path(__file__).parents[1],
            ready=lambda: "watching Pods" in log.read_text()[offset:],
            seconds=_NODE_SECONDS,
            # It waits for Velero, which may take ten seconds of its own.
            grace=_NODE_SECONDS,
        )

    def stop_node(self) -> None:
        """End the node and its Velero server."""
        if self.node is not None:
            self._supervisor.end(self.node)
            self.node = None

    def lose(self) -> None:
        """End everything that belongs to the cluster; what is in AWS stays."""
        self.stop_node()
        self.control_plane.stop()
        wait_until(
            lambda: port_is_free(CONTROLLER_PORT, ""),
            seconds=_NODE_SECONDS,
            what=f"port {CONTROLLER_PORT} was free again",
        )

    def velero(self) -> VeleroServer | None:
        """The Velero server as the node last saw it; None before there was one."""
        state = self._home / "velero.json"
        if not state.exists():
            return None
        found = json.loads(state.read_text())
        return VeleroServer(**{**found, "log": Path(found["log"])})

    def kill_velero(self) -> int:
        """SIGKILL the Velero server, as a crash would; return the process id it had. The node starts it again."""
        server = self.velero()
        if server is None or server.pid is None:
            raise LabError(f"{self.name}: no Velero server runs")
        os.kill(server.pid, signal.SIGKILL)
        return server.pid

    def wait_until_available(self, namespace: str, deployment: str, seconds: float = 60) -> float:
        """Wait until a Deployment is available; return the seconds. The error says what its Pods wait for."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
        api, started = self.api, time.monotonic()
        try:
            wait_until(
                lambda: _is_available(api.find(path)), seconds=seconds, what=f"{namespace}/{deployment} was available"
            )
        except TimeLimit as limit:
            raise TimeLimit(f"{limit} {self._why_not(api, namespace)}") from limit
        return time.monotonic() - started

    def _why_not(self, api: KubernetesApi, namespace: str) -> str:
        reasons = [
            f"Pod {pod['metadata']['name']}: {_waits_for(container)}"
            for pod in api.list(f"/api/v1/namespaces/{namespace}/pods")
            for container in pod.get("status", {}).get("containerStatuses") or []
            if not container["ready"]
        ]
        sets = api.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
        reasons += [
            f"ReplicaSet {item['metadata']['name']}: {condition.get('message')}"
            for item in sets
            for condition in item.get("status", {}).get("conditions") or []
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        ]
        return " ".join(reasons) or "Its Pods are ready, or there is none."


def _is_available(found: dict[str, Any] | None) -> bool:
    if found is None:
        return False
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    return (
        status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("availableReplicas", 0) >= wanted
        and not status.get("unavailableReplicas")
    )


def _waits_for(container: dict[str, Any]) -> str:
    """What a container status says of one that is not ready."""
    waiting = container["state"].get("waiting")
    if waiting:
        return f"{waiting.get('reason')}: {waiting.get('message')}"
    ended = container.get("lastState", {}).get("terminated")
    if ended:
        return f"started {container['restartCount']} times again, not ready; before, {ended.get('message')}"
    return "runs, and is not ready yet"
