"""Snapshots of volumes through CSI: the controller that EKS leaves out, and the class that Velero picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes

from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER, snapshot_class
from velero_on_eks.naming import Names
from velero_on_eks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class VolumeSnapshotsArgs:
    """The settings (mode, Auto Mode or not) and the cluster's name."""

    settings: Settings
    names: Names


class VolumeSnapshotClass(pulumi.CustomResource):
    """A VolumeSnapshotClass. Its fields stand beside `metadata`, not under `spec`, and the SDK's own CustomResource for
    Python has no way to say such fields."""

    def __init__(self, name: str, body: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(
            "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass",
            name,
            {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", **body},
            opts,
        )


class VolumeSnapshots(pulumi.ComponentResource):
    """The snapshot controller as an EKS add-on (where the cluster has none) and a VolumeSnapshotClass.

    The add-on brings the snapshot CRDs, so the class waits for it, and Velero, whose CSI feature makes every backup
    fail in part without those CRDs, waits for both.
    """

    snapshot_class: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(
        self,
        name: str,
        args: VolumeSnapshotsArgs,
        *,
        aws: pulumi_aws.Provider,
        kubernetes: pulumi_kubernetes.Provider,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("velero:snapshots:VolumeSnapshots", name, None, opts)
        volumes = args.settings.volumes
        self.ready = []
        if volumes.snapshot_controller == "addon":
            self.ready.append(
                pulumi_aws.eks.Addon(
                    f"{name}-controller",
                    cluster_name=args.names.cluster,
                    addon_name=SNAPSHOT_CONTROLLER,
                    addon_version=volumes.snapshot_controller_version,
                    # An upgrade must not stop at a field that somebody changed by hand, nor undo it unseen.
                    resolve_conflicts_on_create="OVERWRITE",
                    resolve_conflicts_on_update="PRESERVE",
                    tags=args.names.tags,
                    opts=pulumi.ResourceOptions(parent=self, provider=aws),
                )
            )
        body = snapshot_class(auto_mode=args.settings.cluster.auto_mode)
        resource = VolumeSnapshotClass(
            name,
            body,
            opts=pulumi.ResourceOptions(parent=self, provider=kubernetes, depends_on=list(self.ready)),
        )
        self.ready.append(resource)
        self.snapshot_class = pulumi.Output.from_input(body["metadata"]["name"])
        self.register_outputs({"snapshotClass": self.snapshot_class})
