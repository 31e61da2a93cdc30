"""What a fault in the mutation gate is: one change to a good plan, and the rules that must report it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.velero_eks.rules.plans import Draft, good_resources


@dataclass(frozen=True)
class Injected:
    """`what` in words, the `rule` that must report it, and `implied` for rules that are truly broken along with it.

    `severity` is what the rule must report it with; None is the rule's own.
    """

    what: str
    rule: str
    change: Callable[[Draft], None]
    implied: tuple[str, ...] = ()
    base: Callable[[], Draft] = good_resources
    environment: str = "production"
    severity: str | None = None

    def __str__(self) -> str:
        return self.what
