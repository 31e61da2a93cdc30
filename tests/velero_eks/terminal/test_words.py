"""How the tool says a time, a length of time, a number; and that nothing else in the source does."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.velero_eks.recovery.recorded import NOW
from velero_eks.terminal import words

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (4.24, "4.2 s"),
        (5, "5 s"),
        (10.9, "10 s"),
        (60, "1 min"),
        (95, "1 min 35 s"),
        (3_600, "1 h"),
        (3_601, "1 h"),
        (5_400, "1 h 30 min"),
        (86_400, "24 h"),
        (129_600, "36 h"),
        (172_799, "47 h 59 min"),
        (172_800, "2 days"),
        (183_600, "2 days 3 h"),
        (173_220, "2 days"),
        (2_592_000, "30 days"),
        (-95, "-1 min 35 s"),
    ],
)
def test_a_measured_time_is_said_in_its_two_largest_units(seconds, said):
    assert words.duration(seconds) == said


def test_a_setting_is_said_whole_so_that_two_that_differ_never_read_alike():
    assert words.exact(183_600 + 65) == "2 days 3 h 1 min 5 s"
    assert words.exact(176_400 + 1_800) == "2 days 1 h 30 min"
    assert words.exact(2_592_000) == "30 days"
    assert words.exact(0) == "0 s"


def test_a_moment_is_said_as_how_long_ago():
    assert words.ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert words.ago(NOW + timedelta(hours=2), NOW) == "in 2 h"
    assert words.ago(NOW - timedelta(seconds=0.4), NOW) == "now"
    assert words.ago(None, NOW) == "never"
    assert words.age(NOW - timedelta(hours=3, minutes=12), NOW) == "3 h 12 min"
    assert words.roughly(NOW - timedelta(hours=3, minutes=12), NOW) == "3 h ago"
    assert words.roughly(NOW + timedelta(days=13, hours=20), NOW) == "in 13 days"


def test_a_moment_is_said_in_utc_and_a_run_in_its_own_zone():
    india = NOW.astimezone(ZoneInfo("Asia/Kolkata"))
    assert words.moment(india) == "2026-11-23 12:00 UTC"
    assert words.stamp(india + timedelta(seconds=7)) == "2026-11-23 12:00:07 UTC"
    assert words.moment(None) == words.stamp(None) == "never"
    assert words.run(india) == "Mon 23 Nov 17:30"


def test_numbers_come_with_their_word():
    assert [words.count(number, "object") for number in (0, 1, 2_400)] == ["0 objects", "1 object", "2,400 objects"]
    assert words.count(2, "repository", "repositories") == "2 repositories"
    assert words.more(1_200, "--full names them") == "… and 1,200 more; --full names them"
    assert words.more(3) == "… and 3 more"


@pytest.mark.parametrize(
    ("name", "there", "said"),
    [
        ("prod", ["dev", "production"], "did you mean production?"),
        ("production-eu", ["dev", "production"], "did you mean production?"),
        ("PROD", ["prod", "prod-eu"], "did you mean prod or prod-eu?"),
        ("exam_prod", ["exam-dev", "exam-prod"], "did you mean exam-prod or exam-dev?"),
        ("eu", ["prod-eu", "prod-us"], "did you mean prod-eu?"),
        ("exam-prod", ["arn:aws:eks:eu-west-1:123456789012:cluster/exam-prod", "kind"],
         "did you mean arn:aws:eks:eu-west-1:123456789012:cluster/exam-prod?"),
        ("prd", ["development", "production"], "did you mean production?"),
        ("stg", ["staging", "prod"], "did you mean staging?"),
        ("pord", ["dev", "prod"], "did you mean prod?"),
        ("x", ["dev", "prod"], "there are: dev, prod"),
        ("", ["dev"], "there is: dev"),
        ("-", ["dev"], "there is: dev"),
        ("d", ["dev"], "did you mean dev?"),
        ("daily", [f"daily-{day}" for day in range(10, 20)], "did you mean daily-17 or daily-18 or daily-19?"),
        ("dev", [], "there is none"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_answered_with_what_was_likely_meant(name, there, said):
    assert words.instead(name, there) == said


def test_a_long_list_of_names_does_not_fill_the_screen():
    assert words.instead("q", [f"n{number}" for number in range(9)]) == "there are: n4, n5, n6, n7, n8 and others"


# What a second formatter looks like in the source.
_UNIT = re.compile(r" ?(?:s|secs?|seconds?|min|mins|minutes?|h|hrs?|hours?|days?|weeks?)(?:$|[ ,.;:)])")
_SIZES = frozenset({60, 3_600, 86_400, 1_440})


def formatters(source: str) -> Iterator[tuple[int, str]]:
    """The lines of a module that say a time, a length of time or a number by themselves, and what each does."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for value, after in zip(node.values, [*node.values[1:], None], strict=True):
                if not isinstance(value, ast.FormattedValue):
                    continue
                spec = ast.unparse(value.format_spec) if value.format_spec else ""
                if "%" in spec:
                    yield node.lineno, "formats a moment"
                if "," in spec:
                    yield node.lineno, "groups the digits of a number"
                text = after.value if isinstance(after, ast.Constant) else ""
                if isinstance(text, str) and _UNIT.match(text) and not _says_already(value.value):
                    yield node.lineno, "puts a unit of time behind a number"
        elif isinstance(node, ast.IfExp):
            ends = [each.value for each in (node.body, node.orelse) if isinstance(each, ast.Constant)]
            if sorted(map(str, ends)) == ["", "s"]:
                yield node.lineno, "makes a plural"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("strftime"):
            yield node.lineno, "formats a moment"
        elif isinstance(by := _divisor(node), ast.Constant) and by.value in _SIZES:
            yield by.lineno, "takes a length of time apart"


