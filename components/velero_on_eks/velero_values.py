"""The values of the Velero chart, for the release made here and for one that another tool installs."""

from typing import Any

import pulumi

from velero_on_eks.args import VeleroValuesArgs
from velero_on_eks.component import region_of, token
from velero_on_eks.documents import helm_values
from velero_on_eks.inputs import Inputs
from velero_on_eks.settings.aws_facts import partition_of
from velero_on_eks.settings.parts import VeleroValuesInputs


class VeleroValues(pulumi.ComponentResource):
    """The Helm values for a Velero that Argo CD, Flux or another program installs; it makes no resource itself.

    The role and the storage behind them are made by `WorkloadIdentity` and `BackupStorage`. With `csi_snapshots` the
    cluster needs `VolumeSnapshots` first.
    """

    helm_values: pulumi.Output[dict[str, Any]]
    """Values for chart 12 of `velero`."""

    def __init__(self, name: str, args: VeleroValuesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = Inputs.of(f"VeleroValues {name!r}", VeleroValuesInputs, args, from_provider=[("region",)])
        super().__init__(token(type(self)), name, None, opts)
        inputs.provide(("region",), region_of(self))
        self.helm_values = whole(values_of(inputs))
        self.register_outputs({"helmValues": self.helm_values})


def values_of(inputs: Inputs[Any]) -> pulumi.Output[dict[str, Any]]:
    """The chart's values of `VeleroValuesInputs`, with the stack's overrides merged over them; see `whole`."""
    release: VeleroValuesInputs = inputs.model
    resources = release.resources
    limits = {"memory": resources.memory_limit}
    if resources.cpu_limit:
        limits["cpu"] = resources.cpu_limit

    def build(known: dict[str, Any]) -> dict[str, Any]:
        values = helm_values.velero_values(
            bucket=known["bucket"],
            prefix=release.prefix,
            location=helm_values.location_config(
                region=known["region"],
                dns_suffix=partition_of(known["region"]).dns_suffix,
                s3_url=release.s3_url,
                s3_force_path_style=release.s3_force_path_style,
            ),
            service_account=release.service_account,
            role_arn=known["role_arn"],
            image=release.image.parts,
            plugin=release.plugin.reference,
            csi_snapshots=release.csi_snapshots,
            client_qps=release.client_qps,
            client_burst=release.client_burst,
            log_level=release.log_level,
            requests={"cpu": resources.cpu_request, "memory": resources.memory_request},
            limits=limits,
            priority_class=release.priority_class,
            disruption_budget=release.disruption_budget,
            pull_secrets=release.image_pull_secrets,
        )
        return _laid_over(values, inputs.tree(release.helm_values_overrides))

    return pulumi.Output.all(
        bucket=inputs.value(release.bucket),
        region=inputs.value(release.region),
        role_arn=inputs.value(release.role_arn),
    ).apply(build)


def _laid_over(values: Any, overrides: Any) -> Any:
    """`overrides` merged over `values`, with an output for each late one: a secret hides only itself."""
    if isinstance(overrides, pulumi.Output) and isinstance(values, dict):
        return overrides.apply(lambda known: helm_values.merged(values, known) if isinstance(known, dict) else known)
    if not isinstance(overrides, dict) or not isinstance(values, dict):
        return overrides
    return {**values, **{key: _laid_over(values.get(key), value) for key, value in overrides.items()}}


def whole(values: pulumi.Output[dict[str, Any]]) -> pulumi.Output[dict[str, Any]]:
    """Values of `values_of` for whoever reads them: known and secret as a whole, with no output in them."""
    return values.apply(lambda known: pulumi.Output.from_input(known) if _holds_output(known) else known)


def _holds_output(tree: Any) -> bool:
    if isinstance(tree, dict | list):
        return any(_holds_output(item) for item in (tree.values() if isinstance(tree, dict) else tree))
    return isinstance(tree, pulumi.Output)
