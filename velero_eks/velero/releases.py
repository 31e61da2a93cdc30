"""What a version of Velero does differently from the one before it, for what is made and read here.

Read in Velero's source and changelog. How it reads crons is not among these: `versions.cron_library` says that, and the
runs of each schedule show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from velero_on_eks.settings.versions import numbers

Subject = Literal["rights", "fields", "validation", "sync", "restore"]


@dataclass(frozen=True)
class ReleaseChange:
    """One change, in a sentence that holds from its version on; `also` is what follows for whoever runs it."""

    since: str
    subject: Subject
    sentence: str
    also: str = ""


CHANGES = (
    ReleaseChange(
        "1.18.3",
        "rights",
        "Velero's role in the cluster has create, delete, get and list of ConfigMaps and Secrets in every namespace",
        "A server that is cluster-admin, as the chart makes it, has these rights already; a role of your own needs them"
        " for volumes whose driver has its secrets in their namespace.",
    ),
    ReleaseChange(
        "1.18.3",
        "fields",
        "Restore.spec.resourcePolicy names a ConfigMap with namespacedFilterPolicies and clusterScopedFilterPolicy",
        "A backup's resourcePolicy takes the same two. The CRDs have to be new: the chart's hook applies them.",
    ),
    ReleaseChange(
        "1.18.3",
        "fields",
        "The server takes --global-backup-volume-policies-configmap, which is merged into every backup",
    ),
    ReleaseChange(
        "1.18.3",
        "validation",
        "A backup that asks for the built-in data mover fails its validation where no node-agent runs",
    ),
    ReleaseChange(
        "1.18.3",
        "sync",
        "Only finished backups are taken over from the bucket, and those that are have no hooks",
        "A Backup of another cluster can no longer serve as the model of a new one with its hooks.",
    ),
    ReleaseChange(
        "1.18.3",
        "restore",
        "A restore brings a VolumeSnapshotContent only with the claim or the snapshot that it belongs to",
    ),
    ReleaseChange(
        "1.18.3",
        "validation",
        "Errors in the status of a Backup or Restore begin with what was being done",
        "Whoever searches logs or events for a text looks again.",
    ),
)


def between(old: str, new: str) -> tuple[ReleaseChange, ...]:
    """What changes from one release (`1.18.2`) to another, whichever is the newer."""
    low, high = sorted((numbers(old), numbers(new)))
    return tuple(change for change in CHANGES if low < numbers(change.since) <= high)
