"""Who may do what: the Allow statements of every role, trust, bucket and key policy that a stack makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velero_eks.aws.grants import Grant
from velero_eks.aws.iam import EVERYONE, MalformedDocument, NotADocument, Statement, statements
from velero_eks.errors import PlanError
from velero_eks.plan.model import Recording, Resource
from velero_eks.plan.unknown import NOT_KNOWN, is_unknown

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
MANAGED_POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
KEY_POLICY = "aws:kms/keyPolicy:KeyPolicy"


def grants(recording: Recording) -> list[Grant]:
    """Every grant, by principal and then in the order of resources and statements."""
    found = [grant for resource in recording for grant in _of(resource, recording)]
    return sorted(found, key=lambda grant: (grant.principal, grant.source))


def unknown(recording: Recording) -> list[Resource]:
    """The roles, policies and keys that grant something which no one knows before the deployment."""
    documents = {ROLE: "assumeRolePolicy", **dict.fromkeys((ROLE_POLICY, BUCKET_POLICY, KEY, KEY_POLICY), "policy")}
    return [resource for resource in recording if is_unknown(resource.inputs.get(documents.get(resource.type, "")))]


def key_aliases(recording: Recording) -> dict[str, str]:
    """The alias of each key that has one, by the key's ARN."""
    aliases = [alias.outputs or {} for alias in recording.of_type(ALIAS)]
    return {
        str(alias["targetKeyArn"]): str(alias.get("name")) for alias in reversed(aliases) if "targetKeyArn" in alias
    }


def _of(resource: Resource, recording: Recording) -> Iterator[Grant]:
    inputs, outputs = resource.inputs, resource.outputs or {}
    if resource.type == ROLE:
        arn = _text(outputs.get("arn"))
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
    yield Grant.by_attachment(principal, policy_arn, resource.urn)


def _with_principals(resource: Resource, key: str, *, about: str | None) -> Iterator[Grant]:
    """Grants of a policy that names its principals; `about` is what `*`, or no resource at all, stands for in it."""
    document = resource.inputs.get(key)
    if document is not None:
        yield from _statements(resource, document, key, principals=None, about=about)


def _statements(
    resource: Resource, document: Any, key: str, *, principals: list[str] | None, about: str | None = None
) -> Iterator[Grant]:
    for statement in _read(resource, document, key):
        if not statement.allows:
            continue
        resources = statement.resources
        if about is not None and resources in ((), (EVERYONE,)) and not statement.not_resources:
            resources = (about,)
        for principal in _principals(statement) if principals is None else principals:
            yield Grant(
                principal=principal,
                actions=statement.actions or (EVERYONE,),
                resources=resources or (EVERYONE,),
                conditions=dict(statement.written.get("Condition") or {}),
                source=resource.urn,
                sid=statement.sid or None,
                not_actions=statement.not_actions,
                not_resources=statement.not_resources,
            )


def _read(resource: Resource, document: Any, key: str) -> tuple[Statement, ...]:
    """The statements of a document; none of one that no one knows yet, or that rule `policy-document` refuses."""
    if is_unknown(document):
        return ()
    try:
        return statements(document)
    except NotADocument as fault:
        raise PlanError(f"{resource.type} {resource.name}: {key} is {fault}; AWS would refuse it") from None
    except MalformedDocument:
        return ()


def _principals(statement: Statement) -> list[str]:
    if statement.not_principals:
        return [f"everyone but {', '.join(value for _, value in statement.not_principals)}"]
    return [value for _, value in statement.principals]


def _role_arn(inputs: dict[str, Any], recording: Recording) -> str:
    named = inputs.get("role")
    for role in recording.of_type(ROLE):
        outputs = role.outputs or {}
        if named in (outputs.get("name"), outputs.get("arn")):
            return _text(outputs["arn"])
    return _text(named)


def _key_arn(resource: Resource, recording: Recording) -> str:
    if resource.type == KEY:
        return _text((resource.outputs or {}).get("arn"))
    named = resource.inputs.get("keyId")
    for key in recording.of_type(KEY):
        outputs = key.outputs or {}
        if named in (outputs.get("keyId"), outputs.get("arn")):
            return _text(outputs["arn"])
    return _text(named)


def _text(value: Any) -> str:
    return NOT_KNOWN if is_unknown(value) else str(value)
