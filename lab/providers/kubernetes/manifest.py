"""The way out where no chart can be had: what `velero install --dry-run -o yaml` prints stands in for the Release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lab.providers.base import Operation, PartialFailure, Properties, ProviderError, State
from lab.providers.kubernetes import waiting
from lab.providers.kubernetes.cluster import Cluster
from lab.providers.kubernetes.helm import Helm
from lab.providers.kubernetes.release import Releases, outputs_of, resource_names
from lab.providers.store import Store

_KIND = "releases"
# What others need comes first; what is not named here comes last.
_ORDER = ("CustomResourceDefinition", "Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret")
# Helm leaves CRDs behind, and the namespace is the program's own.
_LEFT_BEHIND = frozenset({"CustomResourceDefinition", "Namespace"})


class ManifestReleases(Releases):
    """A Release whose content is the objects of a file, applied by the API server, recorded in a store."""

    def __init__(self, cluster: Cluster, helm: Helm, manifest: Path, store: Store) -> None:
        super().__init__(cluster, helm, None)
        self._manifest = manifest
        self._store = store

    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        return {**inputs, "resourceNames": resource_names(self._documents(inputs))}

    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        identifier = f"{inputs['namespace']}/{inputs['name']}"
        if self._store.get(_KIND, identifier) is not None:
            raise ProviderError(f"Release {identifier}: cannot re-use a name that is still in use")
        operation.say(
            f"no chart: the objects of {self._manifest} stand in for chart {inputs['chart']}; its values do nothing"
        )
        return State(identifier, inputs, self._apply(identifier, inputs, operation))

    def read(self, token: str, known: State, operation: Operation) -> State | None:
        record = self._store.get(_KIND, known.identifier)
        if record is None:
            return None
        return State(known.identifier, known.inputs or record["inputs"], outputs_of(record["inputs"], record["live"]))

    def delete(self, token: str, known: State, operation: Operation) -> None:
        record = self._store.get(_KIND, known.identifier)
        if record is not None:
            for document in reversed(list(yaml.safe_load_all(record["live"]["manifest"]))):
                self._remove(document, operation)
            self._store.remove(_KIND, known.identifier)

    def _apply(self, identifier: str, inputs: Properties, operation: Operation) -> Properties:
        before = self._store.get(_KIND, identifier)
        documents = list(self._documents(inputs))
        live = {
            "appVersion": "",
            "chart": inputs["chart"],
            "manifest": yaml.safe_dump_all(documents),
            "revision": before["live"]["revision"] + 1 if before else 1,
            "status": "deployed",
            "values": inputs.get("values") or {},
            "version": inputs.get("version") or "0.0.0",
        }
        try:
            for document in documents:
                self._put(document, operation)
        except ProviderError as error:
            failed = {**live, "status": "failed"}
            self._store.put(_KIND, identifier, {"inputs": inputs, "live": failed})
            raise PartialFailure(identifier, outputs_of(inputs, failed), f"Release {identifier}: {error}") from error
        if before is not None:
            kept = {_name(document) for document in documents}
            for document in yaml.safe_load_all(before["live"]["manifest"]):
                if _name(document) not in kept:
                    self._remove(document, operation)
        self._store.put(_KIND, identifier, {"inputs": inputs, "live": live})
        return outputs_of(inputs, live)

    def _put(self, document: Properties, operation: Operation) -> None:
        path = self._path(document, operation)
        if document["kind"] == "Namespace" and self._cluster.get(path) is not None:
            return
        waiting.wait_ready(self._cluster, path, self._cluster.apply(path, document, force=True), operation)

    def _remove(self, document: Properties, operation: Operation) -> None:
        if document["kind"] not in _LEFT_BEHIND and self._cluster.kind(document["apiVersion"], document["kind"]):
            path = self._path(document, operation)
            self._cluster.delete(path)
            waiting.wait_gone(self._cluster, path, operation)

    def _path(self, document: Properties, operation: Operation) -> str:
        kind = self._cluster.served_kind(document["apiVersion"], document["kind"], operation, wait=True)
        return self._cluster.object_path(kind, document["metadata"].get("namespace"), document["metadata"]["name"])

    def _documents(self, inputs: Properties) -> list[Properties]:
        try:
            loaded = list(yaml.safe_load_all(self._manifest.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise ProviderError(f"manifest {self._manifest}: {error}") from error
        documents = [_without_nulls(document) for document in _unpacked(loaded)]
        if not documents:
            raise ProviderError(f"manifest {self._manifest}: no object in it")
        for document in documents:
            namespace = document["metadata"].get("namespace", inputs["namespace"])
            if namespace != inputs["namespace"]:
                raise ProviderError(
                    f"manifest {self._manifest}: {document['kind']} {document['metadata']['name']} is in the namespace "
                    f"{namespace}, the Release in {inputs['namespace']}; print it again with --namespace"
                )
        return sorted(documents, key=_rank)


def _unpacked(documents: list[Any]) -> Iterator[Properties]:
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "List":
            yield from _unpacked(document.get("items", []))
        elif isinstance(document, dict):
            yield {name: value for name, value in document.items() if name != "status"}


def _without_nulls(value: Any) -> Any:
    # `creationTimestamp: null` is printed into every template, and strict validation refuses it in some places.
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _rank(document: Properties) -> int:
    return _ORDER.index(document["kind"]) if document["kind"] in _ORDER else len(_ORDER)


def _name(document: Properties) -> tuple[str, str, str, str]:
    metadata = document["metadata"]
    return document["apiVersion"], document["kind"], metadata.get("namespace", ""), metadata["name"]
