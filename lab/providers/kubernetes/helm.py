"""The real helm program, called for one release. Charts' hooks are not run: they are Jobs, and Jobs need a kubelet."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.providers.base import Operation, Properties, ProviderError
from lab.providers.kubernetes.cluster import Cluster

_LOOK_SECONDS = 0.2
_KILL_SECONDS = 5.0


class HelmError(ProviderError):
    """Helm ended with an error; the text is what it said last."""


class Helm:
    """The helm program at `program`, with folders of its own so that the user's repositories are left alone.

    With `pods`, a release is waited for as the program says (skipAwait); without it, never.
    """

    def __init__(self, program: str, cluster: Cluster, *, pods: bool = False) -> None:
        self._program = program
        self._cluster = cluster
        self._pods = pods

    def apply(self, inputs: Properties, chart: str, operation: Operation) -> Properties:
        """Installs or upgrades the release and gives it as helm prints it."""
        arguments = ["upgrade", "--install", inputs["name"], chart, "--values", "-", "--output", "json", "--no-hooks"]
        arguments += [*_chart_options(inputs, chart), *_options(inputs), "--timeout", _timeout(inputs, operation)]
        if self._pods and not inputs.get("skipAwait"):
            arguments.append("--wait")
        return json.loads(self._run(arguments, inputs["namespace"], operation, _values(inputs)))

    def template(self, inputs: Properties, chart: str, operation: Operation) -> list[dict[str, Any]]:
        """The objects that the chart makes of the values, its CRDs too; the cluster is not asked."""
        arguments = ["template", inputs["name"], chart, "--values", "-", "--include-crds", "--no-hooks"]
        text = self._run([*arguments, *_chart_options(inputs, chart)], inputs["namespace"], operation, _values(inputs))
        return [document for document in yaml.safe_load_all(text) if document]

    def status(self, name: str, namespace: str, operation: Operation) -> Properties | None:
        """The release's metadata as helm keeps it, its values and its manifest; None when there is no such release."""
        try:
            metadata = json.loads(self._run(["get", "metadata", name, "--output", "json"], namespace, operation))
        except HelmError as error:
            if "not found" in str(error):
                return None
            raise
        values = json.loads(self._run(["get", "values", name, "--output", "json"], namespace, operation))
        manifest = self._run(["get", "manifest", name], namespace, operation)
        return {**metadata, "values": values or {}, "manifest": manifest}

    def uninstall(self, name: str, namespace: str, operation: Operation) -> None:
        """Removes the release and waits for its objects; one that is gone is not an error."""
        arguments = ["uninstall", name, "--no-hooks", "--wait", "--ignore-not-found"]
        self._run([*arguments, "--timeout", _timeout({}, operation)], namespace, operation)

    def _run(self, arguments: Sequence[str], namespace: str, operation: Operation, values: str | None = None) -> str:
        program = shutil.which(self._program)
        if program is None:
            raise ProviderError(f"helm: {self._program!r} is not a program; give --helm, or set HELM to its path")
        where = ["--namespace", namespace]
        if arguments[0] != "template":
            where += ["--kubeconfig", str(self._cluster.kubeconfig), "--kube-context", self._cluster.context]
        environment = {
            **os.environ,
            **{
                f"HELM_{kind}_HOME": str(self._cluster.directory / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
            },
        }
        process = subprocess.Popen(
            [program, *arguments, *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        with process:
            try:
                output, errors = _communicate(process, operation, values)
            except ProviderError as error:
                raise HelmError(f"helm {arguments[0]}: {error}") from error
        if process.returncode != 0:
            said = [line for line in errors.splitlines() if line and not line.startswith("WARNING")]
            raise HelmError(f"helm {arguments[0]}: {said[-1] if said else f'exit code {process.returncode}'}")
        return output


def chart_metadata(chart: Path) -> Properties:
    """Chart.yaml of a chart folder or archive. Raises ProviderError when there is none."""
    try:
        if chart.is_dir():
            text = (chart / "Chart.yaml").read_text(encoding="utf-8")
        else:
            with tarfile.open(chart) as archive:
                name = next(
                    name for name in archive.getnames() if name.count("/") == 1 and name.endswith("/Chart.yaml")
                )
                file = archive.extractfile(name)
                text = file.read().decode() if file else ""
        metadata = yaml.safe_load(text)
    except (OSError, tarfile.TarError, StopIteration, yaml.YAMLError) as error:
        raise ProviderError(f"chart {chart}: no chart can be read there: {error or 'no Chart.yaml in it'}") from error
    if not isinstance(metadata, dict):
        raise ProviderError(f"chart {chart}: its Chart.yaml says nothing")
    return metadata


def _communicate(process: subprocess.Popen[str], operation: Operation, text: str | None) -> tuple[str, str]:
    try:
        while True:
            try:
                return process.communicate(text, timeout=min(_LOOK_SECONDS, operation.remaining()))
            except subprocess.TimeoutExpired:
                operation.remaining()
                # What was not written yet is kept by the process object, which takes input once only.
                text = None
    except ProviderError:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_KILL_SECONDS)
        process.kill()
        raise


def _values(inputs: Properties) -> str:
    return yaml.safe_dump(inputs.get("values") or {}, sort_keys=True)


def _timeout(inputs: Properties, operation: Operation) -> str:
    # Helm must give up before the operation does, so that it leaves the release marked as failed.
    seconds = min(inputs.get("timeout") or operation.remaining(), operation.remaining()) - 1
    return f"{max(1, int(seconds))}s"


def _chart_options(inputs: Properties, chart: str) -> list[str]:
    if Path(chart).exists():
        return []
    options = ["--version", inputs["version"]] if inputs.get("version") else []
    repository = (inputs.get("repositoryOpts") or {}).get("repo")
    return [*options, "--repo", repository] if repository else options


_FLAGS = {
    "cleanupOnFail": "--cleanup-on-fail",
    "createNamespace": "--create-namespace",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "forceUpdate": "--force",
    "renderSubchartNotes": "--render-subchart-notes",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
}


def _options(inputs: Properties) -> list[str]:
    options = [flag for name, flag in _FLAGS.items() if inputs.get(name)]
    for name, flag in (("description", "--description"), ("maxHistory", "--history-max")):
        if inputs.get(name) is not None:
            options += [flag, str(inputs[name])]
    return options
