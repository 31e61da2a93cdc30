"""Rules of permissions: exactly those that the settings ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from velero_eks.aws.iam import MalformedDocument, Statement, statements
from velero_eks.aws.iam_conditions import Condition
from velero_eks.rules import kinds
from velero_eks.rules.meant import allowed, carried, refused
from velero_eks.rules.model import PolicyResource, look, rule
from velero_eks.rules.plan import Plan

_CARRIERS = (kinds.ROLE, kinds.ROLE_POLICY, kinds.BUCKET_POLICY, kinds.KEY, kinds.KEY_POLICY)
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
    what="Every policy document is valid; AWS refuses a malformed one halfway through a deployment.",
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
        yield f"{field} is invalid, {fault}; write a policy document of version 2012-10-17."


@rule(
    "unmeant-grant",
    on=_CARRIERS,
    scope="stack",
    what="Role, trust, bucket and key policies allow no principal, action or resource beyond the settings,"
    " and under no weaker condition.",
    source="FSBP IAM.1, S3.2, KMS.5; EKS User Guide, IRSA and Pod Identity; practice against ransomware",
)
def unmeant_grant(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for field, found, meant in carried(resource, plan):
        for statement in allowed(found):
            beyond = _beyond(statement, allowed(meant))
            if beyond:
                yield f"{statement} of {field} allows more than expected: {beyond}; remove it."


@rule(
    "unmeant-refusal",
    on=_CARRIERS,
    scope="stack",
    what="No policy denies more than the settings do: it could block Velero, or default encryption.",
    source="AWS re:Post, bucket locked by its own policy; Velero 1.18 kopialib/backend/s3.go",
)
def unmeant_refusal(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    for field, found, meant in carried(resource, plan):
        for statement in refused(found):
            if not any(_same(statement, one) for one in refused(meant)):
                yield (
                    f"{statement} of {field} denies more than expected: {_said(statement)}; remove"
                    " it, or write it as in the settings."
                )


@rule(
    "missing-grant",
    on=(kinds.ROLE, kinds.KEY),
    scope="stack",
    what="The role can be assumed, may read, write and list its part of the bucket and use the key, and the"
    " account's IAM policies control the key.",
    source="velero-plugin-for-aws 1.14 README; AWS KMS Developer Guide, default key policy",
)
def missing_grant(resource: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.meant is None:
        return
    if resource.kind == kinds.KEY:
        documents = [one for part in (resource, *plan.of(kinds.KEY_POLICY)) for one in carried(part, plan)]
        if not documents:
            # Without a policy KMS makes the one that is meant.
            return
        yield from _missing(documents[0][0], [one for _, found, _ in documents for one in found], plan.meant.key)
        return
    if resource not in plan.velero_roles:
        return
    yield from _missing("assumeRolePolicy", statements(resource.get("assumeRolePolicy")), plan.meant.trust)
    held: list[Statement] = []
    for policy in plan.of(kinds.ROLE_POLICY):
        if plan.role_of(policy) in (resource, None):
            held += statements(policy.get("policy"))
    for inline in resource.items("inlinePolicies"):
        held += statements(look(inline, "policy"))
    yield from _missing("its policies", held, plan.meant.permissions)


@rule(
    "missing-refusal",
    on=kinds.BUCKET,
    scope="stack",
    what="The bucket policy denies plain HTTP, and uploads with another encryption than the bucket's.",
    source="FSBP S3.5, CKV_AWS_379",
)
def missing_refusal(bucket: PolicyResource, plan: Plan) -> Iterator[str]:
    if plan.meant is None:
        return
    found = [one for policy in plan.of_bucket(bucket, kinds.BUCKET_POLICY) for one in _readable(policy.get("policy"))]
    for meant in refused(plan.meant.bucket):
        if not any(_same(statement, meant) for statement in refused(found)):
            yield f"no bucket policy has the {meant}: {_said(meant)}; write it as in the settings."


def _missing(where: str, found: Sequence[Statement], meant: Iterable[Statement]) -> Iterator[str]:
    for wanted in allowed(meant):
        lacking = [
            f"{action} on {resource}" if resource else action
            for action in wanted.actions
            for resource in wanted.resources or ("",)
            if not any(_grants(statement, wanted, action, resource) for statement in allowed(found))
        ]
        if lacking:
            yield f"{where} does not allow {', '.join(lacking)}{_under(wanted.conditions)}, which is expected; add it."


def _grants(statement: Statement, wanted: Statement, action: str, resource: str) -> bool:
    """Whether a statement gives at least this: it may give more, and under fewer conditions."""
    return (
        statement.covers_action(action)
        and (not resource or statement.covers_resource(resource))
        and (statement.for_everyone or set(wanted.principals) <= set(statement.principals))
        and _conditions(statement) <= _conditions(wanted)
    )


def _beyond(statement: Statement, meant: Sequence[Statement]) -> str:
    """What a statement allows beyond the meant one that is nearest to it; empty where one covers all of it."""
    beyond = [_beyond_one(statement, one) for one in meant]
    return "" if "" in beyond else min(beyond, key=len, default=_said(statement))


def _beyond_one(statement: Statement, meant: Statement) -> str:
    said: list[str] = []
    for name, values in (
        ("NotAction", statement.not_actions),
        ("NotResource", statement.not_resources),
        ("NotPrincipal", [one.value for one in statement.not_principals]),
    ):
        if values:
            said.append(f"everything but {name} {', '.join(values)}")
    known = {action.lower() for action in meant.actions}
    actions = [action for action in statement.actions if action.lower() not in known]
    if actions:
        said.append(", ".join(actions))
    resources = [one for one in statement.resources if one not in meant.resources]
    if resources:
        said.append(f"on {', '.join(resources)}")
    principals = [one.value for one in statement.principals if one not in meant.principals]
    if principals:
        said.append(f"to {', '.join('everyone' if one == '*' else one for one in principals)}")
    without = [one for one in meant.conditions if _written(one) not in _conditions(statement)]
    if without:
        said.append(f"without {' and '.join(map(_condition, without))}")
    return " ".join(said)


def _same(one: Statement, other: Statement) -> bool:
    return (
        {action.lower() for action in one.actions} == {action.lower() for action in other.actions}
        and set(one.resources) == set(other.resources)
        and set(one.principals) == set(other.principals)
        and not (one.not_actions or one.not_resources or one.not_principals)
        and _conditions(one) == _conditions(other)
    )


def _said(statement: Statement) -> str:
    actions = ", ".join(statement.actions) or f"everything but {', '.join(statement.not_actions)}"
    resources = ", ".join(statement.resources) or ", ".join(f"all but {one}" for one in statement.not_resources)
    return f"{actions}{f' on {resources}' if resources else ''}{_under(statement.conditions)}"


def _under(conditions: Sequence[Condition]) -> str:
    return f" where {' and '.join(map(_condition, conditions))}" if conditions else ""


def _condition(condition: Condition) -> str:
    return f"{condition.operator} {condition.key} {', '.join(condition.values)}"


def _conditions(statement: Statement) -> set[tuple[str, str, frozenset[str]]]:
    return {_written(condition) for condition in statement.conditions}


def _written(condition: Condition) -> tuple[str, str, frozenset[str]]:
    return condition.operator.lower(), condition.key.lower(), frozenset(condition.values)


def _readable(document: object) -> tuple[Statement, ...]:
    try:
        return statements(document)
    except MalformedDocument:
        # Rule `policy-document` says so.
        return ()
