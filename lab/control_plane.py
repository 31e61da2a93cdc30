"""A real Kubernetes control plane without nodes: etcd, kube-apiserver and kube-controller-manager.

Everything listens on a free loopback port under the lab's own certificate authority. RBAC is on, tokens are signed
for the issuer that EKS would give the cluster, and the data outlives a restart.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from lab.certificates import CertificateAuthority, KeyPair, service_account_keys, write_private
from lab.kubernetes_api import KubernetesApi, encoded, kubeconfig
from lab.processes import LabError, Process, Supervisor, free_port
from velero_eks.errors import OperationError

CONTEXT = "velero-eks-lab"
ISSUER = "https://oidc.eks.ap-south-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
"""The issuer of the lab's cluster: in EKS's form, since the IAM role's trust policy names it."""

CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "replicaset-controller",
)
"""Those that a rehearsal depends on. There is no scheduler, and no controller of jobs, nodes, volumes or endpoints."""

_READY_SECONDS = 60.0


class ControlPlanePrograms(Protocol):
    """Where the three programs lie."""

    @property
    def etcd(self) -> Path: ...
    @property
    def kube_apiserver(self) -> Path: ...
    @property
    def kube_controller_manager(self) -> Path: ...


class ControlPlane:
    """One control plane; several can run beside each other under different `name`s.

    `name` is the kubeconfig's context and the beginning of the processes' and logs' names for all but the first.
    `issuer` is the service-account issuer, and the default audience of tokens. `token_review` is the URL, and the
    authority behind it, where tokens of AWS identities are judged; without it only the lab's own identities get in.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        programs: ControlPlanePrograms,
        directory: Path,
        *,
        name: str = CONTEXT,
        issuer: str = ISSUER,
        token_review: tuple[str, Path] | None = None,
    ) -> None:
        self.name = name
        self.issuer = issuer
        self.kubeconfig = directory / "kubeconfig"
        self.certificates = CertificateAuthority(directory / "tls")
        self.service_account_keys = service_account_keys(directory / "tls")
        self.etcd: Process | None = None
        self.api_server: Process | None = None
        self.controller_manager: Process | None = None
        self._supervisor = supervisor
        self._programs = programs
        self._directory = directory
        self._token_review = token_review
        self._prefix = "" if name == CONTEXT else f"{name}-"
        self._etcd_port, self._etcd_peer_port = free_port(), free_port()
        self._port = free_port()
        self._controller_port = free_port()
        self._server = self.certificates.server("kube-apiserver")
        self._etcd_server = self.certificates.server("etcd", client=True)
        self._etcd_client = self.certificates.client("kube-apiserver-etcd-client")
        self.server = f"https://127.0.0.1:{self._port}"
        self._write_kubeconfig(self.kubeconfig, "velero-eks-lab-admin", ("system:masters",), name)

    @property
    def api(self) -> KubernetesApi:
        """A client with every right (group `system:masters`)."""
        return KubernetesApi.from_kubeconfig(self.kubeconfig, self.name)

    @property
    def certificate_authority(self) -> Path:
        """The PEM file that clients of the API server and of etcd trust."""
        return self.certificates.certificate

    def start(self) -> None:
        """Start all three. Raises `ProcessFailed` with the log of the one that failed."""
        self.start_etcd()
        self.start_api_server()
        self.start_controller_manager()

    def start_etcd(self) -> None:
        """Start etcd on the data it had before."""
        client, peer = f"https://127.0.0.1:{self._etcd_port}", f"https://127.0.0.1:{self._etcd_peer_port}"
        ca = self.certificate_authority
        self.etcd = self._supervisor.start(
            f"{self._prefix}etcd",
            [
                self._programs.etcd,
                "--name=lab",
                f"--data-dir={self._directory / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=lab={peer}",
                f"--cert-file={self._etcd_server.certificate}",
                f"--key-file={self._etcd_server.key}",
                f"--trusted-ca-file={ca}",
                "--client-cert-auth",
                f"--peer-cert-file={self._etcd_server.certificate}",
                f"--peer-key-file={self._etcd_server.key}",
                f"--peer-trusted-ca-file={ca}",
                "--log-level=warn",
                "--logger=zap",
            ],
            environment=_environment(),
            ready=lambda: "true" in self._text(f"https://127.0.0.1:{self._etcd_port}", "/health", self._etcd_client),
            seconds=_READY_SECONDS,
        )

    def start_api_server(self) -> None:
        """Start the API server; it is ready when `/readyz` says so."""
        keys, ca = self.service_account_keys, self.certificate_authority
        self.api_server = self._supervisor.start(
            f"{self._prefix}kube-apiserver",
            [
                self._programs.kube_apiserver,
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                # The endpoints of the `kubernetes` Service may not be loopback addresses, and nothing here uses them.
                "--endpoint-reconciler-type=none",
                f"--secure-port={self._port}",
                f"--tls-cert-file={self._server.certificate}",
                f"--tls-private-key-file={self._server.key}",
                f"--client-ca-file={ca}",
                "--anonymous-auth=false",
                "--authorization-mode=RBAC",
                f"--etcd-servers=https://127.0.0.1:{self._etcd_port}",
                f"--etcd-cafile={ca}",
                f"--etcd-certfile={self._etcd_client.certificate}",
                f"--etcd-keyfile={self._etcd_client.key}",
                f"--service-account-issuer={self.issuer}",
                f"--service-account-key-file={keys.public}",
                f"--service-account-signing-key-file={keys.private}",
                "--service-cluster-ip-range=10.100.0.0/16",
                "--profiling=false",
                *self._webhook_options(),
            ],
            environment=_environment(),
            ready=self.api.is_ready,
            seconds=_READY_SECONDS,
            # With clients connected its own way out can take a minute; it keeps nothing that could be lost.
            grace=3,
        )

    def start_controller_manager(self) -> None:
        """Start the controllers; each works under its own service account, with the rights that RBAC gives it."""
        config = self._directory / "controller-manager.kubeconfig"
        self._write_kubeconfig(config, "system:kube-controller-manager", (), CONTEXT)
        self.controller_manager = self._supervisor.start(
            f"{self._prefix}kube-controller-manager",
            [
                self._programs.kube_controller_manager,
                f"--kubeconfig={config}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self._controller_port}",
                f"--tls-cert-file={self._server.certificate}",
                f"--tls-private-key-file={self._server.key}",
                f"--controllers={','.join(CONTROLLERS)}",
                "--leader-elect=false",
                "--use-service-account-credentials",
                f"--root-ca-file={self.certificate_authority}",
                "--profiling=false",
            ],
            environment=_environment(),
            ready=self._controllers_run,
            seconds=_READY_SECONDS,
        )

    def restart_api_server(self) -> float:
        """End the API server and start it again on the same port; return the seconds until it was ready again."""
        if self.api_server is None:
            raise LabError(f"{self.name}: the API server was never started")
        self._supervisor.end(self.api_server)
        started = time.monotonic()
        self.start_api_server()
        if self.controller_manager is not None and not self.controller_manager.running:
            # It gives up when the API server is away at a bad moment; a node's kubelet would start it again too.
            self.start_controller_manager()
        return time.monotonic() - started

    def stop(self) -> None:
        """End all three; the data stays, and `start` goes on with it."""
        for process in (self.controller_manager, self.api_server, self.etcd):
            if process is not None:
                self._supervisor.end(process)
        self.controller_manager = self.api_server = self.etcd = None

    def _write_kubeconfig(self, path: Path, user: str, groups: tuple[str, ...], context: str) -> None:
        pair = self.certificates.client(user, groups)
        entry = {
            "client-certificate-data": encoded(pair.certificate),
            "client-key-data": encoded(pair.key),
        }
        write_private(path, kubeconfig(context=context, server=self.server, ca=self.certificate_authority, user=entry))

    def _webhook_options(self) -> list[str]:
        if self._token_review is None:
            return []
        server, authority = self._token_review
        path = self._directory / "token-review.kubeconfig"
        write_private(path, kubeconfig(context="eks", server=server, ca=authority, user={}))
        return [
            f"--authentication-token-webhook-config-file={path}",
            "--authentication-token-webhook-version=v1",
        ]

    def _controllers_run(self) -> bool:
        text = self._text(f"https://127.0.0.1:{self._controller_port}", "/healthz?verbose", None)
        return all(f"{name} ok" in text for name in CONTROLLERS)

    def _text(self, server: str, path: str, client: KeyPair | None) -> str:
        certificate = client and client.certificate.read_text() + client.key.read_text()
        try:
            return KubernetesApi.at(server, self.certificate_authority, certificate=certificate).text(path)
        except OperationError:
            return ""


def _environment() -> dict[str, str]:
    """Nothing of the caller's environment: no proxy, no Go debugging switch, no kubeconfig."""
    return {"PATH": "/usr/bin:/bin"}
