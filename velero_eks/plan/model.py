"""What a recording holds: each resource as it was registered, and the stack's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from velero_eks.plan.unknown import Note

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Options:
    """A resource's options as the engine would apply them: `protect` and `retainOnDelete` inherited from the parent."""

    protect: bool = False
    retain_on_delete: bool = False
    # Every resource this one waits for, explicit or through its inputs; sorted.
    depends_on: tuple[str, ...] = ()
    # By input, the resources that the input's value came from; sorted.
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # The provider's URN for a custom resource; a component has `providers`, by package.
    provider: str | None = None
    providers: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    # None: the provider decides.
    delete_before_replace: bool | None = None
    deleted_with: str | None = None
    import_id: str | None = None
    version: str | None = None
    custom_timeouts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resource:
    """One registered resource. `inputs` and `outputs` have each secret as `{"secret": true}`, and as
    `{"unknown": "aws:sns/topic:Topic alerts: arn"}` what no one can know before the deployment."""

    urn: str
    type: str
    name: str
    # None for what stands directly under the stack.
    parent: str | None
    custom: bool
    inputs: dict[str, Any]
    options: Options
    id: str | None = None
    # A custom resource's computed state; a component's registered outputs, None if it registered none.
    outputs: dict[str, Any] | None = None


@dataclass(frozen=True)
class Message:
    """Something that the program said through `pulumi.log`: severity is `info` or `warning`."""

    severity: str
    text: str


@dataclass(frozen=True)
class Recording:
    """What one run of a program made: resources sorted by URN, the stack's outputs, and what it said."""

    project: str
    stack: str
    resources: tuple[Resource, ...]
    outputs: dict[str, Any]
    messages: tuple[Message, ...] = ()
    # What the program does that an offline plan passes by.
    notes: tuple[Note, ...] = ()

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __getitem__(self, urn: str) -> Resource:
        for resource in self.resources:
            if resource.urn == urn:
                return resource
        raise KeyError(f"unknown resource {urn}")

    def of_type(self, type_: str) -> list[Resource]:
        """The resources of a type, sorted by URN."""
        return [resource for resource in self.resources if resource.type == type_]

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The one resource of a type (and name); LookupError names what there is when there isn't exactly one."""
        found = [resource for resource in self.of_type(type_) if name is None or resource.name == name]
        if len(found) != 1:
            wanted = type_ if name is None else f"{type_} called {name}"
            there = ", ".join(sorted(f"{resource.type} {resource.name}" for resource in self.resources))
            raise LookupError(f"expected one {wanted}, found {len(found)}; known: {there}")
        return found[0]

    def children(self, parent: str | None) -> list[Resource]:
        """The resources directly under a parent's URN, or under the stack for None; sorted by URN."""
        return [resource for resource in self.resources if resource.parent == parent]
