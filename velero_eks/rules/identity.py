"""Rules of IAM: no attached policies, no users, no access keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, rule
from velero_eks.rules.plan import Plan, is_role

# Managed policies that give away an account or a service, by the end of their ARN.
_BROAD = re.compile(r"(Administrator|PowerUser|FullAccess)", re.IGNORECASE)


@rule(
    "iam-managed-policy",
    on=(kinds.ROLE, kinds.ROLE_ATTACHMENT, kinds.ROLE_ATTACHMENTS, kinds.POLICY_ATTACHMENT),
    scope="stack",
    what="Velero's role has only inline policies, and no role has an administrator's: attached policies"
    " change without this program.",
    source="CKV_AWS_274, FSBP IAM.1",
)
def iam_managed_policy(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.kind == kinds.ROLE:
        arns, owner = resource.items("managedPolicyArns"), resource
    else:
        owner = plan.role_of(resource)
        arns = [resource.get("policyArn"), *resource.items("policyArns")]
    ours = owner in plan.velero_roles if owner is not None else _names_velero(resource, plan)
    for arn in (str(arn) for arn in arns if arn):
        name = arn.rsplit("/", 1)[-1]
        if ours or _BROAD.search(name):
            yield (
                f"the managed policy {name} is attached, but the role needs only its inline policy;"
                " remove the attachment."
            )


def _names_velero(resource: PolicyResource, plan: Plan) -> bool:
    names = [resource.inputs.get("role"), resource.inputs.get("roleName"), *resource.items("roles")]
    return any(is_role(role, name) for role in plan.velero_roles for name in names if isinstance(name, str))


@rule(
    "iam-static-credentials",
    on=(kinds.IAM_USER, kinds.ACCESS_KEY),
    what="No IAM user and no access key: the pod's role needs neither, and a leaked key does not expire.",
    source="CKV_AWS_273, CKV2_AWS_40",
)
def iam_static_credentials(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    yield ("long-lived credentials, where Velero has a role; remove the user and its keys, see velero-eks:identity.")
