"""The tool as someone types it: a process of its own, in the deployment's workspace, with the lab's environment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from lab.deployment import PROJECT, Deployment
from lab.environment import LabEnvironment
from lab.kubernetes_api import KubernetesApi
from lab.processes import wait_until
from velero_eks.errors import ApiError
from velero_eks.kube.objects import Object

MAIN = "from velero_eks.commands.app import main; main()"
SECONDS = 240
"""How long one command may take."""


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Both streams in one line, wherever the terminal's width broke them."""
        return " ".join(f"{self.out}\n{self.err}".split())

    @property
    def json(self) -> Any:
        """Standard output as the document it is."""
        return json.loads(self.out)


@dataclass
class Tool:
    """`velero-eks` in a lab. `where` says which cluster, by default the deployed stack."""

    deployment: Deployment
    where: tuple[str, ...] = ("--stack", "local")
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, code: int | None = 0, where: tuple[str, ...] | None = None) -> Said:
        """Run a command to its end; `code` is the exit code that it must have, None for any."""
        with self.start(*arguments, where=where) as process:
            said = self.said(process)
        assert "Traceback" not in said.err, said.err
        assert code is None or said.code == code, f"{arguments}: exit code {said.code}, not {code}\n{said.all[-1500:]}"
        return said

    @contextlib.contextmanager
    def start(self, *arguments: str, where: tuple[str, ...] | None = None) -> Iterator[Running]:
        """Start a command and leave it running; it is ended with the block."""
        command = [sys.executable, "-c", MAIN, *arguments, *(self.where if where is None else where)]
        environment = {
            **os.environ,
            **self.deployment.variables,
            "PYTHONPATH": str(PROJECT),
            "COLUMNS": "160",
            **self.variables,
        }
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                command,
                cwd=self.deployment.workspace,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            try:
                yield Running(process, out, err)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait(timeout=10)

    @staticmethod
    def said(process: Running) -> Said:
        """Wait for the end of a started command; what it said."""
        return process.wait()


@dataclass
class Running:
    """A command that was started."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]

    def wait(self, seconds: float = SECONDS) -> Said:
        """Its end. Raises `subprocess.TimeoutExpired`: every command has time limits of its own."""
        code = self.process.wait(timeout=seconds)
        return Said(code, _text(self.out), _text(self.err))

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """What Ctrl-C sends, or another signal."""
        self.process.send_signal(number)

    @property
    def err_so_far(self) -> str:
        """What it has written to standard error until now."""
        return _text(self.err)


def _text(stream: IO[bytes]) -> str:
    return os.pread(stream.fileno(), 10_000_000, 0).decode(errors="replace")


def gone(api: KubernetesApi, path: str, seconds: float = 60) -> None:
    """Delete an object and wait until it is away."""
    api.delete(path)
    wait_until(lambda: api.find(path) is None, seconds=seconds, what=f"{path} was gone")


def refusal(api: KubernetesApi, collection: str, body: Object) -> str:
    """Why the API server would not take an object; empty where it would."""
    try:
        api.request("POST", collection, body, query={"dryRun": "All"})
    except ApiError as error:
        return str(error)
    return ""


_LOCATION = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default"


@dataclass(frozen=True)
class ServerRun:
    """One run of the Velero server: how often it was started again, and when it last read its bucket."""

    restarts: int
    synced: str

    @classmethod
    def of(cls, lab: LabEnvironment) -> ServerRun:
        """The run of this moment; taken before the server is killed."""
        server = lab.cluster.velero()
        assert server is not None
        status = (lab.cluster.api.find(_LOCATION) or {}).get("status", {})
        return cls(server.restarts if server.ready else -1, status.get("lastSyncedTime") or "")


def server_is_back(lab: LabEnvironment, before: ServerRun, *, synced: bool = True) -> None:
    """Wait until the server was started again, and has read its bucket.

    Until then it takes a Backup that ends meanwhile for one that the bucket no longer has.
    """

    def back() -> bool:
        now = ServerRun.of(lab)
        return now.restarts > before.restarts and (not synced or now.synced > before.synced)

    wait_until(back, seconds=180, what="the Velero server was back and had read its bucket")


def deny_bucket(deployment: Deployment) -> Callable[[], object]:
    """Add a statement to the bucket's policy that denies Velero's role everything; how it is removed again."""
    outputs, s3 = deployment.outputs(), deployment.lab.cloud.client("s3")
    bucket = outputs["bucket"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(policy)
    arn = f"arn:aws:s3:::{bucket}"
    document["Statement"].append(
        {"Sid": "Mistake", "Effect": "Deny", "Principal": {"AWS": outputs["roleArn"]}, "Action": "s3:*",
         "Resource": [arn, f"{arn}/*"]}
    )  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    return lambda: s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def until_blocked(api: KubernetesApi, namespace: str) -> None:
    """Wait until a webhook refuses every write to a namespace: the API server takes it up after a moment."""
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": namespace}}
    collection = f"/api/v1/namespaces/{namespace}/configmaps"
    wait_until(lambda: "webhook" in refusal(api, collection, probe), seconds=30, what="the webhook blocked a write")
