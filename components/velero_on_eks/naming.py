"""Physical names and tags, all made from the cluster's name in one place.

The cluster's name may be known late, when the cluster is made by the same program: every name is then an output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pulumi

from velero_on_eks.documents.iam import arn
from velero_on_eks.settings import Settings
from velero_on_eks.settings.names import (
    ROLE_NAME_MAX,
    check_bucket_name,
    check_role_name,
    default_bucket_name,
    shortened,
)


@dataclass(frozen=True, kw_only=True)
class Names:
    """What AWS calls the stack's resources. `of` makes one from settings and the cluster's name."""

    cluster: pulumi.Input[str]
    cluster_arn: pulumi.Input[str]
    bucket: pulumi.Input[str]
    role: pulumi.Input[str]
    key_alias: pulumi.Input[str]
    key_description: pulumi.Input[str]
    tags: pulumi.Input[dict[str, pulumi.Input[str]]]

    @classmethod
    def of(cls, settings: Settings, cluster_name: pulumi.Input[str] | None = None) -> Names:
        """Names for `cluster_name`, or for the cluster that the settings name.

        A bucket's name is unique in its whole partition and a role's in its account, so that the one carries account
        and region and the other the region.
        """
        cluster = settings.cluster.name if cluster_name is None else cluster_name
        region, account = settings.region, settings.cluster.account

        def named(make: Callable[[str], str]) -> pulumi.Input[str]:
            # A plain name stays plain: an output would hide it from whoever validates before the first resource.
            return make(cluster) if isinstance(cluster, str) else pulumi.Output.from_input(cluster).apply(make)

        return cls(
            cluster=cluster,
            cluster_arn=named(
                lambda name: arn(settings.partition.name, "eks", f"cluster/{name}", region=region, account=account)
            ),
            bucket=settings.storage.bucket
            or named(lambda name: check_bucket_name(default_bucket_name(name, account, region))),
            role=settings.identity.role_name
            or named(lambda name: check_role_name(shortened(f"velero-{name}-{region}", ROLE_NAME_MAX))),
            key_alias=named(lambda name: f"alias/velero-{name}"),
            key_description=named(lambda name: f"Velero backups of the EKS cluster {name}"),
            tags={
                **settings.tags,
                "velero-eks/cluster": cluster,
                "velero-eks/environment": settings.environment,
            },
        )
