"""Kinds of Kubernetes as a schedule leaves them out, and which of them a restore does without."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from velero_on_eks.settings.refusals import Refused

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_KIND = re.compile(rf"{_LABEL}(\.{_LABEL})*|\*(\.{_LABEL})+")
_VERSIONED = re.compile(r"([a-z0-9-]+)\.v[0-9]+((alpha|beta)[0-9]+)?(\..+)?")

# What no restore needs: Velero restores none of it, or Kubernetes' own controllers write it again from what is
# restored. Pods and ReplicaSets are not among them: one without an owner is lost, and volumes hang on Pods.
_NEEDLESS = {
    "": (
        ("events", "event", "ev"),
        ("nodes", "node", "no"),
        ("endpoints", "endpoint", "ep"),
    ),
    "events.k8s.io": (("events", "event", "ev"),),
    "storage.k8s.io": (("csinodes", "csinode"), ("volumeattachments", "volumeattachment")),
    "snapshot.storage.k8s.io": (
        ("volumesnapshots", "volumesnapshot", "vs"),
        ("volumesnapshotcontents", "volumesnapshotcontent", "vsc"),
    ),
    "discovery.k8s.io": (("endpointslices", "endpointslice"),),
    "coordination.k8s.io": (("leases", "lease"),),
    "velero.io": (
        ("backups", "backup"),
        ("restores", "restore"),
        ("backuprepositories", "backuprepository"),
        ("deletebackuprequests", "deletebackuprequest"),
        ("downloadrequests", "downloadrequest"),
        ("podvolumebackups", "podvolumebackup"),
        ("podvolumerestores", "podvolumerestore"),
        ("serverstatusrequests", "serverstatusrequest"),
    ),
}
NEEDLESS = frozenset(
    spelled
    for group, kinds in _NEEDLESS.items()
    for names in kinds
    for name in names
    # A kind is found by its name alone where only one group has it.
    for spelled in ((f"{name}.{group}", name) if group else (name,))
)


def check_kind(text: str) -> str:
    """A kind as Velero looks it up, in lower case: `KIND`, `KIND.GROUP`, or `*.GROUP` for all of a group."""
    kind = text.lower()
    if kind == "*":
        raise Refused("every-kind", "'*' excludes every kind", "name the kinds to exclude")
    versioned = _VERSIONED.fullmatch(kind)
    if versioned:
        plain = f"{versioned[1]}{versioned[4] or ''}"
        raise Refused("kind", "a kind has a group and no version", f"write {plain}")
    if not _KIND.fullmatch(kind):
        raise Refused(
            "kind",
            "a kind is written as KIND, KIND.GROUP or *.GROUP, in letters, digits, '-' and '.'",
            "write for example secrets, deployments.apps or *.example.com",
        )
    return kind


KindName = Annotated[str, AfterValidator(check_kind)]
