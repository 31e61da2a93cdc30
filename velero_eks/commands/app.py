"""The command-line tool `velero-eks`, put together: each command is a file of this folder, loaded when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from velero_eks.commands import help
from velero_eks.commands.options import BAD_INPUT, complain, loading_much

DEBUG = "VELERO_EKS_DEBUG"
# What `--help` says of each, in its order: loading them all for that would take a second. Each is the first sentence of
# the command's own help, and a test holds them together.
PANELS = {
    "Provision": {
        "plan": "Show what each stack creates, who may do what, and whether its backups meet the objectives.",
        "check": "Check a saved plan by the same rules as `plan`.",
        "diff": "Compare the plans of two revisions in words.",
        "init": "Write a stack's file from what EKS says about a cluster, or update the cluster's facts in it.",
        "preflight": "Find what would make `pulumi up` or the first backup fail. Changes nothing.",
        "adopt": "Take over an existing bucket, key, role, namespace or release. Recreates and loses nothing.",
    },
    "Look": {
        "status": "Show what can be recovered, what is running, what is wrong, and since when.",
        "backups": "List the backups, newest first, and show which can be restored.",
        "coverage": "Compare the cluster with a backup, object by object, and explain each difference.",
        "show": "Print objects as they were in a backup: clean YAML, to commit to Git or to apply by hand.",
        "history": "Follow one object through all backups: when it changed, and which fields.",
        "logs": "Show what Velero wrote about a backup or a restore: why it failed, its errors and warnings, its log.",
    },
    "Back up and recover": {
        "backup": "Make a backup, follow it, and check that what was asked for is in it.",
        "restore": "Restore a namespace, single objects or a cluster: preview, restore, compare with the preview.",
        "drill": "Prove that the newest backup restores: into scratch namespaces, compared object by object, timed,"
        " cleaned up.",
    },
    "Shell": {
        "completion": "Print the script that completes commands, options, stacks and schedules in a shell.",
    },
}
# The way from nothing to the first good backup.
EXAMPLES = {
    "velero-eks init prod --cluster my-cluster --region eu-west-1": "Write the stack's file.",
    "velero-eks plan prod": "See what it creates; no credentials are needed.",
    "velero-eks preflight prod": "Find what would make the deployment or the first backup fail.",
    "velero-eks backup first --stack prod --schedule daily-backup": "Make a backup, and check what is in it.",
    "velero-eks status prod": "See what can be recovered.",
}
EXITS = {
    0: "Everything is right, or done.",
    1: "A problem was found, or something was not done.",
    2: "Bad input, or the cluster or AWS cannot be asked.",
}


def load(name: str) -> Any:
    """The command in the file of its name: the function, or the group of commands, that has the file's name too."""
    with loading_much():
        found = getattr(importlib.import_module(f"velero_eks.commands.{name}"), name)
    if isinstance(found, typer.Typer):
        return help.as_ours(found)
    one = typer.Typer(add_completion=False)
    one.command(name, cls=help.Command)(found)
    return typer.main.get_command(one)


class _Commands(dict[str, Any]):
    """The commands by name, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self[name] = load(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


class Group(help.Group):
    """The tool. Its help is made of `PANELS`, without loading a command."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands((name, None) for panel in PANELS.values() for name in panel)

    _completing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, none of which is loaded for it."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command; to complete its name, its summary alone."""
        if not self._completing:
            return self.commands.get(cmd_name)
        (text,) = (texts[cmd_name] for texts in PANELS.values() if cmd_name in texts)
        return help.Command(cmd_name, help=text)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The commands and options that begin so, without loading a command."""
        self._completing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._completing = False

    def page(self, name: str) -> help.Page:
        """The help of the tool."""
        sections = {
            title: tuple(help.Row(command, text) for command, text in texts.items()) for title, texts in PANELS.items()
        }
        return help.page(name, self, sections, help.Described(EXAMPLES, {**EXITS, **help.INTERRUPTED}))


app = typer.Typer(
    name="velero-eks",
    cls=Group,
    help="Backups of an EKS cluster with Velero: plan, check and operate them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def pages() -> Iterator[help.Page]:
    """The help of the tool and of every command as values: what the command reference is made of. Loads them all."""
    return help.pages(help.TOOL, typer.main.get_command(app))


def versions() -> dict[str, str]:
    """The versions of the tool and its package, and those of what it deploys, each by its name."""
    from importlib.metadata import version

    from velero_on_eks.settings.versions import PINNED_CHART, PINNED_PLUGIN, PINNED_VELERO, row_of

    row = row_of(PINNED_VELERO)
    tested = row.kubernetes if row else ("unknown",)
    return {
        **{name: version(name) for name in ("velero-eks", "velero-on-eks")},
        "velero": PINNED_VELERO,
        "velero-plugin-for-aws": PINNED_PLUGIN,
        "velero-chart": PINNED_CHART,
        "kubernetes": f"{tested[0]} to {tested[-1]}",
    }


def _print_versions(as_json: bool) -> None:
    from velero_eks.terminal.output import print_json, put

    found = versions()
    if as_json:
        print_json({"versions": found})
    else:
        put(*(f"{name} {version}" for name, version in found.items()))


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the versions of the tool, of the Velero it deploys, and of Kubernetes."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="With --version: print JSON.")] = False,
    directory: Annotated[
        list[str] | None, typer.Option("-C", metavar="DIR", help="Run as if started in this folder.")
    ] = None,
) -> None:
    for folder in directory or ():
        try:
            os.chdir(folder)
        except OSError as error:
            complain(f"-C {folder}: {error.strerror}")
            raise typer.Exit(BAD_INPUT) from None
    if version:
        with loading_much():
            _print_versions(json)
        raise typer.Exit
    if json:
        context.fail("--json goes after the command.")
    if context.invoked_subcommand is None:
        context.fail("Missing command.")


def main() -> None:
    """Run the tool. No traceback reaches a user unless VELERO_EKS_DEBUG is set."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        if f"_{help.TOOL.replace('-', '_').upper()}_COMPLETE" in os.environ:
            # A shell asks for completions, in the words of typer's own scripts.
            from typer._completion_classes import completion_init

            completion_init()
        app()
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        from velero_eks.terminal.safe import say

        text = str(error).splitlines()[0] if str(error) else "no message"
        say(f"error: unexpected error in velero-eks: {type(error).__name__}: {text}. Set {DEBUG}=1 to see where.")
        raise SystemExit(BAD_INPUT) from None
