"""Where a mistake in a file's YAML is said to be: in the line where it was made, and not where the parser stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from velero_on_eks.settings.refusals import StackFileError
from velero_on_eks.settings.stack_file import load_stack_file
from velero_on_eks.settings.yaml_mistakes import find, shown_line

STACKS = sorted((Path(__file__).parents[2] / "stacks").glob("*.yaml"))
HEAD = "config:\n  aws:region: ap-south-1\n"
# The text below HEAD; line and column of the mistake; a part of what is said.
CASES = [
    ("  velero-eks:cluster:\n\tname: a\n    b: c\n", 4, 1, "a tab indents this line"),
    ("  velero-eks:cluster:\n\tname: a\n\tb: c\n", 4, 1, "replace the tab with spaces, in all 2 lines that have one"),
    ("  a:\n    b: c\n\u00a0   d: e\n    f: g\n", 5, 1, "a blank that is not a space (U+00A0)"),
    ("  velero-eks:environment production\n  velero-eks:volumes: {mode: none}\n", 3, 25, "a colon is missing after"),
    ("  velero-eks:cluster:\n    name exam\n    account: b\n", 4, 9, "write 'name: ' and the value"),
    ("  velero-eks:cluster:\n    account: b\n    name = exam\n    c: d\n", 5, 9, "a colon is missing after 'name'"),
    ("  velero-eks:cluster\n    account: b\n    c: d\n", 3, 21, "write 'velero-eks:cluster:'"),
    ("  velero-eks:cluster:\n    account: b\n    name:exam\n    c: d\n", 5, 10, "a space is missing after 'name:'"),
    ("  n: [a]\n  m:\n    -a: b\n    - c: d\n", 5, 6, "a space is missing after '-'"),
    ('  a:\n    name: "exam\n    account: "777"\n    c: "d"\n', 4, 11, 'the quote " is not closed'),
    ("  a:\n    name: 'exam\n    account: 777\n", 4, 11, "the quote ' is not closed"),
    ('  a:\n    names: ["b, c]\n    d: e\n', 4, 13, 'the quote " is not closed; close it behind the value'),
    ('  a: "exam" prod\n  b: c\n', 3, 13, "text behind the closing quote"),
    ("  a:\n    names: [b, c\n    d: e\n", 4, 12, "the bracket [ is not closed; close it with ]"),
    ("  a: {b: [c, d]\n  e: f\n", 3, 6, "the bracket { is not closed; close it with }"),
    ("  a: [b]]\n  c: d\n", 3, 9, "] closes a bracket that is not open"),
    ("  a: {rpo: 1h retention: 3d}\n", 3, 14, "a comma is missing between two entries"),
    ("  a: {namespaces: [*], rpo: 1h}\n", 3, 20, "a value that begins with * needs quotes"),
    ("  a:\n    cron: * * * * *\n", 4, 11, "a value that begins with * needs quotes"),
    ("  a: @b\n", 3, 6, "a value that begins with @ needs quotes"),
    ("  a: because: it is\n", 3, 6, "a value with ': ' in it needs quotes"),
    ("  a:\n    b: c\n     d: e\n    f: g\n", 5, 6, "indented by 5 spaces, where 4 fit the lines around it"),
    ("  a:\n    b: c\n   d: e\n    f: g\n", 5, 4, "move it 1 to the right"),
    ("  a:\n   b: c\n    d: e\n    f: g\n", 4, 4, "move it 1 to the right"),
    ("<<<<<<< HEAD\n  a: b\n=======\n  a: c\n>>>>>>> x\n", 3, 1, "the mark of a merge conflict"),
    ("---\nconfig: {}\n", 3, 1, "a second document begins here"),
    ('  a: "C:\\dir"\n', 3, 9, "write the backslash twice, or use single quotes"),
]


def mistake(text: str):
    with pytest.raises(yaml.MarkedYAMLError) as error:
        yaml.compose(text, Loader=yaml.CSafeLoader)
    return find(text, error.value)


@pytest.mark.parametrize(("text", "line", "column", "said"), CASES)
def test_a_mistake_is_named_where_it_was_made(text, line, column, said):
    found = mistake(HEAD + text)
    assert (found.line, found.column) == (line, column)
    assert said in f"{found.what}; {found.mend}"


def mistakes(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Every line of a file with one mistake of each kind in it: its place, and the line."""
    for number, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indented, bare = line.startswith(" "), line.lstrip()
        if indented:
            yield number, "\t" + bare
            yield number, "\t" + line[1:]
            yield number, line[1:]
        yield number, " " + line
        if entry := re.match(r"(\s*(?:- )?[\w:.-]+):( |$)(.*)$", line):
            yield number, f"{entry[1]} {entry[3]}".rstrip()
            yield number, f"{entry[1]}:{entry[3]}"
        for sign in "\"']}[{":
            if sign in line:
                yield number, line[: line.rindex(sign)] + line[line.rindex(sign) + 1 :]
                yield number, line[: line.index(sign)] + line[line.index(sign) + 1 :]
        if bare.startswith("- "):
            yield number, line.replace("- ", "-", 1)
        if "{" in line:
            yield number, line.replace(", ", " ", 1)


