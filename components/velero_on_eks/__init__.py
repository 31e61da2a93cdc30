"""Velero on EKS as Pulumi components. `VeleroOnEks` is the whole; each part can be used by itself.

A component is loaded when it is asked for: the settings alone (`velero_on_eks.settings`) load no Pulumi SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from velero_on_eks.args import (
        BackupSchedulesArgs,
        BackupStorageArgs,
        VeleroOnEksArgs,
        VeleroReleaseArgs,
        VeleroValuesArgs,
        VolumeSnapshotsArgs,
        WorkloadIdentityArgs,
    )
    from velero_on_eks.backup_schedules import BackupSchedules
    from velero_on_eks.backup_storage import BackupStorage
    from velero_on_eks.inputs import InvalidArguments
    from velero_on_eks.velero_on_eks import VeleroOnEks
    from velero_on_eks.velero_release import VeleroRelease
    from velero_on_eks.velero_values import VeleroValues
    from velero_on_eks.volume_snapshots import VolumeSnapshots
    from velero_on_eks.workload_identity import WorkloadIdentity

__all__ = [
    "BackupSchedules",
    "BackupSchedulesArgs",
    "BackupStorage",
    "BackupStorageArgs",
    "InvalidArguments",
    "VeleroOnEks",
    "VeleroOnEksArgs",
    "VeleroRelease",
    "VeleroReleaseArgs",
    "VeleroValues",
    "VeleroValuesArgs",
    "VolumeSnapshots",
    "VolumeSnapshotsArgs",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
]

_MODULES = {
    "BackupSchedules": "backup_schedules",
    "BackupStorage": "backup_storage",
    "InvalidArguments": "inputs",
    "VeleroOnEks": "velero_on_eks",
    "VeleroRelease": "velero_release",
    "VeleroValues": "velero_values",
    "VolumeSnapshots": "volume_snapshots",
    "WorkloadIdentity": "workload_identity",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'args')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
