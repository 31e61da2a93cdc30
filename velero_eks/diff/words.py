"""The sentences that every rendering of a comparison shares."""

from __future__ import annotations

from velero_eks.diff.model import Diff, StackDiff

_VERBS = (("replace", "replaced"), ("delete", "deleted"), ("update", "updated"), ("create", "created"))


def counted(stack: StackDiff) -> tuple[int, int, int, int]:
    """How many resources are replaced, deleted, updated and created."""
    return tuple(stack.count(operation) for operation, _ in _VERBS)  # type: ignore[return-value]


def operations(stack: StackDiff) -> str:
    """What happens to the stack's resources, in one line."""
    if stack.status == "added":
        return f"New stack, {_plural(stack.count('create'), 'resource')} to create"
    if stack.status == "removed":
        return "Stack removed"
    if stack.status == "unplanned":
        return "Not compared"
    said = [f"{count} {word}" for (_, word), count in zip(_VERBS, counted(stack), strict=True) if count]
    return ", ".join([*said, f"{stack.same} the same"]) if said else f"{_plural(stack.same, 'resource')}, all the same"


def verdict(diff: Diff) -> str:
    """The outcome in a sentence or two."""
    compared = f"{diff.old} to {diff.new}"
    total = len(diff.stacks)
    if not diff.different:
        return f"{compared}: no difference in {_plural(total, 'stack')}."
    risky = [stack.stack for stack in diff.different if stack.effects("risk")]
    weaker = [stack.stack for stack in diff.different if stack.effects("weaker") and stack.stack not in risky]
    verb = "differs" if len(diff.different) == 1 else "differ"
    said = f"{compared}: {len(diff.different)} of {_plural(total, 'stack')} {verb}."
    if risky:
        said += f" Data at risk in {', '.join(risky)}."
    if weaker:
        said += f" Weaker in {', '.join(weaker)}."
    return said


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
