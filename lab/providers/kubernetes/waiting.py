"""When an object is ready, and when it is gone. Every wait ends with the operation's own time limit."""

from __future__ import annotations

from typing import Any

from lab.providers.base import Operation, Properties, ProviderError
from lab.providers.kubernetes.cluster import Cluster

SKIP = "pulumi.com/skipAwait"
_LOOK_SECONDS = 0.25


def skips_waiting(properties: Properties) -> bool:
    """Whether the object's annotation says not to wait for it."""
    return (properties.get("metadata", {}).get("annotations") or {}).get(SKIP) == "true"


def not_ready(live: Properties) -> str | None:
    """Why an object is not ready yet, or None. Kinds that need a kubelet or a controller are ready at once."""
    status = live.get("status", {})
    if live["kind"] == "Namespace" and live["apiVersion"] == "v1":
        phase = status.get("phase")
        return None if phase == "Active" else f"its phase is {phase or 'not set'}, not Active"
    if live["kind"] == "CustomResourceDefinition":
        conditions = {item["type"]: item for item in status.get("conditions") or []}
        if conditions.get("NamesAccepted", {}).get("status") == "False":
            return f"its names are refused: {conditions['NamesAccepted'].get('message')}"
        return None if conditions.get("Established", {}).get("status") == "True" else "it is not Established"
    return None


def wait_ready(cluster: Cluster, path: str, live: Properties, operation: Operation) -> Properties:
    """The object once it is ready. Raises ProviderError with what is missing when the time is over."""
    while (reason := not_ready(live)) is not None:
        _pause(operation, f"{live['kind']} {live['metadata']['name']}: {reason}")
        found = cluster.get(path)
        if found is None:
            raise ProviderError(f"{live['kind']} {live['metadata']['name']}: disappeared while it was waited for")
        live = found
    return live


def wait_gone(cluster: Cluster, path: str, operation: Operation) -> None:
    """Waits until the object is gone, or another has taken its place. Raises ProviderError with what holds it."""
    first: str | None = None
    while (live := cluster.get(path)) is not None:
        uid = live["metadata"].get("uid")
        if first is not None and uid != first:
            return
        first = uid
        _pause(operation, f"{live['kind']} {live['metadata']['name']} is still there: {_holding(live)}")


def _pause(operation: Operation, waiting_for: str) -> None:
    try:
        operation.pause(_LOOK_SECONDS)
    except ProviderError as error:
        raise ProviderError(f"{error}; {waiting_for}") from error


def _holding(live: dict[str, Any]) -> str:
    finalizers = [*live["metadata"].get("finalizers", []), *live.get("spec", {}).get("finalizers", [])]
    said = [
        item["message"]
        for item in live.get("status", {}).get("conditions") or []
        if item.get("status") == "True" and item.get("message")
    ]
    held = f"finalizers {', '.join(finalizers)}" if finalizers else "no finalizers"
    return "; ".join([held, *said])
