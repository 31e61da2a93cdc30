"""What a comparison says: facts in words, by category, and under them the resources and their properties."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from velero_on_eks.settings import Refusal

# In the order in which they are read: what can lose data first.
CATEGORIES: dict[str, str] = {
    "replaced": "Replaced",
    "deleted": "Deleted",
    "permissions": "Who may do what",
    "schedules": "When backups run",
    "retention": "What is kept, and how long",
    "objectives": "Recovery objectives",
    "findings": "Findings",
    "updated": "Updated",
    "created": "Created",
}

# What a fact means for whoever reads it, worst first: data that can be lost; less protection, fewer or shorter backups;
# more protection; more and less permission. "" where it is none of these.
Effect = Literal["risk", "weaker", "stronger", "wider", "narrower", ""]
EFFECTS: dict[Effect, str] = {
    "risk": "at risk",
    "weaker": "weaker",
    "stronger": "stronger",
    "wider": "more permission",
    "narrower": "less permission",
    "": "",
}

# What a change does to the backups that exist, worst first. Where it is "", they can be restored as before.
OldBackups = Literal["gone", "not-found", "unreadable", "no-volume-data", "unsure", "less-undo", ""]
OLD_BACKUPS: dict[OldBackups, str] = {
    "gone": "lost: deleted, or encrypted with a key that is deleted",
    "not-found": "not found: Velero looks for backups elsewhere",
    "unreadable": "unreadable: Velero's role may not read or decrypt them",
    "no-volume-data": "restored without volume data",
    "unsure": "depends on what no plan shows",
    "less-undo": "restored as before; deleted backups can be recovered for less time",
    "": "restored as before",
}

Operation = Literal["create", "update", "replace", "delete"]

# `same`: nothing differs. `added`, `removed`: only one revision has the stack. `unplanned`: a plan failed, and
# `errors` say which.
Status = Literal["same", "changed", "added", "removed", "unplanned"]

SideName = Literal["from", "to"]

Entry = dict[str, Any]


# What is shown in place of a secret.
SECRET = "(secret)"  # noqa: S105


@dataclass(frozen=True)
class Late:
    """A value that is only known once what it comes from has been recreated: `source` says what that is."""

    source: str

    def __str__(self) -> str:
        return f"from the new {self.source}"


@dataclass(frozen=True)
class PropertyChange:
    """One property, by its path. `ABSENT` where a side lacks it, `SECRET` on both sides where one has a secret."""

    path: str
    old: Any
    new: Any
    replaces: bool = False

    @property
    def place(self) -> str:
        """The path without positions and names in lists, as rules speak of it."""
        return place_of(self.path)


def place_of(path: str) -> str:
    """`rules[expire].days` as `rules.days`."""
    kept: list[str] = []
    depth = 0
    for character in path:
        depth += (character == "[") - (character == "]")
        if depth == 0 and character != "]":
            kept.append(character)
    return "".join(kept)


@dataclass(frozen=True)
class ResourceChange:
    """One resource that is not the same in both plans. `old` and `new` are the plans' own entries, None on one side.

    `was` is its URN before where that was another. `delete_first` says that a replacement deletes before it creates.
    """

    operation: Operation
    urn: str
    was: str | None
    old: Entry | None
    new: Entry | None
    properties: tuple[PropertyChange, ...] = ()
    delete_first: bool = False

    @property
    def entry(self) -> Entry:
        """The newest entry there is."""
        return self.new or self.old or {}

    @property
    def type(self) -> str:
        """Its type token."""
        return str(self.entry["type"])

    @property
    def reasons(self) -> tuple[PropertyChange, ...]:
        """The properties that force its replacement."""
        return tuple(change for change in self.properties if change.replaces)


@dataclass(frozen=True)
class Fact:
    """One sentence of a comparison, with what belongs to it. `resources` are the URNs that it is about.

    `backups` says what becomes of the backups that exist, where that is what the sentence tells.
    """

    category: str
    text: str
    effect: Effect = ""
    details: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    backups: OldBackups = ""


@dataclass(frozen=True)
class StackDiff:
    """One stack's comparison. `outputs` maps an output's name to `added`, `removed` or `changed`; `errors` say what
    kept which revision from a plan of it."""

    stack: str
    status: Status
    facts: tuple[Fact, ...] = ()
    resources: tuple[ResourceChange, ...] = ()
    same: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    errors: tuple[tuple[SideName, Refusal], ...] = ()

    @property
    def newer_is_bad(self) -> bool:
        """Whether it is the newer revision that has no plan of it."""
        return self.status == "unplanned" and any(side == "to" for side, _ in self.errors)

    @property
    def differs(self) -> bool:
        """Whether there is anything to say."""
        return self.status != "same"

    def of(self, category: str) -> tuple[Fact, ...]:
        """The facts of a category, in their order."""
        return tuple(fact for fact in self.facts if fact.category == category)

    def count(self, operation: Operation) -> int:
        """How many resources it creates, updates, replaces or deletes."""
        return sum(change.operation == operation for change in self.resources)

    @property
    def backups(self) -> OldBackups:
        """The worst that becomes of the backups that exist."""
        said = {fact.backups for fact in self.facts}
        worst: OldBackups = ""
        for worst in OLD_BACKUPS:
            if worst in said:
                break
        return worst

    def effects(self, effect: Effect) -> tuple[Fact, ...]:
        """The facts with this effect."""
        return tuple(fact for fact in self.facts if fact.effect == effect)


@dataclass(frozen=True)
class Revision:
    """One side of a comparison: what the person wrote, and the commit it stands for; None for the work tree."""

    name: str
    commit: str | None

    def __str__(self) -> str:
        if self.commit is None:
            return "the work tree"
        short = self.commit[:7]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"


@dataclass(frozen=True)
class Diff:
    """The whole comparison, stacks by name. `notes` are what its reader should know of how it was made."""

    project: str
    old: Revision
    new: Revision
    stacks: tuple[StackDiff, ...]
    notes: tuple[str, ...] = ()

    @property
    def different(self) -> tuple[StackDiff, ...]:
        """The stacks that differ."""
        return tuple(stack for stack in self.stacks if stack.differs)
