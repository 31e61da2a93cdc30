"""Networks and credentials with one fault each, out of real sockets and processes, for commands that are really run.

`with case(folder) as scene` makes the fault; `scene.run("status")` runs the command in it. `python -m tests.networks`
measures every command family in every case: seconds until the answer, and the answer.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.certificates import CertificateAuthority
from tests.limits import HANG

STACK, CONTEXT, CLUSTER = "exam", "exam", "exam-prod"
ACCOUNT, REGION = "111122223333", "ap-south-1"
START = "https://exam.awsapps.com/start"
NOWHERE = "api.exam.invalid"
"""A name that no resolver knows (RFC 6761)."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "--stack", STACK),
    "backup": ("backup", "before-exam", "--schedule", "daily-backup", "--yes", "--stack", STACK),
    "restore": ("restore", "cluster", "--from", "daily-backup", "--yes", "--stack", STACK),
    "drill": ("drill", "--namespace", CLUSTER, "--yes", "--stack", STACK),
    "logs": ("logs", "daily-backup-1", "--stack", STACK),
    "coverage": ("coverage", "daily-backup-1", "--stack", STACK),
    "show": ("show", "daily-backup-1", "--stack", STACK),
    "history": ("history", "configmap/grading", "--stack", STACK),
    "preflight": ("preflight", STACK),
    "init": ("init", "new", "--cluster", CLUSTER, "--region", REGION, "--yes"),
}
"""One command of each family, as it is typed."""

KUBERNETES = ("status", "backup", "restore", "drill", "logs", "coverage", "preflight")
"""Families that ask the API server."""
BUCKET = ("show", "history")
"""Families that ask the bucket alone, where a stack names it."""


