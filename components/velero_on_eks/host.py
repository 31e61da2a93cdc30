"""The component provider: the components for Pulumi programs in any language."""

import json
import sys

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from velero_on_eks.backup_schedules import BackupSchedules
from velero_on_eks.backup_storage import BackupStorage
from velero_on_eks.component import PACKAGE, VERSION, token
from velero_on_eks.inputs import InvalidArguments
from velero_on_eks.velero_on_eks import VeleroOnEks
from velero_on_eks.velero_release import VeleroRelease
from velero_on_eks.velero_values import VeleroValues
from velero_on_eks.volume_snapshots import VolumeSnapshots
from velero_on_eks.workload_identity import WorkloadIdentity

COMPONENTS: list[type[pulumi.ComponentResource]] = [
    VeleroOnEks,
    BackupStorage,
    WorkloadIdentity,
    VolumeSnapshots,
    VeleroRelease,
    VeleroValues,
    BackupSchedules,
]


class Host(ComponentProvider):
    """The SDK's own provider, with refused arguments answered as such: by property, and without a traceback.

    Where one objective may stand by itself for a list, the schema says so: the SDK's analyser knows no unions.
    """

    def __init__(self) -> None:
        super().__init__(COMPONENTS, PACKAGE, version=VERSION)
        schema = json.loads(self.schema or "{}")
        objectives = schema["resources"][token(VeleroOnEks)]["inputProperties"]["recovery"]
        objectives["oneOf"] = [objectives["items"], {"type": objectives.pop("type"), "items": objectives.pop("items")}]
        self.schema = json.dumps(schema)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Make one component. Raises `InputPropertiesError` for arguments that cannot be used."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, InvalidArguments):
                raise InputPropertiesError("the arguments cannot be used", error.inner.by_property) from None
            raise


def serve() -> None:
    """Serve the components to the engine that started this process, until it ends it."""
    main(Host(), sys.argv[1:])
