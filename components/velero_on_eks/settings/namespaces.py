"""Namespaces by name and by pattern, as Velero 1.18 expands them, and which set of them holds another. Pure.

Velero matches a pattern against the namespaces that there are when a backup begins: `*` is any text, `?` one character,
`[abc]` and `[a-c]` one of these. `*` by itself is every namespace and must be alone (read in `pkg/util/wildcard` and
`pkg/util/collections` of 1.18.0 to 1.18.3, and in gobwas/glob, which it matches with).
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from velero_on_eks.settings.refusals import Refused

EVERY = "*"
WILDCARDS = "*?["
# A namespace is an RFC 1123 label.
LONGEST = 63
_ALPHABET = frozenset(string.ascii_lowercase + string.digits + "-")
# Sets of patterns that need more steps than this to be compared with each other; the usual ones need some dozen.
_MOST_STEPS = 3_000

# What one place of a pattern takes; None for any text.
_Place = frozenset[str] | None
# How far each pattern of a list may have come: (its number, its place).
_Progress = frozenset[tuple[int, int]]


class Undecidable(ValueError):
    """Patterns that are too complex to compare."""


def is_pattern(name: str) -> bool:
    """Whether Velero expands this; `*` by itself as well."""
    return any(character in name for character in WILDCARDS)


def check_pattern(name: str) -> str:
    """Refuse what Velero would refuse of a pattern, or read differently from how it looks."""
    for character in "{}()|!,\\":
        if character in name:
            raise Refused(
                "namespace-pattern",
                f"Velero expands *, ? and [abc] in a namespace's name, but not {character}",
                "write several patterns instead",
            )
    if "**" in name:
        raise Refused("namespace-pattern", "Velero refuses '**'", "write a single *")
    _places(name)
    return name


@lru_cache(maxsize=1024)
def _places(pattern: str) -> tuple[_Place, ...]:
    found: list[_Place] = []
    rest = pattern
    while rest:
        character, rest = rest[0], rest[1:]
        if character == "[":
            inner, closing, rest = rest.partition("]")
            found.append(_one_of(inner if closing else None))
        elif character == "]":
            raise Refused("namespace-pattern", "']' without '[' before it", "close the '['")
        else:
            found.append({"*": None, "?": _ALPHABET}.get(character, frozenset(character)))
    return tuple(found)


def _one_of(inner: str | None) -> frozenset[str]:
    if not inner:
        raise Refused("namespace-pattern", "'[' opens a list of characters and ']' closes it", "write one like [abc]")
    if set(inner) <= _ALPHABET:
        if len(inner) == 3 and inner[1] == "-" and inner[0] <= inner[2]:
            return frozenset(each for each in _ALPHABET if inner[0] <= each <= inner[2])
        if inner[1:2] != "-":
            return frozenset(inner)
    raise Refused(
        "namespace-pattern",
        f"[{inner}] is neither a list of letters and digits nor one range",
        "write one like [abc] or [a-c]",
    )


@dataclass(frozen=True)
class Namespaces:
    """What `includes` take (nothing: every namespace) and `excludes` leave of all namespaces that there can be."""

    includes: tuple[str, ...] = (EVERY,)
    excludes: tuple[str, ...] = ()

    def __contains__(self, name: str) -> bool:
        """Whether a namespace of this name is in it."""
        return _takes(self.includes, name) and not _takes(self.excludes, name)

    def lacking(self, wanted: Namespaces) -> str | None:
        """The shortest name that `wanted` has and this has not, None where all of it is here.

        Raises `Undecidable`.
        """
        if not any(map(is_pattern, wanted.includes)):
            named = (name for name in wanted.includes if name.strip("-") == name and 0 < len(name) <= LONGEST)
            missing = (name for name in named if name in wanted and name not in self)
            return min(missing, key=lambda name: (len(name), name), default=None)
        decided, name = _lacking(self.includes, self.excludes, wanted.includes, wanted.excludes)
        if not decided:
            raise Undecidable("these patterns are too complex to compare")
        return name

    @property
    def names_one(self) -> str | None:
        """A name that it has, None where it has none. Raises `Undecidable`."""
        return Namespaces((), (EVERY,)).lacking(self)


def _takes(patterns: tuple[str, ...], name: str) -> bool:
    names, lists = _names_and_patterns(patterns)
    if name in names:
        return True
    progress = _begun(lists)
    for character in name:
        progress = _step(lists, progress, character)
    return _done(lists, progress)


@lru_cache(maxsize=1024)
def _names_and_patterns(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[tuple[_Place, ...], ...]]:
    names = frozenset(pattern for pattern in patterns if not is_pattern(pattern))
    return names, tuple(_places(pattern) for pattern in patterns if pattern not in names)


@lru_cache(maxsize=4096)
def _lacking(
    includes: tuple[str, ...], excludes: tuple[str, ...], wanted: tuple[str, ...], unwanted: tuple[str, ...]
) -> tuple[bool, str | None]:
    # All four lists are walked at once, over every name, shortest first: what is wanted and not taken ends the search.
    lists = tuple(tuple(_places(pattern) for pattern in group) for group in (wanted, unwanted, includes, excludes))
    letters = tuple(_letters(place for group in lists for places in group for place in places))
    begun = tuple(_begun(group) for group in lists)
    level: dict[tuple[_Progress, ...], str] = {begun: ""}
    seen = set(level)
    for _ in range(LONGEST):
        following: dict[tuple[_Progress, ...], str] = {}
        for progress, name in level.items():
            for letter in letters:
                if letter == "-" and not name:
                    continue
                stepped = tuple(_step(group, each, letter) for group, each in zip(lists, progress, strict=True))
                if not stepped[0]:
                    continue
                wants, not_wants, takes, leaves = (
                    _done(group, each) for group, each in zip(lists, stepped, strict=True)
                )
                if letter != "-" and wants and not not_wants and (leaves or not takes):
                    return True, name + letter
                if stepped in seen:
                    continue
                seen.add(stepped)
                following[stepped] = name + letter
                if len(seen) > _MOST_STEPS:
                    return False, None
        level = following
    return True, None


def _letters(places: Iterable[_Place]) -> Iterator[str]:
    """One character of each kind that the patterns tell apart."""
    kinds = {place for place in places if place is not None}
    told: set[frozenset[frozenset[str]]] = set()
    # A name in a message reads best with an x.
    for letter in ("x", *sorted(_ALPHABET - {"-"})):
        kind = frozenset(place for place in kinds if letter in place)
        if kind not in told:
            told.add(kind)
            yield letter
    yield "-"


def _begun(lists: tuple[tuple[_Place, ...], ...]) -> _Progress:
    return _further(lists, ((number, 0) for number in range(len(lists))))


def _further(lists: tuple[tuple[_Place, ...], ...], reached: Iterable[tuple[int, int]]) -> _Progress:
    """Also what lies behind any text, which may be none."""
    found: set[tuple[int, int]] = set()
    for number, place in reached:
        while True:
            found.add((number, place))
            if place == len(lists[number]) or lists[number][place] is not None:
                break
            place += 1
    return frozenset(found)


def _step(lists: tuple[tuple[_Place, ...], ...], progress: _Progress, letter: str) -> _Progress:
    reached: list[tuple[int, int]] = []
    for number, place in progress:
        if place < len(lists[number]):
            taken = lists[number][place]
            if taken is None:
                reached.append((number, place))
            elif letter in taken:
                reached.append((number, place + 1))
    return _further(lists, reached)


def _done(lists: tuple[tuple[_Place, ...], ...], progress: _Progress) -> bool:
    return any(place == len(lists[number]) for number, place in progress)
