"""Who asks: fixed credentials, a token in a file, a token that is signed, or a kubeconfig's credential plugin."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from velero_eks import contact
from velero_eks.errors import BadTarget, NotAllowed, Unreachable
from velero_eks.kube.transport import Credential
from velero_eks.terminal import words

PLUGIN_SECONDS = 15.0
"""How long a credential plugin may take of a first contact's 20 s; where it can ask someone at a terminal,
`LOGIN_SECONDS`."""

LOGIN_SECONDS = 60.0

# As client-go does it: mounted tokens are replaced long before they expire.
_FILE_SECONDS = 60.0
_EARLY_SECONDS = 10.0
_API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_SAID = 500
_LINE = 120
# Tokens are longer.
_WORD = 40
# An ExecCredential with a certificate has some kB.
_PRINTED = 1 << 20


class Credentials(Protocol):
    """What requests carry, from one to the next. For several threads. `source` says where they come from, as a noun
    phrase; empty where there is nothing to say."""

    @property
    def source(self) -> str: ...

    def current(self) -> Credential:
        """What to send now. Raises `OperationError` where it cannot be had."""
        ...

    def renew(self, refused: Credential) -> bool:
        """Forget what the API server refused; False where there is nothing else to use."""
        ...


@dataclass(frozen=True)
class FixedCredentials:
    """The same for every request."""

    credential: Credential = field(default_factory=Credential)
    source: str = ""

    def current(self) -> Credential:
        """What to send."""
        return self.credential

    def renew(self, refused: Credential) -> bool:
        """There is nothing else."""
        return False


class RenewedToken:
    """A bearer token that `make` gives, again after `seconds`."""

    def __init__(
        self, make: Callable[[], str], seconds: float, extra: Credential | None = None,
        *, now: Callable[[], float] = time.monotonic, source: str = "",
    ) -> None:  # fmt: skip
        self.source = source
        self._make = make
        self._seconds = seconds
        self._extra = extra or Credential()
        self._now = now
        self._lock = threading.Lock()
        self._held: tuple[float, Credential] | None = None

    def current(self) -> Credential:
        """The token, of `make` where it is too old."""
        with self._lock:
            if self._held is None or self._now() - self._held[0] > self._seconds:
                headers = {**self._extra.headers, "Authorization": f"Bearer {self._make()}"}
                self._held = self._now(), Credential(headers, self._extra.certificate)
            return self._held[1]

    def renew(self, refused: Credential) -> bool:
        """The next one is made."""
        with self._lock:
            if self._held is not None and self._held[1] is refused:
                self._held = None
            return True


def token_file(path: Path, extra: Credential, *, now: Callable[[], float] = time.monotonic) -> RenewedToken:
    """The token of a file, read again every minute. Raises `BadTarget` where it cannot be read."""

    def read() -> str:
        try:
            found = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise BadTarget(f"tokenFile {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
        if not found:
            raise BadTarget(f"tokenFile {path} is empty")
        return found

    return RenewedToken(read, _FILE_SECONDS, extra, now=now, source=f"tokenFile {path}")


class ExecPlugin:
    """A credential plugin (`exec` of a kubeconfig's user), in either version of its API.

    `settings` are the `exec` section, `cluster` what a plugin with `provideClusterInfo` is told, `name` what messages
    call the context. It is started when the first request is made, again when what it gave expires, and when the API
    server refuses that.
    """

    def __init__(
        self, settings: Mapping[str, Any], *, cluster: Mapping[str, Any], folder: Path, name: str,
        extra: Credential | None = None, seconds: float | None = None, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._name = name
        self._extra = extra or Credential()
        self._cluster = dict(cluster) if settings.get("provideClusterInfo") else None
        self._api_version = str(settings.get("apiVersion") or "")
        if self._api_version not in _API_VERSIONS:
            raise BadTarget(
                f"context {name!r}: exec.apiVersion is {self._api_version or 'missing'}; {' or '.join(_API_VERSIONS)}"
                " is expected ('aws eks update-kubeconfig' writes the entry again)"
            )
        command = str(settings.get("command") or "")
        if not command:
            raise BadTarget(f"context {name!r}: exec.command is missing")
        # As client-go reads it: with a separator it is relative to the kubeconfig, without one it is on PATH.
        self._command = command if Path(command).name == command else str(folder / command)
        self._arguments = [str(each) for each in settings.get("args") or []]
        self._environment = {str(each["name"]): str(each.get("value", "")) for each in settings.get("env") or []}
        self._hint = " ".join(str(settings.get("installHint") or "").split())
        mode = str(settings.get("interactiveMode") or "IfAvailable")
        self._interactive = mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
        if mode == "Always" and not self._interactive:
            raise BadTarget(f"context {name!r}: its credential plugin {command} needs a terminal, but this is not one")
        self._given = seconds
        self._now = now
        self._lock = threading.Lock()
        self._held: tuple[float | None, Credential] | None = None

    @property
    def shown(self) -> str:
        """The plugin as someone would type it, without secrets: kubelogin takes its client's as an argument."""
        return words.command([self._command, *self._arguments])

    @property
    def source(self) -> str:
        """Where the credentials come from."""
        return f"the credential plugin '{self.shown}'"

    @property
    def _seconds(self) -> float:
        return self._given or (LOGIN_SECONDS if self._interactive else contact.stretched(PLUGIN_SECONDS))

    def current(self) -> Credential:
        """What the plugin gave, or gives now where that expired."""
        with self._lock:
            if self._held is not None and (self._held[0] is None or self._now() < self._held[0]):
                return self._held[1]
            self._held = self._read(self._run())
            return self._held[1]

    def renew(self, refused: Credential) -> bool:
        """The plugin is asked again."""
        with self._lock:
            if self._held is not None and self._held[1] is refused:
                self._held = None
            return True

    def _run(self) -> bytes:
        program = shutil.which(self._command, path=self._environment.get("PATH"))
        if program is None:
            mend = self._hint or "install it, or write the entry again with 'aws eks update-kubeconfig'"
            raise BadTarget(
                f"{self._plugin} is not installed, or not on PATH. To fix it: {mend}", code="plugin-missing"
            )
        spec: dict[str, Any] = {"interactive": self._interactive}
        if self._cluster is not None:
            spec["cluster"] = self._cluster
        asked = {"apiVersion": self._api_version, "kind": "ExecCredential", "spec": spec}
        # Files and no pipes: a pipe that a child of the plugin holds open would be read forever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    [program, *self._arguments],
                    env={**os.environ, **self._environment, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
                    stdin=None if self._interactive else subprocess.DEVNULL,
                    stdout=out,
                    # Who is asked to log in has to read it.
                    stderr=None if self._interactive else err,
                    # A login at the terminal needs that terminal; what needs none is ended with all its children.
                    start_new_session=not self._interactive,
                )
            except OSError as error:
                raise BadTarget(f"{self._plugin} cannot be started: {error.strerror}") from error
            try:
                whom = f"the credential plugin of context {self._name} ({self.shown})"
                with contact.Wait(whom, asks=self._interactive):
                    status = process.wait(self._seconds)
            except subprocess.TimeoutExpired:
                raise Unreachable(
                    f"{self._plugin} did not end within {words.duration(self._seconds)}. Usually it waits for a login,"
                    f" or for a service behind a VPN. Run it by hand: {self.shown}",
                    code="plugin-hangs",
                ) from None
            finally:
                self._end(process)
            out.seek(0)
            err.seek(max(0, err.seek(0, os.SEEK_END) - _SAID))
            said = " ".join(err.read().decode(errors="replace").split())
            if status != 0:
                raise NotAllowed(
                    f"{self._plugin} failed with exit status {status}{f': {said}' if said else ''}."
                    f" Run it by hand: {self.shown}",
                    code="plugin-failed",
                )
            return out.read(_PRINTED)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                if self._interactive or not hasattr(os, "killpg"):
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _read(self, text: bytes) -> tuple[float | None, Credential]:
        try:
            answer = json.loads(text)
            version, status = answer["apiVersion"], answer["status"]
            token, pem, key = (status.get(each) for each in ("token", "clientCertificateData", "clientKeyData"))
            expires = status.get("expirationTimestamp")
            until = None if expires is None else datetime.fromisoformat(expires).timestamp() - _EARLY_SECONDS
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NotAllowed(
                f"{self._plugin} printed no ExecCredential, but {_printed(text)}. Run it by hand: {self.shown}",
                code="plugin-garbage",
            ) from None
        if version != self._api_version:
            raise BadTarget(
                f"{self._plugin} answers in {version}, and the kubeconfig asks for {self._api_version}: exec.apiVersion"
                " has to be the plugin's own"
            )
        if not token and not (pem and key):
            raise NotAllowed(
                f"{self._plugin} gave neither a token nor a client certificate with its key. Run it by hand:"
                f" {self.shown}",
                code="plugin-garbage",
            )
        headers = {**self._extra.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        return until, Credential(headers, f"{pem}\n{key}\n" if pem and key else self._extra.certificate)

    @property
    def _plugin(self) -> str:
        return f"context {self._name}: the credential plugin {self._command}"


def _printed(text: bytes) -> str:
    """What a plugin printed in the place of credentials, without what may be one."""
    words = text[:_SAID].decode(errors="replace").split()
    if not words:
        return "nothing"
    if words[0][0] in "{[":
        return "JSON of another shape"
    return repr(" ".join(word if len(word) <= _WORD else "(hidden)" for word in words)[:_LINE])
