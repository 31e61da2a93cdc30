"""A stack with nothing in its way, to be spoilt one fact at a time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from velero_on_eks.settings import Settings, StackFile

from tests.support import ACCOUNT, ISSUER, settings
from velero_eks.aws.client import CallerIdentity
from velero_eks.aws.eks import Addon, ClusterFacts, OidcProvider
from velero_eks.bootstrap.preflight.check import Result
from velero_eks.bootstrap.preflight.facts import Aws, Facts, Here, Kubernetes, StorageClass
from velero_eks.commands.preflight import judge

ROLE = f"arn:aws:iam::{ACCOUNT}:role/velero-shop-eu-west-1"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER.removeprefix('https://')}"
MADE = 1_772_000_000.0

CLUSTER = ClusterFacts(
    name="shop",
    region="eu-west-1",
    account=ACCOUNT,
    partition="aws",
    version="1.35",
    status="ACTIVE",
    created=MADE,
    issuer=ISSUER,
    auto_mode=False,
    access_mode="API",
    addons={"aws-ebs-csi-driver": Addon("v1.50.1-eksbuild.1", "ACTIVE")},
    oidc_provider=OidcProvider(PROVIDER, ("sts.amazonaws.com",)),
)
AWS = Aws(caller=CallerIdentity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/me"), cluster=CLUSTER)
KUBERNETES = Kubernetes(
    version="v1.34.1-eks-1",
    issuer=ISSUER,
    storage_classes=(StorageClass(name="gp3", provisioner="ebs.csi.aws.com", default=True),),
    drivers=frozenset({"ebs.csi.aws.com"}),
)
FACTS = Facts(aws=AWS, kubernetes=KUBERNETES, here=Here())


def facts(**changes: Any) -> Facts:
    """The clean facts with changes: `cluster`, and any field of `Aws`, `Kubernetes` or `Here`, by its name.

    `cluster` as a dictionary changes that cluster; `kubernetes` replaces the whole.
    """
    found = FACTS
    for name, value in changes.items():
        if name == "kubernetes":
            found = dataclasses.replace(found, kubernetes=value)
        elif name == "cluster" and isinstance(value, dict):
            aws = dataclasses.replace(found.aws, cluster=dataclasses.replace(CLUSTER, **value))
            found = dataclasses.replace(found, aws=aws)
        else:
            part = next(
                part
                for part in ("aws", "kubernetes", "here")
                if name in {field.name for field in dataclasses.fields(getattr(found, part))}
            )
            whole = dataclasses.replace(getattr(found, part), **{name: value})
            found = dataclasses.replace(found, **{part: whole})
    return found


def file_of(wanted: Settings) -> StackFile:
    """A stack file of these settings, which lies nowhere."""
    return StackFile("prod", Path("stacks/Pulumi.prod.yaml"), {}, wanted)


def results(found: Facts, **sections: Any) -> dict[str, Result]:
    """Every check's result for a stack with these sections, by the check's name."""
    return {each.check.name: each for each in judge(file_of(settings(**sections)), found)}
