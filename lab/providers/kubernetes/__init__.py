"""A stand-in for the kubernetes provider: objects by server-side apply on a real API server, releases by real helm."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.providers.base import (
    Checked,
    Difference,
    Operation,
    Properties,
    Provider,
    ProviderError,
    Refusal,
    Session,
    State,
)
from lab.providers.config import structured
from lab.providers.diff import Rules, changes
from lab.providers.kubernetes.cluster import Cluster, load_kubeconfig, server_of
from lab.providers.kubernetes.helm import Helm
from lab.providers.kubernetes.kinds import RELEASE
from lab.providers.kubernetes.manifest import ManifestReleases
from lab.providers.kubernetes.objects import Objects, Switches
from lab.providers.kubernetes.release import Releases
from lab.providers.package import Package
from lab.providers.properties import UNKNOWN
from lab.providers.properties import Path as PropertyPath
from lab.providers.schema import misfits, resource_schema
from lab.providers.store import Store

_PROVIDER = "pulumi:providers:kubernetes"
_REFUSED = ("cluster", "deleteUnreachable", "renderYamlToDirectory", "skipUpdateUnreachable")
_PLACES = ("kubeconfig", "context", "cluster")


class KubernetesProvider(Provider):
    """Speaks to the cluster that the program's provider names.

    `helm` is the helm program; `chart` a chart to install in place of the program's own of the same name and version;
    `manifest` YAML to apply as a Release's content when no chart can be had; `state` a file for such releases; `pods`
    says that something runs pods, so that a Release is waited for unless the program sets skipAwait.
    """

    name = "kubernetes"

    def __init__(
        self,
        *,
        helm: str = "helm",
        chart: Path | None = None,
        manifest: Path | None = None,
        state: Path | None = None,
        pods: bool = False,
    ) -> None:
        for path, what in ((chart, "chart"), (manifest, "manifest")):
            if path is not None and not path.exists():
                raise ProviderError(f"{what} {path}: not there")
        self.version = importlib.metadata.version("pulumi-kubernetes")
        self._helm = helm
        self._chart = chart
        self._manifest = manifest
        self._store = Store(state)
        self._pods = pods

    def banner(self) -> list[str]:
        if self._manifest is not None:
            release = f"NO CHART: the objects of {self._manifest} stand in for every Release; values do nothing."
        else:
            chart = f"chart {self._chart}" if self._chart else "the program's own chart"
            release = f"Releases of {chart} by {self._helm}, without hooks (they are Jobs and need a kubelet)."
        return [
            "kubernetes: objects of any kind by server-side apply on the real API server of the program's context.",
            f"kubernetes: {release}",
            "kubernetes: namespaces and CRDs are waited for, "
            + ("and a Release's pods." if self._pods else "pods are not: no kubelet runs them."),
        ]

    def package(self) -> Package:
        # Programs of the lab in YAML make the provider and leave the objects to the component.
        return Package(settings=resource_schema("pulumi_kubernetes", "Provider", _PROVIDER).inputs)

    def check_config(self, inputs: Properties) -> Checked:
        record = resource_schema("pulumi_kubernetes", "Provider", _PROVIDER).inputs
        config, refusals = structured(inputs, record)
        refusals += [Refusal(misfit.path, misfit.reason) for misfit in misfits(config, record)]
        refusals += [Refusal(name, "the stand-in does not do this") for name in _REFUSED if config.get(name)]
        if config.get("enableServerSideApply") is False:
            refusals.append(Refusal("enableServerSideApply", "the stand-in knows server-side apply only"))
        return Checked(inputs, refusals)

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        """Another cluster replaces the provider and with it all its resources.

        Where both sides have a clusterIdentifier, that alone says whether it is another.
        """
        if "clusterIdentifier" in old and "clusterIdentifier" in new:
            forced = frozenset({"clusterIdentifier"})
        else:
            forced = frozenset(_PLACES) if _server(old) != _server(new) else frozenset()
        return Difference(changes(old, new, Rules(force_new=forced)))

    def configure(self, inputs: Mapping[str, Any]) -> Session:
        record = resource_schema("pulumi_kubernetes", "Provider", _PROVIDER).inputs
        config, refusals = structured(dict(inputs), record)
        if refusals:
            raise ProviderError(f"kubernetes provider: {refusals[0].place}: {refusals[0].reason}")
        cluster = Cluster(config.get("kubeconfig"), config.get("context"), config.get("namespace"))
        helm = Helm(self._helm, cluster, pods=self._pods)
        if self._manifest is not None:
            releases: Releases = ManifestReleases(cluster, helm, self._manifest, self._store)
        else:
            releases = Releases(cluster, helm, self._chart)
        return _KubernetesSession(Objects(cluster, _switches(config)), releases)


class _KubernetesSession(Session):
    """Hands a Release to helm and everything else to the API server."""

    def __init__(self, objects: Objects, releases: Releases) -> None:
        self._objects = objects
        self._releases = releases

    def _handler(self, token: str) -> Objects | Releases:
        return self._releases if token == RELEASE else self._objects

    def check(self, token: str, old: Properties, new: Properties, operation: Operation) -> Checked:
        return self._handler(token).check(token, old, new, operation)

    def diff(self, token: str, old: State, new: Properties) -> Difference:
        return self._handler(token).diff(token, old, new)

    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        return self._handler(token).create(token, inputs, operation)

    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        return self._handler(token).preview_create(token, inputs, operation)

    def read(self, token: str, known: State, operation: Operation) -> State | None:
        return self._handler(token).read(token, known, operation)

    def update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        return self._handler(token).update(token, known, inputs, operation)

    def preview_update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        return self._handler(token).preview_update(token, known, inputs, operation)

    def delete(self, token: str, known: State, operation: Operation) -> None:
        self._handler(token).delete(token, known, operation)

    def secret_outputs(self, token: str) -> tuple[PropertyPath, ...]:
        return Objects.secret_outputs(token)


def _switches(config: Mapping[str, Any]) -> Switches:
    """The provider's settings, each with the environment variable that the real provider reads after it."""

    def on(name: str, variable: str) -> bool:
        value = config.get(name)
        return bool(value) if value is not None else os.environ.get(variable, "").lower() in ("1", "true")

    return Switches(
        patch_force=on("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        mutable_secrets=on("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        mutable_config_maps=on("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        upsert=on("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
    )


def _server(inputs: Properties) -> str | None:
    """The API server that a configuration leads to; None when that cannot be told (yet)."""
    kubeconfig, context = inputs.get("kubeconfig"), inputs.get("context")
    if UNKNOWN in (kubeconfig, context):
        return None
    try:
        loaded, _ = load_kubeconfig(kubeconfig)
        return server_of(loaded, context or loaded.get("current-context", ""))
    except ProviderError:
        return None
