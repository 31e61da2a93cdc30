"""Objects that stop Velero: one text that its server cannot decode, and it sees none of that kind any more. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from velero_on_eks.settings.duration import Duration

from velero_eks.velero.records import Record

# Every field of Velero's objects that is a Go duration; the API server takes any text for them.
_DURATIONS = frozenset(
    {
        "backupSyncPeriod",
        "csiSnapshotTimeout",
        "execTimeout",
        "itemOperationTimeout",
        "maintenanceFrequency",
        "timeout",
        "ttl",
        "validationFrequency",
        "waitTimeout",
    }
)
# What people name themselves, and may name like one of these.
_FREE = frozenset({"config", "labels", "matchLabels", "namespaceMapping", "orderedResources"})


@dataclass(frozen=True)
class Undecodable:
    """A field that the server cannot decode: the object, the path to it, and what is wrong with it."""

    record: Record
    path: tuple[str, ...]
    value: str
    problem: str

    @property
    def field(self) -> str:
        """The path in dots."""
        return ".".join(self.path)

    @property
    def patch(self) -> str | None:
        """The merge patch that mends it, as JSON, where it is clear what was meant."""
        try:
            meant: Any = Duration.parse(self.value).go
        except ValueError:
            return None
        if any(part.isdigit() for part in self.path):
            return None
        for part in reversed(self.path):
            meant = {part: meant}
        return json.dumps(meant, separators=(",", ":"))


def undecodable(record: Record) -> list[Undecodable]:
    """The fields of one of Velero's objects that stop the controllers of its kind."""
    return list(_walk(record, record.spec, ("spec",)))


def _walk(record: Record, node: Any, path: tuple[str, ...]) -> Iterator[Undecodable]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _DURATIONS and isinstance(value, str):
                try:
                    Duration.parse_go(value)
                except ValueError as error:
                    yield Undecodable(record, (*path, key), value, str(error))
            elif key not in _FREE:
                yield from _walk(record, value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _walk(record, value, (*path, str(index)))
