"""What rules read and say: a plan's resources, a rule with its register, and a finding.

Nothing here imports an engine, a provider's SDK or pydantic: a plan is checked in the time it takes to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from velero_eks.aws.iam import MalformedDocument

if TYPE_CHECKING:
    from velero_eks.rules.plan import Plan

Severity = Literal["error", "warning"]
Scope = Literal["resource", "stack"]
Environment = Literal["development", "staging", "production"]

ENVIRONMENTS: tuple[str, ...] = ("development", "staging", "production")


@dataclass(frozen=True)
class Unknown:
    """A value that no one can know before the deployment. `source` is what it comes from, where that is known."""

    source: str = ""

    def __str__(self) -> str:
        return "(not known before the deployment)"


# Stands in inputs where an engine's preview has no value yet.
UNKNOWN = Unknown()


class NotKnown(Exception):
    """A rule reached a value that cannot be judged: not known yet, or a secret. Caught by `Rule.findings`."""

    def __init__(self, path: tuple[str | int, ...], unknown: Unknown | None = None) -> None:
        """`unknown` is the value at `path`; None where it is a secret."""
        self.path = ".".join(str(part) for part in path)
        self.unknown = unknown
        super().__init__(f"{self.path} is {'a secret' if unknown is None else 'not known before the deployment'}")


def is_secret(node: object) -> bool:
    """Whether a value is the plan's stand-in for a secret, `{"secret": true}`."""
    return isinstance(node, Mapping) and len(node) == 1 and node.get("secret") is True


def look(node: Any, *path: str | int, default: Any = None) -> Any:
    """The value at `path` below `node`, or `default` where any step is missing or null.

    Raises NotKnown where the way leads to an unknown value or to a secret: no rule may pass because it saw nothing.
    """
    for depth, part in enumerate(path):
        _known(node, path[:depth])
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list | tuple) and isinstance(part, int) and -len(node) <= part < len(node):
            node = node[part]
        else:
            return default
    _known(node, path)
    return default if node is None else node


def items(node: Any, *path: str | int) -> list[Any]:
    """The list at `path`, empty where there is none. A single mapping counts as a list of one, as some providers do."""
    found = look(node, *path, default=[])
    if isinstance(found, list | tuple):
        return list(found)
    return [found] if isinstance(found, Mapping) else []


def _known(node: Any, path: tuple[str | int, ...]) -> None:
    if isinstance(node, Unknown):
        raise NotKnown(path, node)
    if is_secret(node):
        raise NotKnown(path)


@dataclass(frozen=True)
class PolicyResource:
    """A resource as a plan has it. `inputs` are resolved, in the provider's camelCase names.

    `None` says that whoever recorded the plan could not tell: rules about it are then silent.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    protect: bool | None = False
    retain_on_delete: bool | None = False
    parent: str | None = None
    provider: str | None = None
    depends_on: tuple[str, ...] | None = None
    custom: bool = True
    # The further options, in the plan's names; those that whoever recorded the plan could not see are not in it.
    options: Mapping[str, Any] = field(default_factory=dict)
    # The URN of the release whose values bring it along; the engine knows that one alone.
    within: str | None = None

    @property
    def reported(self) -> str:
        """The URN by which a finding names it."""
        return self.within or self.urn

    @cached_property
    def kind(self) -> str:
        """The type, with AWS's interim `…V2` types read as what they have been renamed to."""
        return self.type.replace("V2", "") if self.type.startswith("aws:") else self.type

    @property
    def label(self) -> str:
        """What a message calls the resource: `Bucket velero`."""
        label = f"{self.type.rsplit(':', 1)[-1]} {self.name}"
        return f"{label} of the release's extraObjects" if self.within else label

    def get(self, *path: str | int, default: Any = None) -> Any:
        """The input at `path`; see `look`."""
        return look(self.inputs, *path, default=default)

    def items(self, *path: str | int) -> list[Any]:
        """The input at `path` as a list; see `items`."""
        return items(self.inputs, *path)

    @classmethod
    def from_plan(cls, entry: Mapping[str, Any]) -> PolicyResource:
        """A resource from an entry of the plan's JSON (`stacks[].resources[]`, version 1)."""
        options = cast("Mapping[str, Any]", entry.get("options") or {})
        depends_on = options.get("dependsOn")
        return cls(
            urn=entry["urn"],
            type=entry["type"],
            name=entry["name"],
            inputs=_read(entry.get("inputs") or {}),
            protect=bool(options.get("protect")),
            retain_on_delete=bool(options.get("retainOnDelete")),
            parent=entry.get("parent"),
            provider=options.get("provider"),
            depends_on=None if depends_on is None else tuple(depends_on),
            custom=bool(entry.get("custom", True)),
            options=options,
        )