def _divisor(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "divmod":
        return node.args[1]
    return node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) else None


def _says_already(value: ast.expr) -> bool:
    """Whether what is formatted is a word and no number: `{kind}s` is a plural of a name."""
    return isinstance(value, ast.Name | ast.Attribute) and ast.unparse(value).rpartition(".")[2] in _NOUNS


_NOUNS = frozenset({"noun", "word", "what", "verb", "name", "kind"})

# Who may do what: the two formatters, and what is not text about a time.
_ANY = ""
_ALLOWED = {
    "components/velero_on_eks/settings/duration.py": _ANY,
    "velero_eks/terminal/words.py": _ANY,
    # The component package cannot use the tool's words, and has two plurals of its own.
    "components/velero_on_eks/settings/cron_fields.py": "makes a plural",
    "components/velero_on_eks/settings/cron_words.py": "makes a plural",
    # The name of an object, as Velero writes its own.
    "velero_eks/recovery/following.py": "formats a moment",
}


@pytest.mark.parametrize(
    "line",
    [
        'f"{seconds:.0f} s"',
        'f"took {took} seconds, too long"',
        'f"every {n} min"',
        'f"{hours}h"',
        'f"{when:%Y-%m-%d}"',
        'when.strftime("%H:%M")',
        'f"{n:,} objects"',
        "f\"{n} stack{'s' if n != 1 else ''}\"",
        "f\"{n} stack{'' if n == 1 else 's'}\"",
        "hours, rest = divmod(seconds, 3600)",
        "minutes = seconds // 60",
    ],
)
def test_a_second_formatter_is_seen(line):
    assert list(formatters(line))


def test_no_other_module_says_a_time_or_a_number_by_itself():
    found = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for folder in ("components/velero_on_eks", "velero_eks", "policies")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, what in formatters(path.read_text(encoding="utf-8"))
        if _ALLOWED.get(str(path.relative_to(ROOT)), "nothing") not in (_ANY, what)
    ]
    assert not found, "\n".join(found)


def test_every_room_that_may_format_does():
    for name, allowed in _ALLOWED.items():
        assert {what for _, what in formatters((ROOT / name).read_text(encoding="utf-8"))} >= {allowed} - {_ANY}, name


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("aws eks get-token --cluster-name exam", "aws eks get-token --cluster-name exam"),
        ("kubectl oidc-login --oidc-client-secret=hunter2 -v", "kubectl oidc-login --oidc-client-secret=(hidden) -v"),
        ("plugin --password hunter2 login", "plugin --password (hidden) login"),
        ("plugin --token-only --region eu", "plugin --token-only --region eu"),
        ("plugin --token-file /run/token", "plugin --token-file /run/token"),
        ("plugin https://me:hunter2@example.com", "plugin (hidden)"),
        ("plugin 'two words'", "plugin 'two words'"),
    ],
)
def test_a_command_of_others_is_shown_without_secrets(typed, shown):
    assert words.command(shlex.split(typed)) == shown
