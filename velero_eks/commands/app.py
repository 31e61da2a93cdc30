"""The command-line tool `velero-eks`, put together: each command is a file of this folder, loaded when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from velero_eks.commands.options import BAD_INPUT, loading_much

DEBUG = "VELERO_EKS_DEBUG"
# What `--help` says of each, in its order: loading them all for that would take a second. Each is the first sentence of
# the command's own help, and a test holds them together.
PANELS = {
    "Provision": {
        "plan": "Show what each stack creates, who may do what, and whether its backups meet the objectives.",
        "check": "Judge a saved plan by the same rules as `plan`, which finds the same in it.",
        "diff": "Compare the plans of two revisions in words.",
        "init": "Write a stack's file from what EKS says of a cluster, or bring the facts of one up to date.",
        "preflight": "Find what would make `pulumi up` or the first backup fail, before it. Changes nothing.",
        "adopt": "Take over a bucket, key, role, namespace or release that exists: nothing is made anew or lost.",
    },
    "Look": {
        "status": "Say what can be recovered, what is running, and what is wrong since when.",
        "coverage": "Hold what the cluster has now against a backup, object by object, and explain each difference.",
        "show": "Print objects as they were in a backup: clean YAML, to commit to Git or to apply by hand.",
        "history": "Follow one object through all backups: when it changed, and which fields.",
        "logs": "Show what Velero wrote about a backup or a restore: why it failed, its errors and warnings, its log.",
    },
    "Back up and recover": {
        "backup": "Make a backup, follow it, and check that what was asked for is in it.",
        "restore": "Restore a namespace, single objects or a cluster: previewed first, and held against the preview"
        " after.",
        "drill": "Prove that the newest backup restores: into scratch namespaces, compared object by object, timed,"
        " cleaned up.",
    },
}


def load(name: str) -> Any:
    """The command in the file of its name: the function, or the group of commands, that has the file's name too."""
    with loading_much():
        found = getattr(importlib.import_module(f"velero_eks.commands.{name}"), name)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    return _single(name, found)


def _single(name: str, function: Any, help: str | None = None, panel: str | None = None) -> Any:
    one = typer.Typer(add_completion=False)
    one.command(name, help=help, rich_help_panel=panel)(function)
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


class Group(TyperGroup):
    """The tool. Its help is made of `PANELS`, without loading a command."""

    _helping = False

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands((name, None) for panel in PANELS.values() for name in panel)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self._summary(cmd_name) if self._helping else self.commands.get(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._helping = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._helping = False

    def _summary(self, name: str) -> Any:
        ((panel, text),) = ((panel, texts[name]) for panel, texts in PANELS.items() if name in texts)
        return _single(name, lambda: None, text, panel)


app = typer.Typer(
    name="velero-eks",
    cls=Group,
    help="Backups of an EKS cluster with Velero: plan, check and operate them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from velero_eks.terminal.output import put

        put(f"velero-eks {version('velero-eks')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the tool. No traceback reaches a user unless VELERO_EKS_DEBUG is set."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        from velero_eks.terminal.safe import say

        text = str(error).splitlines()[0] if str(error) else "no message"
        say(
            f"error: velero-eks met something it did not expect: {type(error).__name__}: {text}."
            f" Set {DEBUG}=1 to see where."
        )
        raise SystemExit(BAD_INPUT) from None
