"""kubernetes:helm.sh/v3:Release, through the real helm program."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from lab.providers.base import Checked, Difference, Operation, PartialFailure, Properties, ProviderError, Refusal, State
from lab.providers.diff import Rules, changes
from lab.providers.kubernetes.cluster import Cluster
from lab.providers.kubernetes.helm import Helm, HelmError, chart_metadata
from lab.providers.kubernetes.kinds import RELEASE
from lab.providers.properties import UNKNOWN, has_unknown
from lab.providers.schema import misfits, resource_schema

# forceNewFields in pulumi-kubernetes provider/pkg/provider/helm_release.go; it never deletes before it replaces.
RULES = Rules(force_new=frozenset({"name", "namespace"}), computed=frozenset({"resourceNames", "version"}))
_DEFAULT_SECONDS = 300
_NAME_SUFFIX = 8
_REFUSED = {
    "allowNullValues": "nulls do not reach a stand-in provider",
    "atomic": "it waits for pods, and there is no kubelet",
    "keyring": "charts' signatures are not looked at",
    "manifest": "it is an output",
    "postrender": "no program of the user's is run",
    "valueYamlFiles": "give values",
    "verify": "charts' signatures are not looked at",
}


class Releases:
    """The five calls for a Release. `chart`, when given, is installed in place of the program's own chart."""

    def __init__(self, cluster: Cluster, helm: Helm, chart: Path | None) -> None:
        self._cluster = cluster
        self._helm = helm
        self._chart = chart

    def check(self, token: str, old: Properties, new: Properties, operation: Operation) -> Checked:
        """Fills in the name, the namespace and, as the real provider does, the time to wait."""
        # The SDK puts a mark for providers older than any that is stood in for here.
        inputs = {name: value for name, value in new.items() if name != "compat"}
        schema = resource_schema("pulumi_kubernetes.helm.v3", "Release", RELEASE)
        refusals = [Refusal(misfit.path, misfit.reason) for misfit in misfits(inputs, schema.inputs)]
        refusals += [
            Refusal(name, f"the stand-in does not do this: {reason}")
            for name, reason in _REFUSED.items()
            if inputs.get(name)
        ]
        suffix = hashlib.sha256(operation.seed + operation.name.encode()).hexdigest()[:_NAME_SUFFIX]
        inputs.setdefault("name", old.get("name") or f"{operation.name}-{suffix}")
        inputs.setdefault("namespace", self._cluster.namespace)
        if not inputs.get("skipAwait"):
            inputs.setdefault("timeout", _DEFAULT_SECONDS)
        return Checked(inputs, refusals)

    def diff(self, token: str, old: State, new: Properties) -> Difference:
        """Compares wishes."""
        return Difference(changes(old.inputs, new, RULES))

    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        """Renders the chart, so that a chart or a value that cannot work fails in the preview already."""
        names: Any = UNKNOWN
        if not has_unknown(inputs):
            names = resource_names(self._helm.template(inputs, self._location(inputs), operation))
        return {**inputs, "resourceNames": names, "status": UNKNOWN}

    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        """Installs the chart. A name that is in use is refused, as helm install does."""
        identifier = f"{inputs['namespace']}/{inputs['name']}"
        if not inputs.get("replace") and self._helm.status(inputs["name"], inputs["namespace"], operation) is not None:
            raise ProviderError(f"Release {identifier}: cannot re-use a name that is still in use; import it instead")
        return State(identifier, inputs, self._apply(identifier, inputs, operation))

    def read(self, token: str, known: State, operation: Operation) -> State | None:
        """The release as helm has it: a release rolled back or upgraded by hand shows in version and values."""
        namespace, _, name = known.identifier.rpartition("/")
        namespace = namespace or self._cluster.namespace
        live = self._helm.status(name, namespace, operation)
        if live is None:
            return None
        if known.inputs:
            inputs = {**known.inputs, "values": live["values"]}
            if "values" not in known.inputs and not live["values"]:
                del inputs["values"]
            if "version" in known.inputs:
                inputs["version"] = live["version"]
        else:
            chart, version = live["chart"], live["version"]
            inputs = {
                "chart": chart,
                "name": name,
                "namespace": namespace,
                "values": live["values"],
                "version": version,
            }
        return State(known.identifier, inputs, outputs_of(inputs, live))

    def update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        """Upgrades the release."""
        return self._apply(known.identifier, inputs, operation)

    def preview_update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        """As for a creation."""
        return self.preview_create(token, inputs, operation)

    def delete(self, token: str, known: State, operation: Operation) -> None:
        """Uninstalls the release. Helm leaves the CRDs of the chart's crds folder where they are."""
        namespace, _, name = known.identifier.rpartition("/")
        self._helm.uninstall(name, namespace, operation)

    def _apply(self, identifier: str, inputs: Properties, operation: Operation) -> Properties:
        try:
            self._helm.apply(inputs, self._location(inputs), operation)
        except HelmError as error:
            left = self._helm.status(inputs["name"], inputs["namespace"], operation)
            if left is None or left["status"] == "deployed":
                raise
            raise PartialFailure(identifier, outputs_of(inputs, left), f"Release {identifier}: {error}") from error
        live = self._helm.status(inputs["name"], inputs["namespace"], operation)
        if live is None:
            raise ProviderError(f"Release {identifier}: helm reported success and has no such release")
        return outputs_of(inputs, live)

    def _location(self, inputs: Properties) -> str:
        """Where the chart is: the one given at start-up if it is the one asked for, else what the program says."""
        if self._chart is None or Path(inputs["chart"]).exists():
            return inputs["chart"]
        metadata = chart_metadata(self._chart)
        asked = inputs["chart"].rstrip("/").rpartition("/")[2]
        if metadata.get("name") != asked:
            return inputs["chart"]
        if inputs.get("version") not in (None, metadata.get("version")):
            raise ProviderError(
                f"chart {self._chart} is version {metadata.get('version')}, the program asks for {inputs['version']}; "
                "give the chart of that version (VELERO_CHART)"
            )
        return str(self._chart)


def outputs_of(inputs: Properties, live: Properties) -> Properties:
    """The outputs of a release: the inputs, and what helm says of it."""
    return {
        **inputs,
        "values": live["values"],
        "version": live["version"],
        "resourceNames": resource_names(document for document in yaml.safe_load_all(live["manifest"]) if document),
        "status": {
            "appVersion": live.get("appVersion", ""),
            "chart": live["chart"],
            "name": inputs["name"],
            "namespace": inputs["namespace"],
            "revision": live["revision"],
            "status": live["status"],
            "version": live["version"],
        },
    }


def resource_names(documents: Any) -> dict[str, list[str]]:
    """Names by kind, keyed and written as the real provider does: Kind/apiVersion and namespace/name."""
    names: dict[str, list[str]] = {}
    for document in documents:
        metadata = document.get("metadata", {})
        namespace = metadata.get("namespace")
        name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        names.setdefault(f"{document['kind']}/{document['apiVersion']}", []).append(name)
    return {kind: sorted(found) for kind, found in sorted(names.items())}
