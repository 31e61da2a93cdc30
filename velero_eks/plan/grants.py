"""Who may do what: the Allow statements of every role, trust, bucket and key policy that a stack makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from velero_eks.plan.model import PlanError, Recording, Resource

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
MANAGED_POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
KEY = "aws:kms/key:Key"
KEY_POLICY = "aws:kms/keyPolicy:KeyPolicy"

EVERYONE = "*"


@dataclass(frozen=True)
class Grant:
    """One Allow statement for one principal. `source` is the URN of the resource that carries the policy.

    `not_actions` and `not_resources` are what a statement leaves out of `*`: the statement had NotAction, NotResource.
    A policy attached by an ARN that the stack does not make itself counts as everything, since nobody can tell here.
    """

    principal: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: dict[str, Any]
    source: str
    sid: str | None = None
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()


def grants(recording: Recording) -> list[Grant]:
    """Every grant, by principal and then in the order of resources and statements."""
    found = [grant for resource in recording for grant in _of(resource, recording)]
    return sorted(found, key=lambda grant: (grant.principal, grant.source))


def _of(resource: Resource, recording: Recording) -> Iterator[Grant]:
    inputs, outputs = resource.inputs, resource.outputs or {}
    if resource.type == ROLE:
        arn = str(outputs.get("arn"))
        yield from _with_principals(resource, "assumeRolePolicy", about=arn)
        for inline in inputs.get("inlinePolicies") or []:
            yield from _statements(resource, inline.get("policy"), "inlinePolicies", principals=[arn])
        for policy_arn in inputs.get("managedPolicyArns") or []:
            yield from _attached(resource, arn, policy_arn, recording)
    elif resource.type == ROLE_POLICY:
        yield from _statements(resource, inputs.get("policy"), "policy", principals=[_role_arn(inputs, recording)])
    elif resource.type == ATTACHMENT:
        yield from _attached(resource, _role_arn(inputs, recording), str(inputs.get("policyArn")), recording)
    elif resource.type == BUCKET_POLICY:
        yield from _with_principals(resource, "policy", about=None)
    elif resource.type in (KEY, KEY_POLICY):
        yield from _with_principals(resource, "policy", about=_key_arn(resource, recording))


def _attached(resource: Resource, principal: str, policy_arn: str, recording: Recording) -> Iterator[Grant]:
    for policy in recording.of_type(MANAGED_POLICY):
        if (policy.outputs or {}).get("arn") == policy_arn:
            yield from _statements(policy, policy.inputs.get("policy"), "policy", principals=[principal])
            return
    yield Grant(principal, (EVERYONE,), (EVERYONE,), {}, resource.urn, sid=f"attached: {policy_arn}")


def _with_principals(resource: Resource, key: str, *, about: str | None) -> Iterator[Grant]:
    """Grants of a policy that names its principals; `about` is what `*`, or no resource at all, stands for in it."""
    document = resource.inputs.get(key)
    if document is not None:
        yield from _statements(resource, document, key, principals=None, about=about)


def _statements(
    resource: Resource, document: Any, key: str, *, principals: list[str] | None, about: str | None = None
) -> Iterator[Grant]:
    for statement in _listed(_parsed(resource, document, key).get("Statement")):
        if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
            continue
        resources = tuple(_listed(statement.get("Resource")))
        not_resources = tuple(_listed(statement.get("NotResource")))
        if about is not None and (not resources or resources == (EVERYONE,)) and not not_resources:
            resources = (about,)
        not_actions = tuple(_listed(statement.get("NotAction")))
        for principal in _principals(statement) if principals is None else principals:
            yield Grant(
                principal=principal,
                actions=tuple(_listed(statement.get("Action"))) or (EVERYONE,),
                resources=resources or (EVERYONE,),
                conditions=statement.get("Condition") or {},
                source=resource.urn,
                sid=statement.get("Sid"),
                not_actions=not_actions,
                not_resources=not_resources,
            )


def _parsed(resource: Resource, document: Any, key: str) -> dict[str, Any]:
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
    except json.JSONDecodeError as error:
        raise PlanError(f"{resource.type} {resource.name}: {key} is not JSON ({error}); AWS would refuse it") from None
    if not isinstance(parsed, dict):
        raise PlanError(f"{resource.type} {resource.name}: {key} is no policy document; AWS would refuse it")
    return parsed


def _principals(statement: dict[str, Any]) -> list[str]:
    if "NotPrincipal" in statement:
        return [f"everyone but {', '.join(_flat(statement['NotPrincipal']))}"]
    return _flat(statement.get("Principal"))


def _flat(principal: Any) -> list[str]:
    if isinstance(principal, dict):
        return [str(name) for names in principal.values() for name in _listed(names)]
    return [str(name) for name in _listed(principal)]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _role_arn(inputs: dict[str, Any], recording: Recording) -> str:
    named = str(inputs.get("role"))
    for role in recording.of_type(ROLE):
        outputs = role.outputs or {}
        if named in (outputs.get("name"), outputs.get("arn")):
            return str(outputs["arn"])
    return named


def _key_arn(resource: Resource, recording: Recording) -> str:
    if resource.type == KEY:
        return str((resource.outputs or {}).get("arn"))
    named = str(resource.inputs.get("keyId"))
    for key in recording.of_type(KEY):
        outputs = key.outputs or {}
        if named in (outputs.get("keyId"), outputs.get("arn")):
            return str(outputs["arn"])
    return named
