"""Words of other tools, and of an earlier velero-eks: taken where they mean the same, else told what to type.

Loaded with the tool itself, so it loads nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# Old spellings that still work. No help shows them.
RENAMED = {"--all": "--full"}

# Options of velero, kubectl, helm and terraform: what does the same here, where the command has it.
FOREIGN_OPTIONS = {
    **dict.fromkeys(("--auto-approve", "--confirm", "--force"), ("--yes",)),
    **dict.fromkeys(("--format", "--output", "-o"), ("--json",)),
    **dict.fromkeys(("--from-backup", "--from-schedule"), ("--from", "--schedule")),
    **dict.fromkeys(("--kube-context", "--kubecontext"), ("--context",)),
    "--details": ("--full",),
    "--dry-run": ("--preview",),
    "--existing-resource-policy": ("--existing",),
    "--include-namespaces": ("--namespace",),
    "--namespace-mappings": ("--into",),
    "--ttl": ("--keep",),
}
# Options that nothing here needs, by the option that says why.
NEEDLESS_OPTIONS = {
    **dict.fromkeys(("--all-namespaces", "-A"), ("--namespace", "Without --namespace it is every namespace")),
    "--wait": ("--timeout", "It always waits. --timeout says how long"),
}

# Words that people type in place of a command, and the command for what they want.
_LIST = "To list backups: velero-eks backups"
_DEPLOY = "To deploy: pulumi up"
_DESTROY = "To remove what was deployed: pulumi destroy"
_NEW = "To write a stack's file: velero-eks init STACK"
_SHOW = "To see what is in a backup: velero-eks show BACKUP --list"
_LOGS = "To see how a backup or a restore went: velero-eks logs NAME"
_SCHEDULES = "Schedules are in the stack's file, as velero-eks:schedules. To see how they run: velero-eks status"
_PLAN = "To see what would be deployed: velero-eks plan"
_DELETE = "A backup is removed when its retention ends. To remove it earlier: velero backup delete NAME"
COMMANDS = {
    **dict.fromkeys(("get", "list", "ls"), _LIST),
    **dict.fromkeys(("apply", "deploy", "install", "up", "update", "upgrade"), _DEPLOY),
    **dict.fromkeys(("destroy", "down", "uninstall"), _DESTROY),
    **dict.fromkeys(("add", "new", "setup"), _NEW),
    **dict.fromkeys(("describe", "inspect", "view"), _SHOW),
    **dict.fromkeys(("schedule", "schedules"), _SCHEDULES),
    **dict.fromkeys(("preview", "stacks"), _PLAN),
    **dict.fromkeys(("delete", "remove", "rm"), _DELETE),
    **dict.fromkeys(("lint", "validate", "verify"), "To check stack files: velero-eks plan"),
    **dict.fromkeys(("doctor", "diagnose"), "To find what would fail: velero-eks preflight STACK"),
    **dict.fromkeys(("backup-location", "locations", "repo"), "Locations are in: velero-eks status"),
    "create": "To make a backup: velero-eks backup NAME. To write a stack's file: velero-eks init STACK",
    "import": "To take over what exists: velero-eks adopt STACK",
    "test": "To prove that the newest backup restores: velero-eks drill STACK",
    "version": "To print the version: velero-eks --version",
    "help": "To print the help: velero-eks -h",
}
_MAKE = "To make a backup: velero-eks backup NAME"
BACKUP_VERBS = {
    **dict.fromkeys(("get", "list", "ls"), _LIST),
    **dict.fromkeys(("add", "create", "make", "new"), _MAKE),
    **dict.fromkeys(("delete", "remove", "rm"), _DELETE),
    **dict.fromkeys(("describe", "download", "inspect", "show"), _SHOW),
    **dict.fromkeys(("log", "logs", "status"), _LOGS),
    "help": "To print the help: velero-eks backup -h",
    "restore": "To restore: velero-eks restore namespace NAMESPACE --from BACKUP",
}
_RESTORE = "To restore: velero-eks restore namespace NAMESPACE --from SCHEDULE|BACKUP"
RESTORE_VERBS = {
    **dict.fromkeys(("get", "list", "ls"), "To list restores: velero restore get. To see one: velero-eks logs RESTORE"),
    **dict.fromkeys(("add", "create", "make", "new", "run"), _RESTORE),
    **dict.fromkeys(("delete", "remove", "rm"), "To remove a Restore object: velero restore delete NAME"),
    **dict.fromkeys(("describe", "log", "logs", "show", "status"), _LOGS),
    **dict.fromkeys(("ns",), _RESTORE),
    "help": "To print the help: velero-eks restore -h",
}


class Command(TyperCommand):
    """A command that takes old spellings of its options, and knows what others call them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        options = {name for each in self.params for name in each.opts}
        if self.name == "backup" and args:
            refuse_verb(ctx, args[0])
        with _hinting(ctx, options):
            return super().parse_args(ctx, current(args, options))


@contextmanager
def _hinting(ctx: Any, options: set[str]) -> Iterator[None]:
    """Say of an option that is not one what was meant."""
    try:
        yield
    except typer.TyperException as error:
        hint = foreign(getattr(error, "option_name", ""), options)
        near = getattr(error, "possibilities", None)
        if not hint and near:
            hint = f"Did you mean {' or '.join(near)}?"
        if not hint:
            raise
        raise ctx.fail(f"{error.message.rstrip('.')}. {hint}") from None


def refuse_verb(ctx: Any, name: str) -> None:
    """Refuse a verb as a backup's name: whoever types it means something else."""
    if name in BACKUP_VERBS:
        ctx.fail(
            f"{name!r} is a verb, not the name of a backup. {BACKUP_VERBS[name]}."
            f" For a backup of this name: velero-eks backup --name {name}"
        )


def current(arguments: Sequence[str], options: set[str]) -> list[str]:
    """The arguments with each old spelling as it is spelt now; `options` are those of the command."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [
        RENAMED[each] if number < end and each not in options and RENAMED.get(each) in options else each
        for number, each in enumerate(arguments)
    ]


def foreign(option: str, options: set[str]) -> str:
    """What to type in place of another tool's option; empty where this command has nothing like it."""
    needed, why = NEEDLESS_OPTIONS.get(option, ("", ""))
    if needed in options:
        return why
    here = next((each for each in FOREIGN_OPTIONS.get(option, ()) if each in options), "")
    return f"Here it is {here}" if here else ""


class Group(TyperGroup):
    """Commands, with a hint for a word of other tools that is not one of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments before the command."""
        with _hinting(ctx, {name for each in self.params for name in each.opts}):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names, and the arguments that are left for it."""
        word, names = args[0], self.list_commands(ctx)
        if word not in names and not word.startswith("-") and (hint := _hint(ctx.info_name, word, names)):
            raise ctx.fail(f"No such command {word!r}. {hint}")
        return super().resolve_command(ctx, args)


def _hint(group: str | None, word: str, names: Sequence[str]) -> str:
    if group != "restore":
        return COMMANDS.get(word, "")
    if word in RESTORE_VERBS:
        return RESTORE_VERBS[word]
    if get_close_matches(word, names):
        return ""
    what = "an object: velero-eks restore object" if "/" in word else "a namespace: velero-eks restore namespace"
    return f"To restore {what} {word} --from SCHEDULE|BACKUP"
