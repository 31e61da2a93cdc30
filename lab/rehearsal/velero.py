"""Velero through its API objects: a Backup or a Restore is made, followed to its end, and its phase is read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.kubernetes_api import KubernetesApi
from lab.processes import LabError, wait_until
from velero_eks.errors import Unreachable
from velero_eks.kube.objects import Object

API_VERSION = "velero.io/v1"
BACKUP_SECONDS = 120.0
RESTORE_SECONDS = 180.0
LOCATION_SECONDS = 90.0
_ENDED = frozenset({"Completed", "PartiallyFailed", "Failed", "FailedValidation"})


class VeleroFailed(LabError):
    """A backup or restore did not complete; the message says its phase and what Velero wrote on the object."""


@dataclass(frozen=True)
class Ended:
    """A backup or restore that reached its end, and the seconds from its request to it."""

    body: Object
    seconds: float

    @property
    def phase(self) -> str:
        """Velero's word for how it ended."""
        return str(self.body["status"]["phase"])


class Velero:
    """One Velero installation, in its namespace."""

    def __init__(self, api: KubernetesApi, namespace: str = "velero") -> None:
        self.api = api
        self.namespace = namespace

    def wait_until_location_is_available(self, seconds: float = LOCATION_SECONDS) -> float:
        """Wait until the default location is Available; the seconds it took. The error says what Velero says of it."""
        started = time.monotonic()
        path = self.api.path(API_VERSION, "BackupStorageLocation", self.namespace, "default")

        def available() -> bool:
            return (self.api.find(path) or {}).get("status", {}).get("phase") == "Available"

        try:
            wait_until(available, seconds=seconds, what="the backup storage location was Available")
        except LabError as error:
            said = (self.api.find(path) or {}).get("status", {}).get("message", "nothing")
            raise LabError(f"{error} Velero says of it: {said}") from error
        return time.monotonic() - started

    def backup(
        self,
        name: str,
        spec: dict[str, Any],
        seconds: float = BACKUP_SECONDS,
        *,
        labels: Mapping[str, str] | None = None,
    ) -> Ended:
        """Make a Backup and wait for its end, whatever it is."""
        spec = {"storageLocation": "default", "ttl": "24h0m0s", **spec}
        return self._run("Backup", name, spec, seconds, labels)

    def restore(self, name: str, spec: dict[str, Any], seconds: float = RESTORE_SECONDS) -> Ended:
        """Make a Restore and wait for its end, whatever it is."""
        return self._run("Restore", name, spec, seconds)

    def completed(self, ended: Ended) -> Ended:
        """The same, where it ended as Completed. Raises `VeleroFailed`."""
        if ended.phase != "Completed":
            status = {key: value for key, value in ended.body["status"].items() if key not in ("progress", "version")}
            raise VeleroFailed(
                f"{ended.body['kind']} {ended.body['metadata']['name']} ended as {ended.phase}: {status}"
            )
        return ended

    def schedule(self, name: str) -> Object | None:
        """A Schedule, None where there is none of that name."""
        return self.api.find(self.api.path(API_VERSION, "Schedule", self.namespace, name))

    def _run(
        self, kind: str, name: str, spec: dict[str, Any], seconds: float, labels: Mapping[str, str] | None = None
    ) -> Ended:
        path = self.api.path(API_VERSION, kind, self.namespace)
        metadata = {"name": name, "labels": dict(labels or {})}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        self.api.request("POST", path, body)
        started = time.monotonic()
        found: Object = {}

        def ended() -> bool:
            nonlocal found
            try:
                found = self.api.find(f"{path}/{name}") or {}
            except Unreachable:
                return False
            return found.get("status", {}).get("phase") in _ENDED

        try:
            wait_until(ended, seconds=seconds, what=f"{kind} {name} ended")
        except LabError as error:
            raise VeleroFailed(f"{error} Its phase is {found.get('status', {}).get('phase', 'unset')}.") from error
        return Ended({"kind": kind, **found}, time.monotonic() - started)
