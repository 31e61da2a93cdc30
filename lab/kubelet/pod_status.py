"""The statuses a node reports for its Pods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

NOT_RUN = "No container runs: the lab says of every Pod but Velero's that it is ready."


@dataclass(frozen=True)
class Ended:
    """How a container's last process ended; `exit_code` as a shell gives it, 128 + signal for a signal."""

    exit_code: int
    message: str


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_ready(pod: Object) -> bool:
    """Whether the Pod's Ready condition is true."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def running(
    pod: Object, *, started: str, ready: bool, restarts: int = 0, ended: Ended | None = None, message: str = ""
) -> Object:
    """The status of a Pod whose containers run. `ended` tells how the process before this one ended."""
    return _status(pod, {"running": {"startedAt": started}}, started, ready, restarts, ended, message)


def waiting(
    pod: Object, *, started: str, reason: str, message: str, restarts: int = 0, ended: Ended | None = None
) -> Object:
    """The status of a Pod whose container cannot run at the moment, and why."""
    return _status(pod, {"waiting": {"reason": reason, "message": message}}, started, False, restarts, ended, "")


def _status(
    pod: Object, state: Object, started: str, ready: bool, restarts: int, ended: Ended | None, message: str
) -> Object:
    def condition(kind: str, holds: bool) -> Object:
        entry = {"type": kind, "status": str(holds), "lastProbeTime": None, "lastTransitionTime": now()}
        return entry if holds else {**entry, "reason": "ContainersNotReady"}

    def container(spec: Object) -> Object:
        return {
            "name": spec["name"],
            "image": spec["image"],
            "imageID": "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": restarts,
            "state": state,
            "lastState": {"terminated": terminated} if ended else {},
        }

    terminated = {"exitCode": ended.exit_code, "reason": "Error", "message": ended.message} if ended else None
    return {
        "phase": "Running",
        "message": message or None,
        "startTime": started,
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "conditions": [
            condition("PodScheduled", True),
            condition("Initialized", True),
            condition("ContainersReady", ready),
            condition("Ready", ready),
        ],
        "containerStatuses": [container(spec) for spec in pod["spec"]["containers"]],
    }