@dataclass(frozen=True)
class Finding:
    """Something a plan should not do. `resource` is a URN; `message` names value, limit and fix."""

    rule: str
    severity: Severity
    resource: str
    message: str


@dataclass(frozen=True)
class Fault:
    """What a rule yields where the severity is not the rule's own."""

    message: str
    severity: Severity


def _read(value: Any) -> Any:
    """Inputs of a plan's JSON, with `Unknown` for what is `{"unknown": source}` there."""
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(value.get("unknown"), str):
            return Unknown(value["unknown"])
        return {key: _read(item) for key, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value


RuleBody = Callable[[PolicyResource, "Plan"], Iterator[str | Fault]]


@dataclass(frozen=True)
class Rule:
    """A rule: `what` must hold and why in one sentence, `source` where it comes from, `on` the types it judges
    (a name that ends in `:` stands for a whole package; see `kinds` for what else stands for a type).

    `scope` is `resource` where the resource alone decides, so that an engine can ask before it makes the resource, and
    `stack` where others count too.
    """

    id: str
    severity: Severity
    what: str
    source: str
    on: tuple[str, ...]
    scope: Scope
    body: RuleBody

    def faults(self, resource: PolicyResource, plan: Plan) -> Iterator[Fault]:
        """What is wrong with one resource. Raises NotKnown where that cannot be told."""
        try:
            for fault in self.body(resource, plan):
                yield fault if isinstance(fault, Fault) else Fault(fault, self.severity)
        except MalformedDocument:
            # Rule `policy-document` reports it, once.
            return

    def findings(self, plan: Plan) -> Iterator[Finding]:
        """The rule's findings in a plan. A resource that cannot be judged is a finding too: it has not passed."""
        for resource in plan.judged_by(self):
            try:
                for fault in self.faults(resource, plan):
                    yield Finding(self.id, fault.severity, resource.reported, f"{resource.label}: {fault.message}")
            except NotKnown as unknown:
                if unknown.unknown is not None:
                    # Told once for the resource, whatever number of rules it keeps from judging.
                    yield Finding(
                        UNKNOWN_VALUE, "warning", resource.reported, _unjudged(resource, unknown.path, unknown.unknown)
                    )
                    continue
                yield Finding(
                    self.id,
                    "warning",
                    resource.reported,
                    f"{resource.label}: {unknown.path} is a secret, so this rule could not check"
                    " it. Write the value unencrypted, or check it by hand.",
                )
            except (TypeError, ValueError, AttributeError, KeyError) as error:
                # A value of a kind that the provider does not take either, such as text where a number belongs.
                yield Finding(
                    self.id,
                    "error",
                    resource.reported,
                    f"{resource.label}: this rule could not read its inputs ({error}),"
                    " so it fails. Write them as the provider expects.",
                )


# The message about a resource that no rule can check yet.
UNKNOWN_VALUE = "unknown-value"


def _unjudged(resource: PolicyResource, path: str, unknown: Unknown) -> str:
    source = f" It comes from {unknown.source}." if unknown.source else ""
    return (
        f"{resource.label}: {path} is not known before the deployment and could not be checked.{source}"
        " The policy pack checks it during deployment."
    )


RULES: dict[str, Rule] = {}


def rule(
    id: str,
    *,
    on: str | tuple[str, ...],
    what: str,
    source: str,
    severity: Severity = "error",
    scope: Scope = "resource",
) -> Callable[[RuleBody], RuleBody]:
    """Register the decorated function as a rule; see `Rule`. ValueError where the id is taken."""

    def register(body: RuleBody) -> RuleBody:
        if id in RULES:
            raise ValueError(f"rule {id} is registered twice")
        RULES[id] = Rule(id, severity, what, source, (on,) if isinstance(on, str) else on, scope, body)
        return body

    return register
