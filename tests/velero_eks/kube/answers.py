"""AWS's answers as EKS and IAM give them, for botocore's Stubber: what the emulator lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.stub import Stubber

ACCOUNT = "111122223333"
REGION = "eu-west-1"
RECORDED = "recorded"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"


def described(name: str = "shop", **changes: Any) -> dict[str, Any]:
    """The answer of DescribeCluster for a standard cluster, shortened to what means something here."""
    cluster = {
        "name": name,
        "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}",
        "createdAt": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        "version": "1.34",
        "endpoint": f"https://EXAMPLED539D4633.gr7.{REGION}.eks.amazonaws.com",
        "identity": {"oidc": {"issuer": ISSUER}},
        "status": "ACTIVE",
        "certificateAuthority": {"data": "Zm9y"},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "computeConfig": {"enabled": False},
        **changes,
    }
    return {"cluster": {key: value for key, value in cluster.items() if value is not None}}


def auto_mode() -> dict[str, Any]:
    """What EKS adds to the answer for an Auto Mode cluster."""
    return {
        "computeConfig": {"enabled": True, "nodePools": ["general-purpose", "system"]},
        "storageConfig": {"blockStorage": {"enabled": True}},
        "accessConfig": {"authenticationMode": "API"},
    }


class Answers:
    """Clients with recorded answers, one for each service, used in the order in which they were recorded."""

    def __init__(self, region: str = REGION) -> None:
        self._clients: dict[str, Any] = {}
        self._stubs: dict[str, Stubber] = {}
        self._region = region

    def add(self, service: str, operation: str, answer: dict[str, Any], expected: dict[str, Any] | None = None) -> None:
        """Record an answer. With `expected`, the parameters of the call are compared with it."""
        self._stub(service).add_response(operation, answer, expected)

    def refuse(self, service: str, operation: str, code: str, message: str = "", status: int = 400) -> None:
        """Record an error."""
        self._stub(service).add_client_error(operation, code, message, status)

    def cluster(self, name: str = "shop", addons: dict[str, tuple[str, str]] | None = None, **changes: Any) -> None:
        """Record a cluster with its add-ons (version and status by name)."""
        self.add("eks", "describe_cluster", described(name, **changes), {"name": name})
        self.add("eks", "list_addons", {"addons": sorted(addons or {})})
        for addon, (version, status) in sorted((addons or {}).items()):
            answer = {"addon": {"addonName": addon, "addonVersion": version, "status": status}}
            self.add("eks", "describe_addon", answer, {"clusterName": name, "addonName": addon})

    def oidc_provider(self, *audiences: str) -> None:
        """Record IAM's OIDC provider of the cluster; without audiences, that there is none."""
        if audiences:
            answer = {"Url": ISSUER.removeprefix("https://"), "ClientIDList": list(audiences)}
            self.add("iam", "get_open_id_connect_provider", answer, {"OpenIDConnectProviderArn": PROVIDER})
        else:
            self.refuse("iam", "get_open_id_connect_provider", "NoSuchEntity", status=404)

    def client(self, service: str, *, region: str | None = None, **_: Any) -> Any:
        """What the code under test gets for `aws.client`."""
        self._stub(service)
        return self._clients[service]

    def _stub(self, service: str) -> Stubber:
        if service not in self._stubs:
            self._clients[service] = boto3.client(  # pyright: ignore[reportCallIssue]
                service,  # pyright: ignore[reportArgumentType]
                region_name=self._region,
                aws_access_key_id=RECORDED,
                aws_secret_access_key=RECORDED,
            )
            self._stubs[service] = Stubber(self._clients[service])
            self._stubs[service].activate()
        return self._stubs[service]
