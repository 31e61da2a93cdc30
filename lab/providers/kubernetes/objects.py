"""Objects of any kind that the API server serves, made by server-side apply as the real provider does."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from lab.providers.base import Checked, Difference, Operation, PartialFailure, Properties, ProviderError, Refusal, State
from lab.providers.diff import Kind as ChangeKind
from lab.providers.diff import changes
from lab.providers.kubernetes import kinds, waiting
from lab.providers.kubernetes.cluster import Cluster, Kind, StatusError
from lab.providers.kubernetes.ownership import imported_inputs, observed_inputs, owned_fields
from lab.providers.properties import UNKNOWN, Path, has_unknown
from lab.providers.schema import misfits

_AUTONAMED = "pulumi.com/autonamed"
_FORCE = "pulumi.com/patchForce"
_NAME_SUFFIX = 8
# Recorded in the state when this provider has applied the object, as the real provider records its field manager.
_APPLIED = "__fieldManager"
# What a dry run makes up: it will be another after the real creation, or the real change.
_CHANGED = frozenset({"generation", "managedFields", "resourceVersion"})
_NEW = _CHANGED | {"creationTimestamp", "uid"}


@dataclass(frozen=True)
class Switches:
    """The provider settings that change how objects are handled; the defaults are the real provider's."""

    patch_force: bool = False
    mutable_secrets: bool = False
    mutable_config_maps: bool = False
    upsert: bool = False


