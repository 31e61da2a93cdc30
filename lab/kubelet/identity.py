"""What EKS adds to a Pod so that it can have AWS credentials: IRSA's webhook, and the Pod Identity Agent."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from lab.cloud.facts import Facts
from lab.kubelet.container import Token

Object = dict[str, Any]

POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"
_ANNOTATION = "eks.amazonaws.com"


def irsa(account: Object, home: Path, *, region: str, sts: str) -> tuple[dict[str, str], list[Token]]:
    """The webhook's variables and token for a service account; empty without the role annotation.

    `sts` is the emulator: on AWS no variable names it, since SDKs know where STS is.
    """
    annotations = account["metadata"].get("annotations") or {}
    role = annotations.get(f"{_ANNOTATION}/role-arn")
    if not role:
        return {}, []
    token = Token(
        path=home / "eks" / "token",
        audience=annotations.get(f"{_ANNOTATION}/audience", "sts.amazonaws.com"),
        seconds=int(annotations.get(f"{_ANNOTATION}/token-expiration", 86_400)),
    )
    variables = {
        "AWS_ROLE_ARN": role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token.path),
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_STS": sts,
    }
    return variables, [token]


def pod_identity(
    pod: Object, home: Path, facts: Facts, *, cluster: str, agent: str
) -> tuple[dict[str, str], list[Token]]:
    """The variables and token that lead to the agent at `agent`; empty without an association."""
    account = pod["spec"].get("serviceAccountName", "default")
    if facts.association(cluster, pod["metadata"]["namespace"], account) is None:
        return {}, []
    token = Token(path=home / "eks" / "pod-identity-token", audience=POD_IDENTITY_AUDIENCE, seconds=86_400)
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{agent}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token.path),
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_REGION": facts.region,
        "AWS_DEFAULT_REGION": facts.region,
    }
    return variables, [token]


class PodIdentityAgent:
    """The agent that a node runs: it trades a Pod's token for the credentials of the associated role.

    Listens on a free loopback port, in a thread, from construction until `close`.
    """

    def __init__(self, eks: str, bundle: Path, cluster: str) -> None:
        pool = urllib3.PoolManager(ca_certs=str(bundle), timeout=10, retries=False)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if urlsplit(self.path).path != "/v1/credentials":
                    self._answer(404, {"message": "not found"})
                    return
                try:
                    answer = pool.request(
                        "POST",
                        f"{eks}/clusters/{cluster}/assume-role-for-pod-identity",
                        body=json.dumps({"token": self.headers.get("Authorization", "")}),
                        headers={"Content-Type": "application/json"},
                    )
                except urllib3.exceptions.HTTPError as error:
                    self._answer(502, {"message": f"EKS Auth does not answer: {error}"})
                    return
                document = json.loads(answer.data)
                self._answer(answer.status, _as_sdks_want_it(document) if answer.status == 200 else document)

            def _answer(self, status: int, document: Object) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="pod-identity-agent", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _as_sdks_want_it(document: Object) -> Object:
    credentials = document["credentials"]
    return {
        "AccessKeyId": credentials["accessKeyId"],
        "SecretAccessKey": credentials["secretAccessKey"],
        "Token": credentials["sessionToken"],
        "Expiration": datetime.fromtimestamp(credentials["expiration"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
