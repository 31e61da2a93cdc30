"""The loop of the stand-in node: look at the Pods, start and stop what they ask for, report their status."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from lab.certificates import write_private
from lab.cloud.facts import Facts
from lab.kubelet import pod_status
from lab.kubelet.container import CannotRun, Launch, Token, prepare, server_container, sockets_folder
from lab.kubelet.identity import irsa, pod_identity
from lab.kubernetes_api import KubernetesApi
from lab.processes import Process, ProcessFailed, Supervisor, free_port, port_is_free
from velero_eks.errors import ApiError, OperationError, Unreachable

Object = dict[str, Any]

CONTROLLER_PORT = 8080
"""Velero's controller manager always listens here, on all addresses: one server a machine."""

_INTERVAL_SECONDS = 0.2
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 30.0
# A server that ran this long did not crash because of how it was started.
_STEADY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Node:
    """What the node has to offer: the programs, and where the cloud is."""

    home: Path
    velero: Path
    plugin_folder: Path
    trusted: Path
    cluster: str
    sts: str
    agent: str


@dataclass(kw_only=True)
class _Server:
    """The Velero server of one Pod, running or about to be."""

    pod: Object
    home: Path
    since: str = field(default_factory=pod_status.now)
    process: Process | None = None
    metrics: str = ""
    tokens: list[Token] = field(default_factory=list)
    minted: dict[Path, float] = field(default_factory=dict)
    ready: bool = False
    restarts: int = 0
    ended: pod_status.Ended | None = None
    delay: float = _FIRST_DELAY_SECONDS
    started: float = 0.0
    not_before: float = 0.0
    reported: Object | None = None