class Objects:
    """The five calls for objects."""

    def __init__(self, cluster: Cluster, switches: Switches) -> None:
        self._cluster = cluster
        self._switches = switches

    def check(self, token: str, old: Properties, new: Properties, operation: Operation) -> Checked:
        """Fills in apiVersion, kind and, where there is none, a name."""
        api_version, kind = kinds.group_version_kind(token)
        inputs = {**new, "apiVersion": api_version, "kind": kind}
        refusals = []
        for name, wanted in (("apiVersion", api_version), ("kind", kind)):
            if new.get(name, wanted) != wanted:
                refusals.append(Refusal(name, f"{new[name]!r} contradicts the resource type {token}"))
        record = kinds.schema(token)
        if record is not None:
            refusals += [Refusal(misfit.path, misfit.reason) for misfit in misfits(inputs, record)]
        metadata = inputs.get("metadata", {})
        if isinstance(metadata, dict) and "name" not in metadata and "generateName" not in metadata:
            inputs["metadata"] = self._named(metadata, old, operation)
        return Checked(inputs, refusals)

    def diff(self, token: str, old: State, new: Properties) -> Difference:
        """Compares wishes; what an import found and this provider never applied is not its to delete."""
        rules = kinds.rules(
            token,
            mutable_secrets=self._switches.mutable_secrets,
            mutable_config_maps=self._switches.mutable_config_maps,
        )
        found = changes(_stored(old.inputs), _stored(new), rules)
        if old.outputs and _APPLIED not in old.outputs:
            found = [change for change in found if change.kind is not ChangeKind.DELETE]
        first, second = old.inputs.get("metadata") or {}, new.get("metadata") or {}
        same = all(first.get(name) == second.get(name) for name in ("name", "namespace"))
        automatic = (second.get("annotations") or {}).get(_AUTONAMED) == "true"
        return Difference(found, same and not automatic and any(change.replaces for change in found))

    def create(self, token: str, inputs: Properties, operation: Operation) -> State:
        """Applies the object and waits until it is ready."""
        kind = self._served(token, operation)
        path = self._path(kind, inputs)
        if not self._switches.upsert and self._cluster.get(path) is not None:
            raise ProviderError(
                f"{kind.kind} {_id(inputs, kind, self._cluster)} already exists; import it, or set "
                "upsertExistingObjects on the provider to take it over"
            )
        live = self._apply(path, inputs, operation)
        return State(_id(inputs, kind, self._cluster), inputs, self._ready(path, kind, inputs, live, operation))

    def preview_create(self, token: str, inputs: Properties, operation: Operation) -> Properties:
        """What the server would make of it, where it can be asked: everything known, the kind served, the
        namespace there. Otherwise the inputs, as the real provider does.
        """
        return self._dry_run(token, inputs, operation, _NEW) or inputs

    def read(self, token: str, known: State, operation: Operation) -> State | None:
        """The live object. Without known inputs it is an import, by name or namespace/name."""
        api_version, kind_name = kinds.group_version_kind(token)
        kind = self._cluster.kind(api_version, kind_name)
        if kind is None:
            # A CRD that is gone took its objects with it.
            return None
        namespace, _, name = known.identifier.rpartition("/")
        live = self._cluster.get(self._cluster.object_path(kind, namespace or None, name))
        if live is None:
            return None
        inputs = observed_inputs(live, known.inputs) if known.inputs else imported_inputs(live)
        return State(known.identifier, inputs, _outputs(live))

    def update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        """Applies the new wish; fields that it drops and that are ours are removed by the server."""
        kind = self._served(token, operation)
        path = self._path(kind, inputs)
        live = self._apply(path, inputs, operation)
        return self._ready(path, kind, inputs, live, operation)

    def preview_update(self, token: str, known: State, inputs: Properties, operation: Operation) -> Properties:
        """As for a creation."""
        return self._dry_run(token, inputs, operation, _CHANGED) or {**known.outputs, **inputs}

    def delete(self, token: str, known: State, operation: Operation) -> None:
        """Deletes the object and waits until it is gone."""
        api_version, kind_name = kinds.group_version_kind(token)
        kind = self._cluster.kind(api_version, kind_name)
        if kind is None:
            return
        namespace, _, name = known.identifier.rpartition("/")
        path = self._cluster.object_path(kind, namespace or None, name)
        self._cluster.delete(path)
        if not waiting.skips_waiting(known.inputs):
            waiting.wait_gone(self._cluster, path, operation)

    @staticmethod
    def secret_outputs(token: str) -> tuple[Path, ...]:
        """A Secret's content is secret whatever the program said."""
        return (("data",), ("stringData",)) if token == "kubernetes:core/v1:Secret" else ()  # noqa: S105

    def _served(self, token: str, operation: Operation) -> Kind:
        api_version, kind = kinds.group_version_kind(token)
        return self._cluster.served_kind(api_version, kind, operation, wait=kinds.schema(token) is None)

    def _path(self, kind: Kind, inputs: Properties) -> str:
        metadata = inputs["metadata"]
        if "name" not in metadata:
            raise ProviderError(f"{kind.kind}: generateName needs a creation by POST, which this stand-in does not do")
        return self._cluster.object_path(kind, metadata.get("namespace"), metadata["name"])

    def _apply(self, path: str, inputs: Properties, operation: Operation, *, dry_run: bool = False) -> Properties:
        operation.remaining()
        wish = {name: value for name, value in inputs.items() if not name.startswith("__")}
        annotations = inputs["metadata"].get("annotations") or {}
        force = self._switches.patch_force or annotations.get(_FORCE) == "true"
        try:
            return self._cluster.apply(path, wish, force=force, dry_run=dry_run)
        except StatusError as error:
            if error.code == 409 and error.reason == "Conflict":
                raise ProviderError(
                    f"{error}. Someone else has changed these fields since; take them back with the annotation "
                    f'{_FORCE}: "true", or drop them from the program'
                ) from error
            raise

    def _ready(self, path: str, kind: Kind, inputs: Properties, live: Properties, operation: Operation) -> Properties:
        if not waiting.skips_waiting(inputs):
            try:
                live = waiting.wait_ready(self._cluster, path, live, operation)
            except ProviderError as error:
                raise PartialFailure(_id(inputs, kind, self._cluster), _outputs(live), str(error)) from error
        return _outputs(live)

    def _dry_run(
        self, token: str, inputs: Properties, operation: Operation, made_up: frozenset[str]
    ) -> Properties | None:
        api_version, kind_name = kinds.group_version_kind(token)
        if has_unknown(inputs):
            return None
        kind = self._cluster.kind(api_version, kind_name)
        if kind is None:
            if kinds.schema(token) is not None:
                raise ProviderError(
                    f"the API server at {self._cluster.server} does not serve {api_version} {kind_name}"
                )
            return None
        try:
            live = self._apply(self._path(kind, inputs), inputs, operation, dry_run=True)
        except StatusError as error:
            if error.code == 404:  # The namespace will be made by the same program.
                return None
            raise
        metadata = {name: UNKNOWN if name in made_up else value for name, value in live["metadata"].items()}
        return {**_outputs(live), "metadata": metadata}

    @staticmethod
    def _named(metadata: Properties, old: Properties, operation: Operation) -> Properties:
        annotations = {**(metadata.get("annotations") or {}), _AUTONAMED: "true"}
        before = old.get("metadata") or {}
        if (before.get("annotations") or {}).get(_AUTONAMED) == "true":
            return {**metadata, "name": before["name"], "annotations": annotations}
        suffix = hashlib.sha256(operation.seed + operation.name.encode()).hexdigest()[:_NAME_SUFFIX]
        return {**metadata, "name": f"{operation.name}-{suffix}", "annotations": annotations}


def _stored(inputs: Properties) -> Properties:
    """A Secret's stringData as the server stores it, in data; `normalizeSecret` of pulumi-kubernetes does the same.

    Without it an imported Secret, which has data, would be replaced by a program that says the same as stringData.
    """
    if inputs.get("kind") != "Secret" or not isinstance(inputs.get("stringData"), dict):
        return inputs
    written = inputs["stringData"]
    if has_unknown(written):
        return inputs
    encoded = {name: base64.b64encode(str(value).encode()).decode() for name, value in written.items()}
    rest = {name: value for name, value in inputs.items() if name != "stringData"}
    return {**rest, "data": {**(inputs.get("data") or {}), **encoded}}


def _id(inputs: Properties, kind: Kind, cluster: Cluster) -> str:
    metadata = inputs["metadata"]
    if not kind.namespaced:
        return metadata["name"]
    return f"{metadata.get('namespace') or cluster.namespace}/{metadata['name']}"


def _outputs(live: Properties) -> Properties:
    mine: dict[str, Any] = {_APPLIED: "pulumi-kubernetes"} if owned_fields(live) is not None else {}
    return {**live, **mine}
