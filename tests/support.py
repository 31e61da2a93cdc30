"""Settings and recordings for tests: one small valid stack, changed where a test says so."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes
from velero_on_eks import VeleroOnEks
from velero_on_eks.settings import Settings

from velero_eks.plan.model import Recording, Resource
from velero_eks.plan.recorder import record_program

ACCOUNT = "111122223333"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123456789"

MINIMAL: dict[str, Any] = {
    "environment": "production",
    "region": "eu-west-1",
    "cluster": {"name": "shop", "account": ACCOUNT, "kubernetesVersion": "1.35", "oidcIssuer": ISSUER},
}


def mapping(**sections: Any) -> dict[str, Any]:
    """The minimal stack with sections put in or replaced; `cluster` is merged over key by key, None removes a key."""
    result = copy.deepcopy(MINIMAL)
    cluster = {**result["cluster"], **sections.pop("cluster", {})}
    result["cluster"] = {key: value for key, value in cluster.items() if value is not None}
    return {**result, **sections}


def settings(**sections: Any) -> Settings:
    """Valid settings of `mapping(**sections)`."""
    return Settings.from_mapping(mapping(**sections))


def record(**sections: Any) -> Recording:
    """What `VeleroOnEks` registers for these settings, under explicit providers."""
    return record_settings(settings(**sections))


def record_settings(wanted: Settings) -> Recording:
    """What `VeleroOnEks` registers for settings, as the program of this repository hands them over."""
    return record_arguments(lambda: wanted, region=wanted.region)


def record_arguments(make: Callable[[], Any], *, region: str = "eu-west-1") -> Recording:
    """What `VeleroOnEks` registers for arguments, which `make` makes inside the program: an Output lives there."""

    def program() -> None:
        aws = pulumi_aws.Provider("aws", region=region)
        kubernetes = pulumi_kubernetes.Provider("kubernetes", context="test")
        velero = VeleroOnEks("velero", make(), pulumi.ResourceOptions(providers=[aws, kubernetes]))
        for name, value in velero.exports().items():
            pulumi.export(name, value)

    return record_program(program)


def document(resource: Resource, field: str = "policy") -> Any:
    """A policy document, out of the JSON text that AWS gets."""
    return json.loads(resource.inputs[field])
