"""Snapshots of volumes through CSI: the controller that EKS leaves out, and the class that Velero picks."""

from typing import Any

import pulumi
import pulumi_aws

from velero_on_eks.args import VolumeSnapshotsArgs
from velero_on_eks.component import options, tagged, token
from velero_on_eks.documents.kubernetes import SNAPSHOT_CONTROLLER, snapshot_class
from velero_on_eks.inputs import Inputs
from velero_on_eks.settings.parts import VolumeSnapshotsInputs


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

    The add-on brings the snapshot CRDs, so the class waits for it. Let Velero wait for this component: its CSI feature
    makes every backup fail in part without those CRDs.
    """

    snapshot_class: pulumi.Output[str]
    """The name of the VolumeSnapshotClass."""

    def __init__(self, name: str, args: VolumeSnapshotsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(f"VolumeSnapshots {name!r}", VolumeSnapshotsInputs, args)
        super().__init__(token(type(self)), name, None, options(opts, former="velero:snapshots:VolumeSnapshots"))
        volumes = inputs.model
        tags = inputs.tree(volumes.tags)
        controller: list[pulumi.Resource] = []
        if volumes.snapshot_controller == "addon":
            controller.append(
                pulumi_aws.eks.Addon(
                    f"{name}-controller",
                    cluster_name=inputs.value(volumes.cluster_name),
                    addon_name=SNAPSHOT_CONTROLLER,
                    addon_version=volumes.snapshot_controller_version,
                    # An upgrade must not stop at a field that someone changed by hand, nor undo it unseen.
                    resolve_conflicts_on_create="OVERWRITE",
                    resolve_conflicts_on_update="PRESERVE",
                    tags=tags,
                    opts=tagged(tags, pulumi.ResourceOptions(parent=self)),
                )
            )
        body = snapshot_class(auto_mode=volumes.auto_mode)
        VolumeSnapshotClass(name, body, opts=pulumi.ResourceOptions(parent=self, depends_on=controller))
        self.snapshot_class = pulumi.Output.from_input(body["metadata"]["name"])
        self.register_outputs({"snapshotClass": self.snapshot_class})
