"""Physical names and tags, all made from the cluster's name in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from velero_on_eks.documents.iam import arn
from velero_on_eks.settings import Settings
from velero_on_eks.settings.aws_facts import partition_of
from velero_on_eks.settings.names import (
    check_bucket_name,
    check_role_name,
    default_bucket_name,
    default_role_name,
)
from velero_on_eks.settings.tags import CLUSTER_TAG, ENVIRONMENT_TAG

# Calls a function with values that may be known later.
Map = Callable[..., Any]


def _at_once(make: Callable[..., Any], *values: Any) -> Any:
    return make(*values)


@dataclass(frozen=True, kw_only=True)
class Names:
    """What AWS calls the stack's resources. A name that is made from something late is an output, others are text."""

    cluster: Any
    bucket: Any
    role: Any
    key_alias: Any
    key_description: Any
    tags: dict[str, Any]

    @classmethod
    def of(cls, settings: Settings, late: Map = _at_once) -> Names:
        """The names of a stack. `late` is `Inputs.map` where the settings hold values that are known later.

        A bucket's name is unique in its whole partition and a role's in its account, so that the one carries account
        and region and the other the region.
        """
        cluster, region = settings.cluster.name, settings.region

        def same(text: str) -> str:
            return text

        return cls(
            cluster=late(same, cluster),
            bucket=late(same, settings.storage.bucket)
            if settings.storage.bucket
            else late(_bucket_name, cluster, settings.cluster.account, region),
            role=late(same, settings.identity.role_name)
            if settings.identity.role_name
            else late(_role_name, cluster, region),
            key_alias=late(lambda name: f"alias/velero-{name}", cluster),
            key_description=late(lambda name: f"Velero backups of the EKS cluster {name}", cluster),
            tags={
                **{key: late(same, value) for key, value in settings.tags.items()},
                CLUSTER_TAG: late(same, cluster),
                ENVIRONMENT_TAG: settings.environment,
            },
        )


def cluster_arn(cluster: str, region: str, account: str) -> str:
    """The ARN of an EKS cluster."""
    return arn(partition_of(region).name, "eks", f"cluster/{cluster}", region=region, account=account)


def _bucket_name(cluster: str, account: str, region: str) -> str:
    return check_bucket_name(default_bucket_name(cluster, account, region))


def _role_name(cluster: str, region: str) -> str:
    return check_role_name(default_role_name(cluster, region))
