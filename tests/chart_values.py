"""The names and kinds of the Velero chart's values, read from the chart: `settings/chart_values.py` is written from it.

A name is a value where `values.yaml` has it or a template reads it. A mapping that a template prints whole is one
value, whatever it holds; one whose keys are read one by one is many. What a comment says is not taken over.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

HEAD = '''\
"""Names and kinds of the values that each version of the Velero chart reads.

Written by `python -m tests.generated` from the charts themselves, see `tests/chart_values.py`. A value's kind is
`text`, `number`, `boolean`, `list` or `mapping` (of keys that the chart does not choose), or several of these.
"""

from __future__ import annotations

'''

_READ = re.compile(r"\$?\(?\.Values\.(\w+)\)?((?:\.\w+)*)")
_INSIDE = re.compile(r"(?<![\w$)\]])\.([a-z]\w*)")
# What a value takes whose default says nothing: what the server's flag, or the field of Kubernetes, takes.
_KINDS = {
    "configuration.backupStorageLocation": "list",
    "configuration.volumeSnapshotLocation": "list",
    "configuration.clientBurst": "number",
    "configuration.clientPageSize": "number",
    "configuration.clientQPS": "number",
    "configuration.itemBlockWorkerCount": "number",
    "configuration.defaultSnapshotMoveData": "boolean",
    "configuration.defaultVolumesToFsBackup": "boolean",
    "configuration.restoreOnlyMode": "boolean",
    "configuration.repositoryMaintenanceJob.repositoryConfigData.repositories": "mapping",
    "initContainers": "list|text",
    "metrics.nodeAgentPodMonitor.metricRelabelings": "list",
    "metrics.nodeAgentPodMonitor.relabelings": "list",
    "metrics.nodeAgentPodMonitor.tlsConfig": "mapping",
    "metrics.service.nodePort": "number",
    "metrics.serviceMonitor.metricRelabelings": "list",
    "metrics.serviceMonitor.relabelings": "list",
    "metrics.serviceMonitor.tlsConfig": "mapping",
    "nodeAgent.securityContext": "mapping",
    "podDisruptionBudget.maxUnavailable": "number|text",
    "podDisruptionBudget.minAvailable": "number|text",
    "revisionHistoryLimit": "number",
    "securityContext": "mapping",
    "serviceAccount.server.annotations": "mapping",
    "serviceAccount.server.labels": "mapping",
}


class Chart:
    """A chart's archive as `helm pull` saves it."""

    def __init__(self, archive: Path) -> None:
        with tarfile.open(archive) as packed:
            self._files = {
                name.split("/", 1)[1]: packed.extractfile(name).read().decode()  # type: ignore[union-attr]
                for name in packed.getnames()
                if name.endswith((".yaml", ".tpl", ".json"))
            }

    @cached_property
    def version(self) -> str:
        """Its exact version."""
        return str(yaml.safe_load(self._files["Chart.yaml"])["version"])

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Its `values.yaml`."""
        return yaml.safe_load(self._files["values.yaml"])

    @cached_property
    def templates(self) -> dict[str, str]:
        """Its templates by name."""
        return {
            name.removeprefix("templates/"): text for name, text in self._files.items() if name.startswith("templates/")
        }

    @cached_property
    def read(self) -> dict[str, set[str]]:
        """What the templates read, in dots, each with the templates that do."""
        found: dict[str, set[str]] = {}
        for name, text in self.templates.items():
            for first, rest in _READ.findall(text):
                found.setdefault(f"{first}{rest}", set()).add(name)
            if "with .Values.configuration }}" in text:
                # The server's own settings are read from inside of a `with`.
                known = self.defaults["configuration"]
                for key in set(_INSIDE.findall(text)) & set(known):
                    found.setdefault(f"configuration.{key}", set()).add(name)
        return found

    @cached_property
    def values(self) -> dict[str, str]:
        """Every value's kind, by its path in dots."""
        found = dict(self._leaves(self.defaults, ""))
        for path in self.read:
            # What is read and has no default; a part of a value, or a mapping of values, is none itself.
            if not any(
                other == path or other.startswith(f"{path}.") or path.startswith(f"{other}.") for other in found
            ):
                found[path] = _KINDS.get(path, "text")
        return dict(sorted(found.items()))

    @cached_property
    def unread(self) -> set[str]:
        """Values that no template reads."""
        return {
            path
            for path in self.values
            if not any(path == other or (path.startswith(f"{other}.") and self._whole(other)) for other in self.read)
            and not any(other.startswith(f"{path}.") for other in self.read)
        }

    def _leaves(self, node: dict[str, Any], above: str) -> Iterator[tuple[str, str]]:
        for key, value in node.items():
            path = f"{above}{key}"
            if isinstance(value, dict) and value and not self._whole(path):
                yield from self._leaves(value, f"{path}.")
            else:
                yield path, _KINDS.get(path) or _kind(value)

    def _whole(self, path: str) -> bool:
        """Whether templates read a mapping as it is, and none of its keys by name."""
        return path in self.read and not any(other.startswith(f"{path}.") for other in self.read)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    return "mapping" if isinstance(value, dict) else "text"


def module(charts: list[Chart]) -> str:
    """The text of `settings/chart_values.py`."""
    lines = [HEAD + "CHART_VALUES: dict[str, dict[str, str]] = {"]
    for chart in charts:
        lines.append(f"    {json.dumps(chart.version)}: {{")
        lines += [f"        {json.dumps(path)}: {json.dumps(kind)}," for path, kind in chart.values.items()]
        lines.append("    },")
    return "\n".join([*lines, "}"]) + "\n"


# The charts whose values are known.
CHARTS = ("12.1.0",)
MODULE = Path(__file__).resolve().parent.parent / "components" / "velero_on_eks" / "settings" / "chart_values.py"


def main() -> None:
    """Write the module again, where the charts are at hand."""
    from tests.conftest import reference_folder

    archives = [reference_folder() / f"velero-{version}.tgz" for version in CHARTS]
    missing = [path for path in archives if not path.exists()]
    if missing:
        print(f"left {MODULE.name} as it is: {', '.join(map(str, missing))} not there, see VELERO_REFERENCE")
        return
    MODULE.write_text(module([Chart(path) for path in archives]), encoding="utf-8")
    print(f"wrote {MODULE.name}")
