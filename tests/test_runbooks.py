"""The runbooks, as far as they can be tried without a lab: every command is one that the tool takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from tests.runbooks import FOLDER, Command, Event, calls, pages, read
from velero_eks.commands.app import app

LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def parse(arguments: list[str]) -> None:
    """Take the arguments as the tool would, and run nothing. Raises `ValueError` with what is wrong."""
    command = typer.main.get_command(app)
    name, rest = "velero-eks", arguments
    while isinstance(command, TyperGroup):
        if not rest or rest[0] not in command.commands:
            raise ValueError(f"{name}: no command {' '.join(rest[:1]) or 'given'}")
        name, rest = rest[0], rest[1:]
        command = command.commands[name]
    try:
        command.make_context(name, list(rest))
    except typer.TyperException as error:
        raise ValueError(error.format_message()) from error


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_every_command_of_the_tool_is_one_that_it_takes(page: Path):
    found = [
        (step, arguments) for step in read(page) if isinstance(step, Command) for arguments in calls(step, "velero-eks")
    ]
    assert found
    for step, arguments in found:
        try:
            parse(arguments)
        except ValueError as error:
            pytest.fail(f"{page.name}:{step.line}: {error}")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_every_page_is_in_the_index_and_is_judged_at_its_end(page: Path):
    assert f"({page.name})" in (FOLDER / "README.md").read_text()
    assert isinstance(read(page)[-1], Event)


@pytest.mark.parametrize("page", [FOLDER / "README.md", *pages()], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path):
    for target in LINK.findall(page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_a_session_is_read_as_somebody_types_it(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "text\n```console\n$ velero-eks show a \\\n    cm/b | kubectl apply -f -  # exit code 1\none … three\n"
        "$ true\n```\n<!-- lab: broken -->\n```yaml\n$ not: a command\n```\n"
    )
    first, second, event = read(page)
    assert isinstance(first, Command)
    assert (first.line, first.text, first.code) == (3, "velero-eks show a cm/b | kubectl apply -f -", 1)
    assert calls(first, "velero-eks") == [["show", "a", "cm/b"]]
    assert (first.missing_from("one  two\nthree"), first.missing_from("three two one")) == (None, "three")
    assert (second, event) == (Command(6, "true", 0, ""), Event(8, "broken"))


def test_a_misspelt_option_is_found():
    with pytest.raises(ValueError, match="--prevew"):
        parse(["restore", "namespace", "exam-prod", "--from", "daily-backup", "--prevew"])


def test_a_command_that_does_not_exist_is_found():
    with pytest.raises(ValueError, match="no command namespaces"):
        parse(["restore", "namespaces", "exam-prod"])
