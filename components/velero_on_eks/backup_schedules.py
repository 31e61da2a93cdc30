"""One Schedule a schedule, as resources of their own: inside the release's values their differences cannot be read."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes

from velero_on_eks.args import BackupSchedulesArgs
from velero_on_eks.component import after, options, token
from velero_on_eks.documents.kubernetes import schedule_metadata, schedule_spec
from velero_on_eks.inputs import Inputs
from velero_on_eks.settings import Schedule
from velero_on_eks.settings.parts import BackupSchedulesInputs


class BackupSchedules(pulumi.ComponentResource):
    """Velero's Schedules. Let this component depend on what installs Velero, which brings their CRD."""

    names: pulumi.Output[Sequence[str]]
    """The names of the Schedules."""

    def __init__(self, name: str, args: BackupSchedulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(f"BackupSchedules {name!r}", BackupSchedulesInputs, args)
        super().__init__(token(type(self)), name, None, options(opts, former="velero:schedules:BackupSchedules"))
        wanted = inputs.model
        for schedule_name, schedule in sorted(wanted.schedules.items()):
            pulumi_kubernetes.apiextensions.CustomResource(
                f"{name}-{schedule_name}",
                api_version="velero.io/v1",
                kind="Schedule",
                metadata=schedule_metadata(schedule_name, wanted.namespace),
                spec=_spec(wanted, schedule),
                opts=pulumi.ResourceOptions(parent=self, depends_on=after(opts)),
            )
        self.names = pulumi.Output.from_input(sorted(wanted.schedules))
        self.register_outputs({"names": self.names})


def _spec(wanted: BackupSchedulesInputs, schedule: Schedule) -> dict:
    return schedule_spec(
        cron=schedule.recurrence.velero_expression,
        ttl=schedule.keep.go,
        paused=schedule.paused,
        filters=schedule.filters(velero=wanted.namespace, snapshot_volumes=wanted.snapshot_volumes),
    )
