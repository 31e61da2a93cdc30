"""Whatever the aws stand-in calls in the life of a resource, the deployer's policy allows, on the ARN that it calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.cloud.s3_actions import needs
from lab.providers.aws import cloud as stand_in
from tests.lab.providers.aws_cases import CASES, Case
from tests.lab.providers.engine import Engine
from tests.lab.providers.test_providers_aws_life import filled, world
from velero_eks.aws.iam import statements
from velero_eks.plan import deployer

# As slow as the life stories.
pytestmark = pytest.mark.lab
ACCOUNT, REGION = "123456789012", "ap-south-1"
PLACE = {"type": "velero-eks:index:VeleroOnEks", "inputs": {"account": ACCOUNT, "region": REGION}, "options": {}}
PROVIDER = {"type": "pulumi:providers:aws", "inputs": {}, "options": {}}
CLUSTER = {
    "type": "pulumi:providers:kubernetes",
    "inputs": {"clusterIdentifier": f"{ACCOUNT}/{REGION}/exam"},
    "options": {},
}
KEY = {"type": "aws:kms/key:Key", "inputs": {}, "options": {}}

__all__ = ["world"]


def arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def wanted(service: str, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The action of a call, with each ARN on which AWS asks for it."""
    action = f"{service}:{operation}"
    if service == "iam":
        yield action, arn("iam", f"role/{params['RoleName']}", "")
    elif service == "kms":
        named = [params[name] for name in ("AliasName", "TargetKeyId", "KeyId") if name in params]
        for name in named or ["*"]:
            yield action, name if name == "*" else arn("kms", name if name.startswith("alias/") else f"key/{name}")
    elif service == "eks":
        yield action, _of_eks(operation, params)
    else:
        yield action, "*"


def _of_eks(operation: str, params: dict[str, Any]) -> str:
    if "resourceArn" in params:
        return params["resourceArn"]
    name = params.get("clusterName") or params.get("name")
    if operation.startswith(("Create", "DescribeCluster")):
        return arn("eks", f"cluster/{name}")
    if "addonName" in params:
        return arn("eks", f"addon/{name}/{params['addonName']}/0123")
    return arn("eks", f"podidentityassociation/{name}/{params['associationId']}")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the stand-in asks AWS for from now on."""
    found: list[tuple[str, str]] = []
    make = stand_in._client

    def of_s3(request: Any, **_: Any) -> None:
        url = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        for action, bucket, key in needs(request.method, url.path, url.query, headers):
            found.append((action, f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"))

    def of_others(params: dict[str, Any], model: Any, **_: Any) -> None:
        found.extend(wanted(model.service_model.service_name, model.name, params))

    def watched(service: str, *given: Any) -> Any:
        client = make.__wrapped__(service, *given)
        if service == "s3":
            client.meta.events.register("before-send.s3", of_s3)
        else:
            client.meta.events.register("provide-client-params", of_others)
        return client

    monkeypatch.setattr(stand_in, "_client", watched)
    return found


@pytest.mark.parametrize("case", [case for case in CASES if case.token in deployer.ROWS], ids=str)
def test_every_call_of_a_life_is_allowed(aws: Engine, world: dict[str, str], calls, case: Case) -> None:
    inputs = filled(case.inputs, world)
    resource = {"type": case.token, "inputs": inputs, "options": {}}
    policy = deployer.policy([PLACE, PROVIDER, CLUSTER, KEY, resource])
    calls.clear()
    made = aws.create(case.token, "it", inputs)
    assert aws.read(made) is not None
    if case.update is not None:
        made = aws.update(made, filled({**case.inputs, **case.update}, world))
    aws.delete(made)
    assert calls
    refused = [call for call in dict.fromkeys(calls) if not _allowed(policy, *call)]
    assert not refused, f"{case.token}: velero_eks.plan.deployer.ROWS lacks {refused}"


def _allowed(policy: dict[str, Any], action: str, resource: str) -> bool:
    return any(one.covers_action(action) and one.covers_resource(resource) for one in statements(policy))
