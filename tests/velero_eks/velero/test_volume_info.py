"""What Velero wrote of volumes beside a backup: which claims have no data in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import settings
from velero_eks.velero.bounded import Unreadable
from velero_eks.velero.volume_info import ClaimWithoutData, VolumeData, takes_volumes, volume_data

CLAIM = {"pvcName": "data", "pvcNamespace": "exam-prod", "pvName": "pv-1"}
NONE_FOUND = "volumeSnapshot: no applicable volumesnapshotter found;"


def reasons(*volumes: Any) -> list[str]:
    return [each.reason for each in volume_data(json.dumps(volumes).encode()).without_data]


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        # In-tree EBS (gp2, awsElasticBlockStore), and any other that is not a CSI volume: passed by, in silence.
        ({"skipped": True, "skippedReason": NONE_FOUND}, "volumeSnapshot: no applicable volumesnapshotter found"),
        ({"skipped": True, "skippedReason": "csiSnapshot: skip PV pv-1"}, "csiSnapshot: skip PV pv-1"),
        ({"skipped": True}, "Velero skipped it without a reason"),
        ({"skipped": True, "skippedReason": None}, "Velero skipped it without a reason"),
        # Kopia, and the data mover, that did not end well.
        ({"backupMethod": "PodVolumeBackup", "result": "failed"}, "its PodVolumeBackup failed"),
        ({"backupMethod": "CSISnapshot", "snapshotDataMoved": True, "result": "failed"}, "its CSISnapshot failed"),
        # A policy of the user's own.
        ({"skipped": True, "skippedReason": "x: matched action is 'skip' in chosen resource policies;"}, ""),
        ({"backupMethod": "CSISnapshot", "result": "succeeded", "csiSnapshotInfo": {"snapshotHandle": "snap-1"}}, ""),
        ({"backupMethod": "PodVolumeBackup", "skipped": False, "result": "succeeded"}, ""),
    ],
)  # fmt: skip
def test_a_claim_has_no_data_in_a_backup_where_its_volume_was_passed_by_or_failed(volume: dict, reason: str) -> None:
    assert reasons({**CLAIM, **volume}) == ([reason] if reason else [])


def test_claims_are_sorted_and_a_volume_without_a_claim_is_named_by_itself() -> None:
    volumes = [{"pvName": "pv-2", "skipped": True}, {**CLAIM, "skipped": True}]
    found = volume_data(json.dumps(volumes).encode()).without_data
    assert [str(each) for each in found] == ["volume pv-2", "exam-prod/data"]
    assert found[1] == ClaimWithoutData("exam-prod", "data", "pv-1", "Velero skipped it without a reason")


@pytest.mark.parametrize("text", [b"null", b"[]"])
def test_a_backup_without_volumes_lacks_none(text: bytes) -> None:
    assert volume_data(text) == VolumeData(0)


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'"skipped"',
        b"[1]",
        b'[{"pvcName": {}}]',
        b'[{"skipped": "yes"}]',
        b'[{"skippedReason": []}]',
        b"[NaN]",
        b"[" * 200 + b"]" * 200,
        b"\xff",
    ],
)
def test_what_velero_never_writes_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable):
        volume_data(text)


@pytest.mark.parametrize(
    ("spec", "mode", "taken"),
    [
        ({}, None, True),
        ({"snapshotVolumes": True}, "csi-snapshot", True),
        ({"snapshotVolumes": False}, "csi-snapshot", False),
        ({"snapshotVolumes": False, "defaultVolumesToFsBackup": True}, None, True),
        ({"snapshotVolumes": True}, "none", False),
    ],
)
def test_whether_a_backup_is_meant_to_have_volumes(spec: dict, mode: str | None, taken: bool) -> None:
    stack = settings(volumes={"mode": mode}) if mode else None
    assert takes_volumes(spec, stack) is taken


def test_volumes_with_their_data_are_counted_and_what_a_policy_leaves_out_counts_as_neither() -> None:
    by_policy = {"skipped": True, "skippedReason": "x: matched action is 'skip' in chosen resource policies;"}
    volumes = [
        {**CLAIM, "backupMethod": "CSISnapshot", "result": "succeeded"},
        {**CLAIM, "pvcName": "logs", "backupMethod": "CSISnapshot", "result": "failed"},
        {**CLAIM, "pvcName": "cache", **by_policy},
    ]
    found = volume_data(json.dumps(volumes).encode())
    assert (found.with_data, [each.claim for each in found.without_data]) == (1, ["logs"])
