"""The emulated AWS: moto as a child process, an EKS cluster in it, and the variables that lead clients to it."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from typing import Any

import boto3
import certifi
import urllib3
from botocore.config import Config

from lab.certificates import CertificateAuthority
from lab.cloud.facts import ACCOUNT, ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY, ClusterFacts, Facts
from lab.processes import Process, Supervisor, free_port

REGION = "ap-south-1"
CLUSTER_ROLE = "velero-eks-lab-cluster"


class Cloud:
    """One emulated AWS account and region on a free loopback port, over TLS.

    `directory` gets the certificates, the trust bundle and the facts about clusters. `associations` is the JSON file
    in which the stand-in `aws` provider keeps the Pod Identity associations that moto lacks.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        directory: Path,
        *,
        associations: Path | None = None,
        region: str = REGION,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.region = region
        self.account = ACCOUNT
        self.process: Process | None = None
        self.port = free_port()
        self.endpoint = f"https://127.0.0.1:{self.port}"
        self.bundle = directory / "trusted-ca.pem"
        self.associations = associations or directory / "associations.json"
        self._supervisor = supervisor
        self._clients: dict[str, Any] = {}
        self.clusters = directory / "clusters.json"
        self._facts = Facts(self.clusters, self.associations, region=region)
        authority = CertificateAuthority(directory / "tls")
        self._authority = authority.certificate
        self._server = authority.server("moto")
        self.bundle.write_text(_system_authorities() + authority.certificate.read_text())

    @property
    def variables(self) -> dict[str, str]:
        """What leads AWS clients (boto3, the CLI, Go's SDK) to this account as its administrator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ADMIN_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CA_BUNDLE": str(self.bundle),
            "SSL_CERT_FILE": str(self.bundle),
            "REQUESTS_CA_BUNDLE": str(self.bundle),
            # A profile of the user's own must not lead a rehearsal to a real account.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def token_review(self, cluster: str) -> tuple[str, Path]:
        """Where an API server has AWS identities' tokens for `cluster` judged, and the authority behind it."""
        return f"{self.endpoint}/token-review/{cluster}", self._authority

    def start(self) -> None:
        """Start the emulator, empty. Raises `ProcessFailed` with its log."""
        self.process = self._supervisor.start(
            "moto",
            [
                sys.executable,
                "-m",
                "lab.cloud.server",
                f"--port={self.port}",
                f"--certificate={self._server.certificate}",
                f"--key={self._server.key}",
                f"--region={self.region}",
                f"--clusters={self.clusters}",
                f"--associations={self.associations}",
            ],
            directory=Path(__file__).parents[2],
            ready=self._is_ready,
            seconds=60,
        )

    def stop(self) -> None:
        """End the emulator, and with it everything that was in the account."""
        if self.process is not None:
            self._supervisor.end(self.process)
            self.process = None

    def reset(self) -> None:
        """Forget everything in the account; clusters have to be made again."""
        self._get("POST", "/moto-api/reset")

    def client(self, service: str) -> Any:
        """A boto3 client as the administrator, with short time limits and the certificate verified."""
        if service not in self._clients:
            self._clients[service] = boto3.client(  # pyright: ignore[reportCallIssue]
                service,  # pyright: ignore[reportArgumentType]
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=ADMIN_ACCESS_KEY,
                aws_secret_access_key=ADMIN_SECRET_KEY,
                verify=str(self.bundle),
                config=Config(
                    connect_timeout=5, read_timeout=30, retries={"max_attempts": 2}, s3={"addressing_style": "path"}
                ),
            )
        return self._clients[service]

    def make_cluster(
        self,
        name: str,
        *,
        version: str,
        endpoint: str,
        issuer: str,
        certificate_authority: Path,
        public_key: Path,
        auto_mode: bool = False,
    ) -> None:
        """Make the EKS cluster that a control plane stands for, its role, and the account's OIDC provider for it."""
        self._facts.add(
            ClusterFacts(
                name=name,
                endpoint=endpoint,
                issuer=issuer,
                certificate_authority=certificate_authority.read_text(),
                public_key=public_key.read_text(),
            )
        )
        iam, eks = self.client("iam"), self.client("eks")
        trust = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},'
            '"Action":["sts:AssumeRole","sts:TagSession"]}]}'
        )
        role = iam.create_role(RoleName=_role_of(name), AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        eks.create_cluster(
            name=name,
            version=version,
            roleArn=role,
            resourcesVpcConfig={"subnetIds": ["subnet-0a", "subnet-0b"]},
            tags={"purpose": "rehearsal"},
        )
        iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40])

    def delete_cluster(self, name: str) -> None:
        """Take the cluster out of EKS, and its role away; as in AWS, the account keeps its OIDC provider."""
        self.client("eks").delete_cluster(name=name)
        self.client("iam").delete_role(RoleName=_role_of(name))

    def _is_ready(self) -> bool:
        try:
            return self._get("GET", "/moto-api/data.json") == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _get(self, method: str, path: str) -> int:
        tls = ssl.create_default_context(cafile=str(self._authority))
        with urllib3.PoolManager(ssl_context=tls, timeout=5, retries=False) as pool:
            return pool.request(method, f"{self.endpoint}{path}").status


def _role_of(cluster: str) -> str:
    return f"{CLUSTER_ROLE}-{cluster}"[:64]


def _system_authorities() -> str:
    """What this machine trusts: clients take one bundle for everything, and some also fetch from the internet."""
    chosen = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or certifi.where()
    return Path(chosen).read_text().rstrip() + "\n"