class Kubelet:
    """Runs Velero servers and reports Pods as ready. `say` gets a line for each thing that happens."""

    def __init__(
        self, api: KubernetesApi, node: Node, facts: Facts, supervisor: Supervisor, say: Callable[[str], object]
    ) -> None:
        self._api = api
        self._node = node
        self._facts = facts
        self._supervisor = supervisor
        self._say = say
        self._servers: dict[str, _Server] = {}
        self._reachable = True

    def run(self) -> None:
        """Work until an exception (a signal, Ctrl-C) ends it. An API server that is away is waited for."""
        while True:
            try:
                self.work()
                if not self._reachable:
                    self._say("the API server answers again")
                self._reachable = True
            except OperationError as error:
                if self._reachable or not isinstance(error, Unreachable):
                    self._say(str(error))
                self._reachable = not isinstance(error, Unreachable)
            time.sleep(_INTERVAL_SECONDS)

    def work(self) -> None:
        """One look at all Pods. Servers go on running while the API server is away, as on a real node."""
        pods = {pod["metadata"]["uid"]: pod for pod in self._api.list("/api/v1/pods")}
        wanted = {uid: pod for uid, pod in pods.items() if server_container(pod) and not _is_leaving(pod)}
        for uid in self._servers.keys() - wanted.keys():
            self._stop(self._servers.pop(uid))
        for uid, pod in wanted.items():
            if uid not in self._servers:
                self._servers[uid] = _Server(pod=pod, home=self._node.home / f"pod-{pod['metadata']['name']}")
            self._tend(self._servers[uid])
        for pod in pods.values():
            if not server_container(pod) and not _is_leaving(pod) and not pod_status.is_ready(pod):
                status = pod_status.running(pod, started=pod_status.now(), ready=True, message=pod_status.NOT_RUN)
                self._report(pod, status)

    def _tend(self, server: _Server) -> None:
        if server.process is not None and not server.process.running:
            self._record_end(server, server.process)
        if server.process is None and time.monotonic() >= server.not_before:
            self._start(server)
        if server.process is not None:
            self._mint(server)
            server.ready = server.ready or self._answers(server.metrics)
            self._report_once(
                server,
                pod_status.running(
                    server.pod,
                    started=server.since,
                    ready=server.ready,
                    restarts=server.restarts,
                    ended=server.ended,
                ),
            )

    def _start(self, server: _Server) -> None:
        name = f"{server.pod['metadata']['namespace']}/{server.pod['metadata']['name']}"
        server.not_before = time.monotonic() + _FIRST_DELAY_SECONDS
        try:
            if not port_is_free(CONTROLLER_PORT, ""):
                raise CannotRun(
                    f"port {CONTROLLER_PORT} of this machine is taken, by another Velero server or a program of yours; "
                    "Velero's controller manager cannot do without it",
                    "CreateContainerError",
                )
            launch = self._prepare(server)
            server.process = self._supervisor.start("velero", launch.command, environment=launch.environment)
        except (CannotRun, ProcessFailed) as problem:
            reason = problem.reason if isinstance(problem, CannotRun) else "CreateContainerError"
            status = pod_status.waiting(
                server.pod, started=server.since, reason=reason, message=str(problem), restarts=server.restarts
            )
            if self._report_once(server, status):
                self._say(f"{name} waits: {problem}")
            return
        server.started = time.monotonic()
        server.ready = False
        self._say(f"{name} runs as process {server.process.pid}")
        self._publish(server)

    def _prepare(self, server: _Server) -> Launch:
        pod, node = server.pod, self._node
        namespace = pod["metadata"]["namespace"]
        # A container that starts again finds its emptyDir volumes as they were; ours are only caches and plugins.
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(sockets_folder(server.home), ignore_errors=True)
        server.home.mkdir(parents=True)
        server.metrics = f"127.0.0.1:{free_port()}"
        launch = prepare(
            pod,
            lambda kind, name: self._api.find(f"/api/v1/namespaces/{namespace}/{kind}/{name}"),
            server.home,
            velero=node.velero,
            plugin_folder=node.plugin_folder,
            api_server=self._api.server,
            metrics_address=server.metrics,
            profiler_address=f"127.0.0.1:{free_port()}",
        )
        account = self._api.find(f"/api/v1/namespaces/{namespace}/serviceaccounts/{_account(pod)}")
        if account is None:
            raise CannotRun(f"service account {_account(pod)!r} not found")
        injected: dict[str, str] = {
            # The image's own list of authorities would do on AWS; here it is the lab's.
            "SSL_CERT_FILE": str(node.trusted),
            # Auto Mode nodes answer Pods with hop limit 1: the node's role is out of reach.
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for variables, tokens in (
            irsa(account, server.home, region=self._facts.region, sts=node.sts),
            pod_identity(pod, server.home, self._facts, cluster=node.cluster, agent=node.agent),
        ):
            injected |= variables
            launch.tokens += tokens
        # The webhook leaves alone what the container sets itself.
        launch.environment = {**injected, **launch.environment}
        server.tokens, server.minted = launch.tokens, {}
        self._mint(server)
        return launch

    def _mint(self, server: _Server) -> None:
        """Write the tokens that are missing or have used up four fifths of their time."""
        now = time.monotonic()
        for token in server.tokens:
            if now < server.minted.get(token.path, float("-inf")) + 0.8 * token.seconds:
                continue
            text = self._api.token(
                server.pod["metadata"]["namespace"],
                _account(server.pod),
                audiences=[token.audience] if token.audience else [],
                seconds=token.seconds,
                pod=server.pod,
            )
            token.path.parent.mkdir(parents=True, exist_ok=True)
            write_private(token.path, text.encode())
            server.minted[token.path] = now

    def _record_end(self, server: _Server, process: Process) -> None:
        ran = time.monotonic() - server.started
        server.delay = _FIRST_DELAY_SECONDS if ran > _STEADY_SECONDS else min(2 * server.delay, _LONGEST_DELAY_SECONDS)
        # The first restart comes at once, as on a real node.
        server.not_before = time.monotonic() + (server.delay if server.restarts else 0)
        server.restarts += 1
        server.ready = False
        self._supervisor.end(process)
        server.process = None
        message = f"the server ended with {process.outcome}.{process.log_tail(5)}"
        code = process.exit_code or 0
        server.ended = pod_status.Ended(code if code >= 0 else 128 - code, message)
        self._say(message)
        self._report_once(
            server,
            pod_status.waiting(
                server.pod,
                started=server.since,
                reason="CrashLoopBackOff",
                message=message,
                restarts=server.restarts,
                ended=server.ended,
            ),
        )
        self._publish(server)

    def _stop(self, server: _Server) -> None:
        if server.process is not None:
            self._supervisor.end(server.process)
            self._say(f"process {server.process.pid} ended, since its Pod is gone")
            server.process = None
        self._publish(server)
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(sockets_folder(server.home), ignore_errors=True)

    def _answers(self, metrics: str) -> bool:
        """The chart's readiness probe: GET /metrics."""
        try:
            with urllib3.PoolManager(timeout=1, retries=False) as pool:
                return pool.request("GET", f"http://{metrics}/metrics").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _report_once(self, server: _Server, status: Object) -> bool:
        """Report a status unless it says what the last one said; whether it was new."""
        if _without_times(status) == server.reported:
            return False
        self._report(server.pod, status)
        server.reported = _without_times(status)
        self._publish(server)
        return True

    def _report(self, pod: Object, status: Object) -> None:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
        # With the uid, a Pod of the same name that came meanwhile is a conflict and not a mistake.
        document = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        try:
            self._api.request("PATCH", path, document, content="application/merge-patch+json")
        except ApiError as error:
            if error.status not in {404, 409, 422}:
                raise

    def _publish(self, server: _Server) -> None:
        """`velero.json`: for tests and for whoever wants to find the process, its log and its metrics."""
        process = server.process
        document = {
            "namespace": server.pod["metadata"]["namespace"],
            "pod": server.pod["metadata"]["name"],
            "pid": process.pid if process is not None else None,
            "log": str(self._supervisor.logs / "velero.log"),
            "metrics": f"http://{server.metrics}/metrics" if process is not None else None,
            "restarts": server.restarts,
            "ready": server.ready and process is not None,
        }
        write_private(self._node.home / "velero.json", json.dumps(document, indent=2).encode())


def _is_leaving(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _account(pod: Object) -> str:
    return str(pod["spec"].get("serviceAccountName") or "default")


def _without_times(status: Object) -> Object:
    text = json.dumps(status)
    return json.loads(text, object_hook=lambda entry: {key: value for key, value in entry.items() if "Time" not in key})
