"""An object of a backup as someone would write it: YAML that a cluster takes, Secrets masked. Pure."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterable
from typing import Any

import yaml

from velero_eks.kube.objects import Object, ObjectKey, cleaned
from velero_eks.terminal.safe import escaped, shows_itself

# In which order a cluster takes objects: what others need to exist comes first.
_ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "StorageClass",
    "PriorityClass",
    "PersistentVolume",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ResourceQuota",
    "LimitRange",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
)
# A webhook that comes first would be asked about everything behind it, by a Service that does not answer yet.
_LAST = ("APIService", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_METADATA = ("name", "generateName", "namespace", "labels", "annotations")
# Labels and selectors that the Job controller makes of the Job's own uid.
_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
# How tools keep in an annotation what they applied: kapp as JSON, k3s and Rancher packed (gzip in base64).
_APPLIED, _PACKED, _SHORT = ('"data"', '"stringData"'), "H4sI", 3
_TOKEN_VOLUME = "kube-api-access-"  # noqa: S105

# No line is broken: what comes to stand at a line's beginning may command a CI runner.
_WIDTH = 1 << 20
# Text that no YAML reader, of any version, takes for something else. What is not surely so is quoted.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*(?:[ :][A-Za-z0-9_./@-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def manifest(body: Object, *, show_secrets: bool = False) -> Object:
    """What to apply, or to commit: without status, without what servers set, in the usual order of fields.

    The values of a Secret are masked in a way that no API server accepts, so that a mask never overwrites a value.
    """
    kept = _unassigned(cleaned(body))
    if is_secret(kept) and not show_secrets:
        kept = masked(kept)
    metadata = kept["metadata"]
    ordered = {name: metadata[name] for name in _METADATA if name in metadata}
    head = {"apiVersion": kept["apiVersion"], "kind": kept["kind"], "metadata": {**ordered, **metadata}}
    return {**head, **kept}


def is_secret(body: Object) -> bool:
    """Whether an object's values are secret."""
    return body.get("kind") == "Secret" and body.get("apiVersion") == "v1"


def masked(body: Object) -> Object:
    """A Secret with the length of each value in its place, also where an annotation repeats them."""
    shown = dict(body)
    for field in ("data", "stringData"):
        if isinstance(body.get(field), dict):
            shown[field] = {key: _mask(str(value), encoded=field == "data") for key, value in body[field].items()}
    annotations = body["metadata"].get("annotations")
    if annotations:
        values = _values(body)
        told = {key: _mask(text, encoded=False) if _tells(text, values) else text for key, text in annotations.items()}
        shown["metadata"] = {**body["metadata"], "annotations": told}
    return shown


def as_yaml(bodies: Iterable[Object]) -> str:
    """Objects as one stream of YAML documents."""
    texts = (yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH) for body in bodies)
    return "".join(f"---\n{escaped(text, 'yaml')}" for text in texts)


def rank(body: Object) -> tuple[int, ObjectKey]:
    """Where an object stands in the order in which a cluster takes them."""
    kind = body["kind"]
    if kind in _LAST:
        return len(_ORDER) + 1, ObjectKey.of(body)
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER)), ObjectKey.of(body)


def _values(body: Object) -> list[str]:
    """What is secret in a Secret, as it is and encoded."""
    found = [str(value) for value in (body.get("stringData") or {}).values()]
    for value in (body.get("data") or {}).values():
        found.append(str(value))
        with contextlib.suppress(ValueError):
            found.append(base64.b64decode(str(value)).decode(errors="ignore"))
    # The few letters of a short one are in any text.
    return [value for value in found if len(value) > _SHORT]


def _tells(text: str, values: Iterable[str]) -> bool:
    """Whether an annotation holds a value, or the whole object as some tool applied it: as JSON, or packed."""
    return any(mark in text for mark in _APPLIED) or text.startswith(_PACKED) or any(value in text for value in values)


def _mask(value: str, *, encoded: bool) -> str:
    size = len(value) * 3 // 4 - value[-2:].count("=") if encoded else len(value.encode())
    return f"<{size} bytes, masked; --show-secrets shows them>"


def _unassigned(body: Object) -> Object:
    """Without what this cluster gave the object, where another cluster, or a second one here, would refuse it."""
    kind, spec = body["kind"], body.get("spec")
    if not isinstance(spec, dict):
        return body
    if kind == "Job" and not spec.get("manualSelector"):
        template = dict(spec.get("template") or {})
        metadata = dict(template.get("metadata") or {})
        labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in _JOB_LABELS}
        metadata.pop("labels", None)
        template["metadata"] = {**metadata, **({"labels": labels} if labels else {})}
        return {
            **body,
            "spec": {**{key: value for key, value in spec.items() if key != "selector"}, "template": template},
        }
    if kind == "PersistentVolume" and isinstance(spec.get("claimRef"), dict):
        claim = {key: value for key, value in spec["claimRef"].items() if key not in ("uid", "resourceVersion")}
        return {**body, "spec": {**spec, "claimRef": claim}}
    if kind == "Pod":
        return {**body, "spec": _without_token({key: value for key, value in spec.items() if key != "nodeName"})}
    return body


def _without_token(spec: dict[str, Any]) -> dict[str, Any]:
    """A pod's spec without the volume that the API server adds for its service account's token."""
    changed = dict(spec)
    if "volumes" in spec:
        changed["volumes"] = [item for item in spec["volumes"] if not str(item.get("name")).startswith(_TOKEN_VOLUME)]
    for field in ("initContainers", "containers"):
        if field in spec:
            changed[field] = [_without_mount(container) for container in spec[field]]
    return changed


def _without_mount(container: dict[str, Any]) -> dict[str, Any]:
    if "volumeMounts" not in container:
        return container
    mounts = [item for item in container["volumeMounts"] if not str(item.get("name")).startswith(_TOKEN_VOLUME)]
    return {**container, "volumeMounts": mounts}


_Fastest: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Fastest):
    """Writes text so that every reader reads the same: the cluster's takes more of it for numbers than Python's."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, value: str) -> Any:
    if not shows_itself(value):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')
    if "\n" in value and not re.search(r"[ \t]\n|\r|[^\S\n]$", value) and value.isprintable() is False:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)
