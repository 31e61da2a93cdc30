"""The command-line tool `velero-eks`. Each command loads what it needs when it is called, and nothing before."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from velero_eks.commands import bootstrap as bootstrap
from velero_eks.commands import changing, looking
from velero_eks.commands.options import RunsFrom, moment_or_now, run

app = typer.Typer(
    name="velero-eks",
    help="Backups of an EKS cluster with Velero: plan, check and operate them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEBUG = "VELERO_EKS_DEBUG"
BAD_INPUT = 2


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"velero-eks {version('velero-eks')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(rich_help_panel=bootstrap.PANEL)
def plan(
    stacks: Annotated[
        list[str] | None,
        typer.Argument(metavar="STACK", help="Names of stacks, with * and ? as in a shell. All of them by default."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON (docs/plan.schema.json).")] = False,
    at: RunsFrom = None,
) -> None:
    """Show what each stack creates, who may do what, and whether its backups meet the objectives.

    Runs the real program under a recorder: no credentials, no network, nothing is changed. Many stacks are planned on
    all cores. Exits with 1 on findings that are errors, with 2 on a bad stack file.
    """

    def command() -> int:
        moment = moment_or_now(at)
        with _loading_much():
            from velero_eks.commands.plan import plan as run_plan

            return run_plan(stacks or [], as_json=json, at=moment)

    run(command)


@app.command(rich_help_panel=bootstrap.PANEL)
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What 'velero-eks plan --json' wrote; - is stdin.")],
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Judge a saved plan by the same rules as `plan`, which finds the same in it.

    Exits with 1 on findings that are errors, with 2 on a file that is no plan.
    """
    with _loading_much():
        from velero_eks.commands.check import check as run

        code = run(file, as_json=json)
    raise typer.Exit(code)


@app.command(rich_help_panel=bootstrap.PANEL)
def diff(
    revisions: Annotated[
        list[str],
        typer.Argument(
            metavar="REV [REV] [STACK]...",
            help="A revision to compare with the work tree, or two, also A..B and A...B; then stacks, with * and ?.",
        ),
    ],
    properties: Annotated[bool, typer.Option("--properties", help="Show each property that differs too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/diff.schema.json).")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when there is a difference.")] = False,
    at: RunsFrom = None,
) -> None:
    """Compare the plans of two revisions in words.

    What is replaced or deleted comes first, then who may do what, when backups run, what is kept how long, and which
    objectives weaken.

    Each revision's own program is run under its own recorder, without credentials. Exits with 2 on a bad revision,
    stack or program.
    """

    def command() -> int:
        if json and markdown:
            from velero_eks.errors import BadTarget

            raise BadTarget("--json and --markdown are two forms of the same; give one")
        moment = moment_or_now(at)
        with _loading_much():
            from velero_eks.commands.diff import diff as run_diff

            form = "json" if json else "markdown" if markdown else "text"
            return run_diff(revisions, form=form, properties=properties, exit_code=exit_code, at=moment)

    run(command)


@contextmanager
def _loading_much() -> Iterator[None]:
    """Make loading the SDKs cheap.

    Half of a plan is loading them, and a fifth of that would be the garbage collector looking through half a million
    objects that all stay. `runner` turns it on once the first stack has run.
    """
    # The settings use no pydantic plugin, and looking for them reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


bootstrap.register(app, _loading_much)
looking.register(app)
changing.register(app)


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
        text = str(error).splitlines()[0] if str(error) else "no message"
        print(
            f"error: velero-eks met something it did not expect: {type(error).__name__}: {text}."
            f" Set {DEBUG}=1 to see where.",
            file=sys.stderr,
        )
        raise SystemExit(BAD_INPUT) from None
