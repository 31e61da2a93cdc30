"""Roles that get another name: their permissions are compared as one role's, and not told twice."""

from __future__ import annotations

from typing import Any

from velero_eks.aws.grants import who
from velero_eks.diff.model import Entry, Fact
from velero_eks.plan.grants import ROLE

Plan = dict[str, Any]


def renamed_roles(old: Plan, new: Plan) -> dict[str, str]:
    """The new ARN by the old one, of every role that both plans have under another name or path."""
    befores = {entry["urn"]: entry for entry in old["resources"] if entry["type"] == ROLE}
    found: dict[str, str] = {}
    for entry in new["resources"]:
        before = befores.get(entry["urn"]) if entry["type"] == ROLE else None
        if before is not None and _end(before) != _end(entry):
            was, now = _arn(old, before), _arn(new, entry)
            if was and now:
                found[was] = now
    return found


def _end(role: Entry) -> str:
    inputs = role["inputs"]
    return f":role{inputs.get('path') or '/'}{inputs.get('name')}"


def _arn(plan: Plan, role: Entry) -> str | None:
    named = {name for grant in plan.get("grants") or [] for name in (grant["principal"], *grant["resources"])}
    return next((name for name in sorted(named) if name.endswith(_end(role))), None)


def under_new_names(plan: Plan, roles: dict[str, str]) -> Plan:
    """The plan with its grants to and about renamed roles under the roles' new ARNs."""
    if not roles:
        return plan
    grants = [
        {
            **grant,
            "principal": roles.get(grant["principal"], grant["principal"]),
            "resources": [roles.get(resource, resource) for resource in grant["resources"]],
        }
        for grant in plan.get("grants") or []
    ]
    return {**plan, "grants": grants}


def takeovers(roles: dict[str, str]) -> list[Fact]:
    """One sentence for each renamed role."""
    return [
        Fact(
            "permissions",
            f"{who(now)} takes over from {who(was)}",
            "",
            ("What it may do and who may become it is the same but for what follows.",),
        )
        for was, now in roles.items()
    ]
