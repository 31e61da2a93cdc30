"""The comment on a pull request: what it looks like, and that nothing in a plan can break out of it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from velero_eks.diff import markdown
from velero_eks.diff.model import Diff, Fact, ResourceChange, Revision, StackDiff

EXPECTED = Path(__file__).with_name("data") / "comment.md"
OLD, NEW = Revision("main", "1a2b3c4d5e6f"), Revision("topic", "9f8e7d6c5b4a")
CHANGE = ResourceChange(
    "replace", "urn:pulumi:prod::p::t::n", None, {"type": "t", "options": {}}, {"type": "t", "options": {}}
)


def stack(name: str, *facts: Fact, **more: object) -> StackDiff:
    return StackDiff(name, "changed", facts, (CHANGE,), 20, **more)  # type: ignore[arg-type]


def comment(*stacks: StackDiff, notes: tuple[str, ...] = ()) -> str:
    return markdown.render(Diff("velero-eks", OLD, NEW, stacks, notes))


def test_the_comment_is_a_short_sum_and_the_stacks_folded_below():
    made = comment(
        stack(
            "prod",
            Fact(
                "replaced", "Bucket old is replaced: bucket old → new", "risk", ("It is protected: 'pulumi up' stops.",)
            ),
            Fact(
                "permissions",
                "role velero gains: may do anything with objects under s3://new/*",
                "wider",
                ("only in account 1",),
            ),
            Fact(
                "schedules",
                "daily runs every day at 04:30 UTC, was every day at 02:00 UTC",
                "",
                ("next: Wed 25 Nov 04:30",),
            ),
            Fact("retention", "backups of hourly are kept 24 h, was 3 days", "weaker"),
            Fact("findings", "no longer found: bucket-replication", "stronger", ("a\nb",)),
            outputs={"bucket": "changed"},
        ),
        StackDiff("dev", "same"),
        StackDiff("gone", "removed", (Fact("deleted", "Its file is gone", "weaker"),)),
        notes=("uv.lock changes pulumi 1 → 2.",),
    )
    assert made == EXPECTED.read_text(), made


def test_without_a_difference_it_says_so_in_one_line():
    made = comment(StackDiff("dev", "same"))
    assert made.splitlines()[-1] == "main (1a2b3c4) to topic (9f8e7d6): no difference in 1 stack."


def test_the_marker_is_the_first_line_and_the_same_for_every_comment_of_a_project():
    first = comment(StackDiff("dev", "same")).splitlines()[0]
    assert first == markdown.marker("velero-eks") == "<!-- velero-eks diff: velero-eks -->"
    assert markdown.marker("a --> b").count("-->") == 1


def test_names_from_a_plan_are_shown_as_they_are():
    text = "Bucket <img src=x> | `code` **bold** [link](x) <!-- --> </details>"
    made = comment(stack("p<rod|", Fact("updated", text)))
    assert "<img" not in made
    assert made.count("</details>") == 1
    assert made.count("<!--") == 1
    assert r"\`code\` \*\*bold\*\* \[link\](x) &lt;!-- --&gt; &lt;/details&gt;" in made
    assert "| p&lt;rod\\| |" in made


LINKED = (
    "@everyone",
    "#1",
    "GH-12",
    "gh-12",
    "a/b#3",
    "http://x.org",
    "HTTPS://x.org",
    "ftp://x.org",
    "www.x.org",
    "a@b.org",
)


@pytest.mark.parametrize("text", LINKED)
def test_nobody_is_mentioned_and_nothing_linked_by_a_name_from_a_plan(text: str):
    made = comment(stack(text, Fact("risk", "", "risk"), Fact("updated", text, "", (text,))), notes=(text,))
    # GitHub resolves entities and escapes first, and looks for what to link in what is shown.
    seen = re.sub(r"\\(.)", r"\1", html.unescape(made))
    assert text not in seen
    assert seen.replace("\u200b", "").count(text) == 7


def test_addresses_that_are_not_linked_stay_whole():
    text = "arn:aws:iam::1:role/a under s3://bucket/prefix"
    assert text in comment(stack("prod", Fact("updated", text)))


def test_a_detail_of_several_lines_is_several_items():
    assert "  - a\n  - b\n" in comment(stack("prod", Fact("findings", "x", "", ("a\nb",))))


def test_stacks_that_do_not_fit_are_named():
    long = Fact("updated", "x" * 10_000)
    made = comment(*(stack(f"s{number:02}", long) for number in range(20)))
    assert len(made) < 65_536
    assert "Too long for a comment: s05, s06" in made
    assert made.count("<details>") == made.count("</details>") == 5
