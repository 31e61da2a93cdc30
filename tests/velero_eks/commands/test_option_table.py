"""Every option of every command: the same name means the same wherever it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from velero_eks.commands.app import app

# What each shared option is: its short letter, its metavar (none: a flag).
SHARED = {
    "--stack": ("-s", "STACK"),
    "--context": ("", "NAME"),
    "--kubeconfig": ("", "FILE"),
    "--velero-namespace": ("", "NAME"),
    "--namespace": ("-n", "NAME"),
    "--at": ("", "TIME"),
    "--timeout": ("", "DURATION"),
    "--yes": ("-y", None),
    "--json": ("", None),
    "--markdown": ("", None),
    "--full": ("", None),
    "--show-secrets": ("", None),
}
# Their help says what is done with what they name.
OWN_HELP = {"--schedule"}
# Where the backup's name, the object or the revision is the argument, the stack is an option alone.
STACK_ARGUMENT = {"status", "preflight", "adopt", "init", "plan", "drill", "backups", "restore cluster"}
STACK_OPTION = STACK_ARGUMENT | {
    "backup", "coverage", "show", "history", "logs", "diff", "restore namespace", "restore object",
}  # fmt: skip
ON_A_CLUSTER = STACK_OPTION - {"plan", "diff", "init", "preflight", "adopt"}
WAITS = STACK_OPTION - {"plan", "diff"}
ASKS = {"init", "adopt", "backup", "drill", "restore namespace", "restore object", "restore cluster"}
# Prints a script for a shell.
NO_REPORT = {"completion"}
REPORTS = {"plan", "diff", "check", "status", "coverage", "preflight", "drill", "backups"}


def below(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The commands that do something, by what is typed for them."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for child in inner:
        yield from below(inner[child], f"{name} {child}".strip())


COMMANDS = dict(below(typer.main.get_command(app)))
OPTIONS: dict[str, dict[str, Any]] = defaultdict(dict)
for _command, _found in COMMANDS.items():
    for _option in _found.params:
        if _option.param_type_name == "option":
            OPTIONS[max(_option.opts, key=len)][_command] = _option


def having(name: str) -> set[str]:
    """The commands that have an option."""
    return set(OPTIONS[name])


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_has_one_type_one_short_letter_and_one_help(name):
    found = OPTIONS[name].values()
    assert len({option.metavar for option in found}) == 1
    assert len({option.is_flag for option in found}) == 1
    assert len({tuple(sorted(option.opts)) for option in found}) == 1
    assert name in OWN_HELP or len({option.help for option in found}) == 1
    assert all(option.help for option in found)


@pytest.mark.parametrize("name", sorted(SHARED))
def test_a_shared_option_is_what_was_agreed(name):
    short, metavar = SHARED[name]
    assert OPTIONS[name]
    for command, option in OPTIONS[name].items():
        assert sorted(option.opts) == sorted(filter(None, (name, short))), command
        assert (option.is_flag, option.metavar) == (metavar is None, metavar), command


def test_no_short_letter_has_two_meanings():
    letters: dict[str, set[str]] = defaultdict(set)
    for name, commands in OPTIONS.items():
        for option in commands.values():
            for short in {*option.opts} - {name}:
                letters[short].add(name)
    assert {short: sorted(names) for short, names in letters.items()} == {
        "-n": ["--namespace"], "-s": ["--stack"], "-y": ["--yes"],
    }  # fmt: skip


def test_a_stack_is_taken_by_its_option_everywhere_and_as_the_argument_where_that_is_free():
    arguments = {
        name: [one for one in command.params if one.param_type_name == "argument"] for name, command in COMMANDS.items()
    }
    named = {name for name, found in arguments.items() if any(one.metavar == "STACK" for one in found)}
    assert named == STACK_ARGUMENT
    assert having("--stack") == STACK_OPTION
    assert all(not one.required for name in named for one in arguments[name])


def test_what_reaches_a_cluster_says_which_in_one_way():
    assert having("--velero-namespace") == ON_A_CLUSTER
    assert having("--context") == ON_A_CLUSTER | {"init"}
    assert having("--kubeconfig") == ON_A_CLUSTER | {"preflight", "adopt"}


def test_what_waits_has_a_limit_and_what_asks_can_be_told_not_to():
    assert having("--timeout") == WAITS
    assert having("--yes") == ASKS


def test_every_command_has_json_and_every_report_has_markdown():
    assert having("--json") == set(COMMANDS) - NO_REPORT
    assert having("--markdown") == REPORTS


def test_every_command_is_classed():
    assert set(COMMANDS) == STACK_OPTION | {"check"} | NO_REPORT


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_takes_h_for_help(name):
    tool = typer.main.get_command(app)
    with pytest.raises(SystemExit) as left:
        tool.main([*name.split(), "-h"])
    assert left.value.code == 0
