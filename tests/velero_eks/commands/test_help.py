"""The help: whole for every command, examples that parse, and text that flows at any width."""

from __future__ import annotations

import io
import re
import shlex

import pytest
import typer

from velero_eks.commands import help
from velero_eks.commands.app import app, load, pages
from velero_eks.terminal.text import SafeConsole

TOOL = typer.main.get_command(app)
PAGES = {page.name: page for page in pages()}
EXAMPLES = [(page.name, example) for page in PAGES.values() for example in page.examples]


def shown(page: help.Page, width: int) -> list[str]:
    """The page as a pipe gets it."""
    out = SafeConsole(file=io.StringIO(), width=width)
    with out.capture() as text:
        help.render(out, page)
    return text.get().splitlines()


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_a_command_tells_what_it_is_for_and_its_exit_codes(page):
    assert page.summary.endswith(".")
    assert 2 <= len(page.examples) <= 5
    assert list(page.exits) == ([0, 2, 130] if page.name.endswith(" completion") else [0, 1, 2, 130])
    rows = [row for rows in page.sections.values() for row in rows]
    assert [row.label for row in rows if not row.text.endswith(".")] == []
    for text in (page.summary, *page.paragraphs, *page.examples.values(), *page.exits.values()):
        assert text.endswith("."), text


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_an_example_is_taken_by_the_parser(name, example):
    # What follows is the shell's.
    tool, *words = shlex.split(example.partition(" >")[0])
    assert tool == help.TOOL
    command, path = TOOL, [tool]
    while commands := getattr(command, "commands", {}):
        path.append(words.pop(0))
        command = commands[path[-1]]
    assert name in (help.TOOL, " ".join(path), " ".join(path[:-1]))
    context = command.make_context(path[-1], words)
    assert context.args == []


def test_an_example_that_the_parser_does_not_take_is_found():
    with pytest.raises(typer.TyperException, match="No such option"):
        load("status").make_context("status", ["--stak", "prod"])


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_help_flows_at_any_width(width):
    for page in PAGES.values():
        lines = shown(page, width)
        assert [line for line in lines if len(line) > width or line != line.rstrip() or "\x1b" in line] == []
        # Every text is as long as its line may be: none is broken where the source is.
        flat = " ".join(" ".join(lines).split())
        for text in (page.summary, *page.paragraphs):
            assert text in flat
            if len(text) < min(width, 120) - 1:
                assert text in lines


@pytest.mark.parametrize("width", [60, 80])
def test_an_example_that_is_longer_than_a_line_still_runs_as_it_stands(width):
    for page in PAGES.values():
        text = "\n".join(shown(page, width))
        for example in page.examples:
            assert shlex.split(example) in [shlex.split(each) for each in commands(text)], example


def commands(text: str) -> list[str]:
    """The lines of a help that are commands; one that ends with a backslash goes on in the next."""
    joined = re.sub(r" \\\n +", " ", text)
    return [line.strip() for line in joined.split("\n") if line.startswith(f"  {help.TOOL} ")]


def test_completion_is_installed_by_its_command_and_by_no_option():
    labels = {row.label for page in PAGES.values() for rows in page.sections.values() for row in rows}
    assert [label for label in labels if "-completion" in label] == []


def test_every_option_of_a_command_is_told_once():
    for page in PAGES.values():
        labels = [row.label for rows in page.sections.values() for row in rows]
        assert len(labels) == len(set(labels)), page.name


def test_sections_name_options_that_exist():
    there = {
        name for page in PAGES.values() for rows in page.sections.values() for row in rows for name in row.label.split()
    }
    known = {name.rstrip(",") for name in there}
    for title, names in help._SECTIONS.items():
        assert known & set(names), title
