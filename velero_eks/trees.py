"""Two trees of JSON compared: where they differ, by path, with both values. Pure.

What two values mean, and which items of two lists belong together, is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final


class _Absent:
    """Stands where a tree has nothing at all, which `null` is not."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """One value that two trees do not share: its path in dots, and both values; `ABSENT` where one has none."""

    path: str
    before: Any
    after: Any


# The items of two lists that belong together: what follows the list's path, and both items. None where the lists are
# compared as wholes.
Pairs = Iterable[tuple[str, Any, Any]] | None


def by_position(before: list[Any], after: list[Any]) -> Pairs:
    """Items by their place, in two lists of the same length."""
    if len(before) != len(after):
        return None
    return [(f"[{index}]", one, other) for index, (one, other) in enumerate(zip(before, after, strict=True))]


def equal(before: Any, after: Any) -> bool:
    """Whether two values are the same. A boolean is not a number, as Python would have it."""
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(equal, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(equal(value, after[key]) for key, value in before.items())
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def differences(
    before: Any,
    after: Any,
    path: str = "",
    *,
    meaning: Callable[[Any], Any] = lambda value: value,
    pairs: Callable[[list[Any], list[Any]], Pairs] = by_position,
    same: Callable[[Any, Any], bool] = equal,
) -> Iterator[Difference]:
    """Where two trees differ, keys in order.

    `meaning` is asked of every value that both trees have, before it is looked into; `pairs` of every two lists;
    `same` of what is not looked into further.
    """
    if before is not ABSENT and after is not ABSENT:
        before, after = meaning(before), meaning(after)
    found: Pairs = None
    if isinstance(before, dict) and isinstance(after, dict):
        dot = "." if path else ""
        keys = sorted({*before, *after}, key=str)
        found = [(f"{dot}{key}", before.get(key, ABSENT), after.get(key, ABSENT)) for key in keys]
    elif isinstance(before, list) and isinstance(after, list):
        found = pairs(before, after)
    if found is None:
        if not same(before, after):
            yield Difference(path, before, after)
        return
    for step, one, other in found:
        yield from differences(one, other, f"{path}{step}", meaning=meaning, pairs=pairs, same=same)
