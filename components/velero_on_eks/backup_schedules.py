"""One Schedule a schedule, as resources of their own: inside the release's values their differences cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes

from velero_on_eks.documents.kubernetes import MANAGED_BY, schedule_spec
from velero_on_eks.settings import Schedule, Settings
from velero_on_eks.velero_release import VeleroRelease


@dataclass(frozen=True, kw_only=True)
class BackupSchedulesArgs:
    """The settings and the release whose CRDs and namespace the Schedules need."""

    settings: Settings
    release: VeleroRelease


class BackupSchedules(pulumi.ComponentResource):
    """The Schedules of a stack. The release comes before them, since it brings their CRD."""

    names: list[str]

    def __init__(
        self,
        name: str,
        args: BackupSchedulesArgs,
        *,
        kubernetes: pulumi_kubernetes.Provider,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("velero:schedules:BackupSchedules", name, None, opts)
        self.names = sorted(args.settings.schedules)
        for schedule_name in self.names:
            pulumi_kubernetes.apiextensions.CustomResource(
                f"{name}-{schedule_name}",
                api_version="velero.io/v1",
                kind="Schedule",
                metadata={
                    "name": schedule_name,
                    "namespace": args.release.namespace,
                    "labels": dict(MANAGED_BY),
                },
                spec=_spec(args.settings, args.settings.schedules[schedule_name]),
                opts=pulumi.ResourceOptions(parent=self, provider=kubernetes, depends_on=[args.release.release]),
            )
        self.register_outputs({"names": self.names})


def _spec(settings: Settings, schedule: Schedule) -> dict:
    excluded = schedule.excluded_namespaces
    if schedule.covers_cluster:
        # A restore of the cluster would lay yesterday's Schedules and locations over those that are made here.
        excluded = (*excluded, *(name for name in [settings.release.namespace] if name not in excluded))
    return schedule_spec(
        cron=schedule.recurrence.velero_expression,
        ttl=schedule.keep.go,
        paused=schedule.paused,
        namespaces=schedule.namespaces,
        excluded_namespaces=excluded,
        excluded_resources=schedule.excluded_resources,
        cluster_resources=schedule.includes_cluster_resources,
        snapshot_volumes=settings.volumes.mode == "csi-snapshot",
    )
