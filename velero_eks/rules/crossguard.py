"""Rules as CrossGuard policies: one policy a rule, with the rule's id, severity and sentence.

A rule that needs one resource alone becomes a ResourceValidationPolicy, asked before that resource is made; the others
become StackValidationPolicies, asked when the engine knows them all. What a preview cannot know yet is reported by the
engine as "can't run during preview" and judged by the next `up`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UnknownValueError

from velero_eks.rules import kinds
from velero_eks.rules.model import ENVIRONMENTS, RULES, UNKNOWN, Fault, NotKnown, PolicyResource, Rule
from velero_eks.rules.plan import Plan, below, with_parts

if TYPE_CHECKING:
    from velero_on_eks.settings import Settings

PACK_NAME = "velero-eks"
_NAMESPACE = "velero-eks"

Report = Callable[..., None]


def crossguard_policies() -> list[Policy]:
    """One policy a rule, in the rules' order. Errors are mandatory, warnings advisory; a policy's configuration in the
    policy pack can say otherwise.
    """
    return [_for_resource(rule) if rule.scope == "resource" else _for_stack(rule) for rule in RULES.values()]


def _for_resource(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: Report) -> None:
        resource = _of_resource(args)
        # By itself a resource says no more of whose it is than the types above it.
        own = frozenset({resource.urn} if f"{_NAMESPACE}:index:" in resource.urn else ())
        _judge(rule, [resource], _plan([resource, *_provider(args.provider)], own), args, report)

    return ResourceValidationPolicy(rule.id, rule.what, validate, _level(rule))


def _for_stack(rule: Rule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: Report) -> None:
        resources = [_of_stack(resource) for resource in args.resources]
        plan = _plan(resources, _own(resources))
        _judge(rule, plan.resources, plan, args, report)

    return StackValidationPolicy(rule.id, rule.what, validate, _level(rule))


def _judge(
    rule: Rule,
    resources: Sequence[PolicyResource],
    plan: Plan,
    args: ResourceValidationArgs | StackValidationArgs,
    report: Report,
) -> None:
    reason = _waivers().get(rule.id)
    if reason:
        args.not_applicable(f"waived: {reason}")
    unknown: NotKnown | None = None
    judged = {resource.urn for resource in resources}
    for resource in plan.judged_by(rule):
        if resource.reported not in judged and resource is not plan.whole:
            continue
        try:
            for fault in rule.faults(resource, plan):
                if _counts(rule, fault):
                    report(f"{resource.label}: {fault.message}", resource.reported)
        except NotKnown as error:
            unknown = error
    if unknown is not None:
        # Last, so that what is known to be wrong with other resources has been said.
        raise UnknownValueError(UNKNOWN_OBJECT_VALUE, unknown.path.split("."))


def _counts(rule: Rule, fault: Fault) -> bool:
    # A policy has one level of enforcement: what is only a warning here must not stop a deployment.
    return fault.severity == "error" or rule.severity == "warning"


def _level(rule: Rule) -> EnforcementLevel:
    return EnforcementLevel.MANDATORY if rule.severity == "error" else EnforcementLevel.ADVISORY


def _own(resources: Sequence[PolicyResource]) -> frozenset[str] | None:
    """The URNs of a program's one component and of all below it; None where there is none, or more than one."""
    components = [resource.urn for resource in resources if resource.type in kinds.COMPONENTS]
    if len(components) != 1:
        return None
    parents = {resource.urn: resource.parent for resource in resources}
    own = below(components[0], parents)
    return with_parts(own, parents) if _is_ours(resources) else own


def _is_ours(resources: Sequence[PolicyResource]) -> bool:
    """Whether the project is this one."""
    return all(one.urn.split("::")[1] == _NAMESPACE for one in resources)


def _plan(resources: list[PolicyResource], own: frozenset[str] | None = None) -> Plan:
    environment = pulumi.Config(_NAMESPACE).get("environment")
    settings = _settings(resources)
    if settings is not None:
        environment = settings.environment
    # A stack of another project names no environment: the rules then ask what they ask of production.
    known = environment if environment in ENVIRONMENTS else "production"
    alone = own is None or _is_ours(resources)
    return Plan(resources, known, settings=settings, own=own, alone=alone, from_engine=True)


def _settings(resources: Sequence[PolicyResource]) -> Settings | None:
    """The stack's settings: of its configuration, else those that its one component has registered."""
    from velero_on_eks.settings import InvalidSettings, Settings, load_from_pulumi

    try:
        return load_from_pulumi()
    except pulumi.RunError:
        pass
    said = [one.inputs.get("settings") for one in resources if one.type in kinds.COMPONENTS]
    if len(said) != 1 or not isinstance(said[0], Mapping):
        return None
    try:
        return Settings.from_mapping(dict(said[0]))
    except InvalidSettings:
        return None


def _waivers() -> Mapping[str, str]:
    waivers = pulumi.Config(_NAMESPACE).get_object("waivers")
    return waivers if isinstance(waivers, Mapping) else {}


def _of_resource(args: ResourceValidationArgs) -> PolicyResource:
    return PolicyResource(
        urn=args.urn,
        type=args.resource_type,
        name=args.name,
        inputs=_plain(args.props),
        protect=args.opts.protect,
        # The engine does not tell a policy about this option.
        retain_on_delete=None,
        parent=args.opts.parent or None,
        provider=args.provider.urn if args.provider else None,
        depends_on=None,
        custom=args.provider is not None,
        options=_options(args.opts),
    )


def _of_stack(resource: Any) -> PolicyResource:
    made_after = [*resource.dependencies, *(one for found in resource.property_dependencies.values() for one in found)]
    return PolicyResource(
        urn=resource.urn,
        type=resource.resource_type,
        name=resource.name,
        inputs=_plain(resource.props),
        protect=resource.opts.protect,
        retain_on_delete=None,
        parent=resource.parent.urn if resource.parent else None,
        provider=resource.provider.urn if resource.provider else None,
        depends_on=tuple(sorted({one.urn for one in made_after})),
        custom=resource.provider is not None or resource.resource_type.startswith("pulumi:providers:"),
        options=_options(resource.opts),
    )


def _options(options: Any) -> dict[str, Any]:
    """Those that the engine tells a policy about, in the plan's names."""
    return {
        "ignoreChanges": list(options.ignore_changes),
        "deleteBeforeReplace": options.delete_before_replace,
    }


def _provider(provider: Any) -> list[PolicyResource]:
    if provider is None:
        return []
    return [
        PolicyResource(urn=provider.urn, type=provider.resource_type, name=provider.name, inputs=_plain(provider.props))
    ]


def _plain(value: Any) -> Any:
    """The SDK's guarded mappings and lists as plain ones, with `UNKNOWN` where the guard would raise."""
    if isinstance(value, Mapping):
        return {key: _entry(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_entry(value, index) for index in range(len(value))]
    return value


def _entry(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
