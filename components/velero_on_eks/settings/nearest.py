"""Which of the names there are someone meant who typed another one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_CLOSE = 3


def nearest(name: str, there: Iterable[str], *, alike: float = 0.5) -> list[str]:
    """The names that someone who typed `name` may have meant, the likeliest first, at most three.

    The same but for case and separators; one that begins with `name`, or a part of one (`prod` for `production`, `eu`
    for `prod-eu`, the cluster's name for a context's ARN); one that is alike, at least by the ratio `alike`; one
    that `name` abbreviates (`prd`).
    """
    wanted = _plain(name)
    if not wanted:
        return []
    names = list(dict.fromkeys(there))
    plain = {each: _plain(each) for each in names}
    likes = (
        [each for each in names if plain[each] == wanted],
        [each for each in names if _either_begins(wanted, plain[each])],
        [each for each in names if _has_part(wanted, plain[each])],
        difflib.get_close_matches(name, names, n=_CLOSE, cutoff=alike),
        [each for each in names if _abbreviates(wanted, plain[each])],
    )
    return list(dict.fromkeys(each for like in likes for each in like[-_CLOSE:]))[:_CLOSE]


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]+", "-", name.lower()).strip("-")


def _either_begins(wanted: str, name: str) -> bool:
    return min(len(wanted), len(name)) > 1 and (name.startswith(wanted) or wanted.startswith(name))


def _has_part(wanted: str, name: str) -> bool:
    return len(wanted) > 1 and any(
        part.startswith(wanted) for part in (name[at.end() :] for at in re.finditer("[-:/@]", name))
    )


def _abbreviates(wanted: str, name: str) -> bool:
    """Whether the letters of `wanted` stand in `name` in this order, from the first on."""
    letters = iter(name)
    return len(wanted) > 1 and name[:1] == wanted[0] and all(letter in letters for letter in wanted)
