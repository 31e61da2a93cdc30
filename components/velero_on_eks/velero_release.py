"""Velero itself: its namespace, the password of its repositories, and the Helm release."""

from typing import Any

import pulumi
import pulumi_kubernetes
import pulumi_random

from velero_on_eks.args import VeleroReleaseArgs
from velero_on_eks.component import after, options, region_of, token
from velero_on_eks.documents.kubernetes import (
    MANAGED_BY,
    REPOSITORY_SECRET,
    REPOSITORY_SECRET_KEY,
    namespace_metadata,
)
from velero_on_eks.inputs import Inputs
from velero_on_eks.settings.parts import VeleroReleaseInputs
from velero_on_eks.settings.versions import CHART_NAME
from velero_on_eks.velero_values import values_of, whole

PASSWORD_LENGTH = 40


class VeleroRelease(pulumi.ComponentResource):
    """Velero's namespace, its repository password and its Helm release, in that order.

    The password is there before the server's first start: Velero would make a secret with a password that everyone
    can read in its source, and a later change makes older backups unreadable.
    """

    namespace: pulumi.Output[str]
    """Velero's namespace."""
    repository_password: pulumi.Output[str]
    """The password of the backup repositories, a secret. Keep a copy outside the cluster and the account."""
    helm_values: pulumi.Output[dict[str, Any]]
    """The values that the chart was given."""

    def __init__(self, name: str, args: VeleroReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(f"VeleroRelease {name!r}", VeleroReleaseInputs, args, from_provider=[("region",)])
        super().__init__(token(type(self)), name, None, options(opts, former="velero:release:VeleroRelease"))
        inputs.provide(("region",), region_of(self))
        release = inputs.model
        kept = release.protect or None
        child = pulumi.ResourceOptions(parent=self)

        namespace = pulumi_kubernetes.core.v1.Namespace(
            name,
            metadata=pulumi_kubernetes.meta.v1.ObjectMetaArgs(**namespace_metadata(release.namespace)),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=kept)),
        )
        self.repository_password = self._password(name, inputs)
        secret = pulumi_kubernetes.core.v1.Secret(
            f"{name}-repository",
            # Named as text: while the namespace changes its outputs are unknown, and an unknown namespace reads as a
            # replacement of what is in it. The parent keeps the order.
            metadata={"name": REPOSITORY_SECRET, "namespace": release.namespace, "labels": dict(MANAGED_BY)},
            type="Opaque",
            string_data={REPOSITORY_SECRET_KEY: self.repository_password},
            opts=pulumi.ResourceOptions(parent=namespace, protect=kept, retain_on_delete=kept),
        )
        values = values_of(inputs)
        self.helm_values = whole(values)
        pulumi_kubernetes.helm.v3.Release(
            name,
            name=release.name,
            namespace=release.namespace,
            chart=_chart(release.chart.repository),
            version=release.chart.version,
            repository_opts=_repository(release.chart.repository),
            values=values,
            atomic=False,
            cleanup_on_fail=False,
            create_namespace=False,
            skip_await=False,
            timeout=release.timeout_seconds,
            opts=pulumi.ResourceOptions.merge(
                child, pulumi.ResourceOptions(depends_on=[namespace, secret, *after(opts)])
            ),
        )
        self.namespace = pulumi.Output.from_input(release.namespace)
        self.register_outputs({"namespace": self.namespace, "releaseName": release.name})

    def _password(self, name: str, inputs: Inputs[VeleroReleaseInputs]) -> pulumi.Output[str]:
        given = inputs.value(inputs.model.repository_password)
        if given is not None:
            return pulumi.Output.secret(given if isinstance(given, pulumi.Output) else given.get_secret_value())
        kept = inputs.model.protect or None
        made = pulumi_random.RandomPassword(
            f"{name}-repository",
            length=PASSWORD_LENGTH,
            # It is typed by a person on the day the escrowed copy is needed.
            special=False,
            opts=pulumi.ResourceOptions(parent=self, protect=kept, retain_on_delete=kept),
        )
        return made.result


def _chart(repository: str) -> str:
    return f"{repository.rstrip('/')}/{CHART_NAME}" if repository.startswith("oci://") else CHART_NAME


def _repository(repository: str) -> pulumi_kubernetes.helm.v3.RepositoryOptsArgs | None:
    if repository.startswith("oci://"):
        return None
    return pulumi_kubernetes.helm.v3.RepositoryOptsArgs(repo=repository)
