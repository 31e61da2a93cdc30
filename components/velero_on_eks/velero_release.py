"""Velero itself: its namespace, the password of its repositories, and the Helm release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
import pulumi_random as random

from velero_on_eks.backup_storage import BackupStorage
from velero_on_eks.documents import helm_values
from velero_on_eks.documents.kubernetes import MANAGED_BY, REPOSITORY_SECRET, REPOSITORY_SECRET_KEY, namespace_labels
from velero_on_eks.settings import Settings
from velero_on_eks.settings.versions import CHART_NAME

PASSWORD_LENGTH = 40


@dataclass(frozen=True, kw_only=True)
class VeleroReleaseArgs:
    """`role_arn` annotates the service account (IRSA); None where the pod gets its role another way."""

    settings: Settings
    storage: BackupStorage
    role_arn: pulumi.Input[str] | None = None


class VeleroRelease(pulumi.ComponentResource):
    """Velero's namespace, its repository password and its Helm release, in that order.

    The password is there before the server's first start: Velero would make a secret with a password that everybody
    can read in its source, and a later change makes older backups unreadable.
    """

    namespace: pulumi.Output[str]
    release_name: str
    repository_password: pulumi.Output[str]
    release: pulumi_kubernetes.helm.v3.Release

    def __init__(
        self,
        name: str,
        args: VeleroReleaseArgs,
        *,
        kubernetes: pulumi_kubernetes.Provider,
        wait_for: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("velero:release:VeleroRelease", name, None, opts)
        settings = args.settings
        release, kept = settings.release, settings.storage.protect
        child = pulumi.ResourceOptions(parent=self, provider=kubernetes)

        namespace = pulumi_kubernetes.core.v1.Namespace(
            name,
            metadata={"name": release.namespace, "labels": namespace_labels()},
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=kept or None)),
        )
        # Its id is its name. Of its metadata a part is unknown while it changes, and an unknown namespace reads as a
        # replacement of everything in it.
        self.namespace = namespace.id
        self.repository_password = self._password(name, settings)
        secret = pulumi_kubernetes.core.v1.Secret(
            f"{name}-repository",
            metadata={"name": REPOSITORY_SECRET, "namespace": self.namespace, "labels": dict(MANAGED_BY)},
            type="Opaque",
            string_data={REPOSITORY_SECRET_KEY: self.repository_password},
            opts=pulumi.ResourceOptions(
                parent=namespace,
                provider=kubernetes,
                protect=kept or None,
                retain_on_delete=kept or None,
            ),
        )
        self.release = pulumi_kubernetes.helm.v3.Release(
            name,
            name=release.name,
            namespace=self.namespace,
            chart=_chart(release.chart.repository),
            version=release.chart.version,
            repository_opts=_repository(release.chart.repository),
            values=_values(args),
            atomic=False,
            cleanup_on_fail=False,
            create_namespace=False,
            skip_await=False,
            timeout=release.timeout_seconds,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[secret, *wait_for])),
        )
        self.release_name = release.name
        self.register_outputs({"namespace": self.namespace, "releaseName": self.release_name})

    def _password(self, name: str, settings: Settings) -> pulumi.Output[str]:
        if settings.repository_password is not None:
            return pulumi.Output.secret(settings.repository_password.get_secret_value())
        kept = settings.storage.protect
        made = random.RandomPassword(
            f"{name}-repository",
            length=PASSWORD_LENGTH,
            # It is typed by a person on the day the escrowed copy is needed.
            special=False,
            opts=pulumi.ResourceOptions(parent=self, protect=kept or None, retain_on_delete=kept or None),
        )
        return made.result


def _chart(repository: str) -> str:
    return f"{repository.rstrip('/')}/{CHART_NAME}" if repository.startswith("oci://") else CHART_NAME


def _repository(repository: str) -> pulumi_kubernetes.helm.v3.RepositoryOptsArgs | None:
    if repository.startswith("oci://"):
        return None
    return pulumi_kubernetes.helm.v3.RepositoryOptsArgs(repo=repository)


def _values(args: VeleroReleaseArgs) -> pulumi.Output[dict]:
    settings = args.settings
    release, storage, resources = settings.release, settings.storage, settings.release.resources
    limits = {"memory": resources.memory_limit}
    if resources.cpu_limit:
        limits["cpu"] = resources.cpu_limit

    def build(known: dict) -> dict:
        values = helm_values.velero_values(
            bucket=known["bucket"],
            prefix=storage.prefix,
            location=helm_values.location_config(
                region=settings.region,
                dns_suffix=settings.partition.dns_suffix,
                s3_url=storage.s3_url,
                s3_force_path_style=storage.s3_force_path_style,
            ),
            service_account=release.service_account,
            role_arn=known["role_arn"],
            image=(release.image.repository, release.image.tag),
            plugin=(release.plugin.repository, release.plugin.tag),
            csi_snapshots=settings.volumes.mode == "csi-snapshot",
            client_qps=release.client_qps,
            client_burst=release.client_burst,
            log_level=release.log_level,
            requests={"cpu": resources.cpu_request, "memory": resources.memory_request},
            limits=limits,
            priority_class=release.priority_class,
            disruption_budget=release.disruption_budget,
        )
        return helm_values.merged(values, release.helm_values_overrides)

    return pulumi.Output.all(bucket=args.storage.bucket, role_arn=args.role_arn).apply(build)
