"""Rules of who may become Velero: trust policies, attachments, and credentials that should not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from velero_eks.aws.iam import EVERYONE, MalformedDocument, Statement, statements
from velero_eks.rules import kinds
from velero_eks.rules.model import PolicyResource, rule
from velero_eks.rules.plan import Plan, is_role

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"
ROLE_NAME_LIMIT = 64
_AUDIENCES = ("sts.amazonaws.com", "sts.amazonaws.com.cn")
_SUBJECT = re.compile(r"^system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+$")
_OIDC_PROVIDER = ":oidc-provider/"
_POD_IDENTITY_KEYS = (
    "aws:SourceAccount",
    "aws:RequestTag/eks-cluster-arn",
    "aws:RequestTag/kubernetes-namespace",
    "aws:RequestTag/kubernetes-service-account",
)
_POD_IDENTITY_ACTIONS = ("sts:AssumeRole", "sts:TagSession")
# Managed policies that give away an account or a service, by the end of their ARN.
_BROAD = re.compile(r"(Administrator|PowerUser|FullAccess)", re.IGNORECASE)
_DOCUMENTS = {
    kinds.BUCKET_POLICY: "policy",
    kinds.KEY: "policy",
    kinds.KEY_POLICY: "policy",
    kinds.ROLE: "assumeRolePolicy",
    kinds.ROLE_POLICY: "policy",
    kinds.MANAGED_POLICY: "policy",
}


@rule(
    "policy-document",
    on=tuple(_DOCUMENTS),
    what="Every policy document can be read as one; AWS refuses a malformed one halfway through a deployment.",
    source="IAM JSON policy grammar",
)
def policy_document(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    field = _DOCUMENTS[resource.kind]
    document = resource.get(field)
    if document is None:
        return
    try:
        statements(document)
    except MalformedDocument as fault:
        yield f"{field} cannot be used, it is {fault}; write a policy document of version 2012-10-17."


@rule(
    "trust-principal",
    on=kinds.ROLE,
    what="No role trusts everyone, or everyone but somebody.",
    source="CKV_AWS_60, CKV_AWS_61",
)
def trust_principal(role: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.get("assumeRolePolicy")):
        if statement.allows and (
            statement.not_principals or any(value == EVERYONE for _, value in statement.principals)
        ):
            yield (
                f"{statement} of the trust policy lets everyone assume the role; name the one principal that needs it."
            )


@rule(
    "irsa-trust",
    on=kinds.ROLE,
    what="IRSA trusts one service account's token made out for STS: StringEquals on both aud and sub, no wildcards.",
    source="EKS User Guide, IAM roles for service accounts",
)
def irsa_trust(role: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.get("assumeRolePolicy")):
        for kind, value in statement.principals:
            if statement.allows and kind == "Federated" and _OIDC_PROVIDER in value:
                yield from _irsa_faults(statement, value.split(_OIDC_PROVIDER, 1)[1])


def _irsa_faults(statement: Statement, issuer: str) -> Iterator[str]:
    if any(condition.key.startswith("https://") for condition in statement.conditions):
        yield (
            f"a condition key of {statement} begins with https://, and IAM writes issuers without; write {issuer}:sub."
        )
        return
    audience, subject = statement.exact_on(f"{issuer}:aud"), statement.exact_on(f"{issuer}:sub")
    if not audience or any(value not in _AUDIENCES for value in audience):
        yield (
            f"{statement} accepts tokens for {', '.join(audience) or 'any audience'}, and must for"
            f" {_AUDIENCES[0]} alone;"
            f" add StringEquals {issuer}:aud."
        )
    if not subject or not all(_SUBJECT.match(value) for value in subject):
        said = [value for condition in statement.on_key(f"{issuer}:sub") for value in condition.values]
        yield (
            f"{statement} trusts the subject {', '.join(said) or 'of any pod of the cluster'}, and must trust"
            " one service"
            f" account; add StringEquals {issuer}:sub system:serviceaccount:NAMESPACE:NAME."
        )


@rule(
    "pod-identity-trust",
    on=kinds.ROLE,
    what="Pod Identity trusts one service account of one cluster of this account: source account and request"
    " tags are pinned.",
    source="EKS User Guide, Pod Identity session tags",
)
def pod_identity_trust(role: PolicyResource, plan: Plan) -> Iterator[str]:
    for statement in statements(role.get("assumeRolePolicy")):
        if not statement.allows or ("Service", POD_IDENTITY_SERVICE) not in statement.principals:
            continue
        loose = [key for key in _POD_IDENTITY_KEYS if not statement.exact_on(key)]
        if loose:
            yield (
                f"{statement} does not pin {', '.join(loose)}, so that other pods or clusters could be given"
                " this role;"
                " add StringEquals with the one value of each."
            )
        lacking = [action for action in _POD_IDENTITY_ACTIONS if not statement.covers_action(action)]
        if lacking:
            yield (f"{statement} does not allow {', '.join(lacking)}, which the Pod Identity agent needs; add it.")


@rule(
    "role-name",
    on=kinds.ROLE,
    what="The role's name has at most 64 characters, which IAM tells at deploy otherwise.",
    source="IAM API reference, RoleName",
)
def role_name(role: PolicyResource, plan: Plan) -> Iterator[str]:
    name = role.get("name")
    if isinstance(name, str) and len(name) > ROLE_NAME_LIMIT:
        yield f"the name {name} has {len(name)} characters, at most {ROLE_NAME_LIMIT}; set identity.roleName."


@rule(
    "iam-managed-policy",
    on=(kinds.ROLE, kinds.ROLE_ATTACHMENT, kinds.ROLE_ATTACHMENTS, kinds.POLICY_ATTACHMENT),
    scope="stack",
    what="Velero's role has inline policies alone, no role an administrator's: what is attached changes"
    " without this program.",
    source="CKV_AWS_274, FSBP IAM.1",
)
def iam_managed_policy(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if resource.kind == kinds.ROLE:
        arns, owner = resource.items("managedPolicyArns"), resource
    else:
        owner = plan.role_of(resource)
        arns = [resource.get("policyArn"), *resource.items("policyArns")]
    ours = _is_velero(resource, owner, plan)
    for arn in (str(arn) for arn in arns if arn):
        name = arn.rsplit("/", 1)[-1]
        if ours or _BROAD.search(name):
            yield (
                f"the managed policy {name} is attached, and the role needs its inline policy alone;"
                " take the attachment away."
            )


def _is_velero(resource: PolicyResource, owner: PolicyResource | None, plan: Plan) -> bool:
    if owner is not None:
        return owner in plan.velero_roles
    names = [resource.inputs.get("role"), resource.inputs.get("roleName"), *resource.items("roles")]
    return any(is_role(role, name) for role in plan.velero_roles for name in names if isinstance(name, str))


@rule(
    "iam-static-credentials",
    on=(kinds.IAM_USER, kinds.ACCESS_KEY),
    what="No IAM user and no access key: a pod's role needs neither, and a key that leaks has no end.",
    source="CKV_AWS_273, CKV2_AWS_40",
)
def iam_static_credentials(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    yield ("long-lived credentials, where Velero has a role; take the user and its keys away, see velero-eks:identity.")