def test_a_tab_is_named_in_a_file_that_is_too_large_to_try_mends_in():
    with pytest.raises(yaml.MarkedYAMLError) as error:
        yaml.compose(HEAD + "\tx: y\n", Loader=yaml.CSafeLoader)
    found = find(HEAD + "\tx: y\n", error.value, try_mends=False)
    assert (found.line, found.column, found.mend) == (3, 1, "replace the tab with spaces")


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_whatever_line_of_a_stack_file_is_damaged_that_line_is_named(tmp_path, path):
    lines = path.read_text().splitlines()
    damaged = tmp_path / path.name
    refused = 0
    for number, line in mistakes(lines):
        damaged.write_text("\n".join([*lines[:number], line, *lines[number + 1 :]]) + "\n")
        try:
            load_stack_file(damaged)
        except StackFileError as error:
            refused += 1
            named = {refusal.line for refusal in error.refusals}
            told = str(error)
            assert number + 1 in named or f"line {number + 1} " in told, f"{line!r} on line {number + 1}: {told}"
    assert refused > 40


def test_a_line_is_shown_with_a_caret_below_the_place(tmp_path):
    path = tmp_path / "Pulumi.shop.yaml"
    path.write_text(HEAD + "  velero-eks:cluster:\n  \tname: exam\n    account: b\n")
    with pytest.raises(StackFileError) as error:
        load_stack_file(path)
    _, text, caret = str(error.value).splitlines()
    assert (text, caret) == ("  4 |   →name: exam", "    |   ^")
    (refusal,) = error.value.refusals
    found = refusal.to_mapping()
    assert (found["line"], found["column"], found["source"]) == (4, 3, "  \tname: exam")
    assert refusal.from_mapping(found) == refusal


def test_a_long_line_is_cut_round_the_place(tmp_path):
    path = tmp_path / "Pulumi.shop.yaml"
    path.write_text(HEAD + "  a: [" + "b, " * 200 + "*, " + "c, " * 200 + "]\n")
    with pytest.raises(StackFileError) as error:
        load_stack_file(path)
    _, text, caret = str(error.value).splitlines()
    assert len(text) < 100
    assert text[caret.index("^")] == "*"


@pytest.mark.parametrize(
    "text",
    [
        '  velero-eks:repositoryPassword: "hunter2\n  b: c\n',
        "  velero-eks:repositoryPassword hunter2\n  b: c\n",
        "  velero-eks:tags: {password: hunter2\n",
        "  velero-eks:tags:\n    password:\n      x: hunter2: y\n",
        '  velero-eks:repositoryPassword: "a\n hunter2" b\n  c: d\n',
        "  velero-eks:tags:\n    note: @ghp_hunter2hunter2hunter2hunter2hunter2\n",
    ],
)
def test_a_secret_in_a_wrong_line_is_not_shown(tmp_path, text):
    path = tmp_path / "Pulumi.shop.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(StackFileError) as error:
        load_stack_file(path)
    assert "hunter2" not in str(error.value) + repr(error.value.refusals)
    assert "(hidden)" in str(error.value)


def test_the_lines_above_do_not_hide_what_has_nothing_to_do_with_them():
    text = "config:\n  velero-eks:repositoryPassword: {secure: x}\n  velero-eks:tags:\n    a: b\n"
    assert shown_line(text, 4) == "    a: b"


def test_a_very_long_line_is_not_searched_for_a_mend():
    # A file of one line of blanks, at the limit of its size, took minutes.
    blanks = f'{HEAD}  a: "{{}}\n  b: c\n'
    assert mistake(blanks.format(" ")).what == 'the quote " is not closed'
    assert mistake(blanks.format(" " * 200_000)).what != 'the quote " is not closed'
