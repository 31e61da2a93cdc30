"""The sentences that every rendering of a comparison shares."""

from __future__ import annotations

from velero_eks.diff.model import Diff, StackDiff
from velero_eks.terminal.words import count

_VERBS = (("replace", "replaced"), ("delete", "deleted"), ("update", "updated"), ("create", "created"))


def counted(stack: StackDiff) -> tuple[int, int, int, int]:
    """How many resources are replaced, deleted, updated and created."""
    return tuple(stack.count(operation) for operation, _ in _VERBS)  # type: ignore[return-value]


def operations(stack: StackDiff) -> str:
    """What happens to the stack's resources, in one line."""
    if stack.status == "added":
        return f"New stack, {count(stack.count('create'), 'resource')} to create"
    if stack.status == "removed":
        return "Stack removed"
    if stack.status == "unplanned":
        return "Not compared"
    said = [f"{number} {word}" for (_, word), number in zip(_VERBS, counted(stack), strict=True) if number]
    return ", ".join([*said, f"{stack.same} the same"]) if said else f"{count(stack.same, 'resource')}, all the same"


def verdict(diff: Diff) -> str:
    """The outcome in a sentence or two."""
    compared = f"{diff.old} to {diff.new}"
    total = len(diff.stacks)
    if not diff.different:
        return f"{compared}: no difference in {count(total, 'stack')}."
    risky = [stack.stack for stack in diff.different if stack.effects("risk")]
    weaker = [stack.stack for stack in diff.different if stack.effects("weaker") and stack.stack not in risky]
    verb = "differs" if len(diff.different) == 1 else "differ"
    said = f"{compared}: {len(diff.different)} of {count(total, 'stack')} {verb}."
    if risky:
        said += f" Data at risk in {', '.join(risky)}."
    if weaker:
        said += f" Weaker in {', '.join(weaker)}."
    return said
