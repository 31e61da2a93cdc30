"""Whether the data of volumes is in a backup: what Velero writes beside it in `<backup>-volumeinfo.json.gz`. Pure.

A Backup is Completed where Velero has passed a volume by: only this file says so, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from velero_eks.velero.bounded import Unreadable, parsed

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

# A resource policy of the user's own passed it by: that is what was asked for.
_BY_POLICY = "matched action is 'skip'"
_TEXTS = ("pvcName", "pvcNamespace", "pvName", "backupMethod", "skippedReason", "result")


@dataclass(frozen=True, order=True)
class ClaimWithoutData:
    """A claim whose volume's data is not in a backup, and Velero's reason; empty names where a volume has no claim."""

    namespace: str
    claim: str
    volume: str
    reason: str

    def __str__(self) -> str:
        """The claim as a person names it: `exam-prod/data`, or its volume."""
        return f"{self.namespace}/{self.claim}" if self.claim else f"volume {self.volume}"


def takes_volumes(spec: Mapping[str, Any], settings: Settings | None = None) -> bool:
    """Whether a backup of this spec is meant to have volumes' data. A stack of mode `none` means none of its backups
    to."""
    if settings is not None and settings.volumes.mode == "none":
        return False
    return spec.get("snapshotVolumes") is not False or bool(spec.get("defaultVolumesToFsBackup"))


@dataclass(frozen=True)
class VolumeData:
    """How many volumes have their data in a backup, and the claims that have not, sorted."""

    with_data: int
    without_data: tuple[ClaimWithoutData, ...] = ()


def volume_data(text: bytes) -> VolumeData:
    """What a volumeinfo file says of its backup's volumes; those that a policy of the user's leaves out count as
    neither. Raises `Unreadable`."""
    found = parsed(text)
    if not isinstance(found, list | None) or not all(map(_is_volume, found or ())):
        raise Unreadable("it is JSON, but not as Velero writes it")
    without = [
        ClaimWithoutData(each.get("pvcNamespace") or "", each.get("pvcName") or "", each.get("pvName") or "", reason)
        for each in found or ()
        if (reason := _reason(each))
    ]
    with_data = sum(not each.get("skipped") and not _reason(each) for each in found or ())
    return VolumeData(with_data, tuple(sorted(without)))


def unknown_claims(resources: Mapping[str, list[str]]) -> list[ClaimWithoutData]:
    """The claims in a backup's resource list, for a backup without a volumeinfo file."""
    places = [place.rpartition("/") for place in resources.get("v1/PersistentVolumeClaim") or ()]
    reason = "unknown: the backup's volumeinfo.json.gz is missing"
    return sorted(ClaimWithoutData(namespace, claim, "", reason) for namespace, _, claim in places)


def _is_volume(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(key), str | None) for key in _TEXTS)
        and isinstance(value.get("skipped"), bool | None)
    )


def _reason(volume: Mapping[str, Any]) -> str:
    """Why a volume has no data in the backup; empty where it has, and where that is what was asked for."""
    said = volume.get("skippedReason") or ""
    if volume.get("skipped"):
        return "" if _BY_POLICY in said else said.strip().rstrip(";") or "Velero skipped it without a reason"
    if volume.get("result") == "failed":
        return f"its {volume.get('backupMethod') or 'backup'} failed"
    return ""
