"""Words of other tools, and old spellings: what is taken, and what is answered."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from velero_eks.commands import backup as backup_command
from velero_eks.commands import spelling
from velero_eks.commands.app import app

# What is typed, and what the answer must hold.
HINTS = {
    ("get",): "To list backups: velero-eks backups",
    ("list",): "To list backups: velero-eks backups",
    ("apply",): "To deploy: pulumi up",
    ("up",): "To deploy: pulumi up",
    ("destroy",): "pulumi destroy",
    ("schedule",): "Schedules are in the stack's file",
    ("version",): "velero-eks --version",
    ("help",): "velero-eks -h",
    ("statsu",): "Did you mean 'status'?",
    ("plans",): "Did you mean 'plan'?",
    ("backup", "get"): "To list backups: velero-eks backups",
    ("backup", "list", "--stack", "prod"): "To list backups: velero-eks backups",
    ("backup", "--stack", "prod", "get"): "To list backups: velero-eks backups",
    ("backup", "create", "first", "--stack", "prod"): "To make a backup: velero-eks backup NAME",
    ("backup", "delete", "first"): "velero backup delete NAME",
    ("backup", "describe", "first"): "velero-eks show BACKUP --list",
    ("backup", "logs", "first"): "velero-eks logs NAME",
    ("backup", "download", "first"): "velero-eks show BACKUP --list",
    ("restore", "get"): "velero restore get",
    ("restore", "list"): "velero-eks logs RESTORE",
    ("restore", "create", "--from-backup", "first"): "velero-eks restore namespace NAMESPACE --from SCHEDULE|BACKUP",
    ("restore", "exam-prod"): "velero-eks restore namespace exam-prod --from SCHEDULE|BACKUP",
    ("restore", "configmap/grading"): "velero-eks restore object configmap/grading --from SCHEDULE|BACKUP",
    ("restore", "namespaces", "exam"): "Did you mean 'namespace'?",
    ("status", "--stak", "prod"): "No such option: --stak. Did you mean --stack?",
    ("--versio",): "No such option: --versio. Did you mean --version?",
    ("status", "-o", "json"): "Here it is --json",
    ("backup", "first", "--ttl", "7d"): "Here it is --keep",
    ("backup", "first", "--wait"): "It always waits. --timeout says how long",
    ("backup", "first", "-A"): "Without --namespace it is every namespace",
    ("restore", "namespace", "exam", "--from-backup", "b"): "Here it is --from",
    ("restore", "namespace", "exam", "--from", "b", "--dry-run"): "Here it is --preview",
    ("drill", "--stack", "prod", "--markdown", "drill.md"): "To write drill.md: --markdown-file drill.md",
}


def typed(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was said on standard error in one line."""
    result = CliRunner().invoke(app, arguments)
    assert result.stdout == ""
    return result.exit_code, " ".join(result.stderr.split())


@pytest.mark.parametrize("arguments", HINTS, ids=" ".join)
def test_the_right_one_is_named(arguments):
    code, said = typed(*arguments)
    assert code == 2
    assert HINTS[arguments] in said


def test_every_verb_of_velero_backup_has_its_hint():
    assert {"create", "delete", "describe", "download", "get", "logs"} <= set(spelling.BACKUP_VERBS)
    assert {"create", "delete", "describe", "get", "logs"} <= set(spelling.RESTORE_VERBS)


@pytest.mark.parametrize("name", sorted({*spelling.BACKUP_VERBS}))
def test_a_backup_may_have_a_verbs_name_where_that_is_meant(name, monkeypatch):
    made = []
    monkeypatch.setattr(backup_command, "run_backup", lambda session, request, **_: made.append(request.name) or 0)
    assert typed("backup", name, "--context", "exam")[0] == 2
    assert made == []
    assert typed("backup", "--name", name, "--context", "exam") == (0, "")
    assert made == [name]


def commands(command: Any, name: str = "velero-eks") -> dict[str, Any]:
    """Every command by what is typed for it."""
    found = {name: command}
    for child, below in getattr(command, "commands", {}).items():
        found |= commands(below, f"{name} {child}")
    return found


def test_every_hint_names_a_command_that_exists_and_hides_none():
    tool: Any = typer.main.get_command(app)
    known = commands(tool)
    tables = (spelling.COMMANDS, spelling.BACKUP_VERBS, spelling.RESTORE_VERBS)
    hints = [hint for table in tables for hint in table.values()]
    named = {name for hint in hints for name in re.findall(r"velero-eks(?: [a-z]+)+", hint)}
    assert len(named) > 5
    assert named <= set(known)
    assert not set(spelling.COMMANDS) & set(tool.commands)
    assert not set(spelling.RESTORE_VERBS) & set(tool.commands["restore"].commands)


def test_every_option_that_is_named_instead_exists_and_every_old_one_is_gone():
    options = {
        name
        for command in commands(typer.main.get_command(app)).values()
        for one in command.params
        for name in one.opts
    }
    instead = {name for names in spelling.FOREIGN_OPTIONS.values() for name in names}
    assert instead | set(spelling.RENAMED.values()) <= options
    assert not options & {*spelling.FOREIGN_OPTIONS, *spelling.NEEDLESS_OPTIONS, *spelling.RENAMED}


def test_an_old_spelling_means_the_new_one_and_a_value_stays_as_it_is():
    assert spelling.current(["b", "--all", "--", "--all"], {"--full"}) == ["b", "--full", "--", "--all"]
    assert spelling.current(["b", "--all"], {"--stack"}) == ["b", "--all"]
