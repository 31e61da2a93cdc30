"""Plan entries made by hand, for what no program here does."""

from __future__ import annotations

from typing import Any


def urn(type_: str, name: str, *above: str) -> str:
    """A URN in the stack `prod`; `above` are the types of its parents, from the top."""
    return f"urn:pulumi:prod::velero-eks::{'$'.join((*above, type_))}::{name}"


def entry(
    type_: str,
    name: str,
    inputs: dict[str, Any] | None = None,
    *,
    parent: dict[str, Any] | None = None,
    custom: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """One resource as a plan has it."""
    above = parent["urn"].split("::")[2].split("$") if parent else []
    return {
        "urn": urn(type_, name, *above),
        "type": type_,
        "name": name,
        "parent": parent["urn"] if parent else None,
        "custom": custom,
        "inputs": inputs or {},
        "options": {"protect": False, "retainOnDelete": False, "provider": None, "aliases": [], **options},
    }


def stack(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A stack's plan with these resources and nothing else."""
    empty = {"outputs": {}, "schedules": [], "objectives": [], "grants": [], "findings": []}
    return {"stack": "prod", "environment": "production", "resources": list(resources), **empty, **more}


def grant(
    principal: str, *actions: str, on: str = "*", when: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """One grant as a plan has it."""
    return {
        "principal": principal,
        "actions": list(actions),
        "resources": [on],
        "conditions": when or {},
        "sid": None,
        "source": urn("aws:iam/rolePolicy:RolePolicy", "p"),
        **more,
    }
