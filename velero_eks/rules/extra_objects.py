"""Objects that a Helm release brings along in its values: rules judge them as if the program made them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from velero_eks.rules.model import PolicyResource

# Kinds that are in no namespace.
_OF_CLUSTER = re.compile(
    r"Cluster\w+|Namespace|Node|PersistentVolume|APIService|CustomResourceDefinition|CertificateSigningRequest|CSI\w+"
    r"|\w+(Class|WebhookConfiguration)|ValidatingAdmission\w+|VolumeSnapshotContent"
)


def extra_objects(release: PolicyResource) -> Iterator[PolicyResource]:
    """The objects in `extraObjects` of a release's values, those in a List one by one; anything else is skipped."""
    values = release.inputs.get("values")
    found = values.get("extraObjects") if isinstance(values, Mapping) else None
    for number, entry in enumerate(found if isinstance(found, list) else ()):
        for one in _listed(entry):
            metadata = one.get("metadata")
            name = metadata.get("name") if isinstance(metadata, Mapping) else None
            yield PolicyResource(
                urn=f"{release.urn}#extraObjects[{number}]",
                type=_type(str(one.get("apiVersion", "")), str(one.get("kind", ""))),
                name=str(name or f"extraObjects[{number}]"),
                inputs=_placed(one, release),
                # Helm makes it, and nothing of the engine's holds for it.
                protect=None,
                retain_on_delete=None,
                parent=release.urn,
                provider=release.provider,
                depends_on=None,
                within=release.urn,
            )


def _listed(entry: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(entry, Mapping):
        return
    items = entry.get("items")
    if str(entry.get("kind", "")).endswith("List") and isinstance(items, list):
        for item in items:
            yield from _listed(item)
    else:
        yield entry


def _type(api_version: str, kind: str) -> str:
    """The engine's type of a kind: `kubernetes:core/v1:Secret`."""
    group, _, version = api_version.rpartition("/")
    return f"kubernetes:{group or 'core'}/{version}:{kind}"


def _placed(entry: Mapping[str, Any], release: PolicyResource) -> dict[str, Any]:
    """The object as Helm places it: in the release's namespace where it has one and names none."""
    metadata, namespace = entry.get("metadata"), release.inputs.get("namespace")
    if not isinstance(metadata, Mapping) or metadata.get("namespace") or not namespace:
        return dict(entry)
    if _OF_CLUSTER.fullmatch(str(entry.get("kind", ""))):
        return dict(entry)
    return {**entry, "metadata": {**metadata, "namespace": namespace}}
