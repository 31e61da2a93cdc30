"""State of our own, for what neither the emulator nor the cluster keeps."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

from lab.providers.base import ProviderError


class Store:
    """Records by kind and key, in memory and, when a path is given, in a JSON file that others may read.

    The file is an object of kinds ("addons", "podIdentityAssociations", "clusters", "releases"), each an object of
    records. It is replaced in one step, so a reader never sees half of it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._records: dict[str, dict[str, dict[str, Any]]] = {}
        if path is not None and path.exists():
            try:
                self._records = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ProviderError(f"{path} holds no JSON ({error}); remove it to start afresh") from error

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """A copy of the record, or None."""
        with self._lock:
            record = self._records.get(kind, {}).get(key)
            return None if record is None else json.loads(json.dumps(record))

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Copies of all records of a kind, by key."""
        with self._lock:
            return json.loads(json.dumps(self._records.get(kind, {})))

    def put(self, kind: str, key: str, record: dict[str, Any]) -> None:
        """Adds or replaces a record."""
        with self._lock:
            self._records.setdefault(kind, {})[key] = record
            self._save()

    def remove(self, kind: str, key: str) -> None:
        """Removes a record; a missing one is not an error."""
        with self._lock:
            self._records.get(kind, {}).pop(key, None)
            self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self._records, file, indent=2, sort_keys=True)
        Path(temporary).replace(self._path)
