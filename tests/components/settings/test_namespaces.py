"""Patterns of namespaces: what Velero takes of them, and which set of them holds another, tried against enumeration."""

from __future__ import annotations

import functools
import itertools
import random
import re
import time

import pytest
from velero_on_eks.settings.namespaces import LONGEST, Namespaces, Undecidable, check_pattern
from velero_on_eks.settings.refusals import Refused

# Every name of at most four characters over these. The x stands for what no pattern mentions.
LETTERS = "ab-x"
NAMES = [
    name
    for length in range(1, 5)
    for name in map("".join, itertools.product(LETTERS, repeat=length))
    if name[0] != "-" != name[-1]
]


@functools.cache
def plain(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression, another way than the code's."""
    return re.compile(pattern.replace("*", "[a-z0-9-]*").replace("?", "[a-z0-9-]") + r"\Z")


def takes(included: tuple[str, ...], excluded: tuple[str, ...], name: str) -> bool:
    return any(plain(one).match(name) for one in included) and not any(plain(one).match(name) for one in excluded)


def patterns(rng: random.Random, count: int) -> tuple[str, ...]:
    parts = ["a", "b", "-", "x", "*", "?", "[ab]", "[a-b]", "[-a]"]
    made = ("".join(rng.choice(parts) for _ in range(rng.randint(1, 4))) for _ in range(count))
    return tuple(re.sub(r"\*+", "*", pattern) for pattern in made)


def test_which_set_holds_another_is_what_enumeration_says():
    rng = random.Random(20261128)
    decided = {True: 0, False: 0}
    for _ in range(400):
        outer = Namespaces(patterns(rng, rng.randint(1, 3)), patterns(rng, rng.randint(0, 2)))
        inner = Namespaces(patterns(rng, rng.randint(1, 2)), patterns(rng, rng.randint(0, 2)))
        missing = outer.lacking(inner)
        differ = [
            name
            for name in NAMES
            if takes(inner.includes, inner.excludes, name) and not takes(outer.includes, outer.excludes, name)
        ]
        decided[missing is None] += 1
        if missing is None:
            assert not differ, (outer, inner)
        else:
            assert takes(inner.includes, inner.excludes, missing), (outer, inner, missing)
            assert not takes(outer.includes, outer.excludes, missing), (outer, inner, missing)
            # The shortest there is: no shorter name would do, and one of at most four letters is found.
            assert all(len(missing) <= len(name) for name in differ), (outer, inner, missing)
    assert min(decided.values()) > 60, "one answer alone would say nothing"


@pytest.mark.parametrize(
    ("includes", "excludes", "name", "there"),
    [
        (("app-*",), (), "app-1", True),
        (("app-*",), (), "app-", True),
        (("app-*",), (), "app", False),
        (("app-?",), (), "app-12", False),
        (("app-[ab]",), (), "app-b", True),
        (("app-[a-c]",), (), "app-c", True),
        (("app-[ac-]",), (), "app-b", False),
        (("*-prod",), ("shop-*",), "shop-prod", False),
        (("*",), ("kube-*",), "kube-system", False),
        (("*",), ("kube-*",), "kubernetes", True),
        (("shop",), (), "shop2", False),
    ],
)
def test_a_name_is_matched_as_velero_matches_it(includes, excludes, name, there):
    assert (name in Namespaces(includes, excludes)) is there


@pytest.mark.parametrize(
    ("outer", "inner", "missing"),
    [
        ((("*",), ()), (("app-*",), ()), None),
        ((("app-*",), ()), (("*",), ()), "x"),
        ((("app-*",), ()), (("app-a*",), ()), None),
        ((("app-a*", "app-b*"), ()), (("app-[ab]*",), ()), None),
        ((("app-a*", "app-b*"), ()), (("app-[a-c]*",), ()), "app-c"),
        ((("[a-z]*", "[0-9]*"), ()), (("*",), ()), None),
        ((("[a-z]*",), ()), (("*",), ()), "0"),
        ((("*",), ("app-test",)), (("app-*",), ()), "app-test"),
        ((("*",), ("app-test",)), (("app-*",), ("app-test",)), None),
        ((("*",), ("app-test",)), (("app-*",), ("*-test",)), None),
        ((("a*b",), ()), (("a*c*b",), ()), None),
        ((("a*c*b",), ()), (("a*b",), ()), "ab"),
        # No name ends with a hyphen.
        ((("a",), ()), (("a", "a[-]"), ()), None),
    ],
)
def test_one_set_holds_another(outer, inner, missing):
    assert Namespaces(*outer).lacking(Namespaces(*inner)) == missing


def test_the_longest_name_there_can_be_is_looked_at_and_none_longer():
    longest = "?" * LONGEST
    assert Namespaces(("a",)).lacking(Namespaces((longest,))) == "x" * LONGEST
    assert Namespaces(("a",)).lacking(Namespaces((f"{longest}?",))) is None


def test_what_is_too_intricate_is_said_at_once():
    started = time.process_time()
    with pytest.raises(Undecidable):
        Namespaces(("*a" + "?" * 30,)).lacking(Namespaces(("*b" + "?" * 40,)))
    assert time.process_time() - started < 60


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("app-**", "'**'"),
        ("app-{a,b}", "but not {"),
        ("app-(a|b)", "but not ("),
        ("app-[!a]", "but not !"),
        ("app-a,app-b", "but not ,"),
        ("app\\*", "but not \\"),
        ("app-[]", "opens a list"),
        ("app-[ab", "opens a list"),
        ("app-a]", "without '['"),
        ("app-[a-c0-9]", "one range"),
        ("app-[c-a]", "one range"),
        ("app-[a.b]", "one range"),
        ("app-[A]", "one range"),
    ],
)
def test_what_velero_would_refuse_is_refused(pattern, said):
    with pytest.raises(Refused) as raised:
        check_pattern(pattern)
    assert said in raised.value.limit
    assert raised.value.remedy
