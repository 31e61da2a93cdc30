"""The rules a plan must satisfy: pure functions over recorded resources.

`check` takes a plan's resources and says what is wrong with them. The CrossGuard pack in `policies` asks the same
rules during `pulumi preview` and `pulumi up`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

# Importing a module of rules registers them.
from velero_eks.rules import (
    grants,
    identity,
    inputs,
    kubernetes,
    objects,
    providers,
    release,
    resources,
    schedules,
    storage,
)
from velero_eks.rules.model import ENVIRONMENTS, RULES, UNKNOWN, Finding, PolicyResource, Rule
from velero_eks.rules.plan import Plan

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

RULE_MODULES = (
    inputs, resources, storage, grants, identity, providers, kubernetes, release, schedules, objects,
)  # fmt: skip

__all__ = [
    "ENVIRONMENTS", "RULES", "RULE_MODULES", "UNKNOWN", "Finding", "Plan", "PolicyResource", "Rule", "check",
]  # fmt: skip


def check(
    recorded: Iterable[PolicyResource],
    environment: str,
    *,
    settings: Settings | None = None,
    own: frozenset[str] | None = None,
    alone: bool = True,
) -> list[Finding]:
    """What is wrong with a stack's resources, errors first, then by rule and resource.

    `environment` is development, staging or production (ValueError for another): some rules ask less of a development
    stack. `settings` say what is meant; without them the rules that need them are silent. `own` are the URNs of the
    deployment, in a program that makes other things too; None is all of them. `alone` says that nothing else is meant
    to be in the stack.
    """
    if environment not in ENVIRONMENTS:
        raise ValueError(f"environment {environment!r} is not one of {', '.join(ENVIRONMENTS)}")
    plan = Plan(recorded, environment, settings=settings, own=own, alone=alone)
    found = {finding for rule in RULES.values() for finding in rule.findings(plan)}
    return sorted(found, key=lambda one: (one.severity != "error", one.rule, one.resource, one.message))