@dataclass(frozen=True)
class Scene:
    """Where a command runs: the project's folder, the whole environment, and what the message has to name."""

    folder: Path
    environment: Mapping[str, str]
    named: tuple[str, ...]

    def run(self, family: str, *more: str, limit: float = HANG) -> Ran:
        """Run the family's command as a user does."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "velero_eks", *FAMILIES[family], *more],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Fault:
    """What a case does to a setting in which everything answers: `server` is the API server's URL, `user` what the
    kubeconfig says of the user, `aws` the URL of AWS (empty: the real addresses), `config` AWS's config file.
    `private` is whether EKS says that the endpoint is open from its VPC alone."""

    named: tuple[str, ...]
    server: str = ""
    authority: str | None = None
    user: dict[str, Any] = field(default_factory=lambda: {"token": "a-token"})
    aws: str | None = None
    config: str = ""
    keys: bool = True
    by_context: bool = True
    environment: dict[str, str] = field(default_factory=dict[str, str])


Case = Callable[[Path], AbstractContextManager[Scene]]
CASES: dict[str, Case] = {}
"""Every case by its name."""
AFFECTED: dict[str, tuple[str, ...]] = {}
"""The families that a case is about."""


def case(name: str, *families: str) -> Callable[[Callable[[Path, ExitStack], Fault]], Case]:
    """Register a case about these families."""

    def register(make: Callable[[Path, ExitStack], Fault]) -> Case:
        @contextmanager
        def scene(folder: Path) -> Iterator[Scene]:
            with ExitStack() as open_until_the_end:
                yield _scene(folder, make(folder, open_until_the_end), open_until_the_end)

        CASES[name] = scene
        AFFECTED[name] = families
        return scene

    return register


def _scene(folder: Path, fault: Fault, ends: ExitStack) -> Scene:
    aws = ends.enter_context(http(emulated_aws())) if fault.aws is None else fault.aws
    project = folder / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: velero-eks\nruntime: python\n")
    cluster = {
        "name": CLUSTER, "account": ACCOUNT, "kubernetesVersion": "1.35",
        "oidcIssuer": f"https://oidc.eks.{REGION}.amazonaws.com/id/EXAMPLE0A1B2C3D4E5F60718293A4B5C",
    }  # fmt: skip
    if fault.by_context:
        cluster["context"] = CONTEXT
    config = {"aws:region": REGION, "velero-eks:environment": "development", "velero-eks:cluster": cluster}
    (project / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
    home = folder / "home"
    (home / ".aws").mkdir(parents=True, exist_ok=True)
    (home / ".aws" / "config").write_text(fault.config)
    server: dict[str, Any] = {"server": fault.server or "https://127.0.0.1:1"}
    if fault.authority:
        server["certificate-authority-data"] = base64.b64encode(fault.authority.encode()).decode()
    kubeconfig = {
        "clusters": [{"name": CLUSTER, "cluster": server}],
        "users": [{"name": "oncall", "user": fault.user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CLUSTER, "user": "oncall"}}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "COLUMNS": "200",
        "KUBECONFIG": str(folder / "kubeconfig"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        **({"AWS_ENDPOINT_URL": aws} if aws else {}),
        **(keys if fault.keys else {}),
        **fault.environment,
    }
    return Scene(project, {name: value for name, value in environment.items() if value}, fault.named)


# What stands at the other end


@contextmanager
def unheard() -> Iterator[int]:
    """A port that drops what is sent to it, as a firewall does: no one takes the connections in its full queue."""
    with socket.socket() as server, ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(server.getsockname())
        yield server.getsockname()[1]


@contextmanager
def closed() -> Iterator[int]:
    """A port that refuses connections, and that no one else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def serving(serve: Callable[[socket.socket], Any]) -> Iterator[int]:
    """A port at which each connection is given to `serve`, in a thread of its own."""
    taken: list[socket.socket] = []

    def one(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            serve(sock)

    def accept() -> None:
        with suppress(OSError):
            while True:
                taken.append(listening.accept()[0])
                threading.Thread(target=one, args=(taken[-1],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(HANG)
            for sock in taken:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


def mute(sock: socket.socket) -> None:
    """Take what comes, and say nothing."""
    while sock.recv(1 << 16):
        pass


def read_request(sock: Any) -> tuple[bytes, bytes]:
    """The head and the body of one request; empty at the connection's end."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = sock.recv(1)
        if not part:
            return b"", b""
        head += part
    length = int((re.search(rb"(?i)content-length: *(\d+)", head) or [b"", b"0"])[1])
    body = b""
    while len(body) < length:
        body += sock.recv(length - len(body))
    return head, body


Answer = tuple[str, str, bytes]
"""Status line, more headers, body."""


@contextmanager
def http(answer: Callable[[str, str, bytes], Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server whose answer is made of the request's first line, its head and its body; its URL."""

    def serve(sock: socket.socket) -> None:
        if tls:
            with tls.wrap_socket(sock, server_side=True) as secured:
                answers(secured)
        else:
            answers(sock)

    def answers(secured: Any) -> None:
        if not tls and secured.recv(1, socket.MSG_PEEK) == b"\x16":
            # The hello of TLS, which a server of plain HTTP takes for a bad request.
            secured.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return
        while True:
            head, body = read_request(secured)
            if not head:
                return
            text = head.decode("latin-1")
            status, headers, found = answer(text.splitlines()[0], text, body)
            lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(found)}", *filter(None, [headers]), "", ""]
            secured.sendall("\r\n".join(lines).encode() + (b"" if text.startswith("HEAD") else found))

    with serving(serve) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


def said(status: str, document: Any) -> Answer:
    """A document as JSON."""
    return status, "Content-Type: application/json", json.dumps(document).encode()


def refusal(status: str, reason: str, message: str) -> Answer:
    """What an API server says to what it refuses."""
    code = int(status.split()[0])
    return said(status, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code})


def page(*_: Any) -> Answer:
    """The login page of a hotel's network."""
    return "200 OK", "Content-Type: text/html", b"<!doctype html><html><title>Welcome to the Wi-Fi</title></html>"


CALLER = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{0}:user/oncall</Arn><UserId>A</UserId>"
    "<Account>{0}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


def emulated_aws(
    *, account: str = ACCOUNT, endpoint: str = "", authority: str = "none", private: bool = False,
    refuses: Mapping[str, tuple[str, str, str]] | None = None,
) -> Callable[[str, str, bytes], Answer]:  # fmt: skip
    """AWS as far as the first contact needs it: STS, and EKS with one cluster at `endpoint` (none: another region's).

    `refuses` maps a service (or `*`) to the HTTP status, the code and the message of its refusal.
    """
    refused = refuses or {}

    def answer(first: str, head: str, body: bytes) -> Answer:
        scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request", head)
        service = scope[1] if scope else ""
        if told := refused.get(service) or refused.get("*"):
            return _aws_refusal(service, *told)
        if service == "sts":
            return "200 OK", "Content-Type: text/xml", CALLER.format(account).encode()
        if service == "eks" and endpoint and first.split()[1].split("?")[0] == f"/clusters/{CLUSTER}":
            cluster = {
                "name": CLUSTER, "arn": f"arn:aws:eks:{REGION}:{account}:cluster/{CLUSTER}", "version": "1.35",
                "createdAt": 1772443800.0, "status": "ACTIVE", "endpoint": endpoint,
                "certificateAuthority": {"data": base64.b64encode(authority.encode()).decode()},
                "resourcesVpcConfig": {"endpointPublicAccess": not private, "endpointPrivateAccess": private},
            }  # fmt: skip
            return said("200 OK", {"cluster": cluster})
        return _aws_refusal(service, "404 Not Found", "ResourceNotFoundException", "No cluster found for name: exam.")

    return answer


def _aws_refusal(service: str, status: str, code: str, message: str) -> Answer:
    if service in ("eks", "kms"):
        return (
            status,
            f"x-amzn-ErrorType: {code}\r\nContent-Type: application/json",
            json.dumps({"message": message}).encode(),
        )
    inner = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    text = inner if service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
    return status, "Content-Type: text/xml", text.encode()


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    """A kubeconfig's user with a credential plugin that is this shell script."""
    program = folder / "eks-token"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    settings = {
        "apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "args": ["get-token"],
        "interactiveMode": "Never", **more,
    }  # fmt: skip
    return {"exec": settings}


def certified(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's side of TLS for 127.0.0.1, and the authority behind it."""
    made = CertificateAuthority(folder / "tls")
    pair = made.server("api")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context, made.certificate.read_text()


# The API server cannot be reached


@case("api-drops", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    port = ends.enter_context(unheard())
    return Fault((f"https://127.0.0.1:{port}", "VPN"), server=f"https://127.0.0.1:{port}")


@case("api-refuses", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    port = ends.enter_context(closed())
    return Fault((f"https://127.0.0.1:{port}", "refused"), server=f"https://127.0.0.1:{port}")


@case("api-unknown-name", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    return Fault((f"https://{NOWHERE}", "VPN"), server=f"https://{NOWHERE}")


@case("api-silent", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    port = ends.enter_context(serving(mute))
    return Fault((f"https://127.0.0.1:{port}",), server=f"https://127.0.0.1:{port}")


@case("api-silent-after-tls", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    tls, authority = certified(folder)

    def silent(sock: socket.socket) -> None:
        with tls.wrap_socket(sock, server_side=True) as secured:
            mute(secured)

    port = ends.enter_context(serving(silent))
    url = f"https://127.0.0.1:{port}"
    return Fault((url,), server=url, authority=authority)


@case("api-other-certificate", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    tls, _ = certified(folder)
    url = ends.enter_context(http(page, tls))
    stranger = CertificateAuthority(folder / "stranger").certificate.read_text()
    return Fault((url, "certificate"), server=url, authority=stranger)


@case("api-without-tls", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(page)).replace("http:", "https:")
    return Fault((url, "TLS"), server=url)


@case("api-login-page", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(page))
    return Fault((url, "page"), server=url)


@case("api-redirects", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(lambda *_: ("302 Found", "Location: https://sso.example.com/login", b"")))
    return Fault((url, "https://sso.example.com/login"), server=url)


# A proxy is in the way


@case("proxy-dead", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    proxy = f"http://127.0.0.1:{ends.enter_context(closed())}"
    named = (f"https://{NOWHERE}", proxy, "HTTPS_PROXY", "NO_PROXY")
    return Fault(named, server=f"https://{NOWHERE}", environment={"HTTPS_PROXY": proxy})


@case("proxy-silent", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    proxy = f"http://127.0.0.1:{ends.enter_context(serving(mute))}"
    return Fault((proxy, "HTTPS_PROXY"), server=f"https://{NOWHERE}", environment={"HTTPS_PROXY": proxy})


@case("no-proxy-missing", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    proxy = ends.enter_context(http(lambda *_: ("503 Service Unavailable", "", b"")))
    named = (f"https://{NOWHERE}", proxy, "503", "NO_PROXY")
    return Fault(named, server=f"https://{NOWHERE}", environment={"HTTPS_PROXY": proxy})


# The API server does not take the credentials


@case("api-401", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(lambda *_: refusal("401 Unauthorized", "Unauthorized", "Unauthorized")))
    return Fault((url, CONTEXT, "expired"), server=url)


@case("api-403", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    message = 'backups.velero.io is forbidden: User "oncall" cannot list resource "backups" in API group "velero.io"'
    url = ends.enter_context(http(lambda *_: refusal("403 Forbidden", "Forbidden", message)))
    return Fault(('User "oncall" cannot list resource "backups"',), server=url)


@case("token-expired", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(lambda *_: refusal("401 Unauthorized", "Unauthorized", "token has expired")))
    status = {"token": "old", "expirationTimestamp": "2026-01-01T00:00:00Z"}
    printed = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    user = plugin(folder, f"echo '{json.dumps(printed)}'")
    return Fault((url, "eks-token get-token"), server=url, user=user)


@case("plugin-missing", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    user = plugin(folder, "", command="kubelogin", installHint="brew install kubelogin")
    return Fault((CONTEXT, "kubelogin", "brew install kubelogin"), server=f"https://{NOWHERE}", user=user)


@case("plugin-fails", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    user = plugin(folder, "echo 'Error loading SSO Token: Token for exam does not exist' >&2; exit 255")
    return Fault((CONTEXT, "eks-token", "Error loading SSO Token"), server=f"https://{NOWHERE}", user=user)


@case("plugin-hangs", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    user = plugin(folder, f"exec sleep {HANG}")
    return Fault((CONTEXT, "eks-token get-token"), server=f"https://{NOWHERE}", user=user)


@case("plugin-garbage", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    user = plugin(folder, "echo 'Please log in at https://sso.example.com'")
    return Fault((CONTEXT, "eks-token", "Please log in at"), server=f"https://{NOWHERE}", user=user)


def deaf_resolver(folder: Path) -> str:
    """A folder for PYTHONPATH: in it a resolver that no one hears, as one of a VPN that is down."""
    text = f"""import socket, threading
known = socket.getaddrinfo
def asked(host, *given, **named):
    if host not in (None, "localhost", "127.0.0.1"):
        threading.Event().wait({HANG})
    return known(host, *given, **named)
socket.getaddrinfo = asked
"""
    (folder / "resolver").mkdir()
    (folder / "resolver" / "sitecustomize.py").write_text(text)
    return os.pathsep.join(filter(None, [str(folder / "resolver"), os.environ.get("PYTHONPATH", "")]))


@case("api-resolver-hangs", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    environment = {"PYTHONPATH": deaf_resolver(folder)}
    return Fault((f"https://{NOWHERE}", "VPN"), server=f"https://{NOWHERE}", environment=environment)


# AWS's credentials


@case("profile-missing", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    environment = {"AWS_PROFILE": "exam-ops"}
    return Fault(("exam-ops", "AWS_PROFILE"), by_context=False, keys=False, environment=environment)


@case("sso-expired", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    cache = folder / "home" / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "old", "expiresAt": "2026-01-01T00:00:00Z", "startUrl": START, "region": REGION}
    # As the AWS CLI names it: the SHA-1 of the session's name.
    name = hashlib.sha1(b"exam", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(json.dumps(token))
    config = f"""[profile work]
sso_session = exam
sso_account_id = {ACCOUNT}
sso_role_name = ops
region = {REGION}
[sso-session exam]
sso_start_url = {START}
sso_region = {REGION}
sso_registration_scopes = sso:account:access
"""
    return Fault(
        ("work", "aws sso login --profile work"), by_context=False, keys=False, config=config,
        environment={"AWS_PROFILE": "work"},
    )  # fmt: skip


@case("no-credentials", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    return Fault(("no AWS credentials", "AWS_PROFILE"), by_context=False, keys=False)


@case("imds-hangs", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = f"http://127.0.0.1:{ends.enter_context(serving(mute))}"
    environment = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": url}
    return Fault(("no AWS credentials", "AWS_PROFILE"), by_context=False, keys=False, environment=environment)


@case("process-hangs", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    config = f"[profile work]\ncredential_process = sleep {HANG}\n"
    named = ("profile work", f"sleep {HANG}")
    return Fault(named, by_context=False, keys=False, config=config, environment={"AWS_PROFILE": "work"})


@case("process-fails", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    program = folder / "vault-login"
    program.write_text("#!/bin/sh\necho 'vault: permission denied' >&2\nexit 3\n")
    program.chmod(0o755)
    config = f"[profile work]\ncredential_process = {program}\n"
    named = ("work", "vault: permission denied")
    return Fault(named, by_context=False, keys=False, config=config, environment={"AWS_PROFILE": "work"})


@case("keys-expired", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    told = ("403 Forbidden", "ExpiredToken", "The security token included in the request is expired")
    url = ends.enter_context(http(emulated_aws(refuses={"*": told})))
    return Fault(("have expired",), aws=url, by_context=False)


@case("clock-off", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    late = "Signature expired: 20261128T010000Z is now earlier than 20261128T035500Z (20261128T041000Z - 15 min.)"
    skewed = "The difference between the request time and the current time is too large."
    refuses = {
        "sts": ("403 Forbidden", "SignatureDoesNotMatch", late),
        "eks": ("403 Forbidden", "InvalidSignatureException", late),
        "s3": ("403 Forbidden", "RequestTimeTooSkewed", skewed),
    }
    url = ends.enter_context(http(emulated_aws(refuses=refuses)))
    return Fault(("clock",), aws=url, by_context=False)


@case("no-right", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    message = f"User: arn:aws:iam::{ACCOUNT}:user/oncall is not authorized to perform: eks:DescribeCluster"
    refused = ("403 Forbidden", "AccessDeniedException", message)
    denied = ("403 Forbidden", "AccessDenied", "Access Denied")
    url = ends.enter_context(http(emulated_aws(refuses={"eks": refused, "s3": denied})))
    return Fault((f"arn:aws:iam::{ACCOUNT}:user/oncall",), aws=url, by_context=False)


# AWS itself


@case("account-wrong", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(emulated_aws(account="444455556666")))
    return Fault(("444455556666", ACCOUNT, "AWS_PROFILE"), aws=url, by_context=False)


@case("region-wrong", *KUBERNETES, "init")
def _(folder: Path, ends: ExitStack) -> Fault:
    return Fault((CLUSTER, REGION, "aws eks list-clusters"), by_context=False)


@case("endpoint-private", *KUBERNETES)
def _(folder: Path, ends: ExitStack) -> Fault:
    server = f"https://127.0.0.1:{ends.enter_context(unheard())}"
    _, authority = certified(folder)
    url = ends.enter_context(http(emulated_aws(endpoint=server, authority=authority, private=True)))
    return Fault((server, CLUSTER, "private"), aws=url, by_context=False)


@case("aws-drops", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = f"http://127.0.0.1:{ends.enter_context(unheard())}"
    return Fault((url, "VPN", "AWS_ENDPOINT_URL"), aws=url, by_context=False)


@case("aws-resolver-hangs", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    environment = {"PYTHONPATH": deaf_resolver(folder)}
    return Fault(("VPN",), aws="", by_context=False, environment=environment)


@case("aws-drips", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    over = threading.Event()
    ends.callback(over.set)

    def drip(sock: socket.socket) -> None:
        sock.recv(1 << 16)
        while not over.wait(0.5):
            sock.sendall(b"H")

    url = f"http://127.0.0.1:{ends.enter_context(serving(drip))}"
    return Fault((url,), aws=url, by_context=False)


@case("aws-silent", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = f"http://127.0.0.1:{ends.enter_context(serving(mute))}"
    return Fault((url, "AWS_ENDPOINT_URL"), aws=url, by_context=False)


@case("aws-refuses", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = f"http://127.0.0.1:{ends.enter_context(closed())}"
    return Fault((url, "AWS_ENDPOINT_URL"), aws=url, by_context=False)


@case("aws-unknown-name", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = f"https://aws.{NOWHERE}"
    return Fault((url, "AWS_ENDPOINT_URL"), aws=url, by_context=False)


@case("aws-proxy-dead", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    proxy = f"http://127.0.0.1:{ends.enter_context(closed())}"
    return Fault((proxy, "HTTPS_PROXY"), aws="", by_context=False, environment={"HTTPS_PROXY": proxy})


@case("aws-login-page", *FAMILIES)
def _(folder: Path, ends: ExitStack) -> Fault:
    url = ends.enter_context(http(page))
    return Fault((url,), aws=url, by_context=False)


def measured(name: str, families: Sequence[str], limit: float) -> Iterator[tuple[str, str, Ran | None]]:
    """Every command of these families that the case is about, run in it."""
    for family in families:
        if family in AFFECTED[name]:
            with tempfile.TemporaryDirectory() as folder, CASES[name](Path(folder)) as scene:
                try:
                    yield name, family, scene.run(family, limit=limit)
                except subprocess.TimeoutExpired:
                    yield name, family, None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.networks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", help="all of them by default")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="all of them by default")
    parser.add_argument("--limit", type=float, default=200, help="seconds after which a command is given up")
    parser.add_argument("--at-once", type=int, default=4)
    asked = parser.parse_args()
    families = asked.family or list(FAMILIES)
    print("| Case | Command | Seconds | Exit | What it says |\n|---|---|---|---|---|")
    with ThreadPoolExecutor(asked.at_once) as pool:
        for rows in pool.map(lambda name: list(measured(name, families, asked.limit)), asked.cases or list(CASES)):
            for name, family, ran in rows:
                if ran is None:
                    print(f"| {name} | {family} | > {asked.limit:.0f} | | |", flush=True)
                else:
                    text = " ⏎ ".join((ran.err or ran.out).strip().splitlines()) or ran.out.strip()[-300:]
                    print(f"| {name} | {family} | {ran.seconds:.1f} | {ran.code} | {text} |", flush=True)


if __name__ == "__main__":
    main()
